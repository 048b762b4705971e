//! What was read: each target takes its own, if it still is what it was.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use hc_config::Imprint;
use hc_core::{Memory, Status};
use hc_server::{Ledger, Recollection};

use super::line::Line;

/// What is remembered of targets, until they take it.
#[derive(Debug, Default)]
pub struct Memories {
    by_name: HashMap<String, Kept>,
    taken: usize,
    /// Of what was read.
    age: Option<Duration>,
    /// Who is told what became of those who take theirs.
    ledger: Option<Arc<Ledger>>,
}

#[derive(Debug)]
struct Kept {
    imprint: Imprint,
    memory: Memory,
    past: Option<Box<Recollection>>,
}

impl Memories {
    /// None: every target begins anew.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    pub(super) fn of(ledger: Option<Arc<Ledger>>) -> Self {
        Self {
            ledger,
            ..Self::default()
        }
    }

    /// Keeps what a line tells, if it is of one of these targets.
    pub(super) fn keep(&mut self, line: &Line<'_>, known: &HashSet<&str>) -> Result<(), String> {
        // Looked at also where nobody wants it: a file is right as a whole, or wrong as a whole.
        let memory = line.memory()?;
        if known.contains(&*line.name) {
            let kept = Kept {
                imprint: line.imprint(),
                memory,
                past: self.ledger.as_ref().and_then(|_| line.past()).map(Box::new),
            };
            self.by_name.insert(line.name.to_string(), kept);
        }
        Ok(())
    }

    /// What is remembered of a target, if it is what it was. One that is asked in another way keeps its status, and its
    /// streaks begin anew.
    pub(crate) fn take(&mut self, name: &str, imprint: Imprint) -> Option<Memory> {
        let kept = self.by_name.remove(name)?;
        if kept.imprint.identity != imprint.identity {
            return None;
        }
        // One that was never judged has nothing to go on from.
        self.taken += usize::from(kept.memory.health().status() != Status::Unknown);
        let mut memory = kept.memory;
        if let Some(ledger) = &self.ledger {
            let past = kept.past.map(|past| *past).unwrap_or_default();
            ledger.recall(name, memory.since(), past);
        }
        if kept.imprint.asked != imprint.asked {
            memory.zero_streaks();
        }
        Some(memory)
    }

    pub(super) fn of_age(self, age: Duration) -> Self {
        Self {
            age: Some(age),
            ..self
        }
    }

    /// How long ago they were saved; `None`: there are none.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.age
    }

    /// How many targets have taken a status.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken
    }
}
