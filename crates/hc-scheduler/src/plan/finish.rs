//! A check has ended: whose fault it was, what the state machine makes of it, and when the target is asked next.

use std::sync::Arc;
use std::time::Duration;

use hc_core::{CheckResult, Evidence, Failure, Kind, Phase, Span, Timestamp, Verdict, step};

use super::describe::Judged;
use super::last::Last;
use super::targets::nudged_at;
use super::{
    Action, Checked, Ended, Finished, Flight, Key, Next, Plan, Reason, State, Void, interval,
};
use crate::interval::Asked;
use crate::isolation::Belief;

pub(super) type Outcome = Result<Evidence, Failure>;

/// What is to be made of a check's end.
struct Heard {
    outcome: Outcome,
    verdict: Verdict,
    /// From first poll to end, in real time.
    duration: Duration,
    doubted: bool,
    /// Another target was asked.
    is_rider: bool,
}

/// Who hears of a check's end, and how much of it.
#[derive(Clone, Copy)]
struct Hearing {
    index: u32,
    /// It was called off.
    void: bool,
    doubted: bool,
    /// Another target was asked.
    is_rider: bool,
}

/// A check's end as all hear it.
struct End {
    /// When it was due (running time).
    due: Timestamp,
    first_poll: Timestamp,
    took: Duration,
    /// From first poll to end, in real time.
    duration: Duration,
    panicked: bool,
}

impl Plan {
    pub(super) fn finished(
        &mut self,
        finished: Finished,
        observed: bool,
        actions: &mut Vec<Action>,
        mut tell: impl FnMut(Key, &Checked),
    ) {
        let Finished {
            key,
            first_poll,
            ended_at,
            ended,
        } = finished;
        let Some(entry) = self.slab.get(key).filter(|entry| entry.is_in_flight()) else {
            debug_assert!(false, "a check ended that was not in flight");
            return;
        };
        let (index, host) = (key.index, entry.host);
        let flight = self.flights[entry.flight as usize];
        self.free_flights.push(entry.flight);
        if entry.state == State::InFlight {
            self.wheel.remove(&mut self.slab, index);
        }
        self.slab.at_mut(index).state = State::Parked;
        if let Some(next) = self.admission.release(&mut self.slab, host) {
            self.slab.at_mut(next).state = State::Ready;
        }
        if let Some(host) = self.slab.at_mut(index).take_move() {
            self.move_host(index, &host);
        }
        let duration = ended_at.since(first_poll);
        // Lost time is no part of what the check took, nor does it move its first poll.
        let lost = self.clock.lost().saturating_sub(flight.all_lost_before);
        let took = duration.saturating_sub(lost);
        // A turn may go on for a while after its tick.
        let now = self.clock.now().max(self.clock.to_running(ended_at));
        let first_poll = (first_poll - flight.all_lost_before)
            .max(flight.started)
            .min(now);
        let panicked = matches!(ended, Ended::Panicked(_));
        let riders = self.riders(index);
        self.has_asked(index);
        let own_void = self.slab.at_mut(index).void.take();
        let (outcome, cancelled) = self.outcome_of(ended, &flight, first_poll, ended_at);
        let removed = self.slab.at(index).removed;
        // What this one does not hear any more may still be for those that ride on it.
        let speaker = match own_void {
            None if !removed => Some(index),
            _ => riders.first().copied(),
        };
        let speaker = speaker.filter(|_| !cancelled);
        let doubted = speaker.is_some_and(|speaker| self.listen(speaker, &outcome, &flight));
        let showed_life = speaker.and_then(|speaker| self.slab.at(speaker).showed_life);
        let end = End {
            due: self.slab.at(index).due,
            first_poll,
            took,
            duration,
            panicked,
        };
        let shared = (!riders.is_empty()).then(|| outcome.clone());
        let (outcome, void) = match own_void {
            Some(why) => (called_off(why), true),
            None => (outcome, cancelled),
        };
        let to = Hearing {
            index,
            void,
            doubted: doubted && !void && !removed,
            is_rider: false,
        };
        self.conclude(to, outcome, &flight, &end, observed, actions, &mut tell);
        for rider in riders {
            let Some(outcome) = shared.clone() else {
                break;
            };
            let entry = self.slab.at_mut(rider);
            entry.state = State::Parked;
            entry.due = end.due;
            entry.showed_life = showed_life.or(entry.showed_life);
            if cancelled && !self.stopping {
                // Called off by who asked: it is asked anew.
                entry.soon = Span::of(Duration::ZERO);
            }
            let to = Hearing {
                index: rider,
                void: cancelled,
                doubted,
                is_rider: true,
            };
            self.conclude(to, outcome, &flight, &end, observed, actions, &mut tell);
        }
    }

    /// One target hears how a check has ended.
    #[expect(clippy::too_many_arguments, reason = "two callers, both just above")]
    fn conclude(
        &mut self,
        to: Hearing,
        outcome: Outcome,
        flight: &Flight,
        end: &End,
        observed: bool,
        actions: &mut Vec<Action>,
        tell: &mut impl FnMut(Key, &Checked),
    ) {
        let Hearing {
            index,
            void,
            doubted,
            is_rider,
        } = to;
        let key = self.key(index);
        let removed = self.slab.at(index).removed;
        let verdict = match &outcome {
            Err(_) if doubted || void || removed => Verdict::Inconclusive,
            outcome => Verdict::of(outcome, &self.slab.at(index).policy),
        };
        let heard = Heard {
            outcome,
            verdict,
            duration: end.duration,
            doubted,
            is_rider,
        };
        let mut judged = self.judge(index, heard, flight, end.first_poll);
        let is_told = observed || self.slab.at(index).asked_for;
        let overlaps_before = self.counters.overlaps;
        if !removed {
            if !void {
                self.watch_panic(index, end.panicked, &judged);
            }
            if !is_rider {
                self.watch_overlap(index, flight, end.took, &judged);
            }
            self.swept(index, actions);
            let entry = self.slab.at_mut(index);
            // What was called off before it said anything is no check of this process's.
            entry.is_restored &= void;
            self.next_check(index, end.first_poll, end.took, &judged);
            self.watch_stale(index, &judged);
        }
        if is_told {
            let entry = self.slab.at(index);
            let mut checked = judged.of(&entry.cell, self.wall);
            checked.overlaps = self.counters.overlaps - overlaps_before;
            checked.next = (entry.state != State::Parked).then(|| Next {
                at: self.clock.to_real(entry.due),
                reason: entry.reason,
                factor: entry.factor,
            });
            tell(key, &checked);
            judged = checked.into();
        }
        if removed {
            self.free(key);
            return;
        }
        let entry = self.slab.at_mut(index);
        entry.last = Last::keep(judged, &entry.cell, self.wall);
        if self.slab.at(index).departing {
            self.leave(key, actions);
        }
    }

    /// What to make of how it ended, and whether that is void because hc itself called it off.
    fn outcome_of(
        &mut self,
        ended: Ended,
        flight: &Flight,
        first_poll: Timestamp,
        ended_at: Timestamp,
    ) -> (Outcome, bool) {
        match ended {
            // A probe may keep time itself; it is as late as hc is.
            Ended::Answered(Err(failure)) if failure.kind == Kind::Timeout => (
                Err(self.excuse(flight, failure, first_poll, ended_at)),
                false,
            ),
            Ended::Answered(outcome) => (outcome, false),
            Ended::Panicked(failure) => (Err(failure), false),
            Ended::Cancelled(failure) => (Err(failure), true),
            Ended::TimedOut(failure) => (
                Err(self.excuse(flight, failure, first_poll, ended_at)),
                false,
            ),
        }
    }

    /// Folds the verdict into the target's health, publishes, counts.
    fn judge(
        &mut self,
        index: u32,
        heard: Heard,
        flight: &Flight,
        first_poll: Timestamp,
    ) -> Judged {
        let Heard {
            mut outcome,
            verdict,
            duration,
            doubted,
            is_rider,
        } = heard;
        let real = self.clock.real();
        let entry = self.slab.at_mut(index);
        let before = entry.health;
        let (after, turn) = step(&entry.policy, before, verdict, real);
        entry.health = after;
        entry.quiet = match verdict {
            Verdict::Inconclusive => entry.quiet,
            // Taken by a failure too: a pass reported before it says nothing of what comes after.
            verdict if entry.cell.take_passed() && !matches!(verdict, Verdict::Fail(_)) => {
                entry.quiet.saturating_add(1)
            }
            _ => 0,
        };
        if let Ok(evidence) = &mut outcome {
            evidence.total.get_or_insert(duration);
            if verdict == Verdict::Pass && after.is_unsteady() {
                evidence.warn(unsteady(&after, &entry.policy, entry.failed_in));
            }
        }
        let result = match (verdict, &outcome) {
            (Verdict::Inconclusive, _) => CheckResult::Inconclusive,
            (_, outcome) => CheckResult::of(outcome),
        };
        let waited = flight.started.since(flight.fell_due);
        let judged = Judged {
            at: real,
            result,
            verdict,
            outcome,
            duration,
            lateness: first_poll.since(entry.due).saturating_sub(waited),
            waited,
            reason: entry.reason,
            doubted,
            shared: is_rider,
        };
        if let (Verdict::Fail(_), Err(failure)) = (verdict, &judged.outcome) {
            entry.failed_in = failure.phase;
        }
        self.count(&judged);
        if verdict != Verdict::Inconclusive && !self.slab.at(index).removed {
            // Only an event keeps a copy of what led to it.
            let cause = turn.and_then(|_| judged.why());
            let cause = cause.map(|failure| Arc::new(failure.clone()));
            self.publish_step(index, &before, turn, cause);
        }
        judged
    }

    fn count(&mut self, judged: &Judged) {
        let counters = &mut self.counters;
        if judged.shared {
            counters.shared += 1;
            return;
        }
        counters.results[judged.result as usize] += 1;
        counters.late(judged.lateness);
        counters.waits += u64::from(judged.waited > Duration::ZERO);
        let evidence = match &judged.outcome {
            Ok(evidence) => Some(evidence),
            Err(failure) => failure.evidence.as_deref(),
        };
        if let Some(evidence) = evidence {
            counters.connections(evidence);
        }
    }

    /// When the target is asked next: rules 1 to 4 in their order.
    fn next_check(&mut self, index: u32, first_poll: Timestamp, took: Duration, judged: &Judged) {
        let now = self.clock.now();
        let u = self.rng.f64();
        let belief = self.signs.belief();
        let entry = self.slab.at_mut(index);
        entry.asked_for = false;
        entry.last_start = entry.due;
        entry.last_first_poll = Span::of(first_poll.since(entry.due));
        entry.last_duration = Span::of(took);
        entry.forget_nudge(now);
        let remembered = std::mem::take(&mut entry.remembered);
        let soon = std::mem::take(&mut entry.soon).get();
        if entry.paused || self.stopping {
            return;
        }
        let mut next = match soon {
            Some(pace) => Next {
                at: now + pace,
                reason: Reason::First,
                factor: 1,
            },
            None => interval::next(&Asked {
                policy: &entry.policy,
                health: &entry.health,
                grid: entry.grid(),
                now,
                start: entry.due,
                first_poll,
                duration: took,
                conclusive: judged.verdict != Verdict::Inconclusive,
                doubted: judged.doubted && belief == Belief::Doubted,
                quiet: entry.quiet,
                u,
            }),
        };
        if remembered {
            let at = nudged_at(entry, now);
            if at < next.at {
                next = Next {
                    at,
                    reason: Reason::Nudged,
                    factor: 1,
                };
            }
        }
        self.counters.skipped_ticks += u64::from(next.factor - 1);
        self.schedule(index, next);
    }
}

/// The warning that a pass of an unsteady target carries.
fn unsteady(
    health: &hc_core::Health,
    policy: &hc_core::Policy,
    failed_in: Option<Phase>,
) -> Failure {
    let (failed, _) = health.recent_failures();
    let of = policy.unsteady().map_or(0, |rule| rule.of);
    Failure::new(
        Kind::Unsteady,
        failed_in,
        format!("{failed} of the last {of} checks failed"),
    )
}

/// What a target hears of its own check that hc itself called off.
fn called_off(why: Void) -> Outcome {
    let why = why.as_str();
    let message = format!("cancelled: {why}");
    Err(Failure::new(Kind::Cancelled, None, message).with_code(why))
}
