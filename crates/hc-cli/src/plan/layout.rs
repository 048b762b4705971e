//! Where the checks of the first ten seconds fall: the scheduler's own plan, in virtual time, every check passing at once.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hc_app::Sharing;
use hc_config::Config;
use hc_core::{Evidence, Target, TargetId, Timestamp, probe_fn};
use hc_scheduler::plan::{Action, Ended, Input, Now, Plan, PlanConfig};

use crate::host;

/// How far it looks.
pub(super) const SECONDS: usize = 10;

/// Slices of 100 ms.
const SLICE: Duration = Duration::from_millis(100);

/// Checks begun, by time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// In each of the first seconds.
    pub(super) seconds: Vec<usize>,
    /// In the busiest slice of 100 ms.
    pub(super) busiest: usize,
}

/// Lays the fleet out as a start of `hc run` would.
pub(super) fn lay_out(config: &Config) -> Layout {
    let settings = PlanConfig {
        checker: config.instance.clone().unwrap_or_else(host::name),
        in_flight: config.limits.in_flight,
        per_host: config.limits.per_host,
        slot: config.limits.slot,
        // Nothing fails, so nothing is doubted.
        isolation: None,
        ..PlanConfig::default()
    };
    let now = |mono| Now {
        mono,
        wall: SystemTime::UNIX_EPOCH,
    };
    let (publisher, _view) = hc_core::view(hc_core::FEED_CAPACITY);
    let mut plan = Plan::new(settings, publisher, now(Timestamp::ZERO));
    let mut actions = Vec::new();
    let targets = targets(config);
    let count = u32::try_from(targets.len()).unwrap_or(u32::MAX);
    let ids: Vec<TargetId> = targets.iter().map(|target| target.id.clone()).collect();
    let ranks: Vec<u32> = plan.ranks(ids.iter()).collect();
    plan.on(now(Timestamp::ZERO), Input::Tick, &mut actions);
    for (target, rank) in targets.into_iter().zip(ranks) {
        plan.on(
            now(Timestamp::ZERO),
            Input::Add {
                target,
                rank,
                count,
            },
            &mut actions,
        );
    }
    let end = Timestamp::ZERO + Duration::from_secs(SECONDS as u64);
    let mut slices = vec![0_usize; SECONDS * 10];
    let mut at = Timestamp::ZERO;
    while at < end {
        // A check that ends makes room for the next, which begins at once.
        while !actions.is_empty() {
            for action in std::mem::take(&mut actions) {
                let Action::Start { key } = action else {
                    continue;
                };
                let slice = at.since(Timestamp::ZERO).as_nanos() / SLICE.as_nanos();
                slices[usize::try_from(slice).unwrap_or(0)] += 1;
                let ended = Ended::Answered(Ok(Evidence::new()));
                let finished = Input::Finished {
                    key,
                    first_poll: at,
                    ended_at: at,
                    ended,
                };
                plan.on(now(at), finished, &mut actions);
            }
        }
        let Some(wake) = plan.next_wake() else { break };
        at = wake.max(at + Duration::from_nanos(1));
        if at < end {
            plan.on(now(at), Input::Tick, &mut actions);
        }
    }
    Layout {
        seconds: slices
            .chunks(10)
            .map(|slices| slices.iter().sum())
            .collect(),
        busiest: slices.iter().copied().max().unwrap_or(0),
    }
}

/// The fleet with probes that are never asked: the plan only counts.
fn targets(config: &Config) -> Vec<Target> {
    let sharing = Sharing::among(&config.targets);
    let asked = config.targets.iter().filter(|target| !target.paused);
    asked
        .map(|spec| {
            let probe = probe_fn(|_cx| async { Ok(Evidence::new()) });
            let mut target = Target::new(spec.name.as_str(), probe)
                .with_policy(Arc::clone(&spec.policy))
                .with_host(&spec.host);
            target.shared = sharing.key(&spec.name);
            target
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_is_spread_over_its_first_seconds() {
        let urls = (0..200)
            .map(|n| format!("\"http://10.0.0.{n}/\""))
            .collect::<Vec<_>>();
        let yaml = format!(
            "instance: web1\nprofile: large\ntargets: [{}]\n",
            urls.join(", ")
        );
        let config = hc_config::load_str("hc.yaml", &yaml).unwrap();
        let layout = lay_out(&config);
        assert_eq!(layout.seconds.len(), SECONDS);
        let all: usize = layout.seconds.iter().sum();
        // Each once, and a few of the first again where their grid comes soon.
        assert!((200..=320).contains(&all), "{layout:?}");
        assert!(
            layout.seconds.iter().all(|count| (15..=40).contains(count)),
            "{layout:?}"
        );
        assert!(layout.busiest <= 10, "{layout:?}");
    }

    #[test]
    fn who_shares_a_check_is_asked_once() {
        let url = "http://10.0.0.1/";
        let checks = |targets: &str| -> usize {
            let yaml = format!(
                "instance: web1\ndefaults: {{ interval: 1s, timeout: 900ms, max_interval: 1s }}\ntargets: [{targets}]\n"
            );
            let config = hc_config::load_str("hc.yaml", &yaml).unwrap();
            lay_out(&config).seconds.iter().sum()
        };
        let (a, b) = (
            format!("{{ name: a, url: \"{url}\" }}"),
            format!("{{ name: b, url: \"{url}\" }}"),
        );
        let alone = checks(&a);
        assert!((10..=12).contains(&alone), "{alone}");
        assert!((alone - 1..=alone + 1).contains(&checks(&format!("{a}, {b}"))));
        let other = format!("{{ name: b, url: \"{url}x\" }}");
        assert!(checks(&format!("{a}, {other}")) >= 2 * alone - 2);
    }
}
