//! The real driver under tokio's paused clock: long commands, storms, joined checks, ends.
#![allow(clippy::unwrap_used, reason = "these are helpers of tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hc_core::{CheckResult, Evidence, Policy, Status, Target, TargetId, probe_fn};
use hc_scheduler::{Alteration, Monitor, MonitorError, Observer, Reason};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// Counts the futures of checks that are alive, and those ever made.
#[derive(Clone, Default)]
struct Alive(Arc<(AtomicUsize, AtomicUsize)>);

struct Guard(Alive);

impl Alive {
    fn enter(&self) -> Guard {
        self.0.0.fetch_add(1, Ordering::Relaxed);
        self.0.1.fetch_add(1, Ordering::Relaxed);
        Guard(self.clone())
    }

    fn now(&self) -> usize {
        self.0.0.load(Ordering::Relaxed)
    }

    fn ever(&self) -> usize {
        self.0.1.load(Ordering::Relaxed)
    }

    fn target(&self, id: &str, policy: &Arc<Policy>, takes: Duration) -> Target {
        let alive = self.clone();
        let probe = probe_fn(move |_| {
            let guard = alive.enter();
            async move {
                tokio::time::sleep(takes).await;
                drop(guard);
                Ok(Evidence::new())
            }
        });
        Target::new(id, probe).with_policy(policy.clone())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn policy(interval: Duration, timeout: Duration) -> Arc<Policy> {
    let builder = Policy::builder().interval(interval).timeout(timeout);
    Arc::new(builder.build().unwrap())
}

#[tokio::test(start_paused = true)]
async fn dropped_handles_stop_the_driver_and_every_check() {
    let alive = Alive::default();
    let slow = policy(SECOND, 300 * SECOND);
    let targets = (0..50).map(|n| alive.target(&format!("t-{n}"), &slow, 200 * SECOND));
    let monitor = Monitor::builder().targets(targets).build().start();
    let mut events = monitor.subscribe();
    let handle = monitor.get("t-1").unwrap();
    tokio::time::sleep(3 * SECOND).await;
    assert_eq!(alive.now(), 50);
    drop(monitor);
    // The feed ends when the driver does.
    while events.next().await.is_some() {}
    tokio::time::sleep(SECOND).await;
    assert_eq!(alive.now(), 0);
    assert_eq!(handle.status(), Status::Unknown);
}

#[tokio::test(start_paused = true)]
async fn check_now_joins_the_check_in_flight() {
    let alive = Alive::default();
    let slow = policy(60 * SECOND, 10 * SECOND);
    let monitor = Monitor::builder()
        .target(alive.target("a", &slow, 5 * SECOND))
        .build()
        .start();
    tokio::time::sleep(SECOND).await;
    assert_eq!(alive.ever(), 1);
    let (one, two) = tokio::join!(monitor.check_now("a"), monitor.check_now("a"));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(Arc::ptr_eq(&one, &two));
    assert_eq!((one.result, one.reason), (CheckResult::Pass, Reason::First));
    assert_eq!(alive.ever(), 1);
    let asked = monitor.check_now("a").await.unwrap();
    assert_eq!(asked.reason, Reason::Asked);
    assert_eq!(alive.ever(), 2);
    assert_eq!(
        monitor.check_now("b").await.unwrap_err(),
        MonitorError::Unknown
    );
}

#[tokio::test(start_paused = true)]
async fn check_now_of_a_target_that_goes_is_declined() {
    let alive = Alive::default();
    let slow = policy(60 * SECOND, 10 * SECOND);
    let monitor = Monitor::builder()
        .target(alive.target("a", &slow, 5 * SECOND))
        .build()
        .start();
    let (checked, removed) = tokio::join!(monitor.check_now("a"), async {
        tokio::time::sleep(SECOND).await;
        monitor.remove([TargetId::new("a")]).await
    });
    assert_eq!(checked.unwrap_err(), MonitorError::Declined);
    assert!(removed.unwrap().is_complete());
    tokio::time::sleep(MS).await;
    assert_eq!(alive.now(), 0, "its check was cancelled");
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_a_thousand_targets_every_ten_milliseconds() {
    struct Count(AtomicUsize);
    impl Observer for Count {
        fn check_ended(&self, _: &hc_scheduler::Checked) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let alive = Alive::default();
    let quick = policy(10 * MS, SECOND);
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let targets = (0..1_000).map(|n| alive.target(&format!("t-{n}"), &quick, Duration::ZERO));
    let monitor = Monitor::builder()
        .slot(MS)
        .in_flight(1_000)
        .observer(count.clone())
        .targets(targets)
        .build()
        .start();
    monitor.first_sweep().await.unwrap();
    tokio::time::sleep(SECOND).await;
    let checks = count.0.load(Ordering::Relaxed);
    assert!(checks >= 40_000, "{checks}");
    assert_eq!(monitor.view().tally(), [0, 1_000, 0, 0]);
    assert!(alive.now() <= 1_000);
    // Commands get their turn in between, and the end is heard of.
    assert_eq!(monitor.stats().await.unwrap().targets, 1_000);
    let ended = monitor.shutdown(SECOND).await;
    assert_eq!(ended.cancelled, 0);
    assert_eq!(alive.now(), 0);
}

#[tokio::test(start_paused = true)]
async fn two_shutdowns_at_once_both_end_and_the_impatient_one_decides() {
    let alive = Alive::default();
    let slow = policy(60 * SECOND, 300 * SECOND);
    let monitor = Monitor::builder()
        .target(alive.target("a", &slow, 100 * SECOND))
        .build()
        .start();
    tokio::time::sleep(SECOND).await;
    let before = monitor.now();
    let (long, short) = tokio::join!(monitor.shutdown(60 * SECOND), monitor.shutdown(2 * SECOND));
    assert_eq!((long.cancelled, short.cancelled), (1, 1));
    let took = monitor.now().since(before);
    assert!(took >= 2 * SECOND && took < 3 * SECOND, "{took:?}");
    assert_eq!(alive.now(), 0);
    // Everything afterwards says so.
    assert_eq!(monitor.stats().await.unwrap_err(), MonitorError::Stopped);
    assert_eq!(monitor.shutdown(SECOND).await, Default::default());
}

#[tokio::test(start_paused = true)]
async fn an_alteration_of_one_command_removes_first() {
    let alive = Alive::default();
    let often = policy(SECOND, SECOND);
    let monitor = Monitor::builder()
        .target(alive.target("a", &often, MS))
        .build()
        .start();
    monitor.first_sweep().await.unwrap();
    let again = alive.target("a", &often, MS);
    let applied = monitor
        .alter(vec![
            Alteration::Add(again),
            Alteration::Remove(TargetId::new("a")),
        ])
        .await
        .unwrap();
    assert!(applied.is_complete());
    assert_eq!(monitor.get("a").unwrap().status(), Status::Unknown);
    monitor.first_sweep().await.unwrap();
    assert_eq!(monitor.get("a").unwrap().status(), Status::Healthy);
}
