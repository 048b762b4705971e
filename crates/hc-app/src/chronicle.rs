//! The log as a sink: follows the feed, folds what is too much, adds a summary a minute. It never delays a check.

use std::time::{Duration, SystemTime};

use hc_core::Change;
use hc_scheduler::MonitorHandle;
use tokio::time::MissedTickBehavior;

use crate::journal::{self, Folding, Level, Record, Summaries, Tally};

/// Follows a monitor and hands records on.
#[derive(Debug)]
pub struct Chronicle {
    monitor: MonitorHandle,
    summary: Option<Duration>,
    folding: Folding,
}

impl Chronicle {
    /// A chronicle of that monitor, with a summary each so often and so many lines a second at most.
    #[must_use]
    pub fn new(monitor: MonitorHandle, summary: Option<Duration>, burst: u32) -> Self {
        Self { monitor, summary, folding: Folding::new(burst) }
    }

    /// Runs until the feed ends. `write` must not block: it is called on the runtime.
    pub async fn run(mut self, mut write: impl FnMut(Record)) {
        let mut mirror = self.monitor.mirror();
        let mut summaries = Summaries::default();
        let started = self.monitor.now();
        let mut swept = Box::pin(first_sweep(self.monitor.clone()));
        let mut is_swept = false;
        let mut minute = tokio::time::interval(self.summary.unwrap_or(Duration::from_secs(3600)));
        // A summary that was missed is not made up for: the next one counts since the last.
        minute.set_missed_tick_behavior(MissedTickBehavior::Delay);
        minute.tick().await;
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                change = mirror.next() => match change {
                    Some(change) => self.tell(&change, &mut write),
                    None => return,
                },
                () = &mut swept, if !is_swept => {
                    is_swept = true;
                    let now = self.monitor.now();
                    let tally = Tally::of(self.monitor.view(), now);
                    write(Summaries::first_sweep(self.wall(), &tally, now.since(started)));
                }
                _ = minute.tick(), if self.summary.is_some() => {
                    if let Ok(stats) = self.monitor.stats().await {
                        let tally = Tally::of(self.monitor.view(), self.monitor.now());
                        write(summaries.next(self.wall(), &tally, &stats));
                    }
                }
                _ = second.tick(), if self.folding.has_folded() => {
                    self.folding.roll(self.wall()).into_iter().for_each(&mut write);
                }
            }
        }
    }

    fn tell(&mut self, change: &Change, write: &mut impl FnMut(Record)) {
        let record = match change {
            Change::Event(event) => journal::record(event),
            Change::Resynced { missed, changed } => Some(
                Record::new(self.wall(), Level::Warn, "lagged")
                    .with("missed", *missed)
                    .with("changed", changed.len())
                    .with_message("the log fell behind; states are right again, single transitions are not told"),
            ),
        };
        if let Some(record) = record {
            self.folding.take(record).into_iter().for_each(write);
        }
    }

    fn wall(&self) -> SystemTime {
        self.monitor.wall()
    }
}

async fn first_sweep(monitor: MonitorHandle) {
    if monitor.first_sweep().await.is_err() {
        // Stopped before it was done: nothing to tell.
        std::future::pending::<()>().await;
    }
}

