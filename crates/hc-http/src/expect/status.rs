//! Which statuses pass: `204`, `2xx`, `200-299`, or a list of those.

use std::fmt;
use std::str::FromStr;

use hc_core::{Failure, Phase};

/// A set of HTTP statuses. Never empty; kept sorted and joined, so that equal sets are equal values.
///
/// ```
/// use hc_http::expect::StatusSet;
///
/// let set: StatusSet = "204, 2xx,301".parse()?;
/// assert!(set.contains(226) && set.contains(301) && !set.contains(302));
/// assert_eq!(set.to_string(), "200-299, 301");
/// # Ok::<(), hc_http::expect::StatusSetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StatusSet(Vec<(u16, u16)>);

/// A text is no set of statuses: the part that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusSetError {
    part: String,
}

impl StatusSet {
    /// The lowest status; three digits, RFC 9110 section 15.
    pub const MIN: u16 = 100;
    /// The highest status. RFC 9110 ends at 599, but servers send higher ones, and people expect them.
    pub const MAX: u16 = 999;

    /// The set of one range, both ends included; `None` if it is empty or out of bounds.
    #[must_use]
    pub fn try_new(first: u16, last: u16) -> Option<Self> {
        (Self::MIN <= first && first <= last && last <= Self::MAX)
            .then(|| Self(vec![(first, last)]))
    }

    /// Whether a status is in it.
    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        self.0
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&status))
    }

    /// The set with another's statuses too.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Self {
        self.0.extend_from_slice(&other.0);
        self.0.sort_unstable();
        let mut joined: Vec<(u16, u16)> = Vec::with_capacity(self.0.len());
        for (first, last) in self.0 {
            match joined.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last);
                }
                _ => joined.push((first, last)),
            }
        }
        Self(joined)
    }

    pub(super) fn judge(&self, status: u16) -> Result<(), Failure> {
        if self.contains(status) {
            return Ok(());
        }
        Err(Failure::unexpected(
            "status",
            Phase::Wait,
            &self.to_string(),
            &status.to_string(),
        ))
    }
}

impl Default for StatusSet {
    fn default() -> Self {
        Self(vec![(200, 299)])
    }
}

impl fmt::Display for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (first, last)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            match first == last {
                true => write!(f, "{comma}{first}")?,
                false => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for StatusSet {
    type Err = StatusSetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut set: Option<Self> = None;
        for part in text.split(',').map(str::trim) {
            let next = parse_part(part).ok_or_else(|| StatusSetError { part: part.into() })?;
            set = Some(match set {
                Some(set) => set.union(&next),
                None => next,
            });
        }
        set.ok_or_else(|| StatusSetError { part: text.into() })
    }
}

fn parse_part(part: &str) -> Option<StatusSet> {
    if let [digit @ b'1'..=b'9', b'x' | b'X', b'x' | b'X'] = part.as_bytes() {
        let first = u16::from(digit - b'0') * 100;
        return StatusSet::try_new(first, first + 99);
    }
    let (first, last) = match part.split_once('-') {
        Some((first, last)) => (parse_code(first.trim())?, parse_code(last.trim())?),
        None => (parse_code(part)?, parse_code(part)?),
    };
    StatusSet::try_new(first, last)
}

fn parse_code(text: &str) -> Option<u16> {
    (text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

impl fmt::Display for StatusSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no status: write `204`, `2xx`, `200-299`, or several with commas",
            self.part
        )
    }
}

impl std::error::Error for StatusSetError {}
