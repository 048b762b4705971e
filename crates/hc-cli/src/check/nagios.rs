//! One line and exit codes as monitoring plugins have them.

use hc_core::CheckResult;

use super::Row;
use super::ask::{Asked, Outcome};
use super::tally::Tally;
use crate::exit::ExitCode;

/// So many targets are named; monitoring systems cut long lines.
const NAMED: usize = 5;

/// The line.
pub(super) fn line(rows: &[Row<'_>], tally: &Tally) -> String {
    let state = match exit(tally) {
        ExitCode::Ok => "OK",
        ExitCode::Failed => "WARNING",
        ExitCode::Usage => "CRITICAL",
        _ => "UNKNOWN",
    };
    let (text, data) = match rows {
        [(asked, Some(outcome))] => (single(asked, outcome), single_data(asked, outcome)),
        _ => (
            several(rows, tally),
            format!("healthy={};;;0;{}", tally.healthy(), tally.of),
        ),
    };
    // A bar begins the figures.
    format!("HC {state} - {} | {data}\n", text.replace('|', "/"))
}

/// The line when nothing was asked.
pub(super) fn unknown(trouble: &str) -> String {
    let first = trouble.lines().next().unwrap_or_default();
    format!(
        "HC UNKNOWN - {}\n",
        hc_core::escape(first, 300).replace('|', "/")
    )
}

/// OK, WARNING: degraded, CRITICAL: not healthy, UNKNOWN: inconclusive. The worst holds: 2, 1, 3, 0.
pub(super) fn exit(tally: &Tally) -> ExitCode {
    let asked = tally.pass + tally.degraded + tally.failure + tally.inconclusive;
    if tally.not_healthy() > 0 {
        ExitCode::Usage
    } else if tally.degraded > 0 {
        ExitCode::Failed
    } else if tally.inconclusive > 0 || asked < tally.of {
        ExitCode::Inconclusive
    } else {
        ExitCode::Ok
    }
}

fn single(asked: &Asked, outcome: &Outcome) -> String {
    let mut text = match &outcome.failure {
        Some(failure) => format!("{}: {}", asked.shown, failure.message),
        None => format!(
            "{}: ok in {:.0} ms",
            asked.shown,
            outcome.total.as_secs_f64() * 1e3
        ),
    };
    if asked.is_insecure {
        text.push_str(" (insecure)");
    }
    text
}

/// `time=0.012s;0.3;1;0`: value, warning, critical, least.
fn single_data(asked: &Asked, outcome: &Outcome) -> String {
    let limit = |limit: Option<std::time::Duration>| {
        limit.map_or_else(String::new, |limit| limit.as_secs_f64().to_string())
    };
    format!(
        "time={:.3}s;{};{};0",
        outcome.total.as_secs_f64(),
        limit(asked.latency.degraded),
        limit(asked.latency.failing)
    )
}

fn several(rows: &[Row<'_>], tally: &Tally) -> String {
    let (count, what) = if tally.not_healthy() > 0 {
        (tally.not_healthy(), "not healthy")
    } else if tally.degraded > 0 {
        (tally.degraded, "degraded")
    } else if tally.inconclusive > 0 {
        (tally.inconclusive, "inconclusive")
    } else {
        return format!("{} of {} healthy", tally.healthy(), tally.of);
    };
    let mut named: Vec<(&Asked, &Outcome)> = rows
        .iter()
        .filter_map(|(asked, outcome)| Some((*asked, outcome.as_ref()?)))
        .filter(|(_, outcome)| outcome.result != CheckResult::Pass)
        .collect();
    // What made the state first.
    named.sort_by_key(|(_, outcome)| match outcome.result {
        CheckResult::Failure => 0,
        CheckResult::Degraded => 1,
        _ => 2,
    });
    let mut texts: Vec<_> = named
        .iter()
        .take(NAMED)
        .map(|(asked, outcome)| single(asked, outcome))
        .collect();
    if named.len() > NAMED {
        texts.push(format!("and {} more", named.len() - NAMED));
    }
    format!("{count} of {} {what}: {}", tally.of, texts.join("; "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hc_core::{Failure, Phase};

    use super::super::tests::{failed, passed};
    use super::*;

    #[test]
    fn the_lines_of_the_reference() {
        let failure = Failure::unexpected("status", Phase::Wait, "200-299", "503");
        let (mut bad, outcome) = failed("http://10.0.0.9/", 12, &[], failure);
        bad.latency.degraded = Some(Duration::from_millis(300));
        bad.latency.failing = Some(Duration::from_secs(1));
        let rows: Vec<Row<'_>> = vec![(&bad, Some(outcome.clone()))];
        assert_eq!(
            line(&rows, &Tally::of(&rows, false)),
            "HC CRITICAL - http://10.0.0.9/: status: wanted 200-299, found 503 | time=0.012s;0.3;1;0\n"
        );
        let (good, fine) = passed("http://h/", 3, &[]);
        let rows: Vec<Row<'_>> = vec![
            (&bad, Some(outcome.clone())),
            (&good, Some(fine)),
            (&bad, Some(outcome)),
        ];
        let line = line(&rows, &Tally::of(&rows, false));
        assert!(
            line.starts_with("HC CRITICAL - 2 of 3 not healthy: http://10.0.0.9/: "),
            "{line}"
        );
        assert!(line.ends_with(" | healthy=1;;;0;3\n"), "{line}");
    }
}
