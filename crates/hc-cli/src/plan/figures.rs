//! The formulas of the reference page "What a plan says". Pure; they follow the rules of when a target is asked next.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use hc_app::Sharing;
use hc_config::{Config, ProbeSpec, TargetSpec};
use hc_core::{Kind, Policy};

/// What the whole fleet costs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fleet {
    /// All that are asked.
    pub(super) targets: usize,
    /// Known and not asked.
    pub(super) paused: usize,
    /// In the steady state, all of them healthy.
    pub(super) checks_per_second: f64,
    /// Connections that stay open between checks.
    pub(super) kept: usize,
    /// Connections opened in the steady state.
    pub(super) new_per_second: f64,
    /// The names of those that are asked at once, in the order of the config; none is alone.
    pub(super) shared: Vec<Vec<String>>,
    /// By policy, in the order of the config.
    pub(super) rows: Vec<Row>,
}

/// What the targets of one policy cost, and how soon they are seen to change.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// The group, or `default`.
    pub(super) name: String,
    /// How many.
    pub(super) targets: usize,
    /// From check to check while healthy.
    pub(super) every: Duration,
    /// In the steady state.
    pub(super) checks_per_second: f64,
    /// When all of them hang.
    pub(super) in_flight: usize,
    /// How soon trouble is seen.
    pub(super) seen: Seen,
}

/// Seconds from the change to the transition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    /// The target refuses connections: typical, worst.
    pub(super) dies: (f64, f64),
    /// It accepts and is silent: typical, worst.
    pub(super) hangs: (f64, f64),
    /// It is back after a long time: worst.
    pub(super) back: f64,
}

/// A target that is not paused.
struct Asked<'a> {
    spec: &'a TargetSpec,
    /// It hears the result of another target's check, and has none of its own.
    rides: bool,
}

impl Fleet {
    /// Computes it.
    pub(super) fn of(config: &Config) -> Self {
        let (asked, shared) = asked(config);
        let mut fleet = Self {
            targets: asked.len(),
            paused: config.targets.len() - asked.len(),
            checks_per_second: 0.0,
            kept: 0,
            new_per_second: 0.0,
            shared,
            rows: rows(&asked, config),
        };
        for target in asked.iter().filter(|target| !target.rides) {
            let rate = 1.0 / target.spec.policy.interval().as_secs_f64();
            let every = checks_per_connection(target.spec);
            fleet.checks_per_second += rate;
            fleet.kept += usize::from(every > 1);
            fleet.new_per_second += rate / f64::from(every);
        }
        fleet
    }
}

/// Those that are not paused, and which of them are asked at once.
fn asked(config: &Config) -> (Vec<Asked<'_>>, Vec<Vec<String>>) {
    let sharing = Sharing::among(&config.targets);
    let mut asked = Vec::new();
    let mut parties: Vec<Vec<String>> = Vec::new();
    let mut places: HashMap<u128, usize> = HashMap::new();
    for spec in config.targets.iter().filter(|target| !target.paused) {
        let mut rides = false;
        if let Some(key) = sharing.key(&spec.name) {
            let place = *places.entry(key).or_insert(parties.len());
            rides = place < parties.len();
            if !rides {
                parties.push(Vec::new());
            }
            parties[place].push(spec.name.clone());
        }
        asked.push(Asked { spec, rides });
    }
    // The others of a party may all be paused.
    parties.retain(|party| party.len() > 1);
    (asked, parties)
}

/// A kept connection serves so many checks. One that is closed before the next check serves one.
fn checks_per_connection(target: &TargetSpec) -> u32 {
    let ProbeSpec::Http(http) = &target.probe else {
        return 1;
    };
    if http.keep_alive < target.policy.interval() {
        return 1;
    }
    http.effective_reconnect_every()
}

fn rows(asked: &[Asked<'_>], config: &Config) -> Vec<Row> {
    let mut parts: Vec<(&str, &Arc<Policy>, Vec<&Asked<'_>>)> = Vec::new();
    let mut places: HashMap<(&str, *const Policy), usize> = HashMap::new();
    for target in asked {
        let group = target.spec.group.as_deref().unwrap_or("default");
        // Equal policies are one `Arc`.
        let place = *places
            .entry((group, Arc::as_ptr(&target.spec.policy)))
            .or_insert(parts.len());
        if place == parts.len() {
            parts.push((group, &target.spec.policy, Vec::new()));
        }
        parts[place].2.push(target);
    }
    let mut rows = Vec::new();
    for (group, policy, targets) in &parts {
        let of_group = parts.iter().filter(|(other, ..)| other == group);
        let largest = of_group.map(|(.., others)| others.len()).max().unwrap_or(0);
        // The largest part of a group bears its name; others say whose they are.
        let is_first = !rows.iter().any(|row: &Row| row.name == *group);
        let name = if targets.len() == largest && is_first {
            (*group).to_owned()
        } else if let [target] = targets.as_slice() {
            target.spec.name.clone()
        } else {
            format!("{group}, own")
        };
        rows.push(row(name, policy, targets, config));
    }
    rows
}

fn row(name: String, policy: &Policy, targets: &[&Asked<'_>], config: &Config) -> Row {
    let checks = targets.iter().filter(|target| !target.rides);
    let checks: Vec<_> = checks.map(|target| target.spec).collect();
    let checks_per_second = checks.len() as f64 / policy.interval().as_secs_f64();
    Row {
        name,
        targets: targets.len(),
        every: policy.interval(),
        checks_per_second,
        in_flight: in_flight(checks_per_second, policy.timeout(), &checks, config),
        seen: Seen::by(policy),
    }
}

/// When all hang, each check lasts its timeout: checks/s x timeout, but one a target (or all that share it), so many a host, so many in all.
fn in_flight(rate: f64, timeout: Duration, targets: &[&TargetSpec], config: &Config) -> usize {
    let wanted = (rate * timeout.as_secs_f64() - 1e-9).ceil().max(1.0) as usize;
    let mut hosts: HashMap<&str, usize> = HashMap::new();
    for target in targets {
        *hosts.entry(target.host.as_str()).or_default() += 1;
    }
    let by_host: usize = hosts
        .values()
        .map(|count| (*count).min(config.limits.per_host))
        .sum();
    wanted.min(by_host).min(config.limits.in_flight)
}

impl Seen {
    fn by(policy: &Policy) -> Self {
        let interval = policy.interval().as_secs_f64();
        let fast = policy.fast_interval().as_secs_f64();
        let timeout = policy.timeout().as_secs_f64();
        let jitter = interval * policy.jitter().ratio();
        // So many failures of that kind make it Unhealthy; all but the first come fast.
        let failures = |kind| f64::from(policy.fall().div_ceil(policy.weight(kind).max(1)));
        let (refusals, silences) = (failures(Kind::Refused), failures(Kind::Timeout));
        let dies = (refusals - 1.0) * fast;
        let hangs = (silences - 1.0) * fast + silences * timeout;
        // Only whole intervals are skipped.
        let longest = match policy.backoff() > 1.0 {
            true => {
                (policy.max_interval().as_secs_f64() / interval + 1e-9)
                    .floor()
                    .max(1.0)
                    * interval
            }
            false => interval,
        };
        Self {
            dies: (interval / 2.0 + dies, interval + jitter + dies),
            hangs: (interval / 2.0 + hangs, interval + jitter + hangs),
            back: longest + jitter + f64::from(policy.rise() - 1) * fast,
        }
    }
}

#[cfg(test)]
pub(in crate::plan) mod tests {
    use super::*;

    fn fleet(yaml: &str) -> Fleet {
        Fleet::of(&hc_config::load_str("hc.yaml", yaml).expect("the test's config is right"))
    }

    /// 180 and 20 targets, as in the sample of the user's contract.
    pub(in crate::plan) fn sample() -> String {
        let hosts = |range: std::ops::Range<u32>, scheme: &str| -> String {
            range
                .map(|n| format!("\"{scheme}://10.0.{}.{}/\", ", n / 250, n % 250))
                .collect()
        };
        format!(
            "profile: large\ntargets: [{}]\ngroups:\n  - {{ name: edge, interval: 1s, targets: [{}] }}\n",
            hosts(0..180, "http"),
            hosts(300..320, "http"),
        )
    }

    #[test]
    fn the_figures_of_the_reference() {
        let fleet = fleet(&sample());
        assert_eq!(fleet.targets, 200);
        assert_eq!(fleet.kept, 200);
        assert!((fleet.checks_per_second - 38.0).abs() < 1e-6, "{fleet:?}");
        assert!((fleet.new_per_second - 1.9).abs() < 1e-6, "{fleet:?}");
        let [default, edge] = fleet.rows.as_slice() else {
            panic!("{fleet:?}")
        };
        assert_eq!(
            (default.name.as_str(), default.targets, default.in_flight),
            ("default", 180, 36)
        );
        assert_eq!(
            (edge.name.as_str(), edge.targets, edge.in_flight),
            ("edge", 20, 20)
        );
        let rounded = |seen: &Seen| {
            let all = [
                seen.dies.0,
                seen.dies.1,
                seen.hangs.0,
                seen.hangs.1,
                seen.back,
            ];
            all.map(|seconds| format!("{seconds:.1}"))
        };
        assert_eq!(
            rounded(&default.seen),
            ["7.0", "13.0", "13.0", "19.0", "32.0"]
        );
        assert_eq!(rounded(&edge.seen), ["2.5", "3.1", "8.5", "9.1", "4.1"]);
    }

    #[test]
    fn limits_and_paused_targets_count() {
        let fleet = fleet(
            "limits: { per_host: 2 }\ndefaults: { interval: 1s, timeout: 10s, keep_alive: 0s, max_interval: 1s }\n\
             targets: [\"http://a/1\", \"http://a/2\", \"http://a/3\", { url: \"http://b/\", paused: true }]\n",
        );
        assert_eq!((fleet.targets, fleet.paused, fleet.kept), (3, 1, 0));
        assert!((fleet.new_per_second - 3.0).abs() < 1e-6, "{fleet:?}");
        assert_eq!(fleet.rows[0].in_flight, 2);
    }

    #[test]
    fn a_target_of_its_own_policy_has_its_own_row() {
        let fleet = fleet(
            "targets: [\"http://a/\", \"http://b/\", { name: c, url: \"http://c/\", fall: 5 }]\n",
        );
        let names: Vec<_> = fleet.rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["default", "c"]);
    }
    #[test]
    fn a_shared_check_is_counted_once_where_its_first_target_is() {
        let fleet = fleet(
            "defaults: { interval: 1s, timeout: 900ms, max_interval: 1s }\n\
             targets:\n\
             \x20 - { name: a, url: \"http://10.0.0.1/\" }\n\
             \x20 - { name: b, url: \"http://10.0.0.1/\", labels: { route: b } }\n\
             \x20 - { name: c, url: \"http://10.0.0.2/\" }\n\
             \x20 - { name: d, url: \"http://10.0.0.3/\" }\n\
             \x20 - { name: e, url: \"http://10.0.0.3/\", paused: true }\n\
             groups:\n\
             \x20 - { name: edge, targets: [{ name: f, url: \"http://10.0.0.1/\" }] }\n",
        );
        assert_eq!(fleet.shared, [["a", "b", "f"]]);
        assert_eq!((fleet.targets, fleet.paused, fleet.kept), (5, 1, 3));
        assert!((fleet.checks_per_second - 3.0).abs() < 1e-6, "{fleet:?}");
        assert!((fleet.new_per_second - 0.15).abs() < 1e-6, "{fleet:?}");
        let rows = fleet.rows.iter().map(|row| {
            (
                row.name.as_str(),
                row.targets,
                row.checks_per_second,
                row.in_flight,
            )
        });
        let rows: Vec<_> = rows.collect();
        assert_eq!(rows, [("default", 4, 3.0, 3), ("edge", 1, 0.0, 0)]);
    }
}
