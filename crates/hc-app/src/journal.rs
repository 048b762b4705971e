//! Events made into records for a log: which are worth a line, with what fields, in what order. Pure.
//!
//! Logs speak of transitions and summaries, never of every check. Writing the records is the caller's business.

use std::time::{Duration, SystemTime};

use hc_core::{Edge, Event, EventKind, Failure, Overlay, Status, Turn};
use hc_scheduler::Shutdown;

mod fold;
mod record;
mod summary;

pub use fold::Folding;
pub use record::{Level, Record, TimeStyle, Value, rfc3339, spell_span};
pub use summary::{Summaries, Tally};

/// The record of an event, if it is worth a line.
#[must_use]
pub fn record(event: &Event) -> Option<Record> {
    let wall = event.wall;
    match &event.kind {
        EventKind::Transition { target, turn, cause, .. } => {
            transition(wall, target.as_str(), turn, cause.as_deref())
        }
        EventKind::Overlap { target, interval, took, edge } => Some(match edge {
            Edge::Begin => Record::new(wall, Level::Warn, "overlap")
                .with("target", target.as_str())
                .with("interval", Value::Exact(*interval))
                .with("took", Value::Seconds(*took))
                .with_message("due ticks skipped"),
            Edge::End { lasted } => Record::new(wall, Level::Info, "overlap_end")
                .with("target", target.as_str())
                .with("lasted", Value::Span(*lasted)),
        }),
        EventKind::Overload { stretch, edge } => Some(match edge {
            Edge::Begin => Record::new(wall, Level::Warn, "overload")
                .with("stretch", Value::Decimal(*stretch))
                .with_message(
                    "hc lacks processor time; the fleet is asked less often, late timeouts do not count",
                ),
            Edge::End { lasted } => Record::new(wall, Level::Info, "overload_end")
                .with("lasted", Value::Span(*lasted)),
        }),
        EventKind::Isolated { targets, hosts, silent, edge } => Some(match edge {
            Edge::Begin => Record::new(wall, Level::Error, "isolated")
                .with("targets", *targets)
                .with("hosts", *hosts)
                .with("silent", Value::Seconds(*silent))
                .with_message(
                    "nothing answers any more; failures do not count; look at this machine's network",
                ),
            Edge::End { lasted } => Record::new(wall, Level::Info, "isolated_end")
                .with("lasted", Value::Span(*lasted)),
        }),
        EventKind::Overlay { target, overlay, edge, .. } => {
            overlay_record(wall, target.as_str(), *overlay, *edge)
        }
        EventKind::Panicked { target, failure, edge } => Some(match edge {
            Edge::Begin => Record::new(wall, Level::Error, "panicked")
                .with("target", target.as_str())
                .with_message(failure.message.as_str()),
            Edge::End { lasted } => Record::new(wall, Level::Info, "panicked_end")
                .with("target", target.as_str())
                .with("lasted", Value::Span(*lasted)),
        }),
        _ => None,
    }
}

fn transition(
    wall: SystemTime,
    target: &str,
    turn: &Turn,
    cause: Option<&Failure>,
) -> Option<Record> {
    if turn.from == Status::Unknown && turn.to == Status::Healthy {
        // A whole fleet's first sweep would fill the log with good news.
        return None;
    }
    let level = if turn.to == Status::Healthy {
        Level::Info
    } else {
        Level::Warn
    };
    let record = Record::new(wall, level, "transition")
        .with("target", target)
        .with("from", turn.from.as_str())
        .with("to", turn.to.as_str())
        .with("held", Value::Span(turn.held))
        .with("streak", u64::from(turn.streak));
    Some(match cause {
        Some(failure) => why(record, failure),
        None => record,
    })
}

fn why(record: Record, failure: &Failure) -> Record {
    let mut record = record.with("kind", failure.kind.as_str());
    if let Some(code) = failure.code {
        record = record.with("code", code);
    }
    if let Some(phase) = failure.phase {
        record = record.with("phase", phase.as_str());
    }
    record = record.with("blame", failure.blame.as_str());
    if let Some(mismatch) = &failure.mismatch {
        record = record
            .with("wanted", mismatch.wanted.as_str())
            .with("found", mismatch.found.as_str());
    }
    record.with_message(failure.message.as_str())
}

fn overlay_record(wall: SystemTime, target: &str, overlay: Overlay, edge: Edge) -> Option<Record> {
    let (begin, end, message) = match overlay {
        Overlay::Flapping => ("flapping", "flapping_end", "its status changes too often"),
        Overlay::Stale => (
            "stale",
            "stale_end",
            "no conclusive check for three intervals",
        ),
        // An unsteady target turns Degraded, which is told; who pauses a target knows it.
        _ => return None,
    };
    Some(match edge {
        Edge::Begin => Record::new(wall, Level::Warn, begin)
            .with("target", target)
            .with_message(message),
        Edge::End { lasted } => Record::new(wall, Level::Info, end)
            .with("target", target)
            .with("lasted", Value::Span(lasted)),
    })
}

/// The last line.
#[must_use]
pub fn stopped(wall: SystemTime, signal: &str, ended: Shutdown, uptime: Duration) -> Record {
    Record::new(wall, Level::Info, "stopped")
        .with("signal", signal)
        .with("drained", ended.drained)
        .with("cancelled", ended.cancelled)
        .with("uptime", Value::Span(uptime))
}

#[cfg(test)]
mod tests;
