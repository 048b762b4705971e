//! Events made into records for a log: which are worth a line, with what fields, in what order. Pure.
//!
//! Logs speak of transitions and summaries, never of every check. Writing the records is the caller's business.

use std::time::{Duration, SystemTime};

use hc_core::Event;
use hc_scheduler::Shutdown;
use hc_server::EventBody;

mod fold;
mod record;
mod summary;
mod told;

pub use fold::Folding;
pub use record::{Level, Record, TimeStyle, Value, rfc3339, spell_span};
pub use summary::{Summaries, Tally};
pub use told::{is_line, told};

/// The record of an event, if it is worth a line.
#[must_use]
pub fn record(event: &Event) -> Option<Record> {
    let told_of = EventBody::of(event);
    is_line(&told_of).then(|| told(event.wall, &told_of))
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
