//! The world around a simulated fleet: what each check meets.

use std::time::Duration;

use hc_core::{Connection, Evidence, Failure, Kind, Phase, Timestamp};
use hc_scheduler::plan::Ended;

/// One question to the world.
#[derive(Debug)]
pub struct Ask<'a> {
    /// The number of the target.
    pub target: usize,
    /// When it is asked (real time since the start).
    pub at: Duration,
    /// For chance.
    pub rng: &'a mut fastrand::Rng,
}

/// What a check meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It passes after that long.
    Pass(Duration),
    /// It passes with a warning after that long.
    Warn(Duration),
    /// It is refused after that long.
    Refused(Duration),
    /// It fails in that way after that long.
    Fail(Duration, Kind, Phase),
    /// Nothing comes while it connects.
    Hang,
    /// It connects, then nothing comes.
    Silent,
    /// Nothing comes over a kept connection.
    HangKept,
    /// The probe panics after that long.
    Panic(Duration),
}

impl Answer {
    /// A pass after so many milliseconds.
    #[must_use]
    pub const fn pass_ms(millis: u64) -> Self {
        Self::Pass(Duration::from_millis(millis))
    }

    /// How long it takes; never, if it hangs.
    pub(super) fn after(self) -> Option<Duration> {
        match self {
            Self::Pass(after)
            | Self::Warn(after)
            | Self::Refused(after)
            | Self::Panic(after)
            | Self::Fail(after, ..) => Some(after),
            Self::Hang | Self::Silent | Self::HangKept => None,
        }
    }

    pub(super) fn ended(self) -> Ended {
        match self {
            Self::Pass(_) => Ended::Answered(Ok(Evidence::new())),
            Self::Warn(_) => {
                let mut evidence = Evidence::new();
                evidence.warn(Failure::new(Kind::Unexpected, Phase::Wait, "slow"));
                Ended::Answered(Ok(evidence))
            }
            Self::Refused(_) => {
                Ended::Answered(Err(Failure::new(Kind::Refused, Phase::Connect, "refused")))
            }
            Self::Fail(_, kind, phase) => {
                Ended::Answered(Err(Failure::new(kind, phase, kind.as_str())))
            }
            Self::Panic(_) => Ended::Panicked(Failure::new(Kind::Panicked, None, "bug")),
            Self::Hang | Self::Silent | Self::HangKept => self.timed_out(),
        }
    }

    /// What is said of it at its deadline.
    pub(super) fn timed_out(self) -> Ended {
        let (phase, connection) = match self {
            Self::Silent => (Phase::Wait, Some(Connection::New)),
            Self::HangKept => (Phase::Wait, Some(Connection::Reused)),
            _ => (Phase::Connect, None),
        };
        let mut evidence = Evidence::new();
        evidence.connection = connection;
        let failure = Failure::new(Kind::Timeout, phase, "no answer").with_evidence(evidence);
        Ended::TimedOut(failure)
    }
}

pub(super) type Answers = Box<dyn FnMut(Ask<'_>) -> Answer>;

/// The world: an answer for each check, and a network that may be cut.
pub(super) struct World {
    pub(super) answers: Answers,
    /// From when to when nothing passes.
    pub(super) cuts: Vec<(Duration, Duration)>,
}

impl World {
    /// What a check that is sent now meets. What would arrive while the network is cut is lost.
    pub(super) fn answer(
        &mut self,
        target: usize,
        now: Timestamp,
        rng: &mut fastrand::Rng,
    ) -> Answer {
        let at = now.since(Timestamp::ZERO);
        let answer = (self.answers)(Ask { target, at, rng });
        let arrives = at + answer.after().unwrap_or_default();
        for (from, to) in &self.cuts {
            if at >= *from && at < *to {
                return Answer::Hang;
            }
            if at < *from && arrives >= *from && arrives < *to {
                return Answer::HangKept;
            }
        }
        answer
    }
}
