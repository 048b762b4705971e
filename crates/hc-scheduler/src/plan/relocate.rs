//! Targets that move between the workers of one process, with all that is known of them; and what a worker tells
//! the others of its share.
//!
//! A target moves when its host changes, because a host's limit is one worker's business. Its place, its queue and
//! its check in flight stay behind; its health, its last check and its cell go along.

use std::fmt;

use hc_core::{Span, Target, Timestamp};

use super::{Action, Entry, Key, Moment, Next, Plan, State, Void};
use crate::signs::References;

/// What one plan knew of a target that goes to another plan.
pub struct Moved(Box<Entry>);

impl fmt::Debug for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Moved").field(self.0.cell.id()).finish()
    }
}

impl Plan {
    /// The target is to leave: at once, or when its check in flight has ended.
    pub(super) fn depart(&mut self, key: Key, actions: &mut Vec<Action>) {
        let Some(entry) = self.slab.get_mut(key).filter(|entry| !entry.removed) else {
            return;
        };
        if entry.is_in_flight() {
            entry.departing = true;
            self.cancel(key, Void::Reload, actions);
        } else {
            self.leave(key, actions);
        }
    }

    /// Lets go of a target that is not in flight.
    pub(super) fn leave(&mut self, key: Key, actions: &mut Vec<Action>) {
        self.swept(key.index, actions);
        self.take_out(key.index);
        let entry = self.slab.at_mut(key.index);
        // For the counts of this plan it is gone.
        entry.removed = true;
        let asked_for = std::mem::take(&mut entry.asked_for);
        self.count_asked(key.index, false);
        self.recount(key.index);
        self.references.retain(|reference| *reference != key);
        if asked_for {
            actions.push(Action::Declined { key });
        }
        self.part(key.index);
        let Some(mut entry) = self.slab.remove(key) else {
            return;
        };
        self.admission.dismiss(entry.host);
        self.clock.losses().dismiss(entry.policy.timeout());
        // Every worker has a running time of its own; the way leads over real time.
        let lost = self.clock.lost();
        entry.shift(|at| at + lost);
        let moved = Moved(Box::new(entry));
        actions.push(Action::Departed { key, moved });
    }

    /// Takes in a target that left another plan.
    pub(super) fn adopt(
        &mut self,
        moved: Moved,
        target: Target,
        rank: (u32, u32),
        actions: &mut Vec<Action>,
    ) {
        let Moved(mut entry) = moved;
        let lost = self.clock.lost();
        entry.shift(|at| at - lost);
        entry.settle();
        entry.host = self.admission.enlist(&target.host);
        self.clock.losses().enlist(entry.policy.timeout());
        if !entry.swept {
            entry.number = self.sweeps.enlist();
        }
        entry.is_reference = self.signs.is_reference(entry.cell.id());
        let (is_reference, paused) = (entry.is_reference, entry.paused);
        let cell = entry.cell.clone();
        let next = Next {
            at: entry.due.max(self.clock.now()),
            reason: entry.reason,
            factor: entry.factor,
        };
        let key = self.slab.insert(*entry);
        // The key before the number: who is sent here by the number finds the key.
        cell.set_tag(key.to_bits());
        cell.set_worker(self.publisher.worker());
        if is_reference {
            self.references.push(key);
        }
        if !paused {
            self.count_asked(key.index, true);
            self.recount(key.index);
            if !self.stopping {
                self.schedule(key.index, next);
            }
        }
        self.update(key, target, rank, actions);
    }

    /// Whether another worker calls for help. Whoever sleeps looks here before.
    #[must_use]
    pub fn is_called(&self) -> bool {
        self.signs.calls() != self.calls
    }

    /// Another worker called for help: this one's part of those who are to be asked early.
    pub(super) fn answer_call(&mut self) {
        if !self.is_called() {
            return;
        }
        self.calls = self.signs.calls();
        let most = self.signs.take_help(self.worker());
        let silence = self.signs.doubt(self.clock.now()).silence();
        self.call_for_help(u32::MAX, silence, most);
    }

    pub(super) fn worker(&self) -> usize {
        usize::from(self.publisher.worker())
    }

    /// Tells the other workers, if there are any, of this one's share of the fleet.
    pub(super) fn tell_share(&mut self) {
        if !self.signs.is_shared() {
            return;
        }
        self.signs.tell(self.worker(), self.asked, self.clear);
        if self.references.is_empty() && self.told_references == References::default() {
            return;
        }
        let references = self.own_references();
        if references != self.told_references {
            self.told_references = references;
            self.signs.tell_references(self.worker(), references);
        }
    }

    pub(super) fn own_references(&self) -> References {
        let mut sum = References::default();
        for key in &self.references {
            let entry = self.slab.at(key.index);
            if entry.paused {
                continue;
            }
            sum.asked += 1;
            sum.alive += usize::from(
                entry.showed_life == Some(true)
                    && !entry.is_in_flight()
                    && entry.state != State::Riding,
            );
            sum.silent += usize::from(entry.showed_life == Some(false));
        }
        sum
    }
}

impl Entry {
    /// Moves its times of the running clock.
    fn shift(&mut self, to: impl Fn(Timestamp) -> Timestamp) {
        for at in [&mut self.due, &mut self.last_start] {
            if *at != Timestamp::NEVER {
                *at = to(*at);
            }
        }
        for moment in [Moment::Nudged, Moment::Counted] {
            if let Some(at) = self.at(moment) {
                self.set(moment, Some(to(at)));
            }
        }
    }

    /// Forgets what belonged to the place that it left.
    fn settle(&mut self) {
        self.state = State::Parked;
        self.removed = false;
        self.departing = false;
        self.remembered = false;
        self.counted_clear = false;
        self.counted_asked = false;
        self.void = None;
        self.soon = Span::ABSENT;
        // It is at home where it is taken in.
        let _ = self.take_move();
    }
}
