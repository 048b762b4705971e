//! The worker's loop: when to look at the epoll, and what to do with what it says.
//!
//! A look is taken 1, 3 and 7 ms after requests went out, and each slot while connections are kept. So one wake-up
//! serves all answers that came meanwhile: at thousands of checks a second sleeping and waking is what costs.

use std::os::fd::{AsFd, OwnedFd};
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::socket::EXPIRED;
use super::{Inner, Worker, instant};

/// Between a request and the looks for its answer; the slot's length after the last.
const GAPS: [Duration; 3] = [
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(4),
];
/// The usual slot, and the longest: a close of an idle connection is seen within it.
const SLOTS: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(20)];
/// Kept connections that lie for too long are looked for so often.
const SWEEP: u32 = 1_000;

/// What a look left behind.
#[derive(Clone, Copy)]
struct Outlook {
    waiting: bool,
    parked: bool,
    prompt: bool,
}

/// What the loop was woken by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    /// An event of a connection whose events are to be known at once.
    Event,
    /// Somebody began to wait.
    Bell,
    /// It is time for a look.
    Timer,
}

struct DeadMark(Weak<Worker>);

impl Drop for DeadMark {
    fn drop(&mut self) {
        if let Some(worker) = self.0.upgrade() {
            worker.inner().is_dead = true;
        }
    }
}

/// Runs until the last holder of the worker lets go, or the runtime ends, be it before the first poll.
pub(super) fn run(worker: Weak<Worker>, bell: Arc<Notify>) -> impl Future<Output = ()> {
    listen(DeadMark(worker), bell)
}

async fn listen(mark: DeadMark, bell: Arc<Notify>) {
    let worker = &mark.0;
    let mut rounds = Rounds::default();
    let mut swept = None;
    let mut ear: Option<AsyncFd<OwnedFd>> = None;
    // It stays with the runtime while it is not moved: one that begins and is the next to end costs two system calls.
    let mut sleep = pin!(sleep_until(instant()));
    loop {
        if let Some(next) = rounds.next
            && next != sleep.deadline()
        {
            sleep.as_mut().reset(next);
        }
        let is_set = rounds.next.is_some();
        let timer = async {
            match is_set {
                true => sleep.as_mut().await,
                false => std::future::pending().await,
            }
        };
        let heard = async {
            match &ear {
                Some(ear) => ear
                    .readable()
                    .await
                    .map_or((), |mut guard| guard.clear_ready()),
                None => std::future::pending().await,
            }
        };
        let call = tokio::select! {
            biased;
            () = heard => Call::Event,
            () = bell.notified() => Call::Bell,
            () = timer => Call::Timer,
        };
        let Some(worker) = worker.upgrade() else {
            return;
        };
        let now = instant();
        let millis = worker.tick(now);
        let outlook = if call == Call::Bell {
            let outlook = worker.inner().outlook();
            rounds.rung(now, outlook);
            outlook
        } else {
            let outlook = worker.harvest(millis, call == Call::Event, &mut swept);
            rounds.looked(now, outlook);
            outlook
        };
        if outlook.prompt && ear.is_none() {
            ear = worker.ear();
        }
    }
}

/// When to look next. Pure.
#[derive(Default)]
struct Rounds {
    next: Option<Instant>,
    /// When the requests went out whose answers are awaited.
    begun: Option<Instant>,
    /// When that was before.
    last: Option<Instant>,
    looks: usize,
}

impl Rounds {
    /// Somebody began to wait, or laid a connection down.
    fn rung(&mut self, now: Instant, outlook: Outlook) {
        if outlook.waiting {
            self.last = self.begun.replace(now).or(self.last);
            self.looks = 0;
            self.at_latest(now + GAPS[0]);
        } else if outlook.parked {
            self.at_latest(now + self.slot() + GAPS[0]);
        }
    }

    /// Checks begin at slots: their grain shows in when requests go out.
    fn slot(&self) -> Duration {
        let [usual, longest] = SLOTS;
        match (self.begun, self.last) {
            (Some(begun), Some(last)) => begun.duration_since(last).clamp(usual, longest),
            _ => usual,
        }
    }

    fn at_latest(&mut self, at: Instant) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    fn looked(&mut self, now: Instant, outlook: Outlook) {
        self.looks += 1;
        self.next = if outlook.waiting {
            Some(now + GAPS.get(self.looks).copied().unwrap_or(SLOTS[0]))
        } else if outlook.parked {
            // A little after the next requests go out, if they go out each slot: then that look serves both.
            let next = self.begun.map(|begun| begun + self.slot() + GAPS[0]);
            Some(next.filter(|next| *next > now).unwrap_or(now + self.slot()))
        } else {
            None
        };
    }
}

impl Worker {
    /// The prompt ones' epoll as something that wakes the runtime; without one, looks by the clock have to do.
    #[expect(
        deprecated,
        reason = "it is sound for a descriptor that it owns; what is to take its place cannot be called safely"
    )]
    fn ear(&self) -> Option<AsyncFd<OwnedFd>> {
        let inner = self.inner();
        let fd = inner.prompt_poll.registry().as_fd().try_clone_to_owned();
        drop(inner);
        AsyncFd::with_interest(fd.ok()?, Interest::READABLE).ok()
    }

    /// Takes what the kernel has: wakes who waits, and sees to parked connections. `is_called`: an event of a prompt
    /// one has woken the loop.
    fn harvest(&self, now: u32, is_called: bool, swept: &mut Option<u32>) -> Outlook {
        let mut inner = self.inner();
        inner.rung = false;
        // Nudges are given after the lock: what they reach is not ours to know.
        let mut nudges = Vec::new();
        let mut wakers = Vec::new();
        if is_called {
            inner.quieten();
        }
        loop {
            let Inner { poll, events, .. } = &mut *inner;
            if poll.poll(events, Some(Duration::ZERO)).is_err() {
                break;
            }
            let Inner {
                events,
                sockets,
                scratch,
                waiting,
                prompt,
                parked,
                ..
            } = &mut *inner;
            let mut count = 0;
            for event in events.iter() {
                count += 1;
                let Some(socket) = sockets.get_mut(event.token().0) else {
                    continue;
                };
                socket.state.readable |= event.is_readable();
                socket.state.ending |= event.is_read_closed() || event.is_error();
                if let Some(waker) = socket.waker.take() {
                    *waiting -= 1;
                    *prompt -= u32::from(socket.state.prompt);
                    wakers.push(waker);
                } else if socket.state.parked
                    && (socket.state.readable || socket.state.ending)
                    && socket.stream.is_some()
                    && !socket.survives(scratch)
                {
                    *parked -= 1;
                    socket.close();
                    socket.millis = now.wrapping_sub(socket.millis);
                    let is_news = socket.expected == 0 || socket.millis < socket.expected;
                    socket.expected = 0;
                    let nudge = std::mem::replace(&mut socket.nudge, hc_core::Nudge::nowhere());
                    if is_news {
                        nudges.push(nudge);
                    }
                }
            }
            if count < super::EVENTS {
                break;
            }
        }
        if swept.is_none_or(|swept| now.wrapping_sub(swept) >= SWEEP) {
            *swept = Some(now);
            inner.sweep(now);
        }
        let outlook = inner.outlook();
        drop(inner);
        wakers.into_iter().for_each(std::task::Waker::wake);
        nudges.iter().for_each(hc_core::Nudge::nudge);
        outlook
    }
}

impl Inner {
    /// Takes the events of the prompt ones, so that the next one calls again. Their connections are in the other epoll
    /// too, where what they say is heeded: so this comes first.
    fn quieten(&mut self) {
        let Self {
            prompt_poll,
            events,
            ..
        } = self;
        while prompt_poll.poll(events, Some(Duration::ZERO)).is_ok()
            && events.iter().count() == super::EVENTS
        {}
    }

    fn outlook(&mut self) -> Outlook {
        self.rung = false;
        Outlook {
            waiting: self.waiting > 0,
            parked: self.parked > 0,
            prompt: self.prompt > 0,
        }
    }

    /// Closes what nobody took up in time: the target is paused, or its interval is longer.
    fn sweep(&mut self, now: u32) {
        for (_, socket) in &mut self.sockets {
            let is_over = socket.state.parked
                && socket.stream.is_some()
                && now.wrapping_sub(socket.millis) > socket.keep;
            if is_over {
                socket.close();
                socket.expected = EXPIRED;
                self.parked -= 1;
            }
        }
    }
}
