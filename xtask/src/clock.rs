//! The clock of xtask: how long a step took, and what day it is. The only file of the crate that reads time.

use std::time::{Duration, Instant, SystemTime};

/// A moment to measure from.
#[derive(Clone, Copy)]
pub(crate) struct Started(Instant);

impl Started {
    /// Now.
    #[expect(clippy::disallowed_methods, reason = "xtask times its own steps")]
    pub(crate) fn now() -> Self {
        Self(Instant::now())
    }

    /// The time since then.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Today in UTC, as `2026-11-24`.
#[expect(clippy::disallowed_methods, reason = "a release carries its date")]
pub(crate) fn today() -> String {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    date(since.as_secs() / 86_400)
}

/// The date so many days after 1970-01-01, by the civil calendar (Howard Hinnant's algorithm).
fn date(days: u64) -> String {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// A duration for people: `0.4s`, `12s`, `3m05s`.
pub(crate) fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1}s", duration.as_secs_f64()),
        10..60 => format!("{seconds}s"),
        _ => format!("{}m{:02}s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{date, human};

    #[test]
    fn dates_at_the_edges_of_months_and_leap_years() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (19_782, "2024-02-29"),
            (20_453, "2025-12-31"),
            (20_781, "2026-11-24"),
        ] {
            assert_eq!(date(days), expected, "{days} days");
        }
    }

    #[test]
    fn durations_are_short() {
        for (ms, expected) in [
            (0, "0.0s"),
            (940, "0.9s"),
            (12_300, "12s"),
            (185_000, "3m05s"),
            (3_600_000, "60m00s"),
        ] {
            assert_eq!(human(Duration::from_millis(ms)), expected);
        }
    }
}
