//! A turn of the plan: time moves, timers fire, permits are given, checks start.

use super::{
    Action, Edge, EventKind, Flight, Key, Moment, Plan, Reason, State, Timestamp, interval,
};

/// An overload begins when a window of a second stretched by more than this, and ends when one stretched by less
/// than the second figure. A healthy machine loses nothing at all.
const OVERLOAD_BEGINS: f64 = 1.1;
const OVERLOAD_ENDS: f64 = 1.02;

/// So many targets are fetched from memory at once before the first of them is dealt with: as many lines as a
/// processor waits for at a time. One after the other, a tenth of a microsecond each, was half of a check's cost.
const WARMED: usize = 16;

impl Plan {
    pub(super) fn tick(&mut self, real: Timestamp, actions: &mut Vec<Action>) {
        self.clock.turn(real);
        self.watch_overload();
        self.answer_call();
        let now = self.clock.now();
        let mut fired = std::mem::take(&mut self.fired);
        self.wheel.advance(&mut self.slab, now, &mut fired);
        for some in fired.chunks(WARMED) {
            for index in some {
                self.slab.at(*index).warm();
            }
            for index in some {
                let entry = self.slab.at_mut(*index);
                if entry.state == State::InFlight {
                    entry.state = State::Expired;
                    let key = self.key(*index);
                    actions.push(Action::Expire { key });
                } else if !self.start_at_once(*index, actions) {
                    self.fall_due(*index);
                    // While it is at hand; the order is the same.
                    self.admit(actions);
                }
            }
        }
        fired.clear();
        self.fired = fired;
    }

    fn watch_overload(&mut self) {
        let stretch = self.clock.stretch();
        match self.overloaded_since {
            None if stretch > OVERLOAD_BEGINS => {
                self.overloaded_since = Some(self.clock.real());
                self.signs.overload_begins(self.clock.real(), || {
                    self.announce(EventKind::Overload {
                        stretch,
                        edge: Edge::Begin,
                    });
                });
            }
            Some(_) if stretch < OVERLOAD_ENDS => {
                self.overloaded_since = None;
                self.signs.overload_ends(|since| {
                    let lasted = self.clock.real().since(since);
                    self.announce(EventKind::Overload {
                        stretch,
                        edge: Edge::End { lasted },
                    });
                });
            }
            _ => {}
        }
    }

    /// An idle target is due now: it asks for permits.
    pub(super) fn fall_due(&mut self, index: u32) {
        if self.rides(index) {
            return;
        }
        let now = self.clock.now();
        let entry = self.slab.at_mut(index);
        entry.fall_due(now);
        let host = entry.host;
        self.slab.at_mut(index).state = match self.admission.request(&mut self.slab, index, host) {
            crate::admission::Place::Ready => State::Ready,
            crate::admission::Place::Waiting => State::Waiting,
        };
    }

    /// Starts an idle target that is due, if nothing is in its way. False: nothing has happened.
    fn start_at_once(&mut self, index: u32, actions: &mut Vec<Action>) -> bool {
        let now = self.clock.now();
        let entry = self.slab.at_mut(index);
        if self.stopping || entry.group().is_some() || !self.admission.admit_at_once(entry.host) {
            return false;
        }
        entry.state = State::Ready;
        entry.fall_due(now);
        self.start(index, actions);
        true
    }

    /// Starts whom the limits allow.
    pub(super) fn admit(&mut self, actions: &mut Vec<Action>) {
        if self.stopping {
            return;
        }
        while let Some(index) = self.admission.admit(&mut self.slab) {
            self.start(index, actions);
        }
    }

    fn start(&mut self, index: u32, actions: &mut Vec<Action>) {
        let now = self.clock.now();
        let entry = self.slab.at_mut(index);
        let timeout = entry.policy.timeout();
        let flight = Flight {
            fell_due: entry.fell_due(),
            started: now,
            timeout,
            lost_before: self.clock.losses().of(timeout),
            all_lost_before: self.clock.lost(),
        };
        entry.flight = if let Some(place) = self.free_flights.pop() {
            self.flights[place as usize] = flight;
            place
        } else {
            self.flights.push(flight);
            u32::try_from(self.flights.len() - 1).expect("at most 100,000 are in flight")
        };
        entry.state = State::InFlight;
        entry.was_clear = entry.is_clear();
        if entry.reason == Reason::Nudged {
            entry.set(Moment::Nudged, Some(now));
        }
        self.take_along(index);
        self.wheel.insert(&mut self.slab, index, now + timeout);
        actions.push(Action::Start {
            key: self.key(index),
        });
    }

    /// The driver found, at the deadline, that the check was first polled later than it was started.
    pub(super) fn postponed(&mut self, key: Key, first_poll: Option<Timestamp>) {
        let now = self.clock.now();
        let first_poll = first_poll.map_or(now, |at| self.clock.to_running(at));
        let Some(entry) = self.slab.get_mut(key) else {
            return;
        };
        if entry.state != State::Expired {
            return;
        }
        entry.state = State::InFlight;
        let timeout = self.flights[entry.flight as usize].timeout;
        let deadline = (first_poll + timeout).max(now);
        self.wheel.insert(&mut self.slab, key.index, deadline);
    }

    /// Puts an idle or parked target into the wheel.
    pub(super) fn schedule(&mut self, index: u32, next: interval::Next) {
        debug_assert!(matches!(
            self.slab.at(index).state,
            State::Idle | State::Parked
        ));
        if self.slab.at(index).state == State::Idle {
            self.wheel.remove(&mut self.slab, index);
        }
        let now = self.clock.now();
        let entry = self.slab.at_mut(index);
        entry.due = next.at;
        entry.reason = next.reason;
        entry.factor = next.factor;
        let at_once = matches!(next.reason, Reason::Nudged | Reason::Asked) && next.at <= now;
        if at_once && !self.stopping {
            // Not at the next slot: someone waits for it.
            entry.due = now;
            self.fall_due(index);
        } else {
            entry.state = State::Idle;
            self.wheel.insert(&mut self.slab, index, next.at);
        }
    }

    /// Takes a target out of whatever list it is in; its check, if in flight, goes on without a deadline.
    pub(super) fn take_out(&mut self, index: u32) {
        let (state, host) = {
            let entry = self.slab.at(index);
            (entry.state, entry.host)
        };
        match state {
            State::Idle => self.wheel.remove(&mut self.slab, index),
            State::InFlight => {
                self.wheel.remove(&mut self.slab, index);
                self.slab.at_mut(index).state = State::Expired;
                return;
            }
            State::Waiting | State::Ready => {
                self.withdraw(index, host, state);
                self.slab.at_mut(index).state = State::Parked;
                if let Some(group) = self.slab.at(index).group() {
                    self.pass_on(group, index);
                }
                return;
            }
            State::Expired => return,
            State::Parked | State::Riding => {}
        }
        self.slab.at_mut(index).state = State::Parked;
    }

    fn withdraw(&mut self, index: u32, host: u32, state: State) {
        let place = match state {
            State::Ready => crate::admission::Place::Ready,
            _ => crate::admission::Place::Waiting,
        };
        if let Some(next) = self.admission.withdraw(&mut self.slab, index, host, place) {
            self.slab.at_mut(next).state = State::Ready;
        }
    }

    pub(super) fn key(&self, index: u32) -> Key {
        self.slab.key_at(index).expect("the index is in use")
    }

    /// No new checks. Those in flight go on.
    pub(super) fn stop(&mut self, actions: &mut Vec<Action>) {
        self.stopping = true;
        for index in 0..u32::try_from(self.slab.span()).unwrap_or(u32::MAX) {
            let Some(key) = self.slab.key_at(index) else {
                continue;
            };
            if self.slab.at(index).is_in_flight() || self.slab.at(index).state == State::Riding {
                // Who rides hears the end of the check that it rides on.
                continue;
            }
            self.take_out(index);
            let entry = self.slab.at_mut(index);
            if std::mem::take(&mut entry.asked_for) {
                actions.push(Action::Declined { key });
            }
        }
    }

    pub(super) fn set_limits(&mut self, in_flight: usize, per_host: usize) {
        self.admission.set_limits(in_flight, per_host);
        for index in self.admission.refill(&mut self.slab) {
            self.slab.at_mut(index).state = State::Ready;
        }
    }

    /// Keeps the counts of asked and clear targets right after something about this one changed.
    pub(super) fn recount(&mut self, index: u32) {
        let entry = self.slab.at(index);
        let clear = !entry.paused && !entry.removed && entry.is_clear();
        self.count_clear(index, clear);
    }
}
