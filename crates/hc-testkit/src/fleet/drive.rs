//! The turn of the real driver, in virtual time.

use std::cmp::Reverse;
use std::time::Duration;

use hc_core::{EventKind, Failure, FeedItem, Kind, Timestamp};
use hc_scheduler::Key;
use hc_scheduler::plan::{Action, Ended, Input};

use super::record::{CheckRecord, TransitionRecord};
use super::world::Answer;
use super::{Fleet, number};

/// How many ends and nudges are taken in one turn: the driver's bound.
const PER_TURN: usize = 1_000;

/// A check in flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    key: Key,
    target: usize,
    host: usize,
    serial: u64,
    started: Timestamp,
    first_poll: Option<Timestamp>,
    answer: Answer,
    answers_at: Timestamp,
    expired: bool,
    cancelled: bool,
    over: bool,
}

/// An answer that arrives, or a task that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Completion {
    at: Timestamp,
    serial: u64,
    key: Key,
}

fn place(key: Key) -> usize {
    key.to_bits() as u32 as usize
}

impl Fleet {
    /// Lets so much real time pass.
    pub fn run_for(&mut self, lasts: Duration) {
        let until = self.now + lasts;
        while self.now < until {
            self.turn(until);
        }
    }

    /// One round of the driver's loop, imitated: yield to ready tasks, look at the clock, sleep, look again.
    fn turn(&mut self, until: Timestamp) {
        self.poll_tasks();
        self.plan_input(Input::Tick);
        for _ in 0..PER_TURN {
            let Some(cell) = self.publisher.inbox().pop() else {
                break;
            };
            let (key, pending) = (Key::from_bits(cell.tag()), cell.take_pending());
            self.plan_input(Input::Heard { key, pending });
        }
        let wake = self.plan.next_wake().unwrap_or(Timestamp::NEVER);
        if self.ready.is_empty() && self.started.is_empty() && self.told.is_empty() {
            let arrives = self
                .completions
                .peek()
                .map_or(Timestamp::NEVER, |next| next.0.at);
            let mut next = wake.min(arrives).min(until);
            if next == wake && self.wake_latency > Duration::ZERO {
                next += self.wake_latency.mul_f64(self.rng.f64());
            }
            self.now = self.now.max(next);
        } else if self.ready.is_empty() {
            // Tasks run while the driver sleeps: those that were started in this very turn.
            self.poll_tasks();
        }
        self.arrivals();
        self.plan_input(Input::Tick);
        let taken = PER_TURN.min(self.ready.len());
        let ready: Vec<Completion> = self.ready.drain(..taken).collect();
        for Completion { at, key, .. } in ready {
            self.finish(key, at);
        }
        self.watch_feed();
    }

    /// The executor polls what is ready: new checks first, then those that were told to end, then what has arrived.
    fn poll_tasks(&mut self) {
        for key in std::mem::take(&mut self.started) {
            self.now += self.cost;
            let now = self.now;
            let Some(flight) = self.flights[place(key)].as_mut() else {
                continue;
            };
            flight.first_poll = Some(now);
            if flight.cancelled {
                continue;
            }
            flight.answer = self.world.answer(flight.target, now, &mut self.rng);
            if let Some(after) = flight.answer.after() {
                flight.answers_at = now + after;
                self.completions.push(Reverse(Completion {
                    at: now + after,
                    serial: flight.serial,
                    key,
                }));
            }
        }
        for key in std::mem::take(&mut self.told) {
            self.end_task(key);
        }
        self.arrivals();
    }

    fn arrivals(&mut self) {
        while let Some(Reverse(next)) = self.completions.peek().copied() {
            if next.at > self.now {
                break;
            }
            self.completions.pop();
            let is_that = self.flights[place(next.key)]
                .as_ref()
                .is_some_and(|flight| flight.serial == next.serial);
            if is_that {
                self.end_task(next.key);
            }
        }
    }

    /// A task has ended; the driver hears of it in its order.
    fn end_task(&mut self, key: Key) {
        let at = self.now;
        if let Some(flight) = self.flights[place(key)].as_mut()
            && flight.key == key
            && !std::mem::replace(&mut flight.over, true)
        {
            let serial = flight.serial;
            self.ready.push(Completion { at, serial, key });
        }
    }

    fn finish(&mut self, key: Key, ended_at: Timestamp) {
        let flight = self.flights[place(key)].take().expect("it is in flight");
        assert_eq!(flight.key, key, "a check ends under its own key");
        self.in_flight -= 1;
        self.hosts_in_flight[flight.host] -= 1;
        let ended = if flight.cancelled {
            Ended::Cancelled(Failure::new(Kind::Cancelled, None, "cancelled"))
        } else if flight.answers_at <= ended_at {
            flight.answer.ended()
        } else {
            flight.answer.timed_out()
        };
        let first_poll = flight.first_poll.unwrap_or(self.now);
        self.ending = Some(flight);
        self.plan_input(Input::Finished {
            key,
            first_poll,
            ended_at,
            ended,
        });
        assert!(self.ending.is_none(), "every check ends in a result");
    }

    pub(super) fn perform(&mut self, action: Action) {
        let nanos = self.now.as_nanos();
        let mut log = |kind: u64, bits: u64| {
            for word in [nanos, kind, bits] {
                self.record.mix(word);
            }
        };
        match action {
            Action::Start { key } => {
                log(1, key.to_bits());
                self.start(key);
            }
            Action::Expire { key } => {
                log(2, key.to_bits());
                self.expire(key);
            }
            Action::Cancel { key, .. } => {
                log(3, key.to_bits());
                if let Some(flight) = self.flights[place(key)].as_mut() {
                    flight.cancelled = true;
                    self.told.push(key);
                }
            }
            Action::Ended { key, checked } => {
                log(4 + checked.result as u64, key.to_bits());
                let flight = self.ending.take().expect("one result a check");
                assert_eq!(flight.key, key);
                self.record.ended[checked.result as usize] += 1;
                let check = CheckRecord {
                    started: flight.started,
                    ended: self.now,
                    result: checked.result,
                    reason: checked.reason,
                    doubted: checked.doubted,
                };
                self.record.check(flight.target, check);
            }
            Action::Refused { id } => panic!("{id} was added twice"),
            Action::Declined { key } => {
                log(8, key.to_bits());
                self.record.declined += 1;
            }
            Action::Departed { .. } => panic!("a fleet of one worker has nowhere to go"),
            Action::SweepDone { waiter } => {
                log(9, waiter);
                self.record.sweeps_done.push(waiter);
            }
        }
    }

    fn start(&mut self, key: Key) {
        let target = number(self.plan.target(key).expect("it is known").id.as_str());
        if self.flights.len() <= place(key) {
            self.flights.resize(place(key) + 1, None);
        }
        assert!(
            self.flights[place(key)].is_none(),
            "t-{target} is asked twice at once"
        );
        self.in_flight += 1;
        let host = self.host_numbers[target] as usize;
        self.hosts_in_flight[host] += 1;
        assert!(self.in_flight <= self.in_flight_limit, "too many in flight");
        assert!(
            self.hosts_in_flight[host] <= self.per_host_limit,
            "too many in flight of one host"
        );
        self.record.most_in_flight = self.record.most_in_flight.max(self.in_flight);
        self.record.most_of_host = self.record.most_of_host.max(self.hosts_in_flight[host]);
        self.serial += 1;
        self.flights[place(key)] = Some(Flight {
            key,
            target,
            host,
            serial: self.serial,
            started: self.now,
            first_poll: None,
            answer: Answer::Hang,
            answers_at: Timestamp::NEVER,
            expired: false,
            cancelled: false,
            over: false,
        });
        self.started.push(key);
        self.record.start(target, self.now);
    }

    fn expire(&mut self, key: Key) {
        let timeout = self.plan.timeout_in_flight(key);
        let Some(flight) = self.flights[place(key)].as_mut() else {
            return;
        };
        let first_poll = flight.first_poll;
        if first_poll.is_some_and(|polled| self.plan.is_over(polled, timeout, self.now)) {
            flight.expired = true;
            self.told.push(key);
        } else {
            let now = self.moment();
            self.plan
                .on(now, Input::Postponed { key, first_poll }, &mut Vec::new());
        }
    }

    fn watch_feed(&mut self) {
        while let Some(item) = self.feed.try_next() {
            let FeedItem::Event(event) = item else {
                panic!("the feed of a fleet holds more than a turn's events");
            };
            match &event.kind {
                EventKind::Transition {
                    target,
                    turn,
                    cause,
                    ..
                } => self.record.transitions.push(TransitionRecord {
                    at: event.at,
                    target: number(target.as_str()),
                    from: turn.from,
                    to: turn.to,
                    kind: cause.as_ref().map(|cause| cause.kind),
                }),
                EventKind::Added { .. } | EventKind::Removed { .. } => {}
                kind => self.record.events.push((event.at, kind.clone())),
            }
        }
    }
}
