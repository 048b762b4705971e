//! One target with its past, as lines for people: the same for `status NAME` and for `top`. Pure.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use hc_core::escape;
use hc_server::wire::check::CheckBody;
use hc_server::wire::event::EventBody;
use hc_server::wire::target::{TargetBody, TargetDetail};
use jiff::tz::TimeZone;

use super::words;
use crate::term::Tone;

const LONGEST: usize = 2_000;

/// A line: pieces of text, some of which may be coloured.
pub(crate) type Line = Vec<(Option<Tone>, String)>;

/// How the lines are made.
#[derive(Clone, Debug)]
pub(crate) struct Manner {
    /// By the clock of the hc that told it.
    pub(crate) now: Option<SystemTime>,
    /// Since it was told.
    pub(crate) passed: Duration,
    /// Curves may be drawn with blocks.
    pub(crate) is_unicode: bool,
    /// The settings are told too.
    pub(crate) with_settings: bool,
    /// Whose time of day.
    pub(crate) zone: TimeZone,
}

/// All lines.
pub(crate) fn lines(detail: &TargetDetail, manner: &Manner) -> Vec<Line> {
    let mut lines = vec![head(&detail.target, manner)];
    lines.extend(facts(detail, manner));
    let changes = detail.transitions.iter().rev();
    section(
        &mut lines,
        &format!(
            "changes of status: {} since hc started",
            detail.transitions_total
        ),
        changes.map(|event| change(event, manner)).collect(),
    );
    let failures = detail.failures.iter().rev();
    section(
        &mut lines,
        &format!("failed checks: {} since hc started", detail.failures_total),
        failures.map(|check| failure(check, manner)).collect(),
    );
    if manner.with_settings {
        let settings = detail.policy.iter().map(|setting| {
            let value = escape(&setting.value, LONGEST);
            let origin = escape(&setting.origin, LONGEST);
            let place = setting.place.as_deref().map(|at| format!(", {at}"));
            let place = escape(&place.unwrap_or_default(), LONGEST);
            let key = escape(&setting.keys.join("."), 60);
            let text = format!("{} {} ", words::fit(&key, 22), words::pad(&value, 20));
            vec![plain(text), (Some(Tone::Faint), format!("{origin}{place}"))]
        });
        section(&mut lines, "settings, and who said so", settings.collect());
    }
    lines
}

fn plain(text: impl Into<String>) -> (Option<Tone>, String) {
    (None, text.into())
}

fn head(target: &TargetBody, manner: &Manner) -> Line {
    let (state, tone) = words::state(target);
    let since = words::ago(words::since(target), manner.now);
    let next = words::next(&target.next, manner.passed);
    vec![
        plain(format!("{}  ", words::name(target))),
        (Some(tone), state),
        plain(format!(" for {since}, next: {next}")),
    ]
}

fn facts(detail: &TargetDetail, manner: &Manner) -> Vec<Line> {
    let target = &detail.target;
    let mut facts = Vec::new();
    let mut tell = |name: &str, text: String| {
        if !text.is_empty() {
            let name = (Some(Tone::Faint), format!("  {name:<8} "));
            facts.push(vec![name, plain(text)]);
        }
    };
    let safe = |text: &str| escape(text, LONGEST);
    tell("why", words::why(target));
    tell("url", target.url.as_deref().map(safe).unwrap_or_default());
    tell(
        "group",
        target.group.as_deref().map(safe).unwrap_or_default(),
    );
    let labels: Vec<_> = target
        .labels
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    tell("labels", safe(&labels.join(" ")));
    let others: Vec<&str> = target.overlays.iter().map(|overlay| &**overlay).collect();
    tell("overlays", safe(&others.join(" ")));
    tell("streak", streak(target));
    let last = target.last_check.as_ref();
    tell(
        "last",
        last.map(|check| last_check(check, manner))
            .unwrap_or_default(),
    );
    tell("results", words::recent(target));
    if !target.recent_ms.is_empty() {
        let of = |percent| {
            words::percentile(&target.recent_ms, percent).map_or_else(String::new, words::millis)
        };
        let curve = words::curve(&target.recent_ms, manner.is_unicode);
        tell("ms", format!("{curve}  p50 {}  p99 {}", of(50), of(99)));
    }
    facts
}

fn streak(target: &TargetBody) -> String {
    let streak = &target.streak;
    let run = match (streak.failures, streak.passes) {
        (0, 0) => "none yet".to_owned(),
        (0, passes) => format!("{passes} passed in a row"),
        (failures, _) => format!("{failures} failed in a row"),
    };
    format!("{run}; fall {} rise {}", streak.fall, streak.rise)
}

fn last_check(check: &CheckBody, manner: &Manner) -> String {
    let mut text = format!(
        "{} {} in {} ms",
        clock(&check.time, manner),
        escape(&check.result, 20),
        words::millis(check.total_ms)
    );
    if let Some(status) = check.http.status {
        text.push_str(&format!(", status {status}"));
    }
    let phases = check.phases_ms.iter();
    let phases: Vec<_> = phases
        .filter_map(|(phase, spent)| Some(format!("{phase} {}", words::millis(spent?))))
        .collect();
    if !phases.is_empty() {
        text.push_str(&format!(": {}", phases.join(" ")));
    }
    if let Some(address) = &check.address {
        let kind = match check.connection.as_deref() {
            Some("reused") => " kept",
            Some("new") => " new",
            _ => "",
        };
        text.push_str(&format!(", {}{kind}", escape(address, 60)));
    }
    text
}

/// `14:02:11 healthy -> unhealthy after 15m36s: refused in connect: ...`
pub(crate) fn change(event: &EventBody, manner: &Manner) -> Line {
    let word = |status: &Option<Cow<'static, str>>| {
        let status: Option<&str> = status.as_deref();
        escape(status.unwrap_or("-"), 12)
    };
    let (from, to) = (word(&event.from), word(&event.to));
    let tone = match to.as_str() {
        "healthy" => Tone::Good,
        "degraded" => Tone::Odd,
        "unhealthy" => Tone::Bad,
        _ => Tone::Unknown,
    };
    let held = event.held_ms.map(Duration::from_millis);
    let mut after = held.map_or_else(String::new, |held| format!(" after {}", words::span(held)));
    if event.why.kind.is_some() {
        after.push_str(&format!(": {}", words::sentence(&event.why)));
    }
    vec![
        plain(format!("{} {from} -> ", clock(&event.time, manner))),
        (Some(tone), to),
        plain(after),
    ]
}

/// `14:10:01 refused in connect: ...`
pub(crate) fn failure(check: &CheckBody, manner: &Manner) -> Line {
    let at = clock(&check.time, manner);
    vec![plain(format!("{at} {}", words::sentence(&check.why)))]
}

fn section(lines: &mut Vec<Line>, heading: &str, of: Vec<Line>) {
    if of.is_empty() {
        return;
    }
    lines.push(Vec::new());
    lines.push(vec![(Some(Tone::Faint), heading.to_owned())]);
    lines.extend(of.into_iter().map(|mut line| {
        line.insert(0, plain("  "));
        line
    }));
}

/// The local time of day; of another day with its date.
fn clock(text: &str, manner: &Manner) -> String {
    words::clock(text, manner.now, &manner.zone)
}
