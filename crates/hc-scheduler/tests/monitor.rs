//! The monitor as an embedder meets it, in virtual time: scripted probes, tokio's paused clock.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use hc_core::HealthView;
use hc_core::{
    CheckResult, EventKind, Evidence, Failure, FeedItem, Kind, Phase, Policy, Report, Status,
    Target, TargetId, probe_fn,
};
use hc_scheduler::{Checked, Monitor, MonitorError, MonitorHandle, Observer, Reason};

const SECOND: Duration = Duration::from_secs(1);

/// A probe that passes or fails as a switch says, and counts how often it was asked.
#[derive(Clone, Default)]
struct Switch {
    down: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
}

impl Switch {
    fn target(&self, id: &str, policy: Policy) -> Target {
        let (down, asked) = (self.down.clone(), self.asked.clone());
        let probe = probe_fn(move |cx| {
            asked.fetch_add(1, Ordering::Relaxed);
            let down = down.load(Ordering::Relaxed);
            async move {
                cx.enter(Phase::Connect);
                match down {
                    0 => Ok(Evidence::new()),
                    1 => Err(Failure::new(Kind::Refused, Phase::Connect, "refused")),
                    2 => std::future::pending().await,
                    _ => panic!("as told"),
                }
            }
        });
        Target::new(id, probe).with_policy(policy)
    }

    fn set(&self, down: usize) {
        self.down.store(down, Ordering::Relaxed);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn policy() -> Policy {
    Policy::builder()
        .interval(SECOND)
        .timeout(SECOND / 2)
        .fast_interval(SECOND / 10)
        .build()
        .unwrap()
}

async fn status_after(monitor: &MonitorHandle, id: &str, wait: Duration) -> Status {
    tokio::time::sleep(wait).await;
    monitor.get(id).unwrap().status()
}

#[tokio::test(start_paused = true)]
async fn a_target_turns_after_fall_failures_and_back_after_rise_passes() {
    let switch = Switch::default();
    let monitor = Monitor::builder()
        .target(switch.target("a", policy()))
        .build()
        .start();
    let mut events = monitor.subscribe();
    monitor.first_sweep().await.unwrap();
    assert_eq!(monitor.get("a").unwrap().status(), Status::Healthy);
    switch.set(1);
    assert_eq!(
        status_after(&monitor, "a", 3 * SECOND).await,
        Status::Unhealthy
    );
    switch.set(0);
    assert_eq!(
        status_after(&monitor, "a", 4 * SECOND).await,
        Status::Healthy
    );
    let mut turns = Vec::new();
    while let Some(FeedItem::Event(event)) = events.try_next() {
        if let EventKind::Transition { turn, cause, .. } = &event.kind {
            turns.push((
                turn.from,
                turn.to,
                turn.streak,
                cause.as_ref().map(|c| c.kind),
            ));
        }
    }
    assert_eq!(
        turns,
        [
            (Status::Unknown, Status::Healthy, 1, None),
            (Status::Healthy, Status::Unhealthy, 3, Some(Kind::Refused)),
            (Status::Unhealthy, Status::Healthy, 2, None),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_hang_is_cut_at_its_timeout_and_names_its_phase() {
    let switch = Switch::default();
    switch.set(2);
    let monitor = Monitor::builder()
        .target(switch.target("a", policy()))
        .build()
        .start();
    let checked = monitor.check_now("a").await.unwrap();
    assert_eq!(checked.result, CheckResult::Failure);
    let why = checked.why().unwrap();
    assert_eq!((why.kind, why.phase), (Kind::Timeout, Some(Phase::Connect)));
    assert_eq!(why.message.as_str(), "no connection within 500 ms");
    assert!(checked.duration >= SECOND / 2 && checked.duration < SECOND / 2 + SECOND / 20);
    assert!(
        why.evidence
            .as_ref()
            .unwrap()
            .phases
            .get(Phase::Connect)
            .unwrap()
            >= SECOND / 2
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_inconclusive_told_once_and_the_target_goes_stale() {
    let switch = Switch::default();
    let monitor = Monitor::builder()
        .target(switch.target("a", policy()))
        .build()
        .start();
    monitor.first_sweep().await.unwrap();
    let mut events = monitor.subscribe();
    switch.set(3);
    tokio::time::sleep(10 * SECOND).await;
    let handle = monitor.get("a").unwrap();
    assert_eq!(handle.status(), Status::Healthy);
    assert!(handle.is_stale(monitor.now()));
    let mut told = Vec::new();
    while let Some(FeedItem::Event(event)) = events.try_next() {
        told.push(match &event.kind {
            EventKind::Panicked { failure, .. } => failure.message.to_string(),
            EventKind::Overlay { overlay, .. } => overlay.to_string(),
            other => panic!("unexpected {other:?}"),
        });
    }
    assert_eq!(told, ["bug in the probe: as told", "stale"]);
}

#[tokio::test(start_paused = true)]
async fn reported_failures_bring_one_check_which_decides() {
    let switch = Switch::default();
    let slow = Policy::builder().interval(60 * SECOND).build().unwrap();
    let monitor = Monitor::builder()
        .target(switch.target("a", slow))
        .build()
        .start();
    monitor.first_sweep().await.unwrap();
    let handle = monitor.get("a").unwrap();
    let before = switch.asked();
    for _ in 0..4 {
        handle.report(Report::Failed(Kind::Reset));
    }
    handle.report(Report::Passed);
    for _ in 0..4 {
        handle.report(Report::Failed(Kind::Reset));
    }
    tokio::time::sleep(SECOND / 10).await;
    assert_eq!(switch.asked(), before, "four in a row are not five");
    handle.report(Report::Failed(Kind::Reset));
    tokio::time::sleep(SECOND / 10).await;
    assert_eq!(switch.asked(), before + 1);
    assert_eq!(handle.status(), Status::Healthy);
    assert_eq!(
        monitor
            .describe("a")
            .await
            .unwrap()
            .health
            .failures_in_row(),
        0
    );
}

#[tokio::test(start_paused = true)]
async fn nudges_are_at_least_min_interval_apart_and_the_driver_wakes_for_them() {
    let switch = Switch::default();
    let slow = Policy::builder()
        .interval(60 * SECOND)
        .min_interval(SECOND / 2)
        .build()
        .unwrap();
    let monitor = Monitor::builder()
        .target(switch.target("a", slow))
        .build()
        .start();
    monitor.first_sweep().await.unwrap();
    let before = switch.asked();
    let handle = monitor.get("a").unwrap();
    for _ in 0..200 {
        handle.nudge();
        tokio::time::sleep(SECOND / 100).await;
    }
    // Two seconds of nudges: at 0, 0.5, 1.0, 1.5 and perhaps 2.0 s.
    let nudged = switch.asked() - before;
    assert!((4..=5).contains(&nudged), "{nudged}");
}

#[tokio::test(start_paused = true)]
async fn changes_while_running() {
    let switch = Switch::default();
    let monitor = Monitor::builder().build().start();
    let applied = monitor
        .add([
            switch.target("a", policy()),
            switch.target("a", policy()),
            switch.target("b", policy()),
        ])
        .await
        .unwrap();
    assert_eq!(applied.duplicates, [TargetId::new("a")]);
    monitor.first_sweep().await.unwrap();
    assert_eq!(monitor.view().tally(), [0, 2, 0, 0]);

    monitor.pause([TargetId::new("a")]).await.unwrap();
    assert_eq!(
        monitor.check_now("a").await.unwrap_err(),
        MonitorError::Declined
    );
    assert_eq!(
        monitor.describe("a").await.unwrap().next.reason,
        Reason::Paused
    );
    monitor.resume([TargetId::new("a")]).await.unwrap();
    assert_eq!(
        monitor.check_now("a").await.unwrap().result,
        CheckResult::Pass
    );

    let handle = monitor.get("b").unwrap();
    let removed = monitor.remove(["b".into(), "c".into()]).await.unwrap();
    assert_eq!(removed.unknown, [TargetId::new("c")]);
    assert!(!handle.is_healthy());
    assert!(monitor.get("b").is_none());

    let before = switch.asked();
    let no = probe_fn(|_| async { Err(Failure::new(Kind::Refused, Phase::Connect, "no")) });
    monitor.replace("a", no).await.unwrap();
    tokio::time::sleep(3 * SECOND).await;
    assert_eq!(switch.asked(), before);
    assert_eq!(monitor.get("a").unwrap().status(), Status::Unhealthy);
}

#[tokio::test(start_paused = true)]
async fn shutdown_lets_checks_end_then_cancels_and_closes_the_feed() {
    let switch = Switch::default();
    switch.set(2);
    let long = Policy::builder()
        .interval(SECOND)
        .timeout(100 * SECOND)
        .build()
        .unwrap();
    let monitor = Monitor::builder()
        .target(switch.target("a", long))
        .build()
        .start();
    let mut events = monitor.subscribe();
    tokio::time::sleep(2 * SECOND).await;
    let other = monitor.clone();
    let waiting = tokio::spawn(async move { other.check_now("a").await });
    tokio::task::yield_now().await;
    let ended = monitor.shutdown(3 * SECOND).await;
    assert_eq!((ended.drained, ended.cancelled), (0, 1));
    let joined = waiting.await.unwrap().unwrap();
    assert_eq!(joined.result, CheckResult::Inconclusive);
    while events.next().await.is_some() {}
    assert_eq!(monitor.first_sweep().await, Err(MonitorError::Stopped));
    assert_eq!(switch.asked(), 1);
}

/// Remembers the last check, and the view from which it began.
#[derive(Default)]
struct Last {
    view: OnceLock<HealthView>,
    check: Mutex<Option<Checked>>,
}

impl Last {
    fn take(&self) -> Checked {
        self.check.lock().unwrap().take().unwrap()
    }
}

impl Observer for Last {
    fn starts(&self, view: &HealthView) {
        assert!(self.view.set(view.clone()).is_ok(), "it starts once");
    }

    fn check_ended(&self, check: &Checked) {
        assert!(
            self.view
                .get()
                .unwrap()
                .get(check.target.as_str())
                .is_some()
        );
        *self.check.lock().unwrap() = Some(check.clone());
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_hears_what_is_next_and_which_ticks_were_missed() {
    let switch = Switch::default();
    let last = Arc::new(Last::default());
    let slow = Policy::builder()
        .interval(SECOND)
        .timeout(SECOND * 5 / 2)
        .build()
        .unwrap();
    let monitor = Monitor::builder()
        .observer(last.clone())
        .target(switch.target("a", slow))
        .build()
        .start();
    monitor.first_sweep().await.unwrap();
    tokio::time::sleep(SECOND * 2).await;
    let (passed, described) = (last.take(), monitor.describe("a").await.unwrap());
    assert_eq!(passed.next, Some(described.next));
    assert_eq!(passed.next.unwrap().reason, Reason::Interval);
    assert_eq!(passed.overlaps, 0);

    switch.set(2);
    tokio::time::sleep(SECOND * 4).await;
    let failed = last.take();
    assert_eq!(failed.result, CheckResult::Failure);
    assert_eq!(failed.overlaps, 2);
    assert_eq!(failed.next.unwrap().reason, Reason::Fast);

    let these = vec!["a".into(), "nobody".into()];
    assert_eq!(monitor.describe_these(these).await.unwrap().len(), 1);
    assert!(!monitor.stats().await.unwrap().isolated);
    monitor.pause(["a".into()]).await.unwrap();
    tokio::time::sleep(SECOND).await;
    assert_eq!(last.take().next, None);
}
