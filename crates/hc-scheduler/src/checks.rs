//! The checks in flight: each at its flight's place, polled by the driver itself.
//!
//! A check is polled once as it starts, and again when it was woken: no task, no map, no allocation but the
//! probe's own future. Places are used again, and so are their wakers, contexts and the room for the future.
//!
//! A probe whose poll holds the thread for long gets a task of its own the next time, so that on a runtime of
//! several threads it holds up nobody else; that is noted with its target. Knows neither plan nor verdicts.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

use hc_core::{Cell, CheckContext, Clock, Probe, Timestamp};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::check::{End, Gate, LIGHT, Outcome, Ran, Running, poll_caught};
use crate::slab::Key;

/// Places beyond this keep no room of theirs when their check has ended: after a spike the memory is free again.
const KEPT: u32 = 1024;

/// The places whose checks were woken, and the driver's own alarm.
#[derive(Default)]
struct Woken {
    places: Mutex<Vec<u32>>,
    alarm: Notify,
}

struct Signal {
    place: u32,
    is_raised: AtomicBool,
    woken: Arc<Woken>,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_raised.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut places = self
            .woken
            .places
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        places.push(self.place);
        if places.len() == 1 {
            self.woken.alarm.notify_one();
        }
    }
}

/// What is to become of a check at its next poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    /// Its deadline is there: one more poll, then its end.
    Expire,
    Cancel,
}

/// A place, and the check in it if there is one.
struct Place<F> {
    key: Option<Key>,
    told: Told,
    is_heavy: bool,
    /// As its target was known when it began.
    was_heavy: bool,
    first_poll: Option<Timestamp>,
    future: Pin<Box<Option<F>>>,
    /// A task runs it.
    gate: Option<Arc<Gate>>,
    context: Option<CheckContext>,
    signal: Option<(Arc<Signal>, Waker)>,
}

/// What a check is made of.
pub(crate) struct Asked<'a> {
    pub(crate) key: Key,
    pub(crate) place: u32,
    pub(crate) cell: &'a Arc<Cell>,
    pub(crate) probe: &'a Arc<dyn Probe>,
    pub(crate) deadline: Timestamp,
    pub(crate) is_heavy: bool,
}

/// A check that has ended.
pub(crate) struct Ending {
    pub(crate) key: Key,
    pub(crate) place: u32,
    /// None: it was cancelled before.
    pub(crate) first_poll: Option<Timestamp>,
    pub(crate) at: Timestamp,
    /// Whether it held its thread for long in one piece, if that is news of its target.
    pub(crate) is_heavy: Option<bool>,
}

/// The checks in flight.
pub(crate) struct Checks<F> {
    ask: fn(Arc<dyn Probe>, CheckContext) -> F,
    clock: Arc<dyn Clock>,
    places: Vec<Place<F>>,
    /// Places to be polled: first those woken, then those newly started, in order.
    due: std::collections::VecDeque<u32>,
    taken: Vec<u32>,
    woken: Arc<Woken>,
    tasks: JoinSet<Ran>,
    len: usize,
}

impl<F: Future<Output = Outcome> + Send + 'static> Checks<F> {
    pub(crate) fn new(ask: fn(Arc<dyn Probe>, CheckContext) -> F, clock: Arc<dyn Clock>) -> Self {
        Self {
            ask,
            clock,
            places: Vec::new(),
            due: std::collections::VecDeque::new(),
            taken: Vec::new(),
            woken: Arc::default(),
            tasks: JoinSet::new(),
            len: 0,
        }
    }

    /// How many are in flight.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// A check begins; it is polled when its turn comes.
    pub(crate) fn start(&mut self, asked: &Asked<'_>) {
        while self.places.len() <= asked.place as usize {
            self.places.push(Place {
                key: None,
                told: Told::Nothing,
                is_heavy: false,
                was_heavy: false,
                first_poll: None,
                future: Box::pin(None),
                gate: None,
                context: None,
                signal: None,
            });
        }
        let place = &mut self.places[asked.place as usize];
        debug_assert!(place.key.is_none(), "a place holds one check at a time");
        self.len += 1;
        place.key = Some(asked.key);
        place.told = Told::Nothing;
        place.is_heavy = false;
        place.was_heavy = asked.is_heavy;
        place.first_poll = None;
        let kept = place
            .context
            .take()
            .and_then(|mut context| context.renew(asked.cell, asked.deadline).then_some(context));
        let context = kept.unwrap_or_else(|| {
            CheckContext::for_cell(asked.cell.clone(), self.clock.clone(), asked.deadline)
        });
        place.context = Some(context.clone());
        let future = (self.ask)(asked.probe.clone(), context.clone());
        if asked.is_heavy {
            let gate = Arc::new(Gate::new());
            place.gate = Some(gate.clone());
            self.tasks
                .spawn(Running::new(Box::pin(future), context, gate, asked.place));
        } else {
            place.future.set(Some(future));
            self.due.push_back(asked.place);
        }
    }

    /// When the check at that place was first polled.
    pub(crate) fn first_poll(&self, place: u32) -> Option<Timestamp> {
        let place = self.places.get(place as usize)?;
        match &place.gate {
            Some(gate) => gate.first_poll(),
            None => place.first_poll,
        }
    }

    /// The context of the check at that place.
    pub(crate) fn context(&self, place: u32) -> Option<&CheckContext> {
        self.places.get(place as usize)?.context.as_ref()
    }

    /// The deadline of the check at that place is there.
    pub(crate) fn expire(&mut self, place: u32) {
        self.tell(place, Told::Expire);
    }

    /// The check at that place is to stop.
    pub(crate) fn cancel(&mut self, place: u32) {
        self.tell(place, Told::Cancel);
    }

    /// Every check is to stop.
    pub(crate) fn cancel_all(&mut self) {
        for place in 0..u32::try_from(self.places.len()).unwrap_or(u32::MAX) {
            self.cancel(place);
        }
    }

    fn tell(&mut self, index: u32, told: Told) {
        let Some(place) = self
            .places
            .get_mut(index as usize)
            .filter(|place| place.key.is_some())
        else {
            return;
        };
        match (&place.gate, told) {
            (Some(gate), Told::Cancel) => gate.cancel(),
            (Some(gate), _) => gate.expire(),
            (None, Told::Expire) if place.told == Told::Cancel => {}
            (None, told) => {
                place.told = told;
                self.due.push_back(index);
            }
        }
    }

    /// Resolves when some check is to be polled, or one that had a task has ended.
    pub(crate) async fn stirred(&mut self) -> Option<Ran> {
        let woken = self.woken.clone();
        tokio::select! {
            // It is neither aborted nor panics: an error is the runtime's own end.
            Some(ran) = self.tasks.join_next() => ran.ok(),
            () = woken.alarm.notified() => None,
        }
    }

    /// A check with a task that has ended by now.
    pub(crate) fn try_ran(&mut self) -> Option<Ran> {
        self.tasks.try_join_next()?.ok()
    }

    /// What a task said of its check, and how that ended.
    pub(crate) fn ran(&mut self, ran: Ran) -> Option<(Ending, End)> {
        let place = self.places.get_mut(ran.place as usize)?;
        let first_poll = place.gate.take()?.first_poll();
        self.len -= 1;
        let ending = Ending {
            key: place.key.take()?,
            place: ran.place,
            first_poll,
            at: ran.at,
            is_heavy: (ran.is_heavy != place.was_heavy).then_some(ran.is_heavy),
        };
        Some((ending, ran.end))
    }

    /// Takes in those that were woken since; whether any is to be polled.
    pub(crate) fn are_due(&mut self) -> bool {
        if self.due.is_empty() {
            std::mem::swap(
                &mut *self
                    .woken
                    .places
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner),
                &mut self.taken,
            );
            self.due.extend(self.taken.drain(..));
        }
        !self.due.is_empty()
    }

    /// Polls the next one that is due, at `now`, and moves `now` on to after it. If that was its end, `end` says how
    /// it was.
    pub(crate) fn poll_next(&mut self, now: &mut Timestamp, end: &mut End) -> Option<Ending> {
        let index = self.due.pop_front()?;
        let place = self.places.get_mut(index as usize)?;
        // Ended, or moved to a task, since it was woken.
        let key = place.key.filter(|_| place.gate.is_none())?;
        if place.told == Told::Cancel {
            *end = End::Cancelled;
        } else {
            let woken = &self.woken;
            let (signal, waker) = place.signal.get_or_insert_with(|| {
                let signal = Arc::new(Signal {
                    place: index,
                    is_raised: AtomicBool::new(false),
                    woken: woken.clone(),
                });
                (signal.clone(), Waker::from(signal))
            });
            // Before the poll: what wakes it from now on asks for another one.
            signal.is_raised.store(false, Ordering::Release);
            let began = *now;
            place.first_poll.get_or_insert(began);
            let future = place.future.as_mut().as_pin_mut()?;
            let has_ended = poll_caught(future, &mut Context::from_waker(waker), end);
            *now = self.clock.now();
            place.is_heavy |= now.since(began) > LIGHT;
            if !has_ended && place.told == Told::Expire {
                *end = End::Expired;
            } else if !has_ended {
                return None;
            }
        }
        self.len -= 1;
        place.key = None;
        let first_poll = place.first_poll;
        let is_heavy = (place.is_heavy != place.was_heavy).then_some(place.is_heavy);
        // A probe's destructors are as little ours as its code: what they panic with has nobody to go to.
        let _ = catch_unwind(AssertUnwindSafe(|| place.future.set(None)));
        Some(Ending {
            key,
            place: index,
            first_poll,
            at: *now,
            is_heavy,
        })
    }

    /// The check of that ending is done with.
    pub(crate) fn release(&mut self, index: u32) {
        if index >= KEPT
            && let Some(place) = self.places.get_mut(index as usize)
            && place.key.is_none()
        {
            place.context = None;
            place.signal = None;
        }
    }
}
