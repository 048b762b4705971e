//! Durations on the command line, written as in the config: `300ms`, `1m30s`.

use std::time::Duration;

const UNITS: &[(&str, f64)] = &[
    ("d", 86_400.0),
    ("h", 3_600.0),
    ("m", 60.0),
    ("s", 1.0),
    ("ms", 0.001),
];

/// Reads a duration of at most ten days.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    if text.parse::<f64>().is_ok() {
        return Err(format!("a bare number has no unit: write `{text}s`"));
    }
    let hint = || "write it like `300ms`, `5s` or `1m30s`".to_owned();
    let (mut seconds, mut rest, mut units) = (0.0, text, UNITS);
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(hint)?;
        let behind = &rest[digits..];
        let letters = behind
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(behind.len());
        let number: f64 = rest[..digits].parse().map_err(|_| hint())?;
        let at = units
            .iter()
            .position(|(unit, _)| *unit == &behind[..letters])
            .ok_or_else(hint)?;
        seconds += number * units[at].1;
        (units, rest) = (&units[at + 1..], &behind[letters..]);
    }
    if text.is_empty() {
        return Err(hint());
    }
    if seconds > 864_000.0 {
        return Err("at most 10d".to_owned());
    }
    // To the microsecond, so that 0.3 s is 300 ms.
    Ok(Duration::from_micros((seconds * 1e6).round() as u64))
}

/// The same, and not zero.
pub(super) fn positive(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("wanted more than 0s".to_owned()),
        duration => Ok(duration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_config_reads() {
        let table = [
            ("300ms", 300),
            ("5s", 5_000),
            ("1m30s", 90_000),
            ("1.5s", 1_500),
            ("0.3s", 300),
            ("0s", 0),
        ];
        for (text, millis) in table {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "s", "5 s", "5x", "-1s", "1s1m", "99d", "1..5s"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!(duration("5").map_err(|e| e.contains("`5s`")), Err(true));
        assert!(positive("0ms").is_err());
    }
}
