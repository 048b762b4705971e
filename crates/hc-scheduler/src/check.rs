//! One check with a task of its own: a future around the probe's, with a gate by which the driver expires or
//! cancels it. Most checks have none: see [`checks`](crate::checks).
//!
//! The target's one timer, which in flight is its deadline, opens the gate; the task polls the probe once more,
//! so that an answer that lies unread still counts, and then gives up. (`abort()` would throw that answer away; a
//! timeout in each task costs a syscall and 1 KB a check.)

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hc_core::{CheckContext, Evidence, Failure, Probe, Timestamp};

const OPEN: u8 = 0;
const EXPIRED: u8 = 1;
const CANCELLED: u8 = 2;

/// How long one poll of a probe may hold its thread. A request written to a socket takes a tenth of it; what takes
/// longer (a handshake, a computation, a blocking call) gets a task, and so perhaps another thread.
pub(crate) const LIGHT: Duration = Duration::from_micros(200);

/// Not polled yet.
const NEVER: u64 = u64::MAX;

/// How the driver reaches into a running check.
#[derive(Debug)]
pub(crate) struct Gate {
    state: AtomicU8,
    first_poll: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicU8::new(OPEN),
            first_poll: AtomicU64::new(NEVER),
            waker: Mutex::new(None),
        }
    }

    /// When the check was first polled, if it was (real time).
    pub(crate) fn first_poll(&self) -> Option<Timestamp> {
        let nanos = self.first_poll.load(Ordering::Acquire);
        (nanos != NEVER).then(|| Timestamp::from_nanos(nanos))
    }

    /// The deadline is there.
    pub(crate) fn expire(&self) {
        self.shut(EXPIRED);
    }

    /// It is to stop.
    pub(crate) fn cancel(&self) {
        self.shut(CANCELLED);
    }

    fn shut(&self, state: u8) {
        self.state.fetch_max(state, Ordering::AcqRel);
        let waker = self
            .waker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn register(&self, waker: &Waker) {
        let mut slot = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *slot {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }
}

/// How a running check came to its end.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "passed on at once, and boxing it would cost each check an allocation"
)]
pub(crate) enum End {
    /// The probe answered.
    Answered(Result<Evidence, Failure>),
    /// It did not by its deadline.
    Expired,
    /// It was told to stop.
    Cancelled,
    /// It panicked with this.
    Panicked(Box<dyn Any + Send>),
}

/// Asks the probe, owning what the question borrows.
pub(crate) async fn ask(probe: Arc<dyn Probe>, context: CheckContext) -> Outcome {
    probe.check(&context).await
}

pub(crate) type Outcome = Result<Evidence, Failure>;

/// One poll, with a panic taken for an end. Of what panicked nothing is used again but its drop. Whether it has
/// ended, and if so how, in `end`: an outcome is four lines of the cache, and is not passed from hand to hand.
pub(crate) fn poll_caught<F: Future<Output = Outcome>>(
    future: Pin<&mut F>,
    cx: &mut Context<'_>,
    end: &mut End,
) -> bool {
    let polled = catch_unwind(AssertUnwindSafe(|| match future.poll(cx) {
        Poll::Ready(outcome) => {
            *end = End::Answered(outcome);
            true
        }
        Poll::Pending => false,
    }));
    polled.unwrap_or_else(|payload| {
        *end = End::Panicked(payload);
        true
    })
}

/// How a check that has a task of its own ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its place among the checks.
    pub(crate) place: u32,
    pub(crate) end: End,
    /// When (real time).
    pub(crate) at: Timestamp,
    /// Whether it held its thread for long in one piece this time too.
    pub(crate) is_heavy: bool,
}

/// The future of one check that has a task of its own.
///
/// # Cancel safety
/// Dropping it drops the probe's future: the check is void.
pub(crate) struct Running<F> {
    /// None once it has ended.
    probe: Option<Pin<Box<F>>>,
    context: CheckContext,
    gate: Arc<Gate>,
    place: u32,
    is_heavy: bool,
}

impl<F> Running<F> {
    pub(crate) fn new(
        probe: Pin<Box<F>>,
        context: CheckContext,
        gate: Arc<Gate>,
        place: u32,
    ) -> Self {
        Self {
            probe: Some(probe),
            context,
            gate,
            place,
            is_heavy: false,
        }
    }

    fn ran(&mut self, end: End, at: Timestamp) -> Poll<Ran> {
        // A probe's destructors are as little ours as its code: what they panic with has nobody to go to.
        let _ = catch_unwind(AssertUnwindSafe(|| self.probe = None));
        Poll::Ready(Ran {
            place: self.place,
            end,
            at,
            is_heavy: self.is_heavy,
        })
    }
}

impl<F: Future<Output = Outcome>> Future for Running<F> {
    type Output = Ran;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let began = this.context.now();
        if this.gate.first_poll.load(Ordering::Relaxed) == NEVER {
            this.gate
                .first_poll
                .store(began.as_nanos(), Ordering::Release);
        }
        // Before the state is read: a gate that shuts after this wakes the task.
        this.gate.register(cx.waker());
        if this.gate.state.load(Ordering::Acquire) == CANCELLED {
            return this.ran(End::Cancelled, began);
        }
        let probe = this.probe.as_mut().expect("not polled after its end");
        let mut end = End::Cancelled;
        let has_ended = poll_caught(probe.as_mut(), cx, &mut end);
        let now = this.context.now();
        this.is_heavy |= now.since(began) > LIGHT;
        if has_ended {
            return this.ran(end, now);
        }
        if this.gate.state.load(Ordering::Acquire) == EXPIRED {
            return this.ran(End::Expired, now);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use hc_core::{Clock, Nudge, TargetId};

    use super::*;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(7)
        }

        fn wall(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH
        }
    }

    type Boxed = Pin<Box<dyn Future<Output = Outcome>>>;

    fn running(probe: Boxed) -> (Running<Boxed>, Arc<Gate>) {
        let clock = Arc::new(Still);
        let deadline = clock.now() + Duration::from_secs(1);
        let context = CheckContext::new(TargetId::new("t"), clock, deadline, Nudge::nowhere());
        let gate = Arc::new(Gate::new());
        let running = Running::new(Box::pin(probe), context, gate.clone(), 0);
        (running, gate)
    }

    fn poll(running: &mut Running<Boxed>) -> Poll<End> {
        Pin::new(running)
            .poll(&mut Context::from_waker(Waker::noop()))
            .map(|ran| ran.end)
    }

    #[test]
    fn an_answer_that_lies_unread_at_the_deadline_still_counts() {
        let mut asked = 0;
        let answer = std::future::poll_fn(move |_| {
            asked += 1;
            if asked == 2 {
                Poll::Ready(Ok(Evidence::new()))
            } else {
                Poll::Pending
            }
        });
        let (mut check, gate) = running(Box::pin(answer));
        assert!(poll(&mut check).is_pending());
        assert_eq!(gate.first_poll(), Some(Timestamp::from_millis(7)));
        gate.expire();
        assert!(matches!(
            poll(&mut check),
            Poll::Ready(End::Answered(Ok(_)))
        ));
    }

    #[test]
    fn without_one_it_gives_up_and_a_cancelled_one_is_not_polled() {
        let (mut check, gate) = running(Box::pin(std::future::pending()));
        assert!(poll(&mut check).is_pending());
        gate.expire();
        assert!(matches!(poll(&mut check), Poll::Ready(End::Expired)));

        let (mut check, gate) = running(Box::pin(async { panic!("polled after its cancel") }));
        gate.cancel();
        gate.expire();
        assert!(matches!(poll(&mut check), Poll::Ready(End::Cancelled)));

        let (mut check, _) = running(Box::pin(async { panic!("a bug") }));
        assert!(matches!(poll(&mut check), Poll::Ready(End::Panicked(_))));
    }
}
