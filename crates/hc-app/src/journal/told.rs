//! A log record made of an event as the API tells it, so that the log and whoever follows the API say the same.

use std::time::{Duration, SystemTime};

use hc_server::EventBody;

use super::{Level, Record, Value};

/// Events that are worth a line, the ends of these too. Others are told on request: a fleet's first sweep would fill a
/// log with good news, an unsteady target turns Degraded, and who pauses a target knows it.
const LINES: [&str; 7] = [
    "transition",
    "flapping",
    "stale",
    "overlap",
    "overload",
    "isolated",
    "panicked",
];

/// Whether an event is worth a line of the log.
#[must_use]
pub fn is_line(event: &EventBody) -> bool {
    let name = event.event.as_str();
    let is_first =
        event.from.as_deref() == Some("unknown") && event.to.as_deref() == Some("healthy");
    LINES.contains(&name.strip_suffix("_end").unwrap_or(name)) && !is_first
}

/// The record of any event. `wall` is its time, which the event itself has as text.
#[must_use]
pub fn told(wall: SystemTime, event: &EventBody) -> Record {
    let level = match &*event.level {
        "error" => Level::Error,
        "warn" => Level::Warn,
        _ => Level::Info,
    };
    let span = |millis: Option<u64>| millis.map(Duration::from_millis);
    let record = Record::new(wall, level, event.event.clone());
    let record = known(record, [("target", text(event.target.as_deref()))]);
    if event.event.ends_with("_end") {
        // What it was like was said at its begin.
        let lasted = span(event.lasted_ms).map(Value::Span);
        return known(record, [("lasted", lasted)]);
    }
    let count = |number: Option<usize>| number.map(Value::from);
    let fields = [
        ("group", text(event.group.as_deref())),
        ("from", text(event.from.as_deref())),
        ("to", text(event.to.as_deref())),
        ("held", span(event.held_ms).map(Value::Span)),
        (
            "streak",
            event.streak.map(|streak| Value::Count(streak.into())),
        ),
        ("interval", span(event.interval_ms).map(Value::Exact)),
        ("took", span(event.took_ms).map(Value::Seconds)),
        ("stretch", event.stretch.map(Value::Decimal)),
        ("targets", count(event.targets)),
        ("hosts", count(event.hosts)),
        ("silent", span(event.silent_ms).map(Value::Seconds)),
    ];
    let mut record = known(record, fields);
    if event.event != "panicked" {
        record = known(record, why(event));
    }
    record.message = match &event.why.message {
        Some(message) => Some(message.clone()),
        None => message(&event.event).map(ToOwned::to_owned),
    };
    record
}

/// The record with those fields that there are.
fn known<const N: usize>(mut record: Record, fields: [(&'static str, Option<Value>); N]) -> Record {
    let there = fields
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)));
    record.fields.extend(there);
    record
}

fn text(text: Option<&str>) -> Option<Value> {
    text.map(Value::from)
}

fn why(event: &EventBody) -> [(&'static str, Option<Value>); 6] {
    let why = &event.why;
    [
        ("kind", text(why.kind.as_deref())),
        ("code", text(why.code.as_deref())),
        ("phase", text(why.phase.as_deref())),
        ("blame", text(why.blame.as_deref())),
        ("wanted", text(why.wanted.as_deref())),
        ("found", text(why.found.as_deref())),
    ]
}

/// What an event means, where it has no sentence of its own.
fn message(event: &str) -> Option<&'static str> {
    Some(match event {
        "overlap" => "due ticks skipped",
        "overload" => {
            "hc lacks processor time; the fleet is asked less often, late timeouts do not count"
        }
        "isolated" => {
            "nothing answers any more; failures do not count; look at this machine's network"
        }
        "flapping" => "its status changes too often",
        "stale" => "no conclusive check for three intervals",
        _ => return None,
    })
}
