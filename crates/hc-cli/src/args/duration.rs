//! Durations on the command line, written as in the config: `300ms`, `1m30s`.

use std::time::Duration;

/// No verb waits longer.
const LONGEST: Duration = Duration::from_secs(864_000);

/// Reads a duration of at most ten days.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration = hc_config::parse_duration(text).map_err(|hint| {
        hint.unwrap_or_else(|| "write it like `300ms`, `5s` or `1m30s`".to_owned())
    })?;
    if duration > LONGEST {
        return Err("at most 10d".to_owned());
    }
    Ok(duration)
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
