//! Specs, contexts and the assertions that all cases share.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hc_core::{
    Blame, CheckContext, Clock, Evidence, Failure, Kind, Nudge, Phase, Probe, Timestamp,
};
use hc_http::{Clients, HttpProbe, HttpSpec, TransportKind};

/// Makes a probe of a spec over the transport under test.
pub(crate) type Make = fn(HttpSpec) -> HttpProbe;

pub(crate) fn pooled(spec: HttpSpec) -> HttpProbe {
    over(TransportKind::Pooled, spec)
}

pub(crate) fn dedicated(spec: HttpSpec) -> HttpProbe {
    over(TransportKind::Dedicated, spec)
}

fn over(transport: TransportKind, mut spec: HttpSpec) -> HttpProbe {
    spec.transport = transport;
    HttpProbe::try_new(spec, &Clients::new()).unwrap()
}

/// Whether a case runs over reqwest, which hides some things.
pub(crate) fn is_pooled(make: Make) -> bool {
    make(spec("http://127.0.0.1/")).spec().transport == TransportKind::Pooled
}

pub(crate) fn spec(url: &str) -> HttpSpec {
    HttpSpec::new(url.parse().unwrap())
}

struct RealClock(Instant);

#[expect(clippy::disallowed_methods, reason = "the tests' driver is the test")]
impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.0.elapsed()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// No test waits so long; a case that meets it has hung.
pub(crate) const LONG: Duration = Duration::from_secs(10);

#[expect(clippy::disallowed_methods, reason = "the tests' driver is the test")]
pub(crate) fn context() -> CheckContext {
    let clock = Arc::new(RealClock(Instant::now()));
    CheckContext::new(
        "test".into(),
        clock,
        Timestamp::ZERO + LONG,
        Nudge::nowhere(),
    )
}

pub(crate) async fn check(probe: &HttpProbe) -> Result<Evidence, Failure> {
    tokio::time::timeout(LONG, probe.check(&context()))
        .await
        .expect("the check hung")
}

pub(crate) async fn pass(probe: &HttpProbe) -> Evidence {
    let evidence = check(probe).await.expect("it passes");
    // The server's side of a close, and reqwest's task that gives a connection back to its pool, get their turn: on a
    // busy machine that takes a while, and there is nothing to wait for.
    tokio::time::sleep(Duration::from_millis(25)).await;
    evidence
}

pub(crate) async fn fail(probe: &HttpProbe) -> Failure {
    check(probe).await.expect_err("it fails")
}

/// One row of the table of kinds, phases and blames.
#[track_caller]
pub(crate) fn row(
    failure: &Failure,
    kind: Kind,
    phase: Phase,
    blame: Blame,
    code: Option<&str>,
    says: &str,
) {
    let found = (
        failure.kind,
        failure.phase,
        failure.blame,
        failure.code,
        failure.message.as_str(),
    );
    assert_eq!(found, (kind, Some(phase), blame, code, says));
    assert!(failure.evidence.is_some(), "evidence is kept");
}

/// The phase that a check is in when it is given up after a while.
pub(crate) async fn stuck_in(probe: &HttpProbe) -> Option<Phase> {
    let cx = context();
    let check = tokio::time::timeout(Duration::from_millis(100), probe.check(&cx)).await;
    assert!(check.is_err(), "it hangs: {check:?}");
    cx.phase()
}
