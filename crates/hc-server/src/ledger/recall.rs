//! What a ledger knows of a target's past, given away to be written down, and taken in again by another process's.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hc_core::{
    CheckResult, Event, EventKind, Failure, Overlays, Span, Status, TargetId, Timestamp, Turn, Word,
};

use super::record::{FAILURES, FailedCheck, Moment, Past, RECENT, Recent, Record, TRANSITIONS};
use super::{Ledger, find, key};

/// What is remembered of a target beside its health: why, what became of it, its last results. All lists oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Recollection {
    /// The last failure or warning.
    pub why: Option<Failure>,
    /// The last changes of its status.
    pub transitions: Vec<PastTransition>,
    /// The last checks that failed.
    pub failures: Vec<PastFailure>,
    /// The last results, and how long they took.
    pub recent: Vec<(CheckResult, Span)>,
    /// When its certificate ends, in seconds since 1970; 0: not known.
    pub certificate_expiry: u64,
}

/// A change of status that was.
#[derive(Clone, Debug, PartialEq)]
pub struct PastTransition {
    /// When.
    pub wall: SystemTime,
    /// From what.
    pub from: Status,
    /// To what.
    pub to: Status,
    /// How long the status before had held.
    pub held: Duration,
    /// How many results in a row led to it.
    pub streak: u32,
    /// Why; none for a plain recovery.
    pub cause: Option<Failure>,
}

/// A check that failed once.
#[derive(Clone, Debug, PartialEq)]
pub struct PastFailure {
    /// When it ended.
    pub wall: SystemTime,
    /// How long it took.
    pub duration: Duration,
    /// Why. What was seen before it failed is not remembered.
    pub failure: Failure,
}

/// What waits for its target to be known.
pub(super) struct Recalled {
    since: SystemTime,
    past: Option<Box<Past>>,
    recent: Option<Box<Recent>>,
    certificate_expiry: u64,
}

impl Ledger {
    /// What there is to remember of a target.
    #[must_use]
    pub fn recollect(&self, name: &str) -> Option<Recollection> {
        let key = key(name);
        let mut shard = self.shard(key);
        let record = find(&mut shard, key, name)?;
        let certificate_expiry = record.certificate_expiry;
        let recent = record.recent.iter();
        let recent = recent
            .map(|(result, took)| (result, Span::of(took)))
            .collect();
        // What it points to is shared: the copy is made when others may go on.
        let past = record.past();
        drop(shard);
        Some(Recollection {
            why: past.why.as_deref().map(bare),
            transitions: past.transitions.iter().filter_map(transition).collect(),
            failures: past.failures.iter().map(|failed| failure(failed)).collect(),
            recent,
            certificate_expiry,
        })
    }

    /// Takes in what is remembered of a target, whose status holds since then. To be told before the monitor that is
    /// observed adds the target.
    pub fn recall(&self, name: &str, since: SystemTime, recollection: Recollection) {
        let Recollection {
            why,
            transitions,
            failures,
            recent,
            certificate_expiry,
        } = recollection;
        let id = TargetId::new(name);
        let has_past = why.is_some() || !transitions.is_empty() || !failures.is_empty();
        let last = |len: usize, most: usize| len.saturating_sub(most);
        let past = has_past.then(|| {
            Box::new(Past {
                transitions: transitions
                    .into_iter()
                    .rev()
                    .take(TRANSITIONS)
                    .rev()
                    .map(|past| Arc::new(event_of(&id, past)))
                    .collect(),
                failures: failures
                    .into_iter()
                    .rev()
                    .take(FAILURES)
                    .rev()
                    .map(|past| {
                        Arc::new(FailedCheck {
                            wall: past.wall,
                            duration: past.duration,
                            failure: past.failure,
                        })
                    })
                    .collect(),
                why: why.map(Arc::new),
            })
        });
        let recent = (!recent.is_empty()).then(|| {
            let mut ring = Box::<Recent>::default();
            for (result, latency) in &recent[last(recent.len(), RECENT)..] {
                ring.push(*result, latency.get().unwrap_or_default());
            }
            ring
        });
        let recalled = Recalled {
            since,
            past,
            recent,
            certificate_expiry,
        };
        let key = key(name);
        self.shard(key).recalled.insert(key, recalled);
    }
}

impl Record {
    /// Takes in what was remembered of it.
    pub(super) fn recall(&mut self, recalled: Recalled) {
        let Recalled {
            since,
            past,
            recent,
            certificate_expiry,
        } = recalled;
        self.since = Moment::of(since);
        self.past = past;
        self.recent = recent.map(|recent| *recent).unwrap_or_default();
        self.certificate_expiry = certificate_expiry;
    }
}

fn bare(failure: &Failure) -> Failure {
    let mut failure = failure.clone();
    failure.evidence = None;
    failure
}

fn failure(failed: &FailedCheck) -> PastFailure {
    PastFailure {
        wall: failed.wall,
        duration: failed.duration,
        failure: bare(&failed.failure),
    }
}

fn transition(event: &Arc<Event>) -> Option<PastTransition> {
    let EventKind::Transition { turn, cause, .. } = &event.kind else {
        return None;
    };
    Some(PastTransition {
        wall: event.wall,
        from: turn.from,
        to: turn.to,
        held: turn.held,
        streak: turn.streak,
        cause: cause.as_deref().map(bare),
    })
}

/// An event of another process: without a number, and without a time of this one's clock.
pub(super) fn event_of(target: &TargetId, past: PastTransition) -> Event {
    let (from, to) = (past.from, past.to);
    let is_healthy = matches!(to, Status::Healthy | Status::Degraded);
    let kind = EventKind::Transition {
        target: target.clone(),
        turn: Turn {
            from,
            to,
            at: Timestamp::ZERO,
            held: past.held,
            streak: past.streak,
        },
        word: Word::from_parts(to, is_healthy, Overlays::default()),
        cause: past.cause.map(Arc::new),
    };
    Event::new(0, Timestamp::ZERO, past.wall, kind)
}
