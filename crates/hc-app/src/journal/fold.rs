//! At most so many lines a second: what is over is folded into one line that counts them.

use std::time::{Duration, SystemTime};

use super::{Level, Record};

/// Keeps a log within its burst. Errors are never folded: there are few by nature.
#[derive(Debug)]
pub struct Folding {
    burst: u32,
    since: Option<SystemTime>,
    written: u32,
    folded: u64,
}

impl Folding {
    /// At most so many lines a second.
    #[must_use]
    pub fn new(burst: u32) -> Self {
        Self {
            burst: burst.max(1),
            since: None,
            written: 0,
            folded: 0,
        }
    }

    /// Takes a record; gives back what is to be written.
    pub fn take(&mut self, record: Record) -> Vec<Record> {
        let mut out: Vec<Record> = self.roll(record.wall).into_iter().collect();
        if self.written < self.burst || record.level == Level::Error {
            self.written += 1;
            out.push(record);
        } else {
            self.folded += 1;
        }
        out
    }

    /// Begins a new second if the old one is over: the line that tells what was folded in it.
    pub fn roll(&mut self, now: SystemTime) -> Option<Record> {
        let over = self.since.is_none_or(|since| {
            // A wall clock that was set back ends the second too.
            now.duration_since(since)
                .map_or(true, |age| age >= Duration::from_secs(1))
        });
        if !over {
            return None;
        }
        self.since = Some(now);
        self.written = 0;
        let folded = std::mem::take(&mut self.folded);
        (folded > 0).then(|| Record::new(now, Level::Warn, "transitions").with("folded", folded))
    }

    /// Whether something waits to be told.
    #[must_use]
    pub fn has_folded(&self) -> bool {
        self.folded > 0
    }
}
