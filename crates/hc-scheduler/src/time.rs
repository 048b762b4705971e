//! The clock of a driver and its probes: tokio's, so that a paused runtime moves it, with an origin of its own.

use std::time::{Duration, SystemTime};

use hc_core::{Clock, Timestamp};
use tokio::time::Instant;

/// The one place that reads the clock.
#[derive(Debug)]
pub(crate) struct MonitorClock {
    origin: Instant,
}

impl MonitorClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "a driver's clock is where time is read"
    )]
    pub(crate) fn start() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    /// Sleeps until that real time of this clock; for ever if it is [`Timestamp::NEVER`].
    pub(crate) async fn sleep_until(&self, at: Timestamp) {
        if at == Timestamp::NEVER {
            return std::future::pending().await;
        }
        // Timers have a grain of a millisecond and round up; the wheel's slots are multiples of one.
        let until = self.origin + Duration::from_nanos(at.as_nanos());
        tokio::time::sleep_until(until).await;
    }
}

impl Clock for MonitorClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "a driver's clock is where time is read"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::ZERO + Instant::now().duration_since(self.origin)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a driver's clock is where time is read"
    )]
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
}
