//! Durations, sizes, shares and factors: how people write them, and how they are shown again.

use std::time::Duration;

use hc_core::BasisPoints;

/// Why a text is not what was wanted: a hint to put below it.
pub(crate) type Refused = Option<String>;

const DURATION_UNITS: &[(&str, u128)] = &[
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
];

/// Reads a duration as a config has it: `300ms`, `1m30s`, `14d`, `1.5s`; units from large to small, each at most once.
///
/// # Errors
/// What to write instead, where the text suggests it.
pub fn parse_duration(text: &str) -> Result<Duration, Option<String>> {
    duration(text)
}

/// `300ms`, `1m30s`, `14d`, `1.5s`: units from large to small, each at most once.
pub(crate) fn duration(text: &str) -> Result<Duration, Refused> {
    if is_number(text) {
        return Err(Some(format!("write `{text}s`")));
    }
    let (mut nanos, mut rest, mut units) = (0_u128, text, DURATION_UNITS);
    if rest.is_empty() {
        return Err(None);
    }
    while !rest.is_empty() {
        let (number, behind) = split_number(rest).ok_or_else(|| duration_hint(text))?;
        let unit_length = behind
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(behind.len());
        let unit = &behind[..unit_length];
        let at = units
            .iter()
            .position(|(name, _)| *name == unit)
            .ok_or_else(|| duration_hint(text))?;
        let part = scaled(number, units[at].1).ok_or(None)?;
        nanos = nanos.checked_add(part).ok_or(None)?;
        units = &units[at + 1..];
        rest = &behind[unit_length..];
    }
    // Ten thousand years are refused here, so that no sum of durations overflows later.
    u64::try_from(nanos)
        .map(Duration::from_nanos)
        .map_err(|_| None)
}

/// What somebody who wrote `5 sec` or `5S` meant.
fn duration_hint(text: &str) -> Refused {
    let word = text.to_ascii_lowercase().replace([' ', '_'], "");
    let (number, unit) = split_number(&word)?;
    let unit = match unit {
        "ms" | "msec" | "millis" | "millisecond" | "milliseconds" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        _ => return Some("write it like `300ms`, `1m30s` or `14d`".to_owned()),
    };
    Some(format!("write `{number}{unit}`"))
}

const SIZE_UNITS: &[(&str, u128)] = &[
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
];

/// `64KiB`, `1MB`, `0B`: a whole number of bytes.
pub(crate) fn size(text: &str) -> Result<u64, Refused> {
    if is_number(text) {
        return Err(Some(format!("write `{text}B` or `{text}KiB`")));
    }
    let (number, unit) = split_number(text).ok_or(None)?;
    let Some((_, factor)) = SIZE_UNITS.iter().find(|(name, _)| *name == unit) else {
        let near = unit.trim().to_ascii_lowercase();
        let meant = match near.as_str() {
            "k" | "kib" | "ki" => Some("KiB"),
            "m" | "mib" | "mi" => Some("MiB"),
            "g" | "gib" | "gi" => Some("GiB"),
            "kb" => Some("KB"),
            "mb" => Some("MB"),
            "b" | "byte" | "bytes" => Some("B"),
            _ => None,
        };
        return Err(meant.map_or_else(
            || Some("write it like `64KiB` or `1MB`".to_owned()),
            |unit| Some(format!("write `{number}{unit}`")),
        ));
    };
    let bytes = scaled(number, *factor).ok_or(None)?;
    u64::try_from(bytes).map_err(|_| None)
}

/// `30%`, with up to two decimals.
pub(crate) fn share(text: &str) -> Result<BasisPoints, Refused> {
    if is_number(text) {
        let hint = match text.parse::<f64>() {
            Ok(ratio) if ratio > 0.0 && ratio < 1.0 => format!("write `{}%`", trim(ratio * 100.0)),
            _ => format!("write `{text}%`"),
        };
        return Err(Some(hint));
    }
    let number = text.strip_suffix('%').ok_or(None)?;
    if !is_number(number) {
        return Err(Some("write it like `30%`".to_owned()));
    }
    let points = scaled(number, 100).ok_or_else(|| Some("two decimals at most".to_owned()))?;
    u16::try_from(points).map(BasisPoints).map_err(|_| None)
}

/// A decimal number without a unit.
pub(crate) fn factor(text: &str) -> Result<f64, Refused> {
    if !is_number(text) || text.len() > 20 {
        return Err(None);
    }
    text.parse().map_err(|_| None)
}

/// A whole number: decimal digits only. Nothing is octal.
pub(crate) fn count(text: &str) -> Result<u64, Refused> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        let digits = text.replace(['_', ','], "");
        let grouped = text.starts_with(|c: char| c.is_ascii_digit())
            && !digits.is_empty()
            && digits.bytes().all(|b| b.is_ascii_digit());
        return Err(grouped.then(|| format!("write `{digits}`")));
    }
    // More than fits is out of every range: saying so is the range's business.
    Ok(text.parse().unwrap_or(u64::MAX))
}

/// As it would be written: `1m30s`, `500ms`, `0s`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let mut nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    for (unit, size) in DURATION_UNITS {
        if *unit == "ms" {
            if nanos.is_multiple_of(*size) && nanos > 0 {
                out.push_str(&format!("{}ms", nanos / size));
            } else if nanos > 0 {
                out.push_str(&format!("{}ms", trim(nanos as f64 / *size as f64)));
            }
        } else if nanos >= *size {
            out.push_str(&format!("{}{unit}", nanos / size));
            nanos %= size;
        }
    }
    out
}

/// As it would be written: `64KiB`, `1MB`, `100B`.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    const NAMES: &[(&str, u64)] = &[
        ("GiB", 1 << 30),
        ("GB", 1_000_000_000),
        ("MiB", 1 << 20),
        ("MB", 1_000_000),
        ("KiB", 1 << 10),
        ("KB", 1_000),
    ];
    let whole = NAMES
        .iter()
        .find(|(_, size)| bytes > 0 && bytes.is_multiple_of(*size));
    whole.map_or_else(
        || format!("{bytes}B"),
        |(unit, size)| format!("{}{unit}", bytes / size),
    )
}

pub(crate) fn format_share(share: BasisPoints) -> String {
    format!("{}%", trim(f64::from(share.0) / 100.0))
}

pub(crate) fn trim(number: f64) -> String {
    let text = format!("{number:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Digits, and a fraction if there is one.
fn is_number(text: &str) -> bool {
    matches!(split_number(text), Some((_, "")))
}

fn split_number(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let whole = match number.split_once('.') {
        Some((whole, fraction)) => {
            let plain = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
            plain.then_some(whole)?
        }
        None => number,
    };
    (!whole.is_empty()).then_some((number, rest))
}

/// `number x factor`, exactly; `None` when that is no whole number or too large.
fn scaled(number: &str, factor: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 18 || whole.trim_start_matches('0').len() > 18 {
        return None;
    }
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let whole: u128 = whole.parse().ok()?;
    let fraction: u128 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    let total = whole
        .checked_mul(scale)?
        .checked_add(fraction)?
        .checked_mul(factor)?;
    total.is_multiple_of(scale).then_some(total / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let good = [
            ("300ms", 300),
            ("5s", 5_000),
            ("1m30s", 90_000),
            ("14d", 1_209_600_000),
            ("0s", 0),
            ("1.5s", 1_500),
            ("0ms", 0),
            ("1d2h3m4s5ms", 93_784_005),
            ("010s", 10_000),
        ];
        for (text, ms) in good {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        let hinted = [
            ("5", "write `5s`"),
            ("2.5", "write `2.5s`"),
            ("5S", "write `5s`"),
            ("5 s", "write `5s`"),
            ("10 seconds", "write `10s`"),
            ("2min", "write `2m`"),
            ("5us", "write it like `300ms`, `1m30s` or `14d`"),
        ];
        for (text, hint) in hinted {
            assert_eq!(duration(text), Err(Some(hint.to_owned())), "{text}");
        }
        for text in [
            "",
            "s",
            "-5s",
            "5s5s",
            "1s1m",
            "1..5s",
            "5.s",
            ".5s",
            "99999999999999999999d",
            "1:30",
            "5e3s",
            "∞s",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_shares_and_numbers() {
        for (text, bytes) in [
            ("0B", 0),
            ("64KiB", 65_536),
            ("1MB", 1_000_000),
            ("1.5KiB", 1_536),
            ("16MiB", 16 << 20),
            ("2GiB", 2 << 30),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        assert_eq!(size("64"), Err(Some("write `64B` or `64KiB`".to_owned())));
        assert_eq!(size("64k"), Err(Some("write `64KiB`".to_owned())));
        for text in ["", "B", "-1B", "1.5B", "1XB", "64 KiB"] {
            assert!(size(text).is_err(), "{text}");
        }
        assert_eq!(share("30%"), Ok(BasisPoints::percent(30)));
        assert_eq!(share("2.5%"), Ok(BasisPoints(250)));
        assert_eq!(share("0.3"), Err(Some("write `30%`".to_owned())));
        assert_eq!(share("10"), Err(Some("write `10%`".to_owned())));
        for text in ["", "%", "-1%", "1.001%", "9999999%", "10 %"] {
            assert!(share(text).is_err(), "{text}");
        }
        assert_eq!(count("010"), Ok(10));
        assert_eq!(count("1_000"), Err(Some("write `1000`".to_owned())));
        assert_eq!(count("99999999999999999999999"), Ok(u64::MAX));
        for text in ["", "-1", "+1", "0x10", "0o7", "1.0", "1e3", "1:30"] {
            assert!(count(text).is_err(), "{text}");
        }
        assert_eq!(factor("1.5"), Ok(1.5));
        for text in ["", "nan", ".inf", "1e5", "-1"] {
            assert!(factor(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_shown_can_be_written() {
        for text in ["0s", "1ms", "300ms", "1m30s", "14d", "1h1ms", "1s500ms"] {
            assert_eq!(format_duration(duration(text).unwrap()), text);
        }
        for text in ["0B", "1B", "64KiB", "16MiB", "1MB", "1500B"] {
            assert_eq!(format_size(size(text).unwrap()), text, "{text}");
        }
    }
}
