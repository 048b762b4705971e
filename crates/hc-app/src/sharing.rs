//! Which targets of a config ask the same question at the same times: they are asked once, and each hears the answer.
//!
//! Equal are those with equal probe specs (the URL, the address, every setting), equal policies and the same host. Names,
//! groups, labels and pauses may differ: several routes to one backend, say. A target that is like no other is
//! not remembered here, and costs nothing.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use hc_config::{ProbeSpec, TargetSpec};

/// The keys of those targets that share their checks, by name.
///
/// ```
/// let text = "targets:
///   - { name: a, url: \"http://192.0.2.1/\" }
///   - { name: b, url: \"http://192.0.2.1/\" }
///   - { name: c, url: \"http://192.0.2.2/\" }
/// ";
/// let config = hc_config::load_str("hc.yaml", text).expect("the text is right");
/// let sharing = hc_app::Sharing::among(&config.targets);
/// assert_eq!(sharing.key("a"), sharing.key("b"));
/// assert_eq!(sharing.key("c"), None);
/// ```
#[derive(Debug, Default)]
pub struct Sharing(HashMap<String, u128>);

impl Sharing {
    /// Finds them. Pauses do not count: who is paused now may be resumed.
    pub fn among(specs: &[TargetSpec]) -> Self {
        let mut how_many: HashMap<u128, u32> = HashMap::with_capacity(specs.len());
        let keys: Vec<u128> = specs.iter().map(key_of).collect();
        for key in &keys {
            *how_many.entry(*key).or_default() += 1;
        }
        let shared = specs
            .iter()
            .zip(keys)
            .filter(|(_, key)| how_many[key] > 1)
            .map(|(spec, key)| (spec.name.clone(), key));
        Self(shared.collect())
    }

    /// The key of a target, if it shares its checks: equal for those that share, and in every process of one build.
    pub fn key(&self, name: &str) -> Option<u128> {
        self.0.get(name).copied()
    }
}

/// Two hashes side by side: at a million targets equal ones of different specs are not to be expected in the
/// lifetime of the universe. They are the same in every process of one build.
fn key_of(spec: &TargetSpec) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        match &spec.probe {
            // Not its text, in which secrets are left out.
            ProbeSpec::Http(http) => http.hash(&mut hasher),
            _ => spec.name.hash(&mut hasher),
        }
        spec.host.hash(&mut hasher);
        // A policy holds no secret: its text says all of it.
        format!("{:?}", spec.policy).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sharing(targets: &str) -> Sharing {
        let text = format!("targets:\n{targets}");
        let config = hc_config::load_str("hc.yaml", &text)
            .unwrap_or_else(|errors| panic!("{}", errors.render(false)));
        Sharing::among(&config.targets)
    }

    #[test]
    fn equal_probes_and_policies_share_and_whatever_differs_parts() {
        let url = "http://127.0.0.1:1/";
        let found = sharing(&format!(
            "  - {{ name: a, url: \"{url}\" }}
  - {{ name: b, url: \"{url}\", labels: {{ x: y }}, paused: true }}
  - {{ name: c, url: \"{url}x\" }}
  - {{ name: d, url: \"{url}\", fall: 5 }}
  - {{ name: e, url: \"{url}\", http: {{ headers: {{ authorization: one }} }} }}
  - {{ name: f, url: \"{url}\", http: {{ headers: {{ authorization: two }} }} }}
"
        ));
        assert!(found.key("a").is_some());
        assert_eq!(found.key("a"), found.key("b"));
        for alone in ["c", "d", "e", "f"] {
            assert_eq!(found.key(alone), None, "{alone}");
        }
    }
}
