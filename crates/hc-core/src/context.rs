//! What a probe is handed for one check: deadline, clock, phase marks, and the means to ask for an early check.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::cell::Cell;
use crate::evidence::{Connection, Evidence, Phases};
use crate::failure::Phase;
use crate::id::TargetId;
use crate::inbox::Nudge;
use crate::time::{Clock, Timestamp};

/// Phase marks of one check. They live outside the probe's future, so that a timeout, a panic and a cancel
/// still have them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Marks {
    spent: Phases,
    current: Option<(Phase, Timestamp)>,
    address: Option<SocketAddr>,
    connection: Option<Connection>,
    opened: u8,
    address_age: Option<Duration>,
}

impl Marks {
    /// As [`CheckContext::enter_at`].
    pub fn enter_at(&mut self, phase: Phase, at: Timestamp) {
        self.close(at);
        self.current = Some((phase, at));
    }

    /// As [`CheckContext::note_address`].
    pub fn note_address(&mut self, address: SocketAddr) {
        self.address = Some(address);
    }

    /// As [`CheckContext::note_connection`].
    pub fn note_connection(&mut self, connection: Connection) {
        self.connection = Some(connection);
        self.opened = self
            .opened
            .saturating_add(u8::from(connection == Connection::New));
    }

    /// As [`CheckContext::note_address_age`].
    pub fn note_address_age(&mut self, age: Duration) {
        self.address_age = Some(age);
    }

    fn close(&mut self, now: Timestamp) {
        if let Some((phase, since)) = self.current.take() {
            self.spent.add(phase, now.since(since));
        }
    }

    fn evidence(mut self, now: Timestamp) -> Evidence {
        self.close(now);
        let mut evidence = Evidence::new();
        evidence.phases = self.spent;
        evidence.address = self.address;
        evidence.connection = self.connection;
        evidence.opened = self.opened;
        if let Some(age) = self.address_age {
            evidence.tell_address_age(age);
        }
        evidence
    }
}

/// Whose check it is.
enum Subject {
    /// A target of a monitor's: its id, and where nudges go.
    Shared(Arc<Cell>),
    Other(TargetId, Nudge),
}

struct Check {
    subject: Subject,
    clock: Arc<dyn Clock>,
    deadline: Timestamp,
    fresh: bool,
    marks: Mutex<Marks>,
}

/// What a probe is handed for one check. Cheap to clone.
#[derive(Clone)]
pub struct CheckContext(Arc<Check>);

impl CheckContext {
    /// A context for one check of `target`. Drivers make these; [`CheckContext::alone`] serves tests and one-off checks.
    #[must_use]
    pub fn new(target: TargetId, clock: Arc<dyn Clock>, deadline: Timestamp, nudge: Nudge) -> Self {
        Self::of(Subject::Other(target, nudge), clock, deadline)
    }

    /// A context for one check of the target of that cell, whose nudges reach its driver.
    #[must_use]
    pub fn for_cell(cell: Arc<Cell>, clock: Arc<dyn Clock>, deadline: Timestamp) -> Self {
        Self::of(Subject::Shared(cell), clock, deadline)
    }

    /// A context outside of any monitor: nudges go nowhere, and the check is to use a new connection.
    #[must_use]
    pub fn alone(target: TargetId, clock: Arc<dyn Clock>, timeout: Duration) -> Self {
        let deadline = clock.now() + timeout;
        let subject = Subject::Other(target, Nudge::nowhere());
        Self(Arc::new(Check {
            subject,
            clock,
            deadline,
            fresh: true,
            marks: Mutex::default(),
        }))
    }

    fn of(subject: Subject, clock: Arc<dyn Clock>, deadline: Timestamp) -> Self {
        Self(Arc::new(Check {
            subject,
            clock,
            deadline,
            fresh: false,
            marks: Mutex::default(),
        }))
    }

    /// Makes of this context one for another check, with the same clock. False, and nothing happens, if somebody
    /// still holds a clone of it: then the next check needs one of its own.
    #[must_use]
    pub fn renew(&mut self, cell: &Arc<Cell>, deadline: Timestamp) -> bool {
        let Some(check) = Arc::get_mut(&mut self.0) else {
            return false;
        };
        check.subject = Subject::Shared(cell.clone());
        check.deadline = deadline;
        check.fresh = false;
        *check
            .marks
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner) = Marks::default();
        true
    }

    /// The target that is asked.
    #[must_use]
    pub fn target(&self) -> &TargetId {
        match &self.0.subject {
            Subject::Shared(cell) => cell.id(),
            Subject::Other(id, _) => id,
        }
    }

    /// Now, by the driver's clock. Probes read no other.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The driver's clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// When this check is to end, by [`now`](Self::now)'s clock.
    ///
    /// The caller enforces it by dropping the future; for the probe it is a hint. A driver that itself
    /// ran late may grant more time than this.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        self.0.deadline
    }

    /// Whether this check must not use a kept connection.
    #[must_use]
    pub fn wants_fresh_connection(&self) -> bool {
        self.0.fresh
    }

    /// Marks that a phase begins now; the one before it, if any, ends.
    pub fn enter(&self, phase: Phase) {
        self.enter_at(phase, self.now());
    }

    /// Marks that a phase began at `at`; the one before it ended then.
    pub fn enter_at(&self, phase: Phase, at: Timestamp) {
        self.marks().enter_at(phase, at);
    }

    /// Marks the end of the phase that the check is in, at a time of this clock: the kernel's own, say. What comes
    /// after it belongs to no phase.
    pub fn leave_at(&self, at: Timestamp) {
        self.marks().close(at);
    }

    /// Notes the address that is asked, so that a timeout can name it.
    pub fn note_address(&self, address: SocketAddr) {
        self.marks().note_address(address);
    }

    /// Notes how old the resolver's answer is, where an old one stands in for one that the resolver does not give:
    /// [`Fact::AddressAge`](crate::Fact::AddressAge) of the evidence.
    pub fn note_address_age(&self, age: Duration) {
        self.marks().note_address_age(age);
    }

    /// Notes over which connection it is asked: a new one counts as opened, and says that the network works.
    pub fn note_connection(&self, connection: Connection) {
        self.marks().note_connection(connection);
    }

    /// Several notes at once: what a probe that knows the time already does in one step.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use hc_core::{CheckContext, Connection, Phase};
    ///
    /// fn sent(cx: &CheckContext, address: std::net::SocketAddr) {
    ///     let now = cx.now();
    ///     cx.note(|marks| {
    ///         marks.note_address(address);
    ///         marks.note_connection(Connection::Reused);
    ///         marks.enter_at(Phase::Wait, now);
    ///     });
    /// }
    /// ```
    pub fn note(&self, notes: impl FnOnce(&mut Marks)) {
        notes(&mut self.marks());
    }

    /// What the marks say so far, the current phase up to now.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        let marks = *self.marks();
        let now = match marks.current {
            Some(_) => self.now(),
            None => Timestamp::ZERO,
        };
        marks.evidence(now)
    }

    /// Adds to `evidence` what the marks know and the probe did not say, the current phase up to `ended_at`.
    pub fn complete(&self, evidence: &mut Evidence, ended_at: Timestamp) {
        let mut marks = self.marks();
        if evidence.phases.is_empty() {
            marks.close(ended_at);
            evidence.phases = marks.spent;
        }
        if evidence.connection.is_none() {
            evidence.connection = marks.connection;
            evidence.opened = evidence.opened.max(marks.opened);
        }
        evidence.address = evidence.address.or(marks.address);
        if let Some(age) = marks.address_age {
            evidence.tell_address_age(age);
        }
    }

    /// A handle that asks for an early check of this target; it may outlive the check, to be kept beside a connection.
    #[must_use]
    pub fn nudge(&self) -> Nudge {
        match &self.0.subject {
            Subject::Shared(cell) => cell.to_nudge(),
            Subject::Other(_, nudge) => nudge.clone(),
        }
    }

    /// The phase that the check is in.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.marks().current.map(|(phase, _)| phase)
    }

    /// The time spent in each phase so far, the current one up to now.
    #[must_use]
    pub fn phases(&self) -> Phases {
        let mut marks = *self.marks();
        if marks.current.is_some() {
            marks.close(self.now());
        }
        marks.spent
    }

    fn marks(&self) -> std::sync::MutexGuard<'_, Marks> {
        // A panic cannot leave marks half written: they are plain values.
        self.0.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CheckContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckContext")
            .field("target", self.target())
            .field("deadline", &self.0.deadline)
            .field("marks", &*self.marks())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::{Evidence, Health, Policy, Target, Word, probe_fn, view};

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(7)
        }

        fn wall(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH
        }
    }

    fn cell(id: &str) -> Arc<Cell> {
        let target = Target::new(id, probe_fn(|_| async { Ok(Evidence::new()) }));
        let health = Health::new(crate::Start::First, Timestamp::ZERO);
        let word = Word::new(&health, &Policy::default(), false);
        let (publisher, _) = view(1);
        publisher
            .add(&target, word, Timestamp::ZERO, SystemTime::UNIX_EPOCH)
            .expect("it is new")
    }

    #[test]
    fn a_context_is_used_again_only_if_nobody_else_holds_it_and_forgets_its_marks() {
        let mut cx = CheckContext::for_cell(cell("a"), Arc::new(Still), Timestamp::from_millis(9));
        cx.note(|marks| {
            marks.note_connection(Connection::New);
            marks.enter_at(Phase::Wait, Timestamp::from_millis(3));
        });
        assert_eq!(cx.target().as_str(), "a");
        assert_eq!(
            cx.evidence().phases.get(Phase::Wait),
            Some(Duration::from_millis(4))
        );
        let held = cx.clone();
        assert!(!cx.renew(&cell("b"), Timestamp::from_millis(99)));
        assert_eq!(held.target().as_str(), "a");
        drop(held);
        assert!(cx.renew(&cell("b"), Timestamp::from_millis(99)));
        assert_eq!(cx.target().as_str(), "b");
        assert_eq!(cx.deadline(), Timestamp::from_millis(99));
        assert_eq!(cx.evidence(), Evidence::new());
        assert_eq!(cx.phase(), None);
    }

    #[test]
    fn an_old_address_is_told_once_whoever_tells_it() {
        let cx = CheckContext::for_cell(cell("a"), Arc::new(Still), Timestamp::NEVER);
        let age = Duration::from_secs(3_700);
        cx.note_address_age(age);
        let mut says = cx.evidence();
        assert_eq!(*says.facts, [crate::Fact::AddressAge(age)]);
        cx.complete(&mut says, Timestamp::NEVER);
        says.fill_from(&cx.evidence());
        assert_eq!(says.facts.len(), 1);
        let mut silent = Evidence::new();
        cx.complete(&mut silent, Timestamp::NEVER);
        assert_eq!(silent.facts, says.facts);
    }

    #[test]
    fn what_the_probe_says_itself_holds() {
        let cx = CheckContext::for_cell(cell("a"), Arc::new(Still), Timestamp::NEVER);
        cx.note_connection(Connection::New);
        cx.enter_at(Phase::Connect, Timestamp::from_millis(1));
        let mut silent = Evidence::new();
        cx.complete(&mut silent, Timestamp::from_millis(3));
        assert_eq!(
            silent.phases.get(Phase::Connect),
            Some(Duration::from_millis(2))
        );
        assert_eq!(silent.opened, 1);
        let mut says = Evidence::new();
        says.connection = Some(Connection::Reused);
        says.phases.set(Phase::Wait, Duration::from_millis(1));
        let mut said = says.clone();
        cx.complete(&mut said, Timestamp::from_millis(3));
        assert_eq!(said, says);
    }
}
