//! Who a target is: its id and its labels.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The name of a target, unique in a monitor. Cheap to clone.
///
/// Any text is accepted here; `hc-config` restricts what people may write (1 to 200 printable characters).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetId(Arc<str>);

impl TargetId {
    /// An id with that name.
    #[must_use]
    pub fn new(name: impl AsRef<str>) -> Self {
        Self(Arc::from(name.as_ref()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name, shared.
    #[must_use]
    pub fn as_arc(&self) -> &Arc<str> {
        &self.0
    }
}

impl Hash for TargetId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // As `str` does, so that a map keyed by ids can be asked with a `&str`.
        self.0.hash(state);
    }
}

impl Borrow<str> for TargetId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for TargetId {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for TargetId {
    fn from(name: String) -> Self {
        Self(Arc::from(name))
    }
}

type Label = (Arc<str>, Arc<str>);

/// Names and values that a target carries to every output. Sorted, each name once. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Labels(Option<Arc<[Label]>>);

impl Labels {
    /// The value of a label.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let labels = self.0.as_deref()?;
        let at = labels.binary_search_by(|(n, _)| (**n).cmp(name)).ok()?;
        Some(&labels[at].1)
    }

    /// All labels, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .flat_map(|labels| labels.iter())
            .map(|(name, value)| (&**name, &**value))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Labels {
    /// Collects labels; of a name that comes twice the later value holds.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(labels: I) -> Self {
        let sorted: std::collections::BTreeMap<Arc<str>, Arc<str>> = labels
            .into_iter()
            .map(|(name, value)| (Arc::from(name.as_ref()), Arc::from(value.as_ref())))
            .collect();
        Self((!sorted.is_empty()).then(|| sorted.into_iter().collect()))
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_and_the_later_value_holds() {
        let labels: Labels = [("zone", "a"), ("app", "shop"), ("zone", "b")]
            .into_iter()
            .collect();
        assert_eq!(labels.get("zone"), Some("b"));
        assert_eq!(labels.get("none"), None);
        assert_eq!(
            labels.iter().collect::<Vec<_>>(),
            [("app", "shop"), ("zone", "b")]
        );
        assert_eq!(
            Labels::from_iter::<[(&str, &str); 0]>([]),
            Labels::default()
        );
    }
}
