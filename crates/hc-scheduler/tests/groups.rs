//! Targets that share their checks: asked once, and each hears the result.
#![allow(clippy::unwrap_used, reason = "these are helpers of tests")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hc_core::{
    CheckResult, Evidence, Failure, Kind, Phase, Policy, Status, Target, TargetId, probe_fn,
};
use hc_scheduler::{
    Alteration, Checked, Monitor, MonitorBuilder, MonitorError, MonitorHandle, Observer, Reason,
};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);
const KEY: u128 = 7;

/// One address.
#[derive(Default)]
struct Backend {
    down: AtomicBool,
    hangs: AtomicBool,
    asked: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
    ended: AtomicUsize,
}

struct Guard(Arc<Backend>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Backend {
    fn target(self: &Arc<Self>, id: &str, policy: &Arc<Policy>) -> Target {
        let backend = self.clone();
        let probe = probe_fn(move |cx| {
            backend.asked.fetch_add(1, Ordering::Relaxed);
            let now = backend.now.fetch_add(1, Ordering::Relaxed) + 1;
            backend.most.fetch_max(now, Ordering::Relaxed);
            let guard = Guard(backend.clone());
            async move {
                cx.enter(Phase::Connect);
                tokio::time::sleep(100 * MS).await;
                if guard.0.hangs.load(Ordering::Relaxed) {
                    std::future::pending::<()>().await;
                }
                guard.0.ended.fetch_add(1, Ordering::Relaxed);
                match guard.0.down.load(Ordering::Relaxed) {
                    true => Err(Failure::new(Kind::Refused, Phase::Connect, "refused")),
                    false => Ok(Evidence::new()),
                }
            }
        });
        Target::new(id, probe)
            .with_host("backend")
            .with_policy(policy.clone())
            .with_shared(KEY)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn policy(interval: Duration) -> Arc<Policy> {
    let builder = Policy::builder()
        .interval(interval)
        .fast_interval(interval / 10)
        .timeout(SECOND);
    Arc::new(builder.build().unwrap())
}

#[derive(Default)]
struct Heard(Mutex<Vec<(TargetId, CheckResult, bool)>>);

impl Observer for Heard {
    fn check_ended(&self, check: &Checked) {
        let heard = (check.target.clone(), check.result, check.shared);
        self.0.lock().unwrap().push(heard);
    }
}

fn routes(backend: &Arc<Backend>, n: usize, policy: &Arc<Policy>) -> MonitorBuilder {
    Monitor::builder().targets((0..n).map(|n| backend.target(&format!("r-{n}"), policy)))
}

async fn statuses(monitor: &MonitorHandle) -> [usize; 4] {
    monitor.stats().await.unwrap();
    monitor.view().tally()
}

#[tokio::test(start_paused = true)]
async fn one_check_an_interval_for_all_and_each_hears_it() {
    let (backend, heard) = (Arc::new(Backend::default()), Arc::new(Heard::default()));
    let monitor = routes(&backend, 20, &policy(SECOND))
        .observer(heard.clone())
        .build()
        .start();
    monitor.first_sweep().await.unwrap();
    assert_eq!(backend.asked(), 1, "the first check decides all");
    assert_eq!(statuses(&monitor).await, [0, 20, 0, 0]);
    let before = backend.asked();
    tokio::time::sleep(60 * SECOND).await;
    let asked = backend.asked() - before;
    assert!((55..=65).contains(&asked), "{asked} checks in 60 s");
    assert_eq!(backend.most.load(Ordering::Relaxed), 1);
    let stats = monitor.stats().await.unwrap();
    assert_eq!(stats.counters.shared, 19 * stats.counters.checks());
    assert_eq!(
        heard.0.lock().unwrap().len() as u64,
        20 * stats.counters.checks()
    );
    assert_eq!(monitor.describe("r-3").await.unwrap().asked_for, 20);

    // An outage is each one's own, and found as fast as by one.
    backend.down.store(true, Ordering::Relaxed);
    tokio::time::sleep(3 * SECOND).await;
    assert_eq!(statuses(&monitor).await, [0, 0, 0, 20]);
    let asked = backend.asked();
    backend.down.store(false, Ordering::Relaxed);
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(statuses(&monitor).await, [0, 20, 0, 0]);
    assert!(backend.asked() - asked < 20);
}

#[tokio::test(start_paused = true)]
async fn nudges_and_questions_of_any_are_one_check_for_all() {
    let backend = Arc::new(Backend::default());
    let slow = policy(60 * SECOND);
    let monitor = routes(&backend, 5, &slow).build().start();
    monitor.first_sweep().await.unwrap();
    let before = backend.asked();
    for n in 0..5 {
        monitor.get(&format!("r-{n}")).unwrap().nudge();
    }
    tokio::time::sleep(50 * MS).await;
    assert_eq!(backend.asked(), before + 1);
    // All join the one in flight.
    let (one, two) = tokio::join!(monitor.check_now("r-1"), monitor.check_now("r-4"));
    assert_eq!(
        (one.unwrap().target.clone(), two.unwrap().target.clone()),
        ("r-1".into(), "r-4".into())
    );
    assert_eq!(backend.asked(), before + 1);
    // Those nudges that came while it was in flight are remembered, as one, `min_interval` later.
    tokio::time::sleep(20 * SECOND).await;
    assert!(
        backend.asked() <= before + 2,
        "{} {before}",
        backend.asked()
    );
    let asked = monitor.check_now("r-2").await.unwrap();
    assert_eq!(
        (asked.reason, asked.result),
        (Reason::Asked, CheckResult::Pass)
    );
}

#[tokio::test(start_paused = true)]
async fn who_asks_may_go_and_the_check_stays() {
    let (backend, heard) = (Arc::new(Backend::default()), Arc::new(Heard::default()));
    let slow = policy(60 * SECOND);
    let monitor = routes(&backend, 3, &slow)
        .observer(heard.clone())
        .build()
        .start();
    monitor.first_sweep().await.unwrap();
    for (n, how) in ["remove", "pause"].into_iter().enumerate() {
        let leader = TargetId::new(format!("r-{n}"));
        let before = (backend.asked(), backend.ended.load(Ordering::Relaxed));
        heard.0.lock().unwrap().clear();
        let asking = tokio::spawn({
            let (monitor, leader) = (monitor.clone(), leader.clone());
            async move { monitor.check_now(leader).await }
        });
        tokio::time::sleep(30 * MS).await;
        match how {
            "remove" => monitor.remove([leader.clone()]).await.unwrap(),
            _ => monitor.pause([leader.clone()]).await.unwrap(),
        };
        assert_eq!(asking.await.unwrap().unwrap_err(), MonitorError::Declined);
        tokio::time::sleep(SECOND).await;
        let after = (backend.asked(), backend.ended.load(Ordering::Relaxed));
        assert_eq!(
            after,
            (before.0 + 1, before.1 + 1),
            "{how}: neither lost nor doubled"
        );
        for (id, result, shared) in heard.0.lock().unwrap().iter() {
            let is_leader = *id == leader;
            assert_eq!(*shared, !is_leader);
            assert_eq!(*result == CheckResult::Pass, !is_leader, "{how} {id}");
        }
    }
    assert_eq!(monitor.describe("r-2").await.unwrap().asked_for, 1);
    monitor.resume([TargetId::new("r-1")]).await.unwrap();
    tokio::time::sleep(15 * SECOND).await;
    assert_eq!(monitor.describe("r-2").await.unwrap().asked_for, 2);
    assert_eq!(monitor.get("r-1").unwrap().status(), Status::Healthy);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_probe_or_policy_leaves_the_group_and_sharing_joins_it() {
    let (backend, other) = (Arc::new(Backend::default()), Arc::new(Backend::default()));
    let often = policy(SECOND);
    let monitor = routes(&backend, 4, &often).build().start();
    monitor.first_sweep().await.unwrap();
    monitor.set_policy("r-1", policy(2 * SECOND)).await.unwrap();
    let mut apart = other.target("r-2", &often);
    apart.shared = None;
    monitor
        .alter(vec![Alteration::Update(apart)])
        .await
        .unwrap();
    for (id, asked_for) in [("r-0", 2), ("r-1", 1), ("r-2", 1), ("r-3", 2)] {
        assert_eq!(
            monitor.describe(id).await.unwrap().asked_for,
            asked_for,
            "{id}"
        );
    }
    tokio::time::sleep(10 * SECOND).await;
    assert!(other.asked() >= 9);
    other.down.store(true, Ordering::Relaxed);
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(statuses(&monitor).await, [0, 3, 0, 1]);
    let back = vec![
        Alteration::SetPolicy("r-1".into(), often.clone()),
        Alteration::Share("r-1".into(), Some(KEY)),
        Alteration::Update(backend.target("r-2", &often)),
    ];
    monitor.alter(back).await.unwrap();
    tokio::time::sleep(20 * SECOND).await;
    assert_eq!(monitor.describe("r-1").await.unwrap().asked_for, 4);
    assert_eq!(statuses(&monitor).await, [0, 4, 0, 0]);
    let before = backend.asked();
    tokio::time::sleep(20 * SECOND).await;
    assert!(
        backend.asked() - before <= 22,
        "{}",
        backend.asked() - before
    );
}

/// A hundred routes to one silent backend are one address: no isolation, but an outage that is reported.
#[tokio::test(start_paused = true)]
async fn a_group_is_one_address_for_self_doubt() {
    let (backend, well) = (Arc::new(Backend::default()), Arc::new(Backend::default()));
    let often = policy(SECOND);
    let monitor = Monitor::builder()
        .targets((0..100).map(|n| {
            backend
                .target(&format!("r-{n}"), &often)
                .with_host(format!("h-{n}"))
        }))
        .targets((0..3).map(|n| {
            let mut target = well.target(&format!("w-{n}"), &policy(600 * SECOND));
            target.shared = None;
            target
        }))
        .build()
        .start();
    monitor.first_sweep().await.unwrap();
    backend.hangs.store(true, Ordering::Relaxed);
    tokio::time::sleep(30 * SECOND).await;
    assert_eq!(statuses(&monitor).await, [0, 3, 0, 100]);
}

#[tokio::test(start_paused = true)]
async fn shutdown_lets_all_hear_the_last_check() {
    let (backend, heard) = (Arc::new(Backend::default()), Arc::new(Heard::default()));
    let monitor = routes(&backend, 4, &policy(SECOND))
        .observer(heard.clone())
        .build()
        .start();
    monitor.first_sweep().await.unwrap();
    let asking = tokio::spawn({
        let monitor = monitor.clone();
        async move { monitor.check_now("r-0").await }
    });
    tokio::time::sleep(10 * MS).await;
    heard.0.lock().unwrap().clear();
    let ended = monitor.shutdown(SECOND).await;
    assert_eq!((ended.drained, ended.cancelled), (1, 0));
    assert!(asking.await.unwrap().is_ok());
    assert_eq!(heard.0.lock().unwrap().len(), 4);
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Add(u8),
    Remove(u8),
    Pause(u8),
    Resume(u8),
    Nudge(u8),
    Update(u8),
    Alone(u8),
    Share(u8),
    Limit(u8),
    Down(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u64..400).prop_map(Step::Wait),
        2 => (0u8..8).prop_map(Step::Add),
        1 => (0u8..8).prop_map(Step::Remove),
        1 => (0u8..8).prop_map(Step::Pause),
        1 => (0u8..8).prop_map(Step::Resume),
        2 => (0u8..8).prop_map(Step::Nudge),
        1 => (0u8..8).prop_map(Step::Update),
        1 => (0u8..8).prop_map(Step::Alone),
        1 => (0u8..8).prop_map(Step::Share),
        1 => (1u8..4).prop_map(Step::Limit),
        1 => any::<bool>().prop_map(Step::Down),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is done to them: nobody is forgotten, all agree in the end, and one check an interval serves all.
    #[test]
    fn any_changes_end_with_all_members_asked_once(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let backend = Arc::new(Backend::default());
            let often = policy(SECOND);
            let monitor = routes(&backend, 3, &often).build().start();
            let name = |n: u8| TargetId::new(format!("r-{n}"));
            for step in steps {
                let alteration = match step {
                    Step::Wait(ms) => {
                        tokio::time::sleep(Duration::from_millis(ms)).await;
                        continue;
                    }
                    Step::Nudge(n) => {
                        if let Some(handle) = monitor.get(name(n).as_str()) {
                            handle.nudge();
                        }
                        continue;
                    }
                    Step::Limit(n) => {
                        monitor.set_limits(usize::from(n), usize::from(n)).await.unwrap();
                        continue;
                    }
                    Step::Down(down) => {
                        backend.down.store(down, Ordering::Relaxed);
                        continue;
                    }
                    Step::Add(n) => Alteration::Add(backend.target(name(n).as_str(), &often)),
                    Step::Remove(n) => Alteration::Remove(name(n)),
                    Step::Pause(n) => Alteration::Pause(name(n)),
                    Step::Resume(n) => Alteration::Resume(name(n)),
                    Step::Update(n) => Alteration::Update(backend.target(name(n).as_str(), &often)),
                    Step::Alone(n) => Alteration::Share(name(n), None),
                    Step::Share(n) => Alteration::Share(name(n), Some(KEY)),
                };
                monitor.alter(vec![alteration]).await.unwrap();
            }
            // All come together again.
            backend.down.store(false, Ordering::Relaxed);
            monitor.set_limits(8, 8).await.unwrap();
            let all = (0..8).map(name);
            let together = all.clone().map(Alteration::Resume)
                .chain(all.map(|id| Alteration::Share(id, Some(KEY))));
            monitor.alter(together.collect()).await.unwrap();
            tokio::time::sleep(20 * SECOND).await;
            let known = monitor.view().len();
            assert_eq!(monitor.view().tally(), [0, known, 0, 0], "all were asked");
            let (before, stats) = (backend.asked(), monitor.stats().await.unwrap());
            backend.most.store(0, Ordering::Relaxed);
            tokio::time::sleep(20 * SECOND).await;
            let asked = backend.asked() - before;
            if known > 0 {
                assert!((18..=23).contains(&asked), "{asked} checks of {known} in 20 s");
                assert_eq!(backend.most.load(Ordering::Relaxed), 1);
            }
            let later = monitor.stats().await.unwrap();
            let (checks, shared) = (
                later.counters.checks() - stats.counters.checks(),
                later.counters.shared - stats.counters.shared,
            );
            assert_eq!(shared, checks * (known.max(1) as u64 - 1));
            for description in monitor.describe_all().await.unwrap() {
                assert_eq!(description.asked_for, known);
            }
            let ended = monitor.shutdown(SECOND).await;
            assert_eq!(ended.cancelled, 0);
        });
    }
}
