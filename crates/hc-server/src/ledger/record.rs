//! What is remembered of one target: 224 bytes with its last results, and rings that are made when they are first needed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hc_core::{
    CheckResult, Event, EventKind, Evidence, Fact, Failure, Span, Status, TargetHandle, Timestamp,
    nanos,
};
use hc_scheduler::{Checked, Next};

use super::histogram::Histogram;
use super::recall::{PastTransition, event_of};
use super::tally::Tally;

/// Results and latencies that are kept: a row of a terminal's table.
pub(crate) const RECENT: usize = 30;

/// Transitions that are kept of a target.
pub(crate) const TRANSITIONS: usize = 20;

/// Failed checks that are kept of a target, whatever passes after them.
pub(crate) const FAILURES: usize = 5;

/// A check that failed.
#[derive(Clone, Debug)]
pub(crate) struct FailedCheck {
    pub(crate) wall: SystemTime,
    pub(crate) duration: Duration,
    pub(crate) failure: Failure,
}

/// The last results, oldest first, in 136 bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent {
    latencies: [Span; RECENT],
    /// Two bits each, in the order of `CheckResult::ALL`.
    results: u64,
    at: u8,
    len: u8,
}

impl Recent {
    pub(super) fn push(&mut self, result: CheckResult, latency: Duration) {
        let at = usize::from(self.at);
        self.latencies[at] = Span::of(latency);
        self.results = self.results & !(3 << (2 * at)) | (result as u64) << (2 * at);
        self.at = ((at + 1) % RECENT) as u8;
        self.len = (self.len + 1).min(RECENT as u8);
    }

    /// Oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (CheckResult, Duration)> + '_ {
        let (at, len) = (usize::from(self.at), usize::from(self.len));
        (0..len).map(move |nth| {
            let place = (at + RECENT - len + nth) % RECENT;
            let result = CheckResult::ALL[(self.results >> (2 * place) & 3) as usize];
            (result, self.latencies[place].get().unwrap_or_default())
        })
    }
}

/// What only a target with a past has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Past {
    pub(crate) transitions: VecDeque<Arc<Event>>,
    pub(crate) failures: VecDeque<Arc<FailedCheck>>,
    /// The last failure or warning: why, while it is not well.
    pub(crate) why: Option<Arc<Failure>>,
}

/// The histograms of one target, where they are asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own {
    pub(crate) duration: Histogram,
    pub(crate) phases: [Histogram; 6],
}

/// The last check, as far as metrics tell of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastCheck {
    pub(crate) wall: SystemTime,
    pub(crate) duration: Span,
    /// From its end to when it was due next then.
    pub(crate) to_next: Span,
}

/// A moment for people in eight bytes: nanoseconds since 1970, until 2554.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

impl Moment {
    pub(crate) fn of(wall: SystemTime) -> Self {
        let since = wall.duration_since(SystemTime::UNIX_EPOCH);
        Self(nanos(since.unwrap_or_default()))
    }

    pub(crate) fn wall(self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.0)
    }
}

/// The last check, packed.
#[derive(Clone, Copy, Debug)]
struct Last {
    at: Moment,
    duration: Span,
    to_next: Span,
}

/// What is remembered of one target.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) key: u64,
    pub(crate) handle: TargetHandle,
    pub(crate) tally: Arc<Tally>,
    /// At the beginning of time: there was none.
    last: Last,
    /// When its status began, for people.
    pub(crate) since: Moment,
    /// Seconds since 1970; 0: not known.
    pub(crate) certificate_expiry: u64,
    pub(crate) transitions: u32,
    pub(crate) failures: u32,
    pub(crate) recent: Recent,
    /// As of the last transition that was heard of.
    pub(crate) status: Status,
    /// How long nothing was known of it before that, if its first result is the only transition there was: of most
    /// targets it is, and kept as an event it would take as much room as all else.
    first_held: Span,
    pub(crate) past: Option<Box<Past>>,
    pub(crate) own: Option<Box<Own>>,
}

impl Record {
    pub(crate) fn new(
        key: u64,
        handle: TargetHandle,
        tally: Arc<Tally>,
        since: SystemTime,
    ) -> Self {
        Self {
            key,
            status: handle.status(),
            first_held: Span::ABSENT,
            handle,
            tally,
            last: Last {
                at: Moment(0),
                duration: Span::ABSENT,
                to_next: Span::ABSENT,
            },
            since: Moment::of(since),
            certificate_expiry: 0,
            transitions: 0,
            failures: 0,
            recent: Recent::default(),
            past: None,
            own: None,
        }
    }

    /// The last check, if there was one.
    pub(crate) fn last(&self) -> Option<LastCheck> {
        (self.last.at != Moment(0)).then(|| LastCheck {
            wall: self.last.at.wall(),
            duration: self.last.duration,
            to_next: self.last.to_next,
        })
    }

    /// Remembers a check. `is_full`: in histograms of its own too.
    pub(crate) fn check_ended(&mut self, check: &Checked, is_full: bool) {
        let until = |next: Next| next.at.since(check.at);
        self.last = Last {
            at: Moment::of(check.wall),
            duration: Span::of(took(check)),
            to_next: Span::from(
                check
                    .next
                    .filter(|next| next.at != Timestamp::NEVER)
                    .map(until),
            ),
        };
        self.recent.push(check.result, took(check));
        let evidence = evidence(check);
        if let Some(evidence) = evidence {
            self.learn(evidence);
        }
        if is_full && !check.shared {
            let own = self.own.get_or_insert_default();
            own.duration.record(took(check));
            for (phase, spent) in evidence.iter().flat_map(|evidence| evidence.phases.iter()) {
                own.phases[phase as usize].record(spent);
            }
        } else if !is_full {
            self.own = None;
        }
        if let Some(why) = check.why() {
            self.failed(check, why);
        }
    }

    fn learn(&mut self, evidence: &Evidence) {
        for fact in &evidence.facts {
            if let Fact::CertificateExpiry(at) = fact {
                let since = at.duration_since(SystemTime::UNIX_EPOCH);
                self.certificate_expiry = since.map_or(0, |since| since.as_secs());
            }
        }
    }

    fn failed(&mut self, check: &Checked, why: &Failure) {
        let past = self.past.get_or_insert_default();
        if check.result != CheckResult::Inconclusive {
            let mut bare = why.clone();
            bare.evidence = None;
            past.why = Some(Arc::new(bare));
        }
        if check.result == CheckResult::Failure
            && let Err(failure) = &check.outcome
        {
            self.failures = self.failures.wrapping_add(1);
            if past.failures.len() == FAILURES {
                past.failures.pop_front();
            }
            past.failures.push_back(Arc::new(FailedCheck {
                wall: check.wall,
                duration: took(check),
                failure: failure.clone(),
            }));
        }
    }

    /// The first result, if it was the only transition.
    fn first(&self) -> Option<Arc<Event>> {
        let held = self.first_held.get()?;
        let turn = PastTransition {
            wall: self.since.wall(),
            from: Status::Unknown,
            to: self.status,
            held,
            streak: 1,
            cause: None,
        };
        Some(Arc::new(event_of(self.handle.id(), turn)))
    }

    /// Another transition comes: the first one is kept as others are.
    pub(crate) fn keep_first(&mut self) {
        if let Some(first) = self.first() {
            self.first_held = Span::ABSENT;
            let past = self.past.get_or_insert_default();
            past.transitions.push_back(first);
        }
    }

    /// All that is remembered of what became of it.
    pub(crate) fn past(&self) -> Past {
        let mut past = self.past.as_deref().cloned().unwrap_or_default();
        if let Some(first) = self.first() {
            past.transitions.push_front(first);
        }
        past
    }

    /// Remembers a transition.
    pub(crate) fn turned(&mut self, event: &Arc<Event>, to: Status) {
        self.transitions = self.transitions.wrapping_add(1);
        let is_first = self.past.is_none() && self.first_held.get().is_none();
        let held = plain_beginning(event).filter(|_| is_first);
        self.keep_first();
        self.since = Moment::of(event.wall);
        self.status = to;
        if let Some(held) = held {
            self.first_held = Span::of(held);
            return;
        }
        let past = self.past.get_or_insert_default();
        if past.transitions.len() == TRANSITIONS {
            past.transitions.pop_front();
        }
        past.transitions.push_back(event.clone());
    }
}

/// How long nothing was known, if an event is a target's plain first result.
fn plain_beginning(event: &Event) -> Option<Duration> {
    match &event.kind {
        EventKind::Transition {
            turn, cause: None, ..
        } if turn.from == Status::Unknown && turn.streak == 1 => Some(turn.held),
        _ => None,
    }
}

/// How long a check took, as its probe tells it: a transport that looks at answers now and then has the kernel's word for
/// when they came. Without that, until the driver heard of it.
pub(crate) fn took(check: &Checked) -> Duration {
    let told = evidence(check).and_then(|evidence| evidence.total);
    told.unwrap_or(check.duration)
}

/// What a check saw, however it ended.
pub(crate) fn evidence(check: &Checked) -> Option<&Evidence> {
    match &check.outcome {
        Ok(evidence) => Some(evidence),
        Err(failure) => failure.evidence.as_deref(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_thirty_are_kept_in_order() {
        let mut recent = Recent::default();
        assert_eq!(recent.iter().count(), 0);
        for n in 0..37_u64 {
            let result = CheckResult::ALL[n as usize % 4];
            recent.push(result, Duration::from_millis(n));
        }
        let kept: Vec<_> = recent.iter().collect();
        assert_eq!(kept.len(), RECENT);
        for (nth, (result, latency)) in kept.into_iter().enumerate() {
            let n = 7 + nth;
            assert_eq!(result, CheckResult::ALL[n % 4]);
            assert_eq!(latency, Duration::from_millis(n as u64));
        }
        assert!(size_of::<Recent>() <= 136, "{}", size_of::<Recent>());
    }

    #[test]
    fn a_record_stays_small() {
        assert!(size_of::<Record>() <= 224, "{}", size_of::<Record>());
    }
}
