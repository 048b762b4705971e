//! The end of a check as nearly all of them end: it passed, the target was well before, and nothing else is going on.
//!
//! What [`Plan::finish`] does step by step is here one step, over each line of memory once. Whatever is unusual is left
//! to it, and the sims hold either way.

use std::time::SystemTime;

use hc_core::{CheckResult, Evidence, Span, Timestamp};

use super::describe::{Course, Judged};
use super::last::{Last, Pass};
use super::{Action, Checked, Key, Next, Plan, Reason, State, interval};

impl Plan {
    /// As [`finish`](Self::finish), if the check passed as usual: first polled and ended at those times (real time), with
    /// this evidence. False: it did not, nothing has happened but that the evidence has its total, and it takes
    /// `finish`. The evidence is taken only if somebody is told of the check.
    #[expect(
        clippy::too_many_arguments,
        reason = "by value they would be copied for every check"
    )]
    pub fn finish_usual(
        &mut self,
        wall: SystemTime,
        key: Key,
        (first_poll, ended_at): (Timestamp, Timestamp),
        evidence: &mut Evidence,
        observed: bool,
        actions: &mut Vec<Action>,
        tell: impl FnOnce(Key, &Checked),
    ) -> bool {
        if evidence.warning.is_some() || evidence.retried || self.stopping || !self.signs.is_calm()
        {
            return false;
        }
        let Some(entry) = self.slab.get_mut(key).filter(|entry| entry.is_usual()) else {
            return false;
        };
        let (now, real) = (self.clock.now(), self.clock.real());
        let flight = &self.flights[entry.flight as usize];
        let duration = ended_at.since(first_poll);
        // Lost time is no part of what the check took, nor does it move its first poll.
        let lost = self.clock.lost().saturating_sub(flight.all_lost_before);
        let took = duration.saturating_sub(lost);
        // A turn may go on for a while after its tick.
        let latest = now.max(self.clock.to_running(ended_at));
        let first_poll = (first_poll - flight.all_lost_before)
            .max(flight.started)
            .min(latest);
        let (due, policy) = (entry.due, &*entry.policy);
        let tick = interval::usual_tick(policy, entry.grid(), now, due, flight.started, took);
        let Some(tick) = tick else {
            return false;
        };
        evidence.total.get_or_insert(duration);
        let waited = flight.started.since(flight.fell_due);
        let since_due = first_poll.since(due);
        let course = Course {
            at: real,
            duration,
            lateness: since_due.saturating_sub(waited),
            waited,
            reason: entry.reason,
        };
        let Some(pass) = Pass::seen(&course, evidence) else {
            return false;
        };
        if !entry.health.pass_as_usual(policy) {
            return false;
        }

        // From here on it is one. What is published of the target says so already, but for when it goes stale.
        self.wall = wall;
        entry.quiet = if entry.cell.take_passed() {
            entry.quiet.saturating_add(1)
        } else {
            0
        };
        let interval = policy.interval();
        entry
            .cell
            .set_stale_at(real + interval.saturating_mul(3) + policy.timeout());
        let at = tick + interval::jitter(policy, self.rng.f64());
        entry.due = at.max(first_poll + interval / 2);
        entry.last_start = due;
        entry.last_first_poll = Span::of(since_due);
        entry.last_duration = Span::of(took);
        entry.showed_life = Some(true);
        entry.reason = Reason::Interval;
        entry.factor = 1;
        entry.state = State::Idle;
        entry.last = Last::Pass(pass);
        let is_told = std::mem::take(&mut entry.asked_for) || observed;
        let (due, host, place) = (entry.due, entry.host, entry.flight);
        let counters = &mut self.counters;
        counters.results[CheckResult::Pass as usize] += 1;
        counters.late(course.lateness);
        counters.waits += u64::from(waited > std::time::Duration::ZERO);
        counters.connections(evidence);
        if is_told {
            let judged = Judged::pass(course, std::mem::take(evidence));
            let mut checked = judged.of(&entry.cell, wall);
            checked.next = Some(Next {
                at: self.clock.to_real(due),
                reason: Reason::Interval,
                factor: 1,
            });
            tell(key, &checked);
        }
        // Another worker may have found silence since.
        self.hear_life();
        self.free_flights.push(place);
        self.wheel.remove(&mut self.slab, key.index);
        self.wheel.insert(&mut self.slab, key.index, due);
        if let Some(next) = self.admission.release(&mut self.slab, host) {
            self.slab.at_mut(next).state = State::Ready;
        }
        self.admit(actions);
        self.tell_share();
        true
    }
}
