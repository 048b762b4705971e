//! Results for the tests of renderers.

use std::time::{Duration, SystemTime};

use hc_core::{CheckResult, Evidence, Failure, Phase, Target, probe_fn};

use super::ask::{Asked, Outcome};
use crate::term::Term;

/// No colours, no terminal.
pub(super) fn plain() -> Term {
    Term {
        is_terminal: true,
        stderr_is_terminal: false,
        width: 80,
        color: false,
        stderr_color: false,
        quiet: false,
        verbose: false,
        json: false,
    }
}

/// A pass that took so many milliseconds.
pub(super) fn passed(url: &str, millis: u64, phases: &[(Phase, u64)]) -> (Asked, Outcome) {
    let probe = probe_fn(|_cx| async { Ok(Evidence::new()) });
    let asked = Asked {
        shown: url.to_owned(),
        url: url.to_owned(),
        timeout: Duration::from_secs(5),
        latency: hc_http::expect::LatencyExpectation::default(),
        is_insecure: false,
        target: Target::new(url, probe).with_probe_name("http"),
    };
    let mut evidence = Evidence::new();
    for (phase, millis) in phases {
        evidence.phases.set(*phase, Duration::from_millis(*millis));
    }
    let outcome = Outcome {
        began: SystemTime::UNIX_EPOCH,
        total: Duration::from_millis(millis),
        result: CheckResult::Pass,
        failure: None,
        evidence,
    };
    (asked, outcome)
}

/// The same with a failure.
pub(super) fn failed(
    url: &str,
    millis: u64,
    phases: &[(Phase, u64)],
    failure: Failure,
) -> (Asked, Outcome) {
    let (asked, mut outcome) = passed(url, millis, phases);
    outcome.result = CheckResult::of(&Err(failure.clone()));
    outcome.failure = Some(failure);
    (asked, outcome)
}
