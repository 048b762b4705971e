//! Time as an argument: nanoseconds since an origin that the driver chose. Nothing here reads a clock.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::{Duration, SystemTime};

/// An instant of a monotonic clock, in nanoseconds since that clock's origin.
///
/// The origin is the driver's business (usually its start). Arithmetic saturates: a timestamp
/// never wraps, and the difference to a later one is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The clock's origin.
    pub const ZERO: Self = Self(0);
    /// Later than everything: "never".
    pub const NEVER: Self = Self(u64::MAX);

    /// A timestamp that many nanoseconds after the origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A timestamp that many milliseconds after the origin.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the origin.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this instant; zero if `earlier` is later.
    #[must_use]
    #[inline]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// When `at` was, for people, given that this instant is `wall` for them. A time before 1970 is taken for 1970.
    #[must_use]
    pub fn wall_of(self, at: Self, wall: SystemTime) -> SystemTime {
        wall.checked_sub(self.since(at))
            .filter(|time| *time >= SystemTime::UNIX_EPOCH)
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// The instant that is `at` for people, given that this one is `wall` for them. What is later than `wall` is taken for
    /// this instant, and what is earlier than the clock's origin for the origin.
    #[must_use]
    pub fn at_wall(self, at: SystemTime, wall: SystemTime) -> Self {
        self - wall.duration_since(at).unwrap_or_default()
    }
}

/// The whole nanoseconds of a duration, saturating (584 years fit).
#[must_use]
#[inline]
pub fn nanos(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::from(duration.subsec_nanos()))
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    #[inline]
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(nanos(rhs)))
    }
}

impl AddAssign<Duration> for Timestamp {
    fn add_assign(&mut self, rhs: Duration) {
        *self = *self + rhs;
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    #[inline]
    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(rhs)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Duration::from_nanos(self.0))
    }
}

/// A duration in four bytes, for what is kept of millions: exact to the nanosecond below 2.1 s and to the
/// microsecond up to 35 minutes, where it saturates. Absent by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(u32);

/// Set: the other bits count microseconds, not nanoseconds.
const MICROS: u32 = 1 << 31;

impl Span {
    /// No duration.
    pub const ABSENT: Self = Self(u32::MAX);

    /// That duration, rounded down to what can be held.
    #[must_use]
    #[inline]
    pub fn of(duration: Duration) -> Self {
        let nanos = nanos(duration);
        if nanos < u64::from(MICROS) {
            return Self(nanos as u32);
        }
        // One less than the largest stands for the longest: the largest says that there is none.
        let micros = (nanos / 1_000).min(u64::from(MICROS) - 2);
        Self(MICROS | micros as u32)
    }

    /// The duration, if there is one.
    #[must_use]
    #[inline]
    pub const fn get(self) -> Option<Duration> {
        match self.0 {
            u32::MAX => None,
            micros if micros & MICROS != 0 => {
                Some(Duration::from_micros((micros & !MICROS) as u64))
            }
            nanos => Some(Duration::from_nanos(nanos as u64)),
        }
    }
}

impl Default for Span {
    fn default() -> Self {
        Self::ABSENT
    }
}

impl From<Option<Duration>> for Span {
    fn from(duration: Option<Duration>) -> Self {
        duration.map_or(Self::ABSENT, Self::of)
    }
}

/// Where a driver and its probes read the time. Implemented by drivers and by tests.
pub trait Clock: Send + Sync {
    /// Now, by the monotonic clock.
    fn now(&self) -> Timestamp;

    /// Now, by the wall clock. For people only: no arithmetic stands on it.
    fn wall(&self) -> SystemTime;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_exact_where_it_says_so() {
        let exact = [
            Duration::ZERO,
            Duration::from_nanos(1),
            Duration::from_nanos(2_147_483_647),
            Duration::from_micros(2_147_484),
            Duration::from_secs(300),
        ];
        for duration in exact {
            assert_eq!(Span::of(duration).get(), Some(duration));
        }
        let rounded = Span::of(Duration::from_nanos(2_147_483_648));
        assert_eq!(rounded.get(), Some(Duration::from_micros(2_147_483)));
        let longest = Span::of(Duration::MAX);
        assert_eq!(longest.get(), Some(Duration::from_micros(2_147_483_646)));
        assert_eq!(Span::default().get(), None);
        assert_eq!(Span::from(None), Span::ABSENT);
    }
}
