//! The shapes of the API: types that exist to be written and read, each in one place, documented in its OpenAPI.
//!
//! Whoever reads them passes over fields that it does not know, since a newer hc may answer; what was added after the
//! first release is an option or has a default, since an older one may.
//!
//! A field that is absent is not known. Durations are `_ms`, times RFC 3339 in UTC. Whatever came from a checked
//! response was escaped and bounded where it was read; here it becomes a JSON string and nothing else.

use std::time::{Duration, SystemTime};

pub mod check;
pub mod event;
pub mod fleet;
pub mod problem;
pub mod target;

/// Milliseconds to the hundredth: finer is noise.
pub(crate) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e5).round() / 1e2
}

/// Whole milliseconds.
pub(crate) fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// RFC 3339 in UTC, to the millisecond: `2026-11-24T13:46:25.123Z`.
pub(crate) fn timestamp(at: SystemTime) -> String {
    let at = jiff::Timestamp::try_from(at).unwrap_or(jiff::Timestamp::MAX);
    format!("{at:.3}")
}

/// Without the letters that people take for digits (Crockford's base 32).
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Twelve digits of five bits.
const UID_DIGITS: u32 = 12;

/// The uid of a target: `t` and sixty bits of the hash of its name, so that it is the same in every process and fits
/// into a path whatever the name is.
///
/// ```
/// assert_eq!(hc_server::uid("api-1").len(), 13);
/// assert_ne!(hc_server::uid("api-1"), hc_server::uid("api-2"));
/// ```
#[must_use]
pub fn uid(name: &str) -> String {
    uid_of(crate::ledger::key(name))
}

pub(crate) fn uid_of(key: u64) -> String {
    let number = key >> 4;
    let digit = |nth: u32| DIGITS[(number >> (5 * (UID_DIGITS - 1 - nth)) & 31) as usize];
    std::iter::once('t')
        .chain((0..UID_DIGITS).map(|nth| char::from(digit(nth))))
        .collect()
}

/// The number that a uid spells.
pub(crate) fn parse_uid(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('t')?;
    if digits.len() != UID_DIGITS as usize {
        return None;
    }
    digits.bytes().try_fold(0, |number: u64, byte| {
        let digit = DIGITS.iter().position(|known| *known == byte)?;
        Some(number << 5 | digit as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_read_back_and_nothing_else_does() {
        for name in ["api-1", "http://127.0.0.1:8081/health", "", "ż"] {
            let key = crate::ledger::key(name);
            assert_eq!(parse_uid(&uid(name)), Some(key >> 4), "{name}");
        }
        for wrong in [
            "",
            "t",
            "api-1",
            "t5k2m0q9x1c4",
            "t5k2m0q9x1c4aa",
            "t5k2m0q9x1c4i",
            "x5k2m0q9x1c4a",
            "t5k2m0q9x1c4Ą",
        ] {
            assert_eq!(parse_uid(wrong), None, "{wrong}");
        }
    }
}
