//! One running check: a future around the probe's, with a gate by which the driver expires or cancels it.
//!
//! The target's one timer, which in flight is its deadline, opens the gate; the task polls the probe once more,
//! so that an answer that lies unread still counts, and then gives up. (`abort()` would throw that answer away; a
//! timeout in each task costs a syscall and 1 KB a check.)

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use hc_core::{CheckContext, Evidence, Failure, Timestamp};

const OPEN: u8 = 0;
const EXPIRED: u8 = 1;
const CANCELLED: u8 = 2;

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
pub(crate) enum End {
    /// The probe answered.
    Answered(Result<Evidence, Failure>),
    /// It did not by its deadline.
    Expired,
    /// It was told to stop.
    Cancelled,
}

type ProbeFuture = Pin<Box<dyn Future<Output = Result<Evidence, Failure>> + Send>>;

/// The future of one check.
///
/// # Cancel safety
/// Dropping it drops the probe's future: the check is void.
pub(crate) struct Running {
    probe: ProbeFuture,
    context: CheckContext,
    gate: Arc<Gate>,
}

impl Running {
    pub(crate) fn new(probe: ProbeFuture, context: CheckContext, gate: Arc<Gate>) -> Self {
        Self {
            probe,
            context,
            gate,
        }
    }
}

impl Future for Running {
    /// How it ended, and when.
    type Output = (End, Timestamp);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.gate.first_poll.load(Ordering::Relaxed) == NEVER {
            this.gate
                .first_poll
                .store(this.context.now().as_nanos(), Ordering::Release);
        }
        // Before the state is read: a gate that shuts after this wakes the task.
        this.gate.register(cx.waker());
        if this.gate.state.load(Ordering::Acquire) == CANCELLED {
            return Poll::Ready((End::Cancelled, this.context.now()));
        }
        if let Poll::Ready(outcome) = this.probe.as_mut().poll(cx) {
            return Poll::Ready((End::Answered(outcome), this.context.now()));
        }
        if this.gate.state.load(Ordering::Acquire) == EXPIRED {
            return Poll::Ready((End::Expired, this.context.now()));
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

    fn running(probe: ProbeFuture) -> (Running, Arc<Gate>) {
        let clock = Arc::new(Still);
        let deadline = clock.now() + Duration::from_secs(1);
        let context = CheckContext::new(TargetId::new("t"), clock, deadline, Nudge::nowhere());
        let gate = Arc::new(Gate::new());
        (Running::new(probe, context, gate.clone()), gate)
    }

    fn poll(running: &mut Running) -> Poll<(End, Timestamp)> {
        Pin::new(running).poll(&mut Context::from_waker(Waker::noop()))
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
            Poll::Ready((End::Answered(Ok(_)), _))
        ));
    }

    #[test]
    fn without_one_it_gives_up_and_a_cancelled_one_is_not_polled() {
        let (mut check, gate) = running(Box::pin(std::future::pending()));
        assert!(poll(&mut check).is_pending());
        gate.expire();
        assert!(matches!(poll(&mut check), Poll::Ready((End::Expired, _))));

        let (mut check, gate) = running(Box::pin(async { panic!("polled after its cancel") }));
        gate.cancel();
        gate.expire();
        assert!(matches!(poll(&mut check), Poll::Ready((End::Cancelled, _))));
    }
}
