//! The clock of a driver and its probes: tokio's, so that a paused runtime moves it, with an origin of its own.

use std::pin::Pin;
use std::time::{Duration, SystemTime};

use hc_core::{Clock, Target, Timestamp};
use tokio::time::{Instant, Sleep};

/// The one place that reads the clock.
#[derive(Debug)]
pub(crate) struct MonitorClock {
    start: Instant,
    /// The time at the start. Zero, unless something is remembered from before.
    started: Timestamp,
}

/// How far back a memory may reach: a century.
const FURTHEST: Duration = Duration::from_secs(100 * 365 * 86_400);

impl MonitorClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "a driver's clock is where time is read"
    )]
    pub(crate) fn start(targets: &[Target]) -> Self {
        let wall = SystemTime::now();
        let memories = targets.iter().filter_map(|target| target.memory.as_deref());
        let age = |since: SystemTime| wall.duration_since(since).unwrap_or_default();
        let oldest = memories.map(|memory| age(memory.earliest())).max();
        Self {
            start: Instant::now(),
            started: Timestamp::ZERO + oldest.unwrap_or_default().min(FURTHEST),
        }
    }

    /// When it was started.
    pub(crate) fn started(&self) -> Timestamp {
        self.started
    }
}

impl Clock for MonitorClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "a driver's clock is where time is read"
    )]
    fn now(&self) -> Timestamp {
        self.started + Instant::now().duration_since(self.start)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a driver's clock is where time is read"
    )]
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// The driver's timer. It stays with the runtime while it is not moved: one that begins and is the next to end costs
/// the runtime two calls of the system.
#[derive(Debug)]
pub(crate) struct Alarm {
    at: Timestamp,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    pub(crate) fn new() -> Self {
        Self {
            at: Timestamp::NEVER,
            sleep: None,
        }
    }

    /// Sets it to that real time of the clock; it never rings at [`Timestamp::NEVER`].
    pub(crate) fn set(&mut self, clock: &MonitorClock, at: Timestamp) {
        if at == std::mem::replace(&mut self.at, at) || at == Timestamp::NEVER {
            return;
        }
        // Timers have a grain of a millisecond and round up; the wheel's slots are multiples of one.
        let until = clock.start + at.since(clock.started);
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(until),
            None => self.sleep = Some(Box::pin(tokio::time::sleep_until(until))),
        }
    }

    /// Resolves at that time, and at once when it is over.
    pub(crate) async fn rings(&mut self) {
        match &mut self.sleep {
            Some(sleep) if self.at != Timestamp::NEVER => sleep.await,
            _ => std::future::pending().await,
        }
    }
}
