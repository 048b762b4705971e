//! The log as a sink: follows the feed, folds what is too much, adds a summary a minute. It never delays a check.

use std::time::{Duration, SystemTime};

use hc_core::Change;
use hc_scheduler::MonitorHandle;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};

use crate::journal::{self, Folding, Level, Record, Summaries, Tally};

/// How much is told. A reload may change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Telling {
    /// A summary each so often; `None`: never.
    pub summary: Option<Duration>,
    /// Lines a second at most; what is over is folded into one.
    pub burst: u32,
}

/// Follows a monitor and hands records on.
#[derive(Debug)]
pub struct Chronicle {
    monitor: MonitorHandle,
    telling: watch::Receiver<Telling>,
    folding: Folding,
}

/// How often one looks whether a summary is due when there is to be none.
const SELDOM: Duration = Duration::from_secs(3_600);

impl Chronicle {
    /// A chronicle of that monitor that tells as much as `telling` says.
    #[must_use]
    pub fn new(monitor: MonitorHandle, telling: watch::Receiver<Telling>) -> Self {
        let folding = Folding::new(telling.borrow().burst);
        Self {
            monitor,
            telling,
            folding,
        }
    }

    /// Runs until the feed ends. `write` must not block: it is called on the runtime.
    pub async fn run(mut self, mut write: impl FnMut(Record)) {
        let mut mirror = self.monitor.mirror();
        let mut summaries = Summaries::default();
        let started = self.monitor.now();
        let mut swept = Box::pin(first_sweep(self.monitor.clone()));
        let mut is_swept = false;
        let mut telling = *self.telling.borrow_and_update();
        let mut minute = every(telling.summary);
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
                Ok(()) = self.telling.changed() => {
                    telling = *self.telling.borrow_and_update();
                    minute = every(telling.summary);
                    self.folding = Folding::new(telling.burst);
                }
                _ = minute.tick(), if telling.summary.is_some() => {
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

fn every(summary: Option<Duration>) -> Interval {
    let period = summary.unwrap_or(SELDOM).max(Duration::from_millis(1));
    let mut interval = tokio::time::interval(period);
    // A summary that was missed is not made up for: the next one counts since the last.
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is now: there is nothing to sum up yet.
    interval.reset();
    interval
}

/// Resolves when all were asked once; never, if the monitor was stopped before.
pub(crate) async fn first_sweep(monitor: MonitorHandle) {
    if monitor.first_sweep().await.is_err() {
        // Stopped before it was done: nothing to tell.
        std::future::pending::<()>().await;
    }
}
