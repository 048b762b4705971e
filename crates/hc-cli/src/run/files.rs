//! How the open files that this process may have are shared between checks in flight and kept connections.
//!
//! Checks come first: a target without a kept connection is asked as often, for a connection each check.

use std::sync::Arc;
use std::time::Duration;

use hc_app::journal::{Level, Record};
use hc_config::{Config, ProbeSpec};

/// Descriptors that hc needs beside connections: standard streams, epoll, resolver, signals, a config being read.
const OWN: usize = 64;

/// The share of the checks: settled at the start, since the scheduler's limit is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Files {
    free: usize,
    in_flight: usize,
}

impl Files {
    /// Shares `limit` open files: what kept connections leave goes to checks, and at least half.
    pub(super) fn share(limit: usize, config: &Config) -> Self {
        let free = limit.saturating_sub(OWN).max(2);
        let in_flight = free.saturating_sub(kept(config)).max(free / 2);
        Self { free, in_flight }
    }

    /// Checks in flight that there are files for.
    pub(super) fn in_flight(self) -> usize {
        self.in_flight
    }

    /// Lets the last targets keep no connection where there are too many; what is to be said of it, if anything.
    pub(super) fn fit(self, config: &mut Config) -> Option<Record> {
        let wanted = config.limits.in_flight;
        let room = self.free - self.in_flight.min(wanted);
        let too_many = kept(config).saturating_sub(room);
        let last = config.targets.iter_mut().rev();
        last.filter_map(|target| keep_alive(&mut target.probe))
            .take(too_many)
            .for_each(|keep_alive| *keep_alive = Duration::ZERO);
        (self.in_flight < wanted || too_many > 0).then(|| {
            Record::new(super::now(), Level::Warn, "open_files")
                .with("in_flight", self.in_flight.min(wanted))
                .with("wanted", wanted)
                .with("not_kept", too_many)
                .with_message("the limit of open files allows fewer checks at once or kept connections (ulimit -n)")
        })
    }
}

fn kept(config: &Config) -> usize {
    let keeps =
        |probe: &ProbeSpec| matches!(probe, ProbeSpec::Http(http) if !http.keep_alive.is_zero());
    config.targets.iter().filter(|t| keeps(&t.probe)).count()
}

/// Where a target that keeps its connection says so.
fn keep_alive(probe: &mut ProbeSpec) -> Option<&mut Duration> {
    match probe {
        ProbeSpec::Http(http) if !http.keep_alive.is_zero() => {
            Some(&mut Arc::make_mut(http).keep_alive)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hc_config::Overrides;

    use super::*;

    fn fleet(targets: usize) -> Config {
        let urls = (1..=targets).map(|n| format!("http://127.0.0.1:{n}/"));
        hc_config::from_urls(urls, &Overrides::new()).unwrap()
    }

    /// A hundred checks in flight are wanted of each fleet.
    #[track_caller]
    fn check(limit: usize, targets: usize, in_flight: usize, keep: usize, told: bool) {
        let mut config = fleet(targets);
        let files = Files::share(limit, &config);
        assert_eq!(files.fit(&mut config).is_some(), told, "{limit} {targets}");
        assert_eq!(files.in_flight().min(100), in_flight, "{limit} {targets}");
        assert_eq!(kept(&config), keep, "{limit} {targets}");
        assert!(in_flight + keep <= limit.max(66));
    }

    #[test]
    fn checks_get_their_files_before_kept_connections() {
        check(1024, 500, 100, 500, false);
        check(1024, 860, 100, 860, false);
        check(1024, 861, 100, 860, true);
        check(1024, 2000, 100, 860, true);
        check(256, 2000, 96, 96, true);
        check(0, 5, 1, 1, true);
        check(usize::MAX, 2000, 100, 2000, false);
    }

    #[test]
    fn a_reload_keeps_the_share_of_the_checks() {
        let files = Files::share(1024, &fleet(10));
        let mut more = fleet(5000);
        assert!(files.fit(&mut more).is_some());
        assert_eq!(kept(&more), 860);
        assert!(files.fit(&mut fleet(10)).is_none());
    }
}
