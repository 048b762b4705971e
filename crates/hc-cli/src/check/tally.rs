//! What all results together say: counts, the last line, the exit code.

use hc_core::CheckResult;

use super::Row;
use crate::exit::ExitCode;

/// Counts of one round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// All that were to be asked.
    pub(super) of: usize,
    /// Passed.
    pub(super) pass: usize,
    /// Passed with a warning.
    pub(super) degraded: usize,
    /// Failed.
    pub(super) failure: usize,
    /// Nothing is known of the target.
    pub(super) inconclusive: usize,
    /// Degraded is not healthy.
    strict: bool,
    /// Kinds of what failed or was inconclusive: the most frequent first, then in the order of the input.
    kinds: Vec<(&'static str, usize)>,
}

impl Tally {
    /// Counts.
    pub(super) fn of(rows: &[Row<'_>], strict: bool) -> Self {
        let mut tally = Self {
            of: rows.len(),
            strict,
            ..Self::default()
        };
        for outcome in rows.iter().filter_map(|(_, outcome)| outcome.as_ref()) {
            match outcome.result {
                CheckResult::Pass => tally.pass += 1,
                CheckResult::Degraded => tally.degraded += 1,
                CheckResult::Failure => tally.failure += 1,
                CheckResult::Inconclusive => tally.inconclusive += 1,
            }
            let is_bad = !matches!(outcome.result, CheckResult::Pass | CheckResult::Degraded);
            if let Some(failure) = outcome.failure.as_ref().filter(|_| is_bad) {
                let kind = failure.kind.as_str();
                match tally.kinds.iter_mut().find(|(known, _)| *known == kind) {
                    Some((_, count)) => *count += 1,
                    None => tally.kinds.push((kind, 1)),
                }
            }
        }
        // A stable sort: equal counts stay in the order of the input.
        tally
            .kinds
            .sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        tally
    }

    /// Those that may get traffic.
    pub(super) fn healthy(&self) -> usize {
        match self.strict {
            true => self.pass,
            false => self.pass + self.degraded,
        }
    }

    /// Those that must not: what is inconclusive is neither.
    pub(super) fn not_healthy(&self) -> usize {
        match self.strict {
            true => self.failure + self.degraded,
            false => self.failure,
        }
    }

    /// The table of exit codes.
    pub(super) fn exit(&self) -> ExitCode {
        if self.not_healthy() > 0 {
            ExitCode::Failed
        } else if self.inconclusive > 0 {
            ExitCode::Inconclusive
        } else {
            ExitCode::Ok
        }
    }

    /// `1 of 3 healthy; 1 refused, 1 unexpected`.
    pub(super) fn line(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        if self.degraded > 0 {
            parts.push(format!("{} degraded", self.degraded));
        }
        parts.extend(
            self.kinds
                .iter()
                .map(|(kind, count)| format!("{count} {kind}")),
        );
        let asked = self.pass + self.degraded + self.failure + self.inconclusive;
        if asked < self.of {
            parts.push(format!("{} not asked", self.of - asked));
        }
        let mut line = format!("{} of {} healthy", self.healthy(), self.of);
        if self.inconclusive > 0 {
            line.push_str(&format!(", {} inconclusive", self.inconclusive));
        }
        if !parts.is_empty() {
            line.push_str("; ");
            line.push_str(&parts.join(", "));
        }
        line
    }
}
