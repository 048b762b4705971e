//! What a probe is handed for one check: deadline, clock, phase marks, and the means to ask for an early check.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::evidence::{Connection, Evidence, Phases};
use crate::failure::Phase;
use crate::id::TargetId;
use crate::inbox::Nudge;
use crate::time::{Clock, Timestamp};

/// Phase marks of one check. They live outside the probe's future, so that a timeout, a panic and a cancel
/// still have them.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    spent: Phases,
    current: Option<(Phase, Timestamp)>,
    address: Option<SocketAddr>,
    connection: Option<Connection>,
    opened: u8,
}

impl Marks {
    fn close(&mut self, now: Timestamp) {
        if let Some((phase, since)) = self.current.take() {
            self.spent.add(phase, now.since(since));
        }
    }
}

struct Check {
    target: TargetId,
    clock: Arc<dyn Clock>,
    deadline: Timestamp,
    nudge: Nudge,
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
        Self(Arc::new(Check {
            target,
            clock,
            deadline,
            nudge,
            fresh: false,
            marks: Mutex::default(),
        }))
    }

    /// A context outside of any monitor: nudges go nowhere, and the check is to use a new connection.
    #[must_use]
    pub fn alone(target: TargetId, clock: Arc<dyn Clock>, timeout: Duration) -> Self {
        let deadline = clock.now() + timeout;
        Self(Arc::new(Check {
            target,
            clock,
            deadline,
            nudge: Nudge::nowhere(),
            fresh: true,
            marks: Mutex::default(),
        }))
    }

    /// The target that is asked.
    #[must_use]
    pub fn target(&self) -> &TargetId {
        &self.0.target
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
        let mut marks = self.marks();
        marks.close(at);
        marks.current = Some((phase, at));
    }

    /// Notes the address that is asked, so that a timeout can name it.
    pub fn note_address(&self, address: SocketAddr) {
        self.marks().address = Some(address);
    }

    /// Notes over which connection it is asked: a new one counts as opened, and says that the network works.
    pub fn note_connection(&self, connection: Connection) {
        let mut marks = self.marks();
        marks.connection = Some(connection);
        marks.opened = marks
            .opened
            .saturating_add(u8::from(connection == Connection::New));
    }

    /// What the marks say so far, the current phase up to now.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        let mut marks = *self.marks();
        marks.close(self.now());
        let mut evidence = Evidence::new();
        evidence.phases = marks.spent;
        evidence.address = marks.address;
        evidence.connection = marks.connection;
        evidence.opened = marks.opened;
        evidence
    }

    /// A handle that asks for an early check of this target; it may outlive the check, to be kept beside a connection.
    #[must_use]
    pub fn nudge(&self) -> Nudge {
        self.0.nudge.clone()
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
        marks.close(self.now());
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
            .field("target", &self.0.target)
            .field("deadline", &self.0.deadline)
            .field("marks", &*self.marks())
            .finish_non_exhaustive()
    }
}
