//! The log as a sink: follows the feed, folds what is too much, adds a summary a minute. It never delays a check.

use std::time::{Duration, SystemTime};

use hc_core::{Change, EventKind, FeedItem, Mirror};
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
        self.tell_earlier(&mirror, &mut write);
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

    /// Workers with threads of their own are ahead of whoever follows them: tells what became of targets before the
    /// mirror took their words, which it takes for known.
    fn tell_earlier(&mut self, mirror: &Mirror, write: &mut impl FnMut(Record)) {
        let mut feed = self.monitor.view().subscribe_after(0);
        let until = self.monitor.subscribe().position();
        while feed.position() < until
            && let Some(item) = feed.try_next()
        {
            // Where a large fleet's first events were too many, that is how it begins.
            let FeedItem::Event(event) = item else {
                continue;
            };
            let (EventKind::Transition { target, .. } | EventKind::Overlay { target, .. }) =
                &event.kind
            else {
                continue;
            };
            let known = mirror.get(target.as_str());
            if known.is_some_and(|known| known.sequence() >= event.sequence) {
                self.tell(&Change::Event(event), &mut *write);
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

#[cfg(test)]
mod tests {
    use hc_core::{Evidence, Failure, Kind, Phase, Target, probe_fn};
    use hc_scheduler::Monitor;

    use super::*;
    use crate::journal::TimeStyle;

    /// What became of a target before anybody followed is told, once; what comes after it as ever.
    #[tokio::test(start_paused = true)]
    async fn what_was_before_one_listened_is_told() {
        let probe = probe_fn(|_| async {
            Err::<Evidence, _>(Failure::new(Kind::Refused, Phase::Connect, "refused"))
        });
        let monitor = Monitor::builder()
            .target(Target::new("a", probe))
            .build()
            .start();
        monitor.first_sweep().await.unwrap();
        let (_telling, heard) = watch::channel(Telling {
            summary: None,
            burst: 100,
        });
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let chronicle = Chronicle::new(monitor.clone(), heard);
        let chronicle = tokio::spawn(chronicle.run(move |record| {
            let _ = tell.send(record.logfmt(TimeStyle::None));
        }));
        let first = told.recv().await.unwrap();
        assert!(
            first.contains("transition target=a from=unknown to=unhealthy"),
            "{first}"
        );
        assert!(told.recv().await.unwrap().contains("first_sweep"));
        monitor.add([Target::new("b", probe)]).await.unwrap();
        monitor.check_now("b").await.unwrap();
        monitor.shutdown(Duration::ZERO).await;
        chronicle.await.unwrap();
        let mut rest = Vec::new();
        while let Some(line) = told.recv().await {
            rest.push(line);
        }
        assert_eq!(rest.len(), 1, "{rest:#?}");
        assert!(rest[0].contains("transition target=b "), "{rest:#?}");
    }
}
