//! How a target is told in few words: the cells of a table, the same in `status` and `top`. Pure.
//!
//! All text of the other side is escaped here; what is returned can be shown as it is.

use std::time::{Duration, SystemTime};

use hc_app::journal::spell_span;
use hc_core::escape;
use hc_server::wire::check::Why;
use hc_server::wire::fleet::FleetBody;
use hc_server::wire::target::{NextBody, TargetBody};
use jiff::tz::TimeZone;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::term::Tone;

/// What would be `0.0s`.
const SOON: Duration = Duration::from_millis(50);

/// Longer than any cell.
const LONGEST: usize = 400;

/// Whether a state lies over the status.
pub(crate) fn has(target: &TargetBody, overlay: &str) -> bool {
    target.overlays.iter().any(|known| known == overlay)
}

/// How a target stands, in one word: the overlay where that says more than the status.
pub(crate) fn state(target: &TargetBody) -> (String, Tone) {
    let over = |overlay: &str| has(target, overlay);
    let (word, tone) = match &*target.status {
        _ if over("paused") => ("paused", Tone::Faint),
        "unhealthy" if over("recovering") => ("recovering", Tone::Bad),
        "unhealthy" => ("unhealthy", Tone::Bad),
        _ if over("suspect") => ("suspect", Tone::Odd),
        _ if over("stale") => ("stale", Tone::Unknown),
        _ if over("flapping") => ("flapping", Tone::Odd),
        "degraded" if over("unsteady") => ("unsteady", Tone::Odd),
        "degraded" => ("degraded", Tone::Odd),
        "unknown" => ("unknown", Tone::Unknown),
        "healthy" => ("healthy", Tone::Good),
        other => return (escape(other, 10), Tone::Unknown),
    };
    (word.to_owned(), tone)
}

/// Whether there is nothing to say about it but that it is well, or not asked.
pub(crate) fn is_calm(target: &TargetBody) -> bool {
    matches!(state(target).0.as_str(), "healthy" | "paused")
}

/// Its name, and how far a streak has come: `pay 1/3`.
pub(crate) fn name(target: &TargetBody) -> String {
    let name = escape(&target.name, LONGEST);
    let streak = &target.streak;
    match state(target).0.as_str() {
        "suspect" => format!("{name} {}/{}", streak.failures, streak.fall),
        "recovering" => format!("{name} {}/{}", streak.passes, streak.rise),
        _ => name,
    }
}

/// Its group, `-` outside of groups.
pub(crate) fn group(target: &TargetBody) -> String {
    let group = target.group.as_deref().unwrap_or("-");
    escape(group, LONGEST)
}

/// Since when it stands so, if that is known: of a suspect, since the first failure.
pub(crate) fn since(target: &TargetBody) -> Option<SystemTime> {
    let since = match state(target).0.as_str() {
        "suspect" => target.streak.failing_since.as_ref()?,
        _ => &target.since,
    };
    time(since)
}

/// Why it stands so, in one line.
pub(crate) fn why(target: &TargetBody) -> String {
    let last = target.last_check.as_ref();
    let last = last.filter(|check| check.result == "inconclusive");
    match (state(target).0.as_str(), &target.why) {
        ("paused", _) => "not asked".to_owned(),
        (_, Some(why)) => sentence(why),
        (_, None) if last.is_some() => {
            let reason = last.map(|check| sentence(&check.why)).unwrap_or_default();
            format!("inconclusive: {reason}")
        }
        ("stale", _) => "no conclusive check for three intervals".to_owned(),
        ("flapping", _) => "its status changes too often".to_owned(),
        ("unknown", _) if target.last_check.is_none() => "not asked yet".to_owned(),
        _ if target.restored => "as before the restart; not asked since".to_owned(),
        _ => String::new(),
    }
}

/// `refused in connect: ...`; of an expectation the sentence alone, as it says what it is about.
pub(crate) fn sentence(why: &Why) -> String {
    let message = why.message.as_deref().unwrap_or_default();
    let kind = why.kind.as_deref().unwrap_or("-");
    let text = match &why.phase {
        _ if kind == "unexpected" && !message.is_empty() => message.to_owned(),
        Some(phase) => format!("{kind} in {phase}: {message}"),
        None => format!("{kind}: {message}"),
    };
    escape(&text, LONGEST)
}

/// When it is asked next and why then, `passed` after it was told: `14s backoff x2`.
pub(crate) fn next(next: &NextBody, passed: Duration) -> String {
    let Some(wait) = next.in_ms else {
        return escape(&next.reason, 12);
    };
    let wait = Duration::from_millis(wait).saturating_sub(passed);
    let wait = if wait < SOON {
        "now".to_owned()
    } else {
        span(wait)
    };
    match &*next.reason {
        "interval" => wait,
        "backoff" if next.factor > 1 => format!("{wait} backoff x{}", next.factor),
        reason => format!("{wait} {}", escape(reason, 12)),
    }
}

/// `0.4s`, `14s`, `12m3s`, `3d4h`.
pub(crate) fn span(span: Duration) -> String {
    match span {
        span if span < Duration::from_secs(1) => format!("{:.1}s", span.as_secs_f64()),
        span => spell_span(span),
    }
}

/// The time that RFC 3339 says.
pub(crate) fn time(text: &str) -> Option<SystemTime> {
    let at: jiff::Timestamp = text.parse().ok()?;
    SystemTime::try_from(at).ok()
}

/// The time of day in a zone of what RFC 3339 says; of another day with its date.
pub(crate) fn clock(text: &str, now: Option<SystemTime>, zone: &TimeZone) -> String {
    let zoned = |at: SystemTime| {
        let at = jiff::Timestamp::try_from(at).ok()?;
        Some(at.to_zoned_datetime(zone.clone()))
    };
    let Some(at) = time(text).and_then(zoned) else {
        return "-".to_owned();
    };
    let today = now.and_then(zoned).map(|now| now.date());
    let form = match today == Some(at.date()) {
        true => "%H:%M:%S",
        false => "%m-%d %H:%M:%S",
    };
    at.strftime(form).to_string()
}

/// Now, by the clock of the hc that tells: its own may be another's.
pub(crate) fn now(fleet: &FleetBody) -> Option<SystemTime> {
    time(&fleet.now).or_else(|| {
        // An older one does not say it.
        time(&fleet.started)?.checked_add(Duration::from_millis(fleet.uptime_ms))
    })
}

/// How long ago that was.
pub(crate) fn ago(then: Option<SystemTime>, now: Option<SystemTime>) -> String {
    match (then, now) {
        (Some(then), Some(now)) => span(now.duration_since(then).unwrap_or_default()),
        _ => "-".to_owned(),
    }
}

/// The fleet in one line: `hc web1 up 3d4h  200: 196 healthy 1 degraded 3 unhealthy  38.0/s  late 8 ms`. What does not
/// fit into so many columns is left out, the least first.
pub(crate) fn headline(fleet: &FleetBody, up: Duration, columns: usize) -> String {
    let instance = escape(&fleet.instance, 60);
    let told = |counts: &[(usize, &str)]| {
        let some = counts.iter().filter(|(count, _)| *count > 0);
        let some: Vec<_> = some.map(|(n, word)| format!("{n} {word}")).collect();
        some.join(" ")
    };
    // These add up.
    let statuses = told(&[
        (fleet.healthy, "healthy"),
        (fleet.degraded, "degraded"),
        (fleet.unhealthy, "unhealthy"),
        (fleet.unknown, "unknown"),
    ]);
    // Each of these is one of those too.
    let overlays = told(&[
        (fleet.suspect, "suspect"),
        (fleet.flapping, "flapping"),
        (fleet.paused, "paused"),
        (fleet.stale, "stale"),
    ]);
    let mut counts = match statuses.is_empty() {
        true => " targets".to_owned(),
        false => format!(": {statuses}"),
    };
    if !overlays.is_empty() {
        counts.push_str(&format!(" ({overlays})"));
    }
    let mut line = format!("hc {instance} up {}  {}{counts}", span(up), fleet.targets);
    let mut more = Vec::new();
    if fleet.isolated {
        more.push("ISOLATED: nothing answers".to_owned());
    } else if fleet.stretch > 1.05 {
        more.push(format!("stretch {:.1}", fleet.stretch));
    }
    more.push(format!("{:.1}/s", fleet.checks_per_second));
    more.push(format!("late {} ms", fleet.late_p99_ms.round()));
    for part in more {
        if width(&line) + 2 + width(&part) > columns {
            break;
        }
        line.push_str("  ");
        line.push_str(&part);
    }
    line
}

/// Milliseconds in five columns: `0.31`, `1.1`, `412`, `12s`.
pub(crate) fn millis(millis: f64) -> String {
    match millis {
        m if !m.is_finite() || m < 0.0 => "-".to_owned(),
        m if m < 0.995 => format!("{m:.2}"),
        m if m < 99.95 => format!("{m:.1}"),
        m if m < 9_999.5 => format!("{m:.0}"),
        m => format!("{:.0}s", m / 1e3),
    }
}

/// So many of a hundred were not slower; `None` without any.
pub(crate) fn percentile(of: &[f64], percent: usize) -> Option<f64> {
    let mut sorted = of.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// The signs of the last results, whatever else the other side wrote there.
pub(crate) fn recent(target: &TargetBody) -> String {
    let known = |sign: char| ".dx?".contains(sign);
    let signs: String = target.recent.chars().filter(|sign| known(*sign)).collect();
    signs.chars().take(60).collect()
}

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII: [char; 4] = ['_', '.', '-', '^'];

/// How long checks took, as a curve from the least to the most; the two beside it.
pub(crate) fn curve(of: &[f64], is_unicode: bool) -> String {
    let finite = of.iter().copied().filter(|value| value.is_finite());
    let least = finite.clone().fold(f64::INFINITY, f64::min);
    let most = finite.clone().fold(0.0, f64::max);
    if !least.is_finite() {
        return "-".to_owned();
    }
    let signs: &[char] = if is_unicode { &BLOCKS } else { &ASCII };
    let sign = |value: f64| {
        let share = (value - least) / (most - least).max(f64::MIN_POSITIVE);
        signs[((share * signs.len() as f64) as usize).min(signs.len() - 1)]
    };
    let curve: String = finite.map(sign).take(60).collect();
    format!("{curve} {}-{}", millis(least), millis(most))
}

/// Columns that a text takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text in exactly so many columns: cut with `~`, or filled with blanks.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    let cut = cut(text, columns);
    let rest = columns.saturating_sub(width(&cut));
    cut + &" ".repeat(rest)
}

/// The text, filled with blanks to so many columns at least.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let rest = columns.saturating_sub(width(text));
    text.to_owned() + &" ".repeat(rest)
}

/// The text in so many columns at most, `~` where it was cut.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let Some(room) = columns.checked_sub(1) else {
        return String::new();
    };
    let mut used = 0;
    let kept = text.chars().take_while(|c| {
        used += c.width().unwrap_or(0);
        used <= room
    });
    kept.chain(['~']).collect()
}

/// JSON in which nothing can move a terminal: it escapes what is below the blank, and this the other controls and what
/// is hidden or turns the direction of writing. Outside of texts JSON has none of these.
pub(crate) fn ascii_controls(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        let is_shown = escape(c.encode_utf8(&mut [0; 4]), 12).starts_with(c);
        // A backslash is no character of its own here.
        if is_shown || (c.is_ascii() && c != '\u{7f}') {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

/// A text as a part of a query.
pub(crate) fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_exactly_their_columns() {
        for text in [
            "",
            "a",
            "abcdef",
            "漢字漢字",
            "ż漢",
            "e\u{301}abc",
            "🦀🦀🦀",
        ] {
            for columns in 0..9 {
                assert_eq!(width(&fit(text, columns)), columns, "{text} in {columns}");
            }
        }
        assert_eq!(fit("abcdef", 4), "abc~");
        assert_eq!(fit("漢字漢字", 6), "漢字~ ");
    }

    #[test]
    fn curves_and_percentiles_of_nothing_and_of_alike() {
        assert_eq!(curve(&[], true), "-");
        assert_eq!(curve(&[f64::NAN], true), "-");
        assert_eq!(curve(&[1.0, 1.0], false), "__ 1.0-1.0");
        assert_eq!(curve(&[0.9, 4.0, 2.0], false), "_^. 0.90-4.0");
        assert_eq!(percentile(&[], 50), None);
        let many: Vec<f64> = (1..=100).map(f64::from).rev().collect();
        assert_eq!(percentile(&many, 50), Some(50.0));
        assert_eq!(percentile(&many, 99), Some(99.0));
        assert_eq!(percentile(&[7.0], 99), Some(7.0));
    }

    #[test]
    fn the_headline_leaves_out_what_does_not_fit() {
        let mut fleet = crate::see::fixture::fleet();
        let line = |fleet: &FleetBody, columns| headline(fleet, Duration::from_secs(14), columns);
        assert!(line(&fleet, 80).ends_with("unhealthy  38.0/s  late 8 ms"));
        assert!(line(&fleet, 70).ends_with("unhealthy  38.0/s"));
        assert!(line(&fleet, 10).ends_with("3 unhealthy"));
        (fleet.paused, fleet.stale) = (1, 2);
        assert!(line(&fleet, 10).ends_with("3 unhealthy (1 paused 2 stale)"));
        (fleet.paused, fleet.stale) = (0, 0);
        fleet.isolated = true;
        assert!(line(&fleet, 90).contains("unhealthy  ISOLATED: nothing answers  38.0/s"));
        fleet.targets = 0;
        (fleet.healthy, fleet.degraded, fleet.unhealthy) = (0, 0, 0);
        assert!(line(&fleet, 30).ends_with("0 targets"));
    }

    /// A machine that slept, or whose clock was set: how long it runs says nothing about what time it is.
    #[test]
    fn now_is_what_its_clock_says() {
        let mut fleet = crate::see::fixture::fleet();
        assert_eq!(now(&fleet), time("2026-11-24T14:14:14.000Z"), "an older hc");
        fleet.now = "2026-11-24T22:00:00.000Z".into();
        assert_eq!(now(&fleet), time("2026-11-24T22:00:00.000Z"));
    }

    #[test]
    fn milliseconds_fit() {
        let table = [
            (0.0, "0.00"),
            (0.314, "0.31"),
            (1.14, "1.1"),
            (99.96, "100"),
            (412.4, "412"),
            (12_000.0, "12s"),
            (f64::NAN, "-"),
        ];
        for (value, text) in table {
            assert_eq!(millis(value), text);
        }
    }

    #[test]
    fn json_stays_json_and_hides_nothing() {
        let text = "a\u{9b}31m\u{202e}\u{e0001}\u{7f} ż漢\\";
        let json = ascii_controls(&serde_json::to_string(text).unwrap());
        assert_eq!(json, "\"a\\u009b31m\\u202e\\udb40\\udc01\\u007f ż漢\\\\\"");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    #[test]
    fn queries_say_what_was_typed() {
        assert_eq!(percent("a b&c=d/ż"), "a%20b%26c%3Dd%2F%C5%BC");
    }
}
