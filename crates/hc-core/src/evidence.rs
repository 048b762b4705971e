//! What a check saw: how long each phase took, over which connection, and typed facts.

use std::fmt;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, SystemTime};

use smallvec::SmallVec;

use crate::failure::{Failure, Phase};
use crate::text::Sentence;
use crate::time::Span;

/// How long each phase took. What was not measured is absent, never zero. As exact as a [`Span`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases([Span; Phase::ALL.len()]);

impl Phases {
    /// The time spent in a phase, if it was measured.
    #[must_use]
    pub fn get(&self, phase: Phase) -> Option<Duration> {
        self.0[phase as usize].get()
    }

    /// Sets the time spent in a phase.
    pub fn set(&mut self, phase: Phase, spent: Duration) {
        self.0[phase as usize] = Span::of(spent);
    }

    /// Adds to the time spent in a phase; a phase can be entered twice (a redirect, a retry).
    pub fn add(&mut self, phase: Phase, spent: Duration) {
        let before = self.get(phase).unwrap_or_default();
        self.set(phase, before.saturating_add(spent));
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
        self.0.iter().all(|span| *span == Span::ABSENT)
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
    /// The address comes of an answer of the resolver that is so old, and past its time: the resolver gives no newer
    /// one.
    AddressAge(Duration),
    /// When the answer came is known by this process's own clock, which looked a little later; else the kernel told.
    UserClock,
    /// A fact of a probe's own. Names are fixed, values escaped and bounded.
    Own(&'static str, Sentence),
}

/// How many facts are held without an allocation: those of a pass over HTTPS.
const USUAL_FACTS: usize = 4;

/// The facts of a check, in the order in which they were learnt. Reads as a slice of [`Fact`]; the usual few
/// take no allocation.
#[derive(Clone, Default, PartialEq)]
pub struct Facts(SmallVec<[Fact; USUAL_FACTS]>);

impl Facts {
    /// Adds a fact.
    pub fn push(&mut self, fact: Fact) {
        self.0.push(fact);
    }

    /// Forgets all facts.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Keeps the facts for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&Fact) -> bool) {
        self.0.retain(|fact| keep(fact));
    }
}

impl Deref for Facts {
    type Target = [Fact];

    fn deref(&self) -> &[Fact] {
        &self.0
    }
}

impl DerefMut for Facts {
    fn deref_mut(&mut self) -> &mut [Fact] {
        &mut self.0
    }
}

impl Extend<Fact> for Facts {
    fn extend<I: IntoIterator<Item = Fact>>(&mut self, facts: I) {
        self.0.extend(facts);
    }
}

impl FromIterator<Fact> for Facts {
    fn from_iter<I: IntoIterator<Item = Fact>>(facts: I) -> Self {
        Self(facts.into_iter().collect())
    }
}

impl From<Vec<Fact>> for Facts {
    fn from(facts: Vec<Fact>) -> Self {
        Self(facts.into())
    }
}

impl<'a> IntoIterator for &'a Facts {
    type Item = &'a Fact;
    type IntoIter = std::slice::Iter<'a, Fact>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
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
    pub facts: Facts,
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
        for fact in &marks.facts {
            if let Fact::AddressAge(age) = fact {
                self.tell_address_age(*age);
            }
        }
    }

    /// Adds that fact, if it is not there yet.
    pub(crate) fn tell_address_age(&mut self, age: Duration) {
        let is_told = |fact: &Fact| matches!(fact, Fact::AddressAge(_));
        if !self.facts.iter().any(is_told) {
            self.facts.push(Fact::AddressAge(age));
        }
    }

    /// Makes this pass a degraded one. The first warning is kept.
    pub fn warn(&mut self, warning: Failure) {
        self.warning.get_or_insert_with(|| Box::new(warning));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_of_a_pass_over_https_take_no_allocation() {
        let mut facts = Facts::default();
        facts.extend([
            Fact::HttpStatus(200),
            Fact::HttpVersion("1.1"),
            Fact::BodyBytes(2),
            Fact::CertificateExpiry(SystemTime::UNIX_EPOCH),
        ]);
        assert!(!facts.0.spilled());
        facts.push(Fact::Insecure);
        assert_eq!(facts.len(), 5);
        assert_eq!(facts, Facts::from(facts.to_vec()));
        assert!(facts.contains(&Fact::BodyBytes(2)));
        // Two texts and a tag; the evidence of a check is four lines of the processor's cache.
        assert_eq!(size_of::<Fact>(), 40);
        assert!(size_of::<Evidence>() <= 256, "{}", size_of::<Evidence>());
    }

    #[test]
    fn phases_add_up_and_absent_ones_are_absent() {
        let mut phases = Phases::default();
        assert!(phases.is_empty());
        phases.add(Phase::Wait, Duration::from_secs(2));
        phases.add(Phase::Wait, Duration::from_secs(1));
        phases.set(Phase::Send, Duration::ZERO);
        let all: Vec<_> = phases.iter().collect();
        assert_eq!(
            all,
            [
                (Phase::Send, Duration::ZERO),
                (Phase::Wait, Duration::from_secs(3))
            ]
        );
        assert_eq!(size_of::<Phases>(), 24);
    }
}
