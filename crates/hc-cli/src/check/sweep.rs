//! One round: all targets, so many at once, results handed on in the order of the input.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use hc_core::CheckResult;
use tokio::task::JoinSet;

use super::Row;
use super::ask::{self, Asked, Outcome};
use super::progress::Progress;
use super::report::Report;
use crate::args::CheckArgs;

/// Eyes need no more.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// How a round ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All were asked.
    All,
    /// One was not healthy, and that was enough.
    FailedFast,
    /// Ctrl-C.
    Interrupted,
    /// Nobody reads the results any more.
    ReaderGone,
}

/// A round.
pub(super) struct Sweep<'a> {
    asked: &'a [Asked],
    parallel: usize,
    outcomes: Vec<Option<Outcome>>,
    next: usize,
    handed_on: usize,
    progress: Progress,
}

impl<'a> Sweep<'a> {
    /// Nobody asked yet.
    pub(super) fn new(asked: &'a [Asked], parallel: usize) -> Self {
        Self {
            asked,
            parallel,
            outcomes: vec![None; asked.len()],
            next: 0,
            handed_on: 0,
            progress: Progress::new(asked.len(), ask::clock_now()),
        }
    }

    /// Asks all, or until something ends it. What was in flight then is dropped.
    pub(super) async fn run(
        &mut self,
        report: &Report<'_>,
        args: &CheckArgs,
        mut ctrl_c: Pin<&mut impl Future<Output = std::io::Result<()>>>,
    ) -> anyhow::Result<End> {
        let mut checks = JoinSet::new();
        let mut tick = tokio::time::interval(PROGRESS_EVERY);
        // A late look at progress is as good as one in time.
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.fill(&mut checks);
            let end = tokio::select! {
                // Ctrl-C first: who presses it wants no more results.
                biased;
                pressed = ctrl_c.as_mut() => {
                    pressed?;
                    Some(End::Interrupted)
                }
                _ = tick.tick(), if report.shows_progress() => {
                    report.progress(&self.progress.line(ask::clock_now()));
                    None
                }
                done = checks.join_next() => match done {
                    None => Some(End::All),
                    Some(done) => {
                        let (at, outcome) = done?;
                        self.take(at, outcome, report, args)
                    }
                },
            };
            if let Some(end) = end {
                self.hand_on_the_rest(report);
                return Ok(end);
            }
        }
    }

    /// What came of it, in the order of the input.
    pub(super) fn into_rows(self) -> Vec<Row<'a>> {
        self.asked.iter().zip(self.outcomes).collect()
    }

    fn fill(&mut self, checks: &mut JoinSet<(usize, Outcome)>) {
        while checks.len() < self.parallel
            && let Some(asked) = self.asked.get(self.next)
        {
            let at = self.next;
            let check = ask::ask(asked.target.clone(), asked.timeout);
            checks.spawn(async move { (at, check.await) });
            self.next += 1;
        }
    }

    fn take(
        &mut self,
        at: usize,
        outcome: Outcome,
        report: &Report<'_>,
        args: &CheckArgs,
    ) -> Option<End> {
        let is_healthy = match outcome.result {
            // What is inconclusive says nothing about the target: no reason to end.
            CheckResult::Pass | CheckResult::Inconclusive => true,
            CheckResult::Degraded => !args.strict,
            CheckResult::Failure => false,
        };
        self.progress
            .add(outcome.result != CheckResult::Inconclusive && is_healthy);
        self.outcomes[at] = Some(outcome);
        while let Some(Some(outcome)) = self.outcomes.get(self.handed_on) {
            report.row(&self.asked[self.handed_on], outcome);
            self.handed_on += 1;
        }
        if report.is_closed() {
            return Some(End::ReaderGone);
        }
        (args.fail_fast && !is_healthy).then_some(End::FailedFast)
    }

    /// After an early end there are gaps: what is known behind them is told too.
    fn hand_on_the_rest(&mut self, report: &Report<'_>) {
        for (asked, outcome) in self.asked.iter().zip(&self.outcomes).skip(self.handed_on) {
            if let Some(outcome) = outcome {
                report.row(asked, outcome);
            }
        }
        self.handed_on = self.asked.len();
    }
}
