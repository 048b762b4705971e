//! What a check saw: how long each phase took, over which connection, and typed facts.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use crate::failure::{Failure, Phase};
use crate::text::Sentence;

/// How long each phase took. What was not measured is absent, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases([Option<Duration>; Phase::ALL.len()]);

impl Phases {
    /// The time spent in a phase, if it was measured.
    #[must_use]
    pub fn get(&self, phase: Phase) -> Option<Duration> {
        self.0[phase as usize]
    }

    /// Sets the time spent in a phase.
    pub fn set(&mut self, phase: Phase, spent: Duration) {
        self.0[phase as usize] = Some(spent);
    }

    /// Adds to the time spent in a phase; a phase can be entered twice (a redirect, a retry).
    pub fn add(&mut self, phase: Phase, spent: Duration) {
        let sum = &mut self.0[phase as usize];
        *sum = Some(sum.unwrap_or_default().saturating_add(spent));
    }

    /// The measured phases in order.
    pub fn iter(&self) -> impl Iterator<Item = (Phase, Duration)> + '_ {
        Phase::ALL
            .iter()
            .filter_map(|phase| Some((*phase, self.get(*phase)?)))
    }

    /// Whether nothing was measured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

/// Whether a check opened its connection or used a kept one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Opened for this check.
    New,
    /// Kept from an earlier one.
    Reused,
}

impl Connection {
    /// The spelling in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Reused => "reused",
        }
    }
}

/// One typed thing that a check learnt.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fact {
    /// The status of an HTTP answer.
    HttpStatus(u16),
    /// The version of HTTP spoken: `1.1`.
    HttpVersion(&'static str),
    /// How many bytes of the body were read.
    BodyBytes(u64),
    /// The body was longer than was read, and the connection was closed for it.
    BodyCut,
    /// When the peer's own certificate ends.
    CertificateExpiry(SystemTime),
    /// The peer's certificate was not verified, because the target says `insecure`.
    Insecure,
    /// A fact of a probe's own. Names are fixed, values escaped and bounded.
    Own(&'static str, Sentence),
}

/// What a check saw. All of it is optional: a probe says what it knows.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Evidence {
    /// How long each phase took.
    pub phases: Phases,
    /// From first poll to end. The driver fills it where a probe leaves it absent.
    pub total: Option<Duration>,
    /// Whether the connection was new.
    pub connection: Option<Connection>,
    /// How many connections were opened for this check.
    pub opened: u8,
    /// Whether a failure on a reused connection was tried again on a fresh one.
    pub retried: bool,
    /// The address that was asked.
    pub address: Option<SocketAddr>,
    /// Why this pass is degraded: what would have been the failure, had it been judged one.
    pub warning: Option<Box<Failure>>,
    /// What else was learnt.
    pub facts: Vec<Fact>,
}

impl Evidence {
    /// Nothing known but that it passed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, fact: Fact) -> Self {
        self.facts.push(fact);
        self
    }

    /// Takes from `marks` what is not known here: what a probe says itself holds.
    pub fn fill_from(&mut self, marks: &Self) {
        if self.phases.is_empty() {
            self.phases = marks.phases;
        }
        if self.connection.is_none() {
            self.connection = marks.connection;
            self.opened = self.opened.max(marks.opened);
        }
        self.address = self.address.or(marks.address);
    }

    /// Makes this pass a degraded one. The first warning is kept.
    pub fn warn(&mut self, warning: Failure) {
        self.warning.get_or_insert_with(|| Box::new(warning));
    }
}
