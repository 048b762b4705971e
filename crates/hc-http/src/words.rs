//! Durations and sizes as sentences tell them. Pure.

use std::time::Duration;

/// `64 KiB`, `1 MiB`, `1500 bytes`.
pub(crate) fn bytes(n: u64) -> String {
    match n {
        n if n >= 1 << 20 && n % (1 << 20) == 0 => format!("{} MiB", n >> 20),
        n if n >= 1 << 10 && n % (1 << 10) == 0 => format!("{} KiB", n >> 10),
        1 => "1 byte".to_owned(),
        n => format!("{n} bytes"),
    }
}

/// As config spells it: `300ms`, `1.5s`, `0.4ms`.
pub(crate) fn short(d: Duration) -> String {
    let micros = d.as_micros();
    match micros {
        0..10_000 => format!("{}ms", trimmed(micros, 1_000)),
        10_000..1_000_000 => format!("{}ms", micros / 1_000),
        _ => format!("{}s", trimmed(micros / 1_000, 1_000)),
    }
}

/// A long span by its largest unit, rounded down: `3d`, `5h`, `12m`, `4s`.
pub(crate) fn span(d: Duration) -> String {
    let (n, unit) = largest_unit(d);
    format!("{n}{}", &unit[..1])
}

/// A long span in words: `3 days`, `1 hour`.
pub(crate) fn span_in_words(d: Duration) -> String {
    let (n, unit) = largest_unit(d);
    format!("{n} {unit}{}", if n == 1 { "" } else { "s" })
}

fn largest_unit(d: Duration) -> (u64, &'static str) {
    let seconds = d.as_secs();
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    units
        .into_iter()
        .find(|(size, _)| seconds >= *size)
        .map_or((seconds, "second"), |(size, unit)| (seconds / size, unit))
}

/// A quotient with at most three decimals and no idle zeros.
fn trimmed(value: u128, per: u128) -> String {
    let text = format!("{}.{:03}", value / per, value % per * 1_000 / per);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_as_people_write_them() {
        assert_eq!(
            [bytes(65_536), bytes(1 << 20), bytes(1_500), bytes(1)],
            ["64 KiB", "1 MiB", "1500 bytes", "1 byte"]
        );
        let micros = Duration::from_micros;
        assert_eq!(
            [
                short(micros(300_000)),
                short(micros(1_500_000)),
                short(micros(420))
            ],
            ["300ms", "1.5s", "0.42ms"]
        );
        let days = |n: u64| Duration::from_secs(n * 86_400);
        assert_eq!(
            [span(days(3)), span(days(0)), span(micros(7_200_000_000))],
            ["3d", "0s", "2h"]
        );
        assert_eq!(
            [span_in_words(days(3)), span_in_words(days(1))],
            ["3 days", "1 day"]
        );
    }
}
