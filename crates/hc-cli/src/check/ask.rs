//! One check outside of any monitor: a deadline, a caught panic, and evidence whatever came of it.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use hc_core::{CheckContext, CheckResult, Clock, Evidence, Failure, Kind, Target, Timestamp};
use hc_http::expect::LatencyExpectation;
use hc_scheduler::failures;

/// Whom to ask, and what outputs need of it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// As people know it: the URL, or the name in a config.
    pub(crate) shown: String,
    /// The URL as people may see it.
    pub(crate) url: String,
    /// For the whole check.
    pub(crate) timeout: Duration,
    /// Limits that monitoring systems want to know.
    pub(crate) latency: LatencyExpectation,
    /// Its certificate is not verified.
    pub(crate) is_insecure: bool,
    /// Who asks.
    pub(crate) target: Target,
}

/// What came of one check.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// When it began.
    pub(crate) began: SystemTime,
    /// From begin to end.
    pub(crate) total: Duration,
    /// How it ended.
    pub(crate) result: CheckResult,
    /// Why it did not pass, or passed degraded.
    pub(crate) failure: Option<Failure>,
    /// What was seen.
    pub(crate) evidence: Evidence,
}

/// A timeout met while hc itself was later than this share of it (a quarter, as `max_lateness`) is hc's own trouble.
const MAX_LATENESS: u32 = 4;

/// Asks once, over a new connection.
///
/// # Cancel safety
/// Dropping it drops the check.
pub(crate) async fn ask(target: Target, timeout: Duration) -> Outcome {
    let clock = CommandClock::shared();
    let context = CheckContext::alone(target.id.clone(), clock.clone(), timeout);
    let (began, start) = (clock.wall(), clock.now());
    let (probe, handed) = (target.probe.clone(), context.clone());
    // A task of its own, so that a panic is an outcome.
    let mut task = tokio::spawn(async move { probe.check(&handed).await });
    let _guard = AbortOnDrop(task.abort_handle());
    let ended = match tokio::time::timeout(timeout, &mut task).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Err(ended_badly(&context, error)),
        Err(_) => {
            let late = clock.now().since(start).saturating_sub(timeout);
            Err(if late > timeout / MAX_LATENESS {
                let message = format!(
                    "timed out, but hc itself was {} late",
                    failures::words(late)
                );
                Failure::new(Kind::Starved, context.phase(), message)
                    .with_evidence(context.evidence())
            } else {
                failures::timed_out(&context, timeout)
            })
        }
    };
    let total = clock.now().since(start);
    Outcome::of(ended, began, total)
}

impl Outcome {
    /// Takes a check's end apart.
    pub(crate) fn of(
        mut ended: Result<Evidence, Failure>,
        began: SystemTime,
        total: Duration,
    ) -> Self {
        let result = CheckResult::of(&ended);
        let (failure, evidence) = match &mut ended {
            Ok(evidence) => {
                let warning = evidence.warning.take().map(|warning| *warning);
                (warning, std::mem::take(evidence))
            }
            Err(failure) => {
                let evidence = failure.evidence.take().map(|evidence| *evidence);
                (ended.err(), evidence.unwrap_or_default())
            }
        };
        Self {
            began,
            total: evidence.total.unwrap_or(total),
            result,
            failure,
            evidence,
        }
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The probe panicked; a task that nobody aborts ends in no other bad way.
fn ended_badly(context: &CheckContext, error: tokio::task::JoinError) -> Failure {
    match error.try_into_panic() {
        Ok(payload) => failures::panicked(context, &*payload),
        Err(_) => Failure::new(Kind::Cancelled, None, "cancelled"),
    }
}

/// The clock of the verbs that ask.
struct CommandClock(Instant);

impl CommandClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the driver of one-off checks"
    )]
    fn shared() -> Arc<dyn Clock> {
        static SHARED: OnceLock<Arc<CommandClock>> = OnceLock::new();
        SHARED
            .get_or_init(|| Arc::new(Self(Instant::now())))
            .clone()
    }
}

impl Clock for CommandClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the driver of one-off checks"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::ZERO + Instant::now().duration_since(self.0)
    }

    fn wall(&self) -> SystemTime {
        crate::host::wall()
    }
}

/// Now, by the clock of the verbs that ask.
pub(crate) fn clock_now() -> Timestamp {
    CommandClock::shared().now()
}
