//! Targets come, go, change, pause; nudges and reports about them come in.

use std::sync::Arc;
use std::time::Duration;

use hc_core::{
    Blame, Edge, EventKind, Failure, Health, Kind, Overlay, Passive, Pending, Policy, Probe, Span,
    Target, Timestamp, Verdict, Word, stable_hash, step,
};

use super::{
    Action, Entry, IsolationRules, Key, Moment, Next, Plan, Reason, State, Void, interval,
    overlay_event,
};
use crate::isolation::Belief;

impl Plan {
    pub(super) fn add(
        &mut self,
        mut target: Target,
        rank: u32,
        count: u32,
        actions: &mut Vec<Action>,
    ) {
        let real = self.clock.real();
        let mut memory = target.memory.take();
        if let Some(memory) = &mut memory
            && memory.paused_since.is_some()
            && !target.paused
        {
            // It was resumed between the two, which zeroes them as ever.
            memory.zero_streaks();
        }
        let health = match &memory {
            Some(memory) => memory.health_at(real, self.wall),
            None => Health::new(target.policy.start(), real),
        };
        let word = Word::new(&health, &target.policy, target.paused);
        let Some(cell) = self.publisher.add(&target, word, real, self.wall) else {
            actions.push(Action::Refused { id: target.id });
            return;
        };
        let shared = target.shared;
        let hash = stable_hash(&[target.id.as_str(), &self.config.checker]);
        let host = self.admission.enlist(&target.host);
        self.clock.losses().enlist(target.policy.timeout());
        let mut entry = Entry::new(target, health, cell, hash, host, real);
        if let Some(memory) = memory {
            entry.recall(&memory, real, self.wall);
        }
        entry.number = self.sweeps.enlist();
        entry.is_reference = self.signs.is_reference(entry.id());
        let (is_reference, paused) = (entry.is_reference, entry.paused);
        let key = self.slab.insert(entry);
        self.slab.at(key.index).cell.set_tag(key.to_bits());
        if shared.is_some() {
            self.join(key.index, shared);
        }
        if is_reference {
            self.references.push(key);
        }
        if paused {
            self.swept(key.index, actions);
            return;
        }
        self.count_asked(key.index, true);
        self.recount(key.index);
        self.first_check(key.index, rank, count);
    }

    fn first_check(&mut self, index: u32, rank: u32, count: u32) {
        if self.stopping {
            return;
        }
        let policy = &self.slab.at(index).policy;
        let (interval, timeout) = (policy.interval(), policy.timeout());
        let now = self.clock.now();
        let at = interval::first(now, rank, count, interval);
        self.schedule(
            index,
            Next {
                at,
                reason: Reason::First,
                factor: 1,
            },
        );
        let grace = interval.saturating_mul(3) + timeout;
        let entry = self.slab.at_mut(index);
        entry.cell.set_stale_at(self.clock.to_real(at) + grace);
    }

    pub(super) fn remove(&mut self, key: Key, actions: &mut Vec<Action>) {
        let Some(entry) = self.slab.get_mut(key).filter(|entry| !entry.removed) else {
            return;
        };
        entry.removed = true;
        let in_flight = entry.is_in_flight();
        let cell = entry.cell.clone();
        let asked_for = std::mem::take(&mut entry.asked_for);
        self.publisher.remove(&cell, self.clock.real(), self.wall);
        self.count_asked(key.index, false);
        self.recount(key.index);
        self.swept(key.index, actions);
        self.references.retain(|reference| *reference != key);
        if asked_for {
            actions.push(Action::Declined { key });
        }
        if in_flight {
            // Its place and its permits are free when the check has ended.
            self.cancel(key, Void::Removed, actions);
        } else {
            self.take_out(key.index);
            self.free(key);
        }
    }

    /// Gives up the place of a removed target.
    pub(super) fn free(&mut self, key: Key) {
        if self.slab.get(key).is_some() {
            self.part(key.index);
        }
        if let Some(entry) = self.slab.remove(key) {
            self.admission.dismiss(entry.host);
            self.clock.losses().dismiss(entry.policy.timeout());
        }
    }

    pub(super) fn cancel(&mut self, key: Key, why: Void, actions: &mut Vec<Action>) {
        if !self.riders(key.index).is_empty() {
            // Its check goes on for those who ride on it.
            self.slab.at_mut(key.index).void = Some(why);
            return;
        }
        self.take_out(key.index);
        self.slab.at_mut(key.index).void = Some(why);
        actions.push(Action::Cancel {
            key,
            why: why.as_str(),
        });
    }

    pub(super) fn update(
        &mut self,
        key: Key,
        target: Target,
        rank: (u32, u32),
        actions: &mut Vec<Action>,
    ) {
        let Some(entry) = self.slab.get_mut(key).filter(|entry| !entry.removed) else {
            return;
        };
        self.publisher.set_about(&entry.cell, &target);
        let paused = entry.paused;
        let is_there = match entry.moves_to() {
            Some(host) => *host == target.host,
            None => self.admission.is_called(entry.host, &target.host),
        };
        if !is_there && entry.is_in_flight() {
            // Its permit is the old host's: `finished` moves it when that is given back.
            entry.move_later(target.host);
        } else if !is_there {
            let due = entry.due;
            let next = Next {
                at: due,
                reason: entry.reason,
                factor: entry.factor,
            };
            let was_parked = entry.state == State::Parked;
            self.take_out(key.index);
            self.move_host(key.index, &target.host);
            if !was_parked {
                self.schedule(key.index, next);
            }
        }
        self.regroup(key.index, target.shared);
        self.judge_by(key, target.policy);
        self.ask_by(key, target.probe, rank, actions);
        match (paused, target.paused) {
            (false, true) => self.pause(key, actions),
            (true, false) => self.resume(key, rank),
            _ => {}
        }
    }

    /// Counts a target, which holds no permit and stands in no queue, to the host that it has now.
    pub(super) fn move_host(&mut self, index: u32, name: &Arc<str>) {
        let host = self.admission.enlist(name);
        let old = std::mem::replace(&mut self.slab.at_mut(index).host, host);
        self.admission.dismiss(old);
    }

    /// Another probe asks, and so it is another question than that of its group.
    pub(super) fn replace(
        &mut self,
        key: Key,
        probe: Arc<dyn Probe>,
        rank: (u32, u32),
        actions: &mut Vec<Action>,
    ) {
        if self.slab.get(key).is_some_and(|entry| !entry.removed) {
            self.regroup(key.index, None);
        }
        self.ask_by(key, probe, rank, actions);
    }

    fn ask_by(
        &mut self,
        key: Key,
        probe: Arc<dyn Probe>,
        rank: (u32, u32),
        actions: &mut Vec<Action>,
    ) {
        let now = self.clock.now();
        let Some(entry) = self.slab.get_mut(key).filter(|entry| !entry.removed) else {
            return;
        };
        entry.probe = probe;
        self.forget_streaks(key.index);
        let entry = self.slab.at_mut(key.index);
        let interval = entry.policy.interval();
        let at = interval::first(now, rank.0, rank.1, interval);
        match entry.state {
            State::InFlight | State::Expired => {
                entry.soon = Span::of(at.since(now));
                self.cancel(key, Void::Reload, actions);
            }
            State::Idle if at < entry.due => {
                self.schedule(
                    key.index,
                    Next {
                        at,
                        reason: Reason::First,
                        factor: 1,
                    },
                );
            }
            State::Idle | State::Parked | State::Waiting | State::Ready | State::Riding => {}
        }
    }

    /// Streaks and backoff begin anew; the status stays. Being unsteady was a streak's matter, and its end is told.
    fn forget_streaks(&mut self, index: u32) {
        let entry = self.slab.at_mut(index);
        let before = entry.health;
        entry.health.zero_streaks();
        entry.quiet = 0;
        entry.failed_in = None;
        self.publish_step(index, &before, None, None);
    }

    /// Another policy judges, and so it is asked at other times than its group.
    pub(super) fn set_policy(&mut self, key: Key, policy: Arc<Policy>) {
        let differs = |entry: &Entry| !entry.removed && entry.policy != policy;
        if self.slab.get(key).is_some_and(differs) {
            self.regroup(key.index, None);
        }
        self.judge_by(key, policy);
    }

    fn judge_by(&mut self, key: Key, policy: Arc<Policy>) {
        let Some(entry) = self.slab.get_mut(key).filter(|entry| !entry.removed) else {
            return;
        };
        if Arc::ptr_eq(&entry.policy, &policy) || entry.policy == policy {
            return;
        }
        let old = std::mem::replace(&mut entry.policy, policy);
        let policy = entry.policy.clone();
        entry
            .cell
            .set_passive(policy.passive(), policy.suspect_after());
        // `start` may matter to whether an unknown target counts as healthy.
        let word = entry.word();
        entry.cell.set_word(word);
        self.clock.losses().enlist(policy.timeout());
        self.clock.losses().dismiss(old.timeout());
        self.bring_forward(key.index);
    }

    /// After a change of policy: an idle target is due no later than the new policy says.
    fn bring_forward(&mut self, index: u32) {
        let now = self.clock.now();
        let u = self.rng.f64();
        let entry = self.slab.at(index);
        if entry.state != State::Idle || entry.reason == Reason::First {
            return;
        }
        let next = interval::next(&interval::Asked {
            policy: &entry.policy,
            health: &entry.health,
            grid: entry.grid(),
            now,
            start: entry.last_start,
            first_poll: entry.last_start + entry.last_first_poll.get().unwrap_or_default(),
            duration: entry.last_duration.get().unwrap_or_default(),
            conclusive: true,
            doubted: false,
            quiet: entry.quiet,
            u,
        });
        if next.at < entry.due {
            self.schedule(index, next);
        }
    }

    pub(super) fn pause(&mut self, key: Key, actions: &mut Vec<Action>) {
        let real = self.clock.real();
        let Some(entry) = self.slab.get_mut(key) else {
            return;
        };
        if entry.removed || entry.paused {
            return;
        }
        entry.paused = true;
        entry.set(Moment::Paused, Some(real));
        entry.remembered = false;
        entry.soon = Span::ABSENT;
        entry.cell.set_stale_at(Timestamp::NEVER);
        let in_flight = entry.is_in_flight();
        let asked_for = std::mem::take(&mut entry.asked_for);
        let stale_since = entry.at(Moment::Stale);
        entry.set(Moment::Stale, None);
        self.count_asked(key.index, false);
        if in_flight {
            self.cancel(key, Void::Paused, actions);
        } else {
            self.take_out(key.index);
        }
        if asked_for {
            actions.push(Action::Declined { key });
        }
        if let Some(since) = stale_since {
            let lasted = real.since(since);
            self.publish_overlay(key.index, Overlay::Stale, Edge::End { lasted });
        }
        self.publish_overlay(key.index, Overlay::Paused, Edge::Begin);
        self.recount(key.index);
        self.swept(key.index, actions);
    }

    pub(super) fn resume(&mut self, key: Key, rank: (u32, u32)) {
        let real = self.clock.real();
        let Some(entry) = self.slab.get_mut(key) else {
            return;
        };
        if entry.removed || !entry.paused {
            return;
        }
        entry.paused = false;
        let lasted = real.since(entry.at(Moment::Paused).unwrap_or(real));
        entry.set(Moment::Paused, None);
        let interval = entry.policy.interval();
        let state = entry.state;
        self.count_asked(key.index, true);
        self.publish_overlay(key.index, Overlay::Paused, Edge::End { lasted });
        self.forget_streaks(key.index);
        if state == State::Parked {
            self.first_check(key.index, rank.0, rank.1);
        } else {
            let pace = interval::first(Timestamp::ZERO, rank.0, rank.1, interval);
            let pace = pace.since(Timestamp::ZERO);
            let entry = self.slab.at_mut(key.index);
            entry.soon = Span::of(pace);
            let grace = interval.saturating_mul(3) + entry.policy.timeout();
            entry.cell.set_stale_at(real + pace + grace);
        }
    }

    pub(super) fn check_now(&mut self, key: Key, actions: &mut Vec<Action>) {
        let now = self.clock.now();
        let stopping = self.stopping;
        let Some(entry) = self
            .slab
            .get_mut(key)
            .filter(|e| !e.removed && !e.paused && !stopping)
        else {
            actions.push(Action::Declined { key });
            return;
        };
        entry.asked_for = true;
        if entry.state == State::Idle {
            self.schedule(
                key.index,
                Next {
                    at: now,
                    reason: Reason::Asked,
                    factor: 1,
                },
            );
        }
    }

    pub(super) fn first_sweep(&mut self, waiter: u64, actions: &mut Vec<Action>) {
        if self.sweeps.begin(waiter) {
            actions.push(Action::SweepDone { waiter });
        }
    }

    /// A target has ended its first check, or will not.
    pub(super) fn swept(&mut self, index: u32, actions: &mut Vec<Action>) {
        let entry = self.slab.at_mut(index);
        if !std::mem::replace(&mut entry.swept, true) {
            let number = entry.number;
            self.sweeps
                .dismiss(number, |waiter| actions.push(Action::SweepDone { waiter }));
        }
    }

    pub(super) fn set_isolation(&mut self, rules: Option<IsolationRules>) {
        self.references.clear();
        for index in 0..u32::try_from(self.slab.span()).unwrap_or(u32::MAX) {
            let Some(key) = self.slab.key_at(index) else {
                continue;
            };
            let entry = self.slab.at_mut(index);
            entry.is_reference = !entry.removed
                && rules
                    .as_ref()
                    .is_some_and(|rules| rules.references.contains(entry.id()));
            if entry.is_reference {
                self.references.push(key);
            }
        }
        let now = self.clock.now();
        let signs = self.signs.clone();
        let mut doubt = signs.doubt(now);
        let now = doubt.now;
        let (targets, hosts, silent) = doubt.extent(now);
        if let Some(lasted) = doubt.set_rules(rules, now) {
            let edge = Edge::End { lasted };
            self.announce(EventKind::Isolated {
                targets,
                hosts,
                silent,
                edge,
            });
        }
    }

    /// Nudges and reports about a target came in.
    pub(super) fn heard(&mut self, key: Key, pending: Pending) {
        let alive = self
            .slab
            .get(key)
            .is_some_and(|entry| !entry.removed && !entry.paused);
        if !alive || self.stopping {
            self.counters.dropped_nudges += 1;
            return;
        }
        if let Some(kind) = pending.accused {
            self.counters.reports += 1;
            let passive = self.slab.at(key.index).policy.passive();
            if passive == Passive::Counts {
                self.count_report(key.index, kind);
            }
        }
        self.nudge(key.index);
    }

    /// Asks a target early: no later than `min_interval` after its last nudged check.
    pub(super) fn nudge(&mut self, index: u32) {
        self.counters.nudges += 1;
        let now = self.clock.now();
        let entry = self.slab.at_mut(index);
        match entry.state {
            State::Idle => {
                let at = nudged_at(entry, now);
                if at < entry.due {
                    self.schedule(
                        index,
                        Next {
                            at,
                            reason: Reason::Nudged,
                            factor: 1,
                        },
                    );
                }
            }
            State::Waiting | State::Ready | State::InFlight | State::Expired | State::Riding => {
                entry.remembered = true;
            }
            State::Parked => {}
        }
    }

    /// A row of reported failures counts as one failure, at most once per `fast_interval`, and never decides Unknown.
    /// It counts no more than a check's failure would: not in doubt or isolation, and not if it is this machine's own.
    fn count_report(&mut self, index: u32, kind: Kind) {
        let (now, real) = (self.clock.now(), self.clock.real());
        let failure = Failure::new(kind, None, "reported by traffic");
        if failure.blame == Blame::Local || self.signs.belief() != Belief::Believed {
            return;
        }
        let entry = self.slab.at_mut(index);
        let recently = entry
            .at(Moment::Counted)
            .is_some_and(|last| now.since(last) < entry.policy.fast_interval());
        if recently || entry.health.status() == hc_core::Status::Unknown {
            return;
        }
        entry.set(Moment::Counted, Some(now));
        entry.quiet = 0;
        let failure = Arc::new(failure);
        let before = entry.health;
        let (after, turn) = step(&entry.policy, before, Verdict::Fail(1), real);
        entry.health = after;
        entry.failed_in = None;
        self.publish_step(index, &before, turn, Some(failure));
    }

    /// Publishes what a step changed: the word always, events where something began, ended or turned.
    pub(super) fn publish_step(
        &mut self,
        index: u32,
        before: &Health,
        turn: Option<hc_core::Turn>,
        cause: Option<Arc<Failure>>,
    ) {
        let real = self.clock.real();
        let entry = self.slab.at(index);
        let word = entry.word();
        let (id, cell) = (entry.id(), &entry.cell);
        if let Some(turn) = turn {
            self.counters.transitions += 1;
            self.publisher
                .publish(cell, word, real, self.wall, |word| EventKind::Transition {
                    target: id.clone(),
                    turn,
                    word,
                    cause,
                });
        } else {
            cell.set_word(word);
        }
        let after = entry.health;
        for (overlay, was, is) in [
            (Overlay::Flapping, before.is_flapping(), after.is_flapping()),
            (Overlay::Unsteady, before.is_unsteady(), after.is_unsteady()),
        ] {
            if was == is {
                continue;
            }
            let entry = self.slab.at_mut(index);
            let moment = match overlay {
                Overlay::Flapping => Moment::Flapping,
                _ => Moment::Unsteady,
            };
            let edge = if is {
                entry.set(moment, Some(real));
                Edge::Begin
            } else {
                let lasted = real.since(entry.at(moment).unwrap_or(real));
                entry.set(moment, None);
                Edge::End { lasted }
            };
            self.publish_overlay(index, overlay, edge);
        }
        self.recount(index);
    }

    pub(super) fn publish_overlay(&self, index: u32, overlay: Overlay, edge: Edge) {
        let entry = self.slab.at(index);
        let id = entry.id();
        self.publisher.publish(
            &entry.cell,
            entry.word(),
            self.clock.real(),
            self.wall,
            |word| overlay_event(id, overlay, edge, word),
        );
    }
}

/// When a nudged check of that target may be.
pub(super) fn nudged_at(entry: &Entry, now: Timestamp) -> Timestamp {
    let pause: Duration = entry.policy.min_interval();
    entry
        .at(Moment::Nudged)
        .map_or(now, |last| (last + pause).max(now))
}
