//! A check has ended: whose fault it was, what the state machine makes of it, and when the target is asked next.

use std::sync::Arc;
use std::time::Duration;

use hc_core::{
    Blame, CheckResult, Edge, EventKind, Evidence, Failure, Kind, Overlay, Phase, Span, Timestamp,
    Verdict, step,
};

use super::describe::Judged;
use super::last::Last;
use super::targets::nudged_at;
use super::{
    Action, Checked, Ended, Finished, Flight, Key, Moment, Next, Plan, Reason, State, Void,
    interval,
};
use crate::interval::Asked;
use crate::isolation::{Belief, Fleet, Sign, Silent};

/// How many places of the slab are looked at when others are to be asked early: enough to find twenty in any
/// fleet that is mostly well, and a bound in one that is not.
const HELPER_SCAN: usize = 2_000;

type Outcome = Result<Evidence, Failure>;

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

    /// A timeout met while hc itself ran late is its own.
    fn excuse(
        &mut self,
        flight: &Flight,
        failure: Failure,
        first_poll: Timestamp,
        ended_at: Timestamp,
    ) -> Failure {
        let (timeout, lost_before) = (flight.timeout, flight.lost_before);
        // The deadline fires at a slot's boundary; what comes on top of that is lateness.
        let deadline = self.wheel.fires_at(first_poll + timeout);
        let noticed = self.clock.to_running(ended_at).since(deadline);
        let lost = self.clock.losses().of(timeout).saturating_sub(lost_before);
        let late = lost.max(noticed);
        let most = timeout.mul_f64(self.config.max_lateness.ratio());
        if late <= most || failure.blame == Blame::Local {
            return failure;
        }
        let millis = late.as_millis();
        let message = format!("timed out, but hc itself was {millis} ms late");
        let mut starved = Failure::new(Kind::Starved, failure.phase, message);
        starved.evidence = failure.evidence;
        starved
    }

    /// Takes the sign that this check gives; whether its failure is not to be believed.
    fn listen(&mut self, index: u32, outcome: &Outcome, flight: &Flight) -> bool {
        let now = self.clock.now();
        match Sign::of(outcome) {
            Sign::None => return false,
            Sign::Life => {
                self.slab.at_mut(index).showed_life = Some(true);
                self.hear_life();
                return false;
            }
            Sign::Silence => {}
        }
        let signs = self.signs.clone();
        let mut doubt = signs.doubt(now);
        let now = doubt.now;
        let silence = doubt.silence();
        let entry = self.slab.at_mut(index);
        entry.showed_life = Some(false);
        let counts = entry.was_clear && entry.silence != silence;
        if counts {
            entry.silence = silence;
        }
        let is_first = std::mem::replace(&mut entry.silent_in, silence) != silence;
        self.mark_silent(index);
        let entry = self.slab.at(index);
        let beside_references = is_first && !entry.is_reference;
        let host = entry.host;
        let silent = Silent {
            counts,
            host_counts: counts && self.admission.mark_silent(host, silence),
            beside_references,
            timeout: flight.timeout,
            min_interval: entry.policy.min_interval(),
        };
        let fleet = self.fleet();
        let steps = doubt.silent(now, silent, fleet);
        if steps.isolated {
            let (targets, hosts, silent) = doubt.extent(now);
            let edge = Edge::Begin;
            self.announce(EventKind::Isolated {
                targets,
                hosts,
                silent,
                edge,
            });
        }
        let elsewhere = match doubt.rules() {
            Some(rules) if steps.ask_references && signs.is_shared() => rules.references.clone(),
            _ => Vec::new(),
        };
        // From here on the others know.
        drop(doubt);
        if steps.ask_references {
            signs.nudge_references(self.worker(), &elsewhere);
            for reference in self.references.clone() {
                if reference.index != index && !self.slab.at(reference.index).paused {
                    self.nudge(reference.index);
                }
            }
        }
        if steps.call_for_help {
            let most = signs.call_for_help(self.worker());
            self.calls = signs.calls();
            self.call_for_help(index, silence, most);
        }
        let began = flight.started + flight.all_lost_before;
        self.signs.belief() != Belief::Believed || self.signs.predates_end(began)
    }

    /// Some target has shown life.
    pub(super) fn hear_life(&self) {
        let (now, real) = (self.clock.now(), self.clock.real());
        self.signs.life(now, real, |ended| {
            self.announce(EventKind::Isolated {
                targets: ended.targets,
                hosts: ended.hosts,
                silent: ended.silent,
                edge: Edge::End {
                    lasted: ended.lasted,
                },
            });
        });
    }

    /// The whole fleet, this worker's share as it is now.
    fn fleet(&self) -> Fleet {
        let worker = self.worker();
        self.signs.tell(worker, self.asked, self.clear);
        self.signs.tell_references(worker, self.own_references());
        self.signs.fleet()
    }

    /// Asks some others early, on different hosts first: they were not silent yet and are well.
    pub(super) fn call_for_help(&mut self, caller: u32, silence: u32, most: usize) {
        let span = u32::try_from(self.slab.span()).unwrap_or(u32::MAX);
        let mut found: Vec<u32> = Vec::with_capacity(most);
        for other_hosts_only in [true, false] {
            let mut cursor = self.helper_cursor;
            for _ in 0..HELPER_SCAN.min(span as usize) {
                if found.len() == most {
                    break;
                }
                cursor = (cursor + 1) % span;
                let Some(key) = self.slab.key_at(cursor) else {
                    continue;
                };
                let entry = self.slab.at(key.index);
                let well = !entry.paused && !entry.removed && entry.is_clear();
                let new_host = !self.admission.is_silent(entry.host, silence)
                    && !found
                        .iter()
                        .any(|other| self.slab.at(*other).host == entry.host);
                if cursor != caller
                    && well
                    && entry.silence != silence
                    && (new_host || !other_hosts_only)
                    && !found.contains(&cursor)
                {
                    found.push(cursor);
                }
            }
            if !other_hosts_only {
                self.helper_cursor = cursor;
            }
        }
        for index in found {
            self.nudge(index);
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

    /// One warning when a probe begins to panic, one when it does no more.
    fn watch_panic(&mut self, index: u32, panicked: bool, judged: &Judged) {
        let real = self.clock.real();
        let entry = self.slab.at_mut(index);
        let (edge, failure) = match (entry.at(Moment::Panicked), panicked, &judged.outcome) {
            (None, true, Err(failure)) => {
                entry.set(Moment::Panicked, Some(real));
                (Edge::Begin, failure.clone())
            }
            (Some(since), false, _) => {
                entry.set(Moment::Panicked, None);
                let lasted = real.since(since);
                (
                    Edge::End { lasted },
                    Failure::new(Kind::Panicked, None, "it panics no more"),
                )
            }
            _ => return,
        };
        let (target, failure) = (entry.id().clone(), Arc::new(failure));
        self.announce(EventKind::Panicked {
            target,
            failure,
            edge,
        });
    }

    /// Grid ticks that passed in flight are counted; a check that missed its own next tick is warned of.
    fn watch_overlap(&mut self, index: u32, flight: &Flight, took: Duration, judged: &Judged) {
        let (now, real) = (self.clock.now(), self.clock.real());
        let entry = self.slab.at_mut(index);
        let interval = entry.policy.interval();
        let passed = entry.grid().between(flight.started, now);
        self.counters.overlaps += passed;
        // A first, fast or nudged check may cross a tick that it was not meant for: nothing to warn of.
        let on_grid = !matches!(
            entry.reason,
            Reason::First | Reason::Fast | Reason::Nudged | Reason::Asked
        );
        let overlaps = passed > 0 && (on_grid || took >= interval);
        let edge = match (entry.at(Moment::Overlap), overlaps) {
            (None, true) => {
                entry.set(Moment::Overlap, Some(real));
                Edge::Begin
            }
            (Some(since), false) if on_grid => {
                entry.set(Moment::Overlap, None);
                Edge::End {
                    lasted: real.since(since),
                }
            }
            _ => return,
        };
        let (target, took) = (entry.id().clone(), judged.duration);
        self.announce(EventKind::Overlap {
            target,
            interval,
            took,
            edge,
        });
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

    /// A conclusive check moves the moment at which it goes stale; an inconclusive one may find that it has come.
    fn watch_stale(&mut self, index: u32, judged: &Judged) {
        let real = self.clock.real();
        let entry = self.slab.at_mut(index);
        let edge = if judged.verdict == Verdict::Inconclusive {
            if entry.at(Moment::Stale).is_some() || real < entry.cell.stale_at() {
                return;
            }
            entry.set(Moment::Stale, Some(real));
            Edge::Begin
        } else {
            let policy = &entry.policy;
            let effective = policy.interval().saturating_mul(entry.factor);
            if !entry.paused {
                let at = real + effective.saturating_mul(3) + policy.timeout();
                entry.cell.set_stale_at(at);
            }
            let Some(since) = entry.at(Moment::Stale) else {
                return;
            };
            entry.set(Moment::Stale, None);
            Edge::End {
                lasted: real.since(since),
            }
        };
        self.publish_overlay(index, Overlay::Stale, edge);
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
