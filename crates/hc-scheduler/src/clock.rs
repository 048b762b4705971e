//! The running clock: real time, less what a starved, stalled or suspended process lost.
//!
//! One turn moves it at most one slot + 5 ms past the wake-up that was asked for. So a process that was stopped
//! slows its whole fleet down, keeps its spread, bursts nothing, and is back to normal at once. (Not an AIMD on
//! intervals: measured, that used 19 % of what the machine could do and stayed collapsed after the load.)

use std::collections::BTreeMap;
use std::time::Duration;

use hc_core::{Timestamp, nanos};

/// How late a wake-up may be before the time beyond counts as lost: what a healthy kernel and runtime need.
const GRACE: Duration = Duration::from_millis(5);

/// Over how much real time the stretch is measured.
const WINDOW: Duration = Duration::from_secs(1);

pub(crate) struct RunningClock {
    real: Timestamp,
    lost: Duration,
    /// The wake-up asked for, in running time.
    asked: Timestamp,
    allowance: Duration,
    losses: Losses,
    window: Window,
}

struct Window {
    since: Timestamp,
    lost_before: Duration,
    stretch: f64,
}

impl RunningClock {
    pub(crate) fn new(slot: Duration) -> Self {
        Self {
            real: Timestamp::ZERO,
            lost: Duration::ZERO,
            asked: Timestamp::ZERO,
            allowance: slot + GRACE,
            losses: Losses::default(),
            window: Window {
                since: Timestamp::ZERO,
                lost_before: Duration::ZERO,
                stretch: 1.0,
            },
        }
    }

    /// Starts the clock: running time equals real time here.
    pub(crate) fn start(&mut self, real: Timestamp) {
        self.real = real;
        self.asked = real;
        self.window.since = real;
    }

    /// A turn begins at that real time.
    pub(crate) fn turn(&mut self, real: Timestamp) {
        self.real = self.real.max(real);
        let naive = self.real - self.lost;
        let latest = self.asked + self.allowance;
        if naive > latest {
            let loss = naive.since(latest);
            self.lost += loss;
            self.losses.note(loss);
        }
        let span = self.real.since(self.window.since);
        if span >= WINDOW {
            let lost = self.lost.saturating_sub(self.window.lost_before);
            let ran = span.saturating_sub(lost).max(Duration::from_millis(1));
            self.window = Window {
                since: self.real,
                lost_before: self.lost,
                stretch: span.as_secs_f64() / ran.as_secs_f64(),
            };
        }
    }

    /// The driver will sleep until that running time.
    pub(crate) fn ask(&mut self, wake: Timestamp) {
        self.asked = wake.max(self.now());
    }

    /// Running time.
    pub(crate) fn now(&self) -> Timestamp {
        self.real - self.lost
    }

    /// Real time, as of this turn.
    pub(crate) fn real(&self) -> Timestamp {
        self.real
    }

    /// The real time at which running time will be `running`, if nothing more is lost.
    pub(crate) fn to_real(&self, running: Timestamp) -> Timestamp {
        running + self.lost
    }

    /// The running time of a real time within this turn.
    pub(crate) fn to_running(&self, real: Timestamp) -> Timestamp {
        real - self.lost
    }

    /// All that was lost since the beginning.
    pub(crate) fn lost(&self) -> Duration {
        self.lost
    }

    /// Real time over running time, of the last whole window.
    pub(crate) fn stretch(&self) -> f64 {
        self.window.stretch
    }

    pub(crate) fn losses(&mut self) -> &mut Losses {
        &mut self.losses
    }
}

/// How much time was lost in turns that each lost more than a sixteenth of a timeout, summed up for each
/// timeout in use. (Counting small losses too, a steady overload would excuse every silent target.)
#[derive(Default)]
pub(crate) struct Losses(BTreeMap<u64, Class>);

#[derive(Default)]
struct Class {
    users: usize,
    lost: Duration,
}

impl Losses {
    pub(crate) fn enlist(&mut self, timeout: Duration) {
        self.0.entry(nanos(timeout)).or_default().users += 1;
    }

    pub(crate) fn dismiss(&mut self, timeout: Duration) {
        let key = nanos(timeout);
        if let Some(class) = self.0.get_mut(&key) {
            class.users -= 1;
            if class.users == 0 {
                self.0.remove(&key);
            }
        }
    }

    fn note(&mut self, loss: Duration) {
        let bound = nanos(loss).saturating_mul(16);
        for class in self.0.range_mut(..bound).map(|(_, class)| class) {
            class.lost += loss;
        }
    }

    /// What turns that matter to this timeout have lost since the beginning.
    pub(crate) fn of(&self, timeout: Duration) -> Duration {
        self.0
            .get(&nanos(timeout))
            .map_or(Duration::ZERO, |class| class.lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_stall_moves_it_one_slot_and_the_grace_past_the_wake_up() {
        let mut clock = RunningClock::new(Duration::from_millis(10));
        clock.start(ms(0));
        clock.ask(ms(100));
        clock.turn(ms(112));
        assert_eq!(clock.now(), ms(112));
        clock.ask(ms(200));
        clock.turn(ms(5_000));
        assert_eq!(clock.now(), ms(215));
        assert_eq!(clock.to_real(ms(300)), ms(5_085));
        // Back to normal at once: it follows real time again.
        clock.ask(ms(300));
        clock.turn(ms(5_085));
        assert_eq!(clock.now(), ms(300));
        assert!(clock.stretch() > 20.0);
    }

    #[test]
    fn a_wake_up_before_the_time_asked_for_loses_nothing() {
        let mut clock = RunningClock::new(Duration::from_millis(10));
        clock.start(ms(0));
        clock.ask(ms(10_000));
        clock.turn(ms(9_000));
        assert_eq!(clock.now(), ms(9_000));
        clock.ask(ms(8_000));
        clock.turn(ms(9_001));
        assert_eq!(clock.now(), ms(9_001));
    }

    #[test]
    fn only_turns_that_lost_over_a_sixteenth_count_for_a_timeout() {
        let mut losses = Losses::default();
        let (short, long) = (Duration::from_millis(160), Duration::from_millis(1600));
        losses.enlist(short);
        losses.enlist(long);
        losses.note(Duration::from_millis(10));
        assert_eq!(losses.of(short), Duration::ZERO);
        losses.note(Duration::from_millis(11));
        assert_eq!(losses.of(short), Duration::from_millis(11));
        assert_eq!(losses.of(long), Duration::ZERO);
        losses.note(Duration::from_millis(101));
        assert_eq!(losses.of(short), Duration::from_millis(112));
        assert_eq!(losses.of(long), Duration::from_millis(101));
        losses.dismiss(short);
        assert_eq!(losses.of(short), Duration::ZERO);
    }
}
