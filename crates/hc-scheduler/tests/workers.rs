//! Several workers behind one handle: what holds for one holds for all of them together. In virtual time with all
//! workers on one runtime, and with real threads.
#![allow(clippy::unwrap_used, reason = "these are helpers of tests")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hc_core::{
    CheckResult, Edge, EventKind, Evidence, Failure, FeedItem, Kind, Phase, Policy, Status, Target,
    TargetId, probe_fn,
};
use hc_scheduler::{
    Alteration, Checked, IsolationRules, Monitor, MonitorBuilder, MonitorError, Observer,
};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// A world of probes that watches over its own limits.
#[derive(Default)]
struct World {
    in_flight: Mutex<HashMap<String, usize>>,
    of_host: Mutex<HashMap<String, usize>>,
    all: AtomicUsize,
    most_of_host: AtomicUsize,
    most: AtomicUsize,
    overlaps: AtomicUsize,
    checks: AtomicUsize,
    silent: AtomicBool,
}

struct Guard(Arc<World>, String, String);

impl Guard {
    fn enter(world: &Arc<World>, id: String, host: String) -> Self {
        let mut of_host = world.of_host.lock().unwrap();
        let n = of_host.entry(host.clone()).or_default();
        *n += 1;
        world.most_of_host.fetch_max(*n, Ordering::Relaxed);
        let all = world.all.fetch_add(1, Ordering::Relaxed) + 1;
        world.most.fetch_max(all, Ordering::Relaxed);
        world.checks.fetch_add(1, Ordering::Relaxed);
        let mut in_flight = world.in_flight.lock().unwrap();
        let n = in_flight.entry(id.clone()).or_default();
        *n += 1;
        if *n > 1 {
            world.overlaps.fetch_add(1, Ordering::Relaxed);
        }
        Self(world.clone(), id, host)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        *self.0.in_flight.lock().unwrap().get_mut(&self.1).unwrap() -= 1;
        *self.0.of_host.lock().unwrap().get_mut(&self.2).unwrap() -= 1;
        self.0.all.fetch_sub(1, Ordering::Relaxed);
    }
}

impl World {
    fn target(self: &Arc<Self>, id: &str, host: &str, policy: &Arc<Policy>) -> Target {
        let (world, name, of) = (self.clone(), id.to_owned(), host.to_owned());
        let probe = probe_fn(move |cx| {
            let guard = Guard::enter(&world, name.clone(), of.clone());
            let silent = world.silent.load(Ordering::Relaxed);
            async move {
                cx.enter(Phase::Connect);
                if silent {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(2 * MS).await;
                drop(guard);
                Ok(Evidence::new())
            }
        });
        Target::new(id, probe)
            .with_host(host)
            .with_policy(policy.clone())
    }

    fn fleet(
        self: &Arc<Self>,
        targets: usize,
        hosts: usize,
        policy: &Arc<Policy>,
    ) -> impl Iterator<Item = Target> {
        (0..targets).map(move |n| {
            let (id, host) = (format!("t-{n}"), format!("host-{}", n % hosts));
            self.target(&id, &host, policy)
        })
    }

    fn keeps(&self, in_flight: usize, per_host: usize) {
        assert_eq!(self.overlaps.load(Ordering::Relaxed), 0, "overlaps");
        let most = self.most_of_host.load(Ordering::Relaxed);
        assert!(most <= per_host, "{most} of one host");
        let most = self.most.load(Ordering::Relaxed);
        assert!(most <= in_flight, "{most} in all");
    }
}

fn policy(interval: Duration) -> Arc<Policy> {
    let builder = Policy::builder().interval(interval).timeout(SECOND);
    Arc::new(builder.build().unwrap())
}

/// Several workers in virtual time.
fn here(workers: usize) -> MonitorBuilder {
    Monitor::builder().workers(workers).own_threads(false)
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Observer for Count {
    fn check_ended(&self, _: &Checked) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn limits_sweeps_and_figures_hold_over_all_workers() {
    for workers in [1, 2, 4] {
        let world = Arc::new(World::default());
        let count = Arc::new(Count::default());
        let monitor = here(workers)
            .in_flight(10)
            .per_host(2)
            .observer(count.clone())
            .targets(world.fleet(200, 20, &policy(SECOND)))
            .build()
            .start();
        let events = monitor.subscribe();
        monitor.first_sweep().await.unwrap();
        assert_eq!(monitor.view().tally(), [0, 200, 0, 0]);
        tokio::time::sleep(10 * SECOND).await;
        world.keeps(10, 2);
        let stats = monitor.stats().await.unwrap();
        assert_eq!(stats.targets, 200);
        assert!(stats.counters.checks() >= 2_000, "{:?}", stats.counters);
        assert_eq!(stats.counters.lateness_us.len(), stats.counters.checks());
        assert_eq!(
            stats.counters.checks() as usize,
            count.0.load(Ordering::Relaxed)
        );
        assert_eq!(monitor.describe_all().await.unwrap().len(), 200);
        let of_one = monitor.describe("t-7").await.unwrap();
        assert_eq!(of_one.id.as_str(), "t-7");
        assert_eq!(
            monitor.describe("none").await.unwrap_err(),
            MonitorError::Unknown
        );
        let checked = monitor.check_now("t-9").await.unwrap();
        assert_eq!(checked.result, CheckResult::Pass);
        assert_eq!(
            monitor.check_now("none").await.unwrap_err(),
            MonitorError::Unknown
        );
        let ended = monitor.shutdown(SECOND).await;
        assert_eq!(ended.cancelled, 0);
        assert_eq!(monitor.stats().await.unwrap_err(), MonitorError::Stopped);
        drop(events);
    }
}

/// No tenth of the span holds more than 15 % of the first checks, counted over all workers.
#[tokio::test(start_paused = true)]
async fn first_checks_are_paced_over_all_workers_together() {
    struct First(Mutex<Vec<Duration>>, hc_core::Timestamp);
    impl Observer for First {
        fn check_ended(&self, check: &Checked) {
            self.0.lock().unwrap().push(check.at.since(self.1));
        }
    }
    let world = Arc::new(World::default());
    let first = Arc::new(First(Mutex::default(), hc_core::Timestamp::ZERO));
    let monitor = here(4)
        .in_flight(1_000)
        .observer(first.clone())
        .targets(world.fleet(1_000, 500, &policy(60 * SECOND)))
        .build()
        .start();
    monitor.first_sweep().await.unwrap();
    let mut tenths = [0; 11];
    for at in first.0.lock().unwrap().iter() {
        tenths[(at.as_millis() / 1_000) as usize] += 1;
    }
    assert!(tenths.iter().all(|n| *n <= 150), "{tenths:?}");
    assert_eq!(tenths.iter().sum::<usize>(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_changes_its_host_moves_with_its_health() {
    let world = Arc::new(World::default());
    let slow = policy(10 * SECOND);
    let monitor = here(4).targets(world.fleet(20, 20, &slow)).build().start();
    monitor.first_sweep().await.unwrap();
    let mut mirror = monitor.mirror();
    let mut events = monitor.subscribe();
    let handles: Vec<_> = (0..20)
        .map(|n| monitor.get(&format!("t-{n}")).unwrap())
        .collect();
    let since = monitor.describe("t-3").await.unwrap().since;
    for round in 0..5 {
        let updates = (0..20).map(|n| {
            let host = format!("other-{}", n * 7 + round);
            Alteration::Update(world.target(&format!("t-{n}"), &host, &slow))
        });
        let applied = monitor.alter(updates.collect()).await.unwrap();
        assert!(applied.is_complete(), "{applied:?}");
        // Commands about it find it at once, wherever it is.
        for n in 0..20 {
            let described = monitor.describe(format!("t-{n}")).await.unwrap();
            assert_eq!(described.health.status(), Status::Healthy);
        }
        assert_eq!(
            monitor.check_now("t-3").await.unwrap().result,
            CheckResult::Pass
        );
        handles[5].nudge();
        tokio::time::sleep(3 * SECOND).await;
    }
    assert_eq!(monitor.describe("t-3").await.unwrap().since, since);
    assert_eq!(monitor.stats().await.unwrap().targets, 20);
    assert!(handles.iter().all(hc_core::TargetHandle::is_healthy));
    // Nobody was told of it: neither removed nor added, nor turned.
    assert!(events.try_next().is_none());
    assert!(mirror.try_next().is_none());
    // A nudge by an old handle reaches the new worker.
    let before = monitor.stats().await.unwrap().counters.nudges;
    handles[5].nudge();
    tokio::time::sleep(SECOND).await;
    assert_eq!(monitor.stats().await.unwrap().counters.nudges, before + 1);
    world.keeps(100, 16);
    // Its check in flight is called off before it moves, and a paused one stays paused.
    monitor.pause([TargetId::new("t-4")]).await.unwrap();
    world.silent.store(true, Ordering::Relaxed);
    let joined = tokio::spawn({
        let monitor = monitor.clone();
        async move { monitor.check_now("t-6").await }
    });
    tokio::time::sleep(100 * MS).await;
    world.silent.store(false, Ordering::Relaxed);
    let mut updates = Vec::new();
    for n in [4, 6] {
        let target = world.target(&format!("t-{n}"), &format!("last-{n}"), &slow);
        updates.push(Alteration::Update(target.with_paused(n == 4)));
    }
    monitor.alter(updates).await.unwrap();
    assert_eq!(
        joined.await.unwrap().unwrap().result,
        CheckResult::Inconclusive
    );
    assert_eq!(
        monitor.describe("t-4").await.unwrap().next.reason,
        hc_scheduler::Reason::Paused
    );
    assert_eq!(world.overlaps.load(Ordering::Relaxed), 0);

    // Several changes of one that moves, in one command: in their order.
    let id = TargetId::new("t-8");
    for n in 0..20 {
        let update = |what: &str| {
            let host = format!("{what}-{n}");
            Alteration::Update(world.target("t-8", &host, &slow))
        };
        let changes = vec![
            update("one"),
            update("two"),
            Alteration::Pause(id.clone()),
            update("three"),
            Alteration::SetPolicy(id.clone(), policy(20 * SECOND)),
        ];
        let changes = match n % 2 {
            0 => changes,
            _ => changes.into_iter().rev().collect(),
        };
        assert!(monitor.alter(changes).await.unwrap().is_complete());
        let described = monitor.describe("t-8").await.unwrap();
        let interval = described.policy.interval();
        assert_eq!(interval, if n % 2 == 0 { 20 * SECOND } else { 10 * SECOND });
    }
}

#[tokio::test(start_paused = true)]
async fn a_silence_of_all_workers_is_one_isolation_and_one_sign_of_life_ends_it() {
    for workers in [1, 2, 4] {
        let world = Arc::new(World::default());
        let monitor = here(workers)
            .in_flight(1_000)
            .targets(world.fleet(200, 100, &policy(SECOND)))
            .build()
            .start();
        monitor.first_sweep().await.unwrap();
        let mut events = monitor.subscribe();
        world.silent.store(true, Ordering::Relaxed);
        tokio::time::sleep(30 * SECOND).await;
        world.silent.store(false, Ordering::Relaxed);
        tokio::time::sleep(10 * SECOND).await;
        let (mut begun, mut ended, mut turned) = (0, 0, 0);
        while let Some(FeedItem::Event(event)) = events.try_next() {
            match &event.kind {
                EventKind::Isolated {
                    edge: Edge::Begin,
                    targets,
                    hosts,
                    ..
                } => {
                    assert!(*targets >= 20 && *hosts >= 5, "{targets} {hosts}");
                    begun += 1;
                }
                EventKind::Isolated {
                    edge: Edge::End { lasted },
                    ..
                } => {
                    assert!(*lasted > 20 * SECOND && *lasted < 32 * SECOND, "{lasted:?}");
                    ended += 1;
                }
                EventKind::Transition { .. } => turned += 1,
                _ => {}
            }
        }
        assert_eq!((begun, ended, turned), (1, 1, 0), "{workers} workers");
        assert_eq!(monitor.view().tally(), [0, 200, 0, 0]);
    }
}

/// References that fall to one worker keep the targets of all others believed, or doubted.
#[tokio::test(start_paused = true)]
async fn references_speak_for_the_targets_of_all_workers() {
    for alive in [true, false] {
        let world = Arc::new(World::default());
        let outside = Arc::new(World::default());
        let often = policy(SECOND);
        let rules = IsolationRules {
            references: vec![TargetId::new("reference")],
            ..IsolationRules::default()
        };
        let monitor = here(4)
            .in_flight(1_000)
            .isolation(Some(rules))
            .targets(world.fleet(40, 4, &often))
            .target(outside.target("reference", "outside", &often))
            .build()
            .start();
        monitor.first_sweep().await.unwrap();
        world.silent.store(true, Ordering::Relaxed);
        outside.silent.store(!alive, Ordering::Relaxed);
        tokio::time::sleep(30 * SECOND).await;
        let [_, healthy, _, unhealthy] = monitor.view().tally();
        if alive {
            assert_eq!((healthy, unhealthy), (1, 40), "an outage is reported");
        } else {
            assert_eq!((healthy, unhealthy), (41, 0), "nothing answers");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_command_may_remove_here_and_add_there() {
    let world = Arc::new(World::default());
    let often = policy(SECOND);
    let monitor = here(4).targets(world.fleet(8, 8, &often)).build().start();
    for round in 0..10 {
        let mut alterations = Vec::new();
        for n in 0..8 {
            let id = format!("t-{n}");
            let host = format!("round-{round}-{n}");
            alterations.push(Alteration::Add(world.target(&id, &host, &often)));
            alterations.push(Alteration::Remove(TargetId::new(&id)));
        }
        alterations.push(Alteration::Add(world.target("t-1", "twice", &often)));
        alterations.push(Alteration::Pause(TargetId::new("none")));
        let applied = monitor.alter(alterations).await.unwrap();
        assert_eq!(applied.duplicates, [TargetId::new("t-1")]);
        assert_eq!(applied.unknown, [TargetId::new("none")]);
        assert_eq!(monitor.view().len(), 8);
        assert_eq!(monitor.stats().await.unwrap().targets, 8);
    }
    let again = monitor.add(world.fleet(8, 3, &often)).await.unwrap();
    assert_eq!(again.duplicates.len(), 8);
}

/// Changes from several tasks while everything runs on real threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storms_of_changes_over_real_threads_end_with_the_right_picture() {
    for workers in [1, 2, 4] {
        let world = Arc::new(World::default());
        let quick = policy(10 * MS);
        let monitor = Monitor::builder()
            .workers(workers)
            .own_threads(true)
            .slot(MS)
            .in_flight(64)
            .per_host(3)
            .feed_capacity(64)
            .targets(world.fleet(200, 40, &quick))
            .build()
            .start();
        let mut mirror = monitor.mirror();
        let mut feed = monitor.subscribe();
        let mut storms = Vec::new();
        for storm in 0..3 {
            let (monitor, world, quick) = (monitor.clone(), world.clone(), quick.clone());
            storms.push(tokio::spawn(async move {
                for round in 0..30 {
                    let ids =
                        |from: usize| (0..20).map(move |n| format!("t-{}", from + n * 3 + storm));
                    monitor.pause(ids(0).map(TargetId::from)).await.unwrap();
                    monitor.resume(ids(0).map(TargetId::from)).await.unwrap();
                    let updates = ids(60).enumerate().map(|(n, id)| {
                        let host = format!("host-{}", (n + round) % 40);
                        Alteration::Update(world.target(&id, &host, &quick))
                    });
                    monitor.alter(updates.collect()).await.unwrap();
                    let mut swap = Vec::new();
                    for (n, id) in ids(120).enumerate() {
                        swap.push(Alteration::Remove(TargetId::new(&id)));
                        let host = format!("host-{}", (n + round) % 40);
                        // Another name each round: a removed target's last check may still be ending.
                        let fresh = format!("s-{storm}-{round}-{n}");
                        swap.push(Alteration::Add(world.target(&fresh, &host, &quick)));
                        if round > 0 {
                            let old = format!("s-{storm}-{}-{n}", round - 1);
                            swap.push(Alteration::Remove(TargetId::new(old)));
                        }
                    }
                    monitor.alter(swap).await.unwrap();
                    monitor.get("t-1").unwrap().nudge();
                    let _ = monitor.check_now("t-2").await;
                    // How many they are changes between the two questions.
                    monitor.stats().await.unwrap();
                    monitor.describe_all().await.unwrap();
                }
            }));
        }
        for storm in storms {
            storm.await.unwrap();
        }
        monitor.first_sweep().await.unwrap();
        let stats = monitor.stats().await.unwrap();
        assert_eq!(stats.targets, monitor.view().len());
        assert_eq!(stats.targets, monitor.describe_all().await.unwrap().len());
        assert_eq!(world.overlaps.load(Ordering::Relaxed), 0);
        let ended = monitor.shutdown(5 * SECOND).await;
        assert_eq!(ended.cancelled, 0);
        // Numbers without a gap but those that are told, and the mirror ends with what the view says.
        let mut next = None;
        while let Some(item) = feed.next().await {
            match item {
                FeedItem::Event(event) => {
                    assert!(next.is_none_or(|next| next == event.sequence));
                    next = Some(event.sequence + 1);
                }
                FeedItem::Missed(missed) => next = next.map(|next| next + missed),
            }
        }
        while mirror.next().await.is_some() {}
        assert_eq!(mirror.len(), monitor.view().len());
        for handle in monitor.view().handles() {
            let mirrored = mirror.get(handle.id().as_str()).unwrap();
            let word = handle.word();
            assert_eq!(mirrored.sequence(), word.sequence());
            assert_eq!(mirrored.status(), word.status());
        }
        assert!(
            world.all.load(Ordering::Relaxed) == 0,
            "nothing is left in flight"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_hold_over_real_threads() {
    let world = Arc::new(World::default());
    let monitor = Monitor::builder()
        .workers(4)
        .slot(MS)
        .in_flight(13)
        .per_host(2)
        .targets(world.fleet(200, 40, &policy(10 * MS)))
        .build()
        .start();
    monitor.first_sweep().await.unwrap();
    while world.checks.load(Ordering::Relaxed) < 5_000 {
        monitor.stats().await.unwrap();
    }
    monitor.shutdown(SECOND).await;
    world.keeps(13, 2);
}

/// Dropping the last handle ends the threads, and what the probes hold goes with them.
#[test]
fn dropped_handles_end_the_threads_without_any_runtime_of_the_callers() {
    for workers in [1, 2, 4] {
        let world = Arc::new(World::default());
        let monitor = Monitor::builder()
            .workers(workers)
            .own_threads(true)
            .targets(world.fleet(50, 10, &policy(SECOND)))
            .build()
            .start();
        drop(monitor);
        while Arc::strong_count(&world) > 1 {
            std::thread::yield_now();
        }
    }
}

/// A worker that is brought down stops all, and nobody waits in vain.
#[tokio::test]
async fn the_end_of_one_worker_is_told_to_everybody() {
    struct Bomb(AtomicBool);
    impl Observer for Bomb {
        fn check_ended(&self, _: &Checked) {
            assert!(
                !self.0.load(Ordering::Relaxed),
                "an observer that panics takes its worker with it"
            );
        }
    }
    for workers in [1, 2, 4] {
        let bomb = Arc::new(Bomb(AtomicBool::new(false)));
        let world = Arc::new(World::default());
        let monitor = Monitor::builder()
            .workers(workers)
            .own_threads(true)
            .observer(bomb.clone())
            .targets(world.fleet(50, 10, &policy(SECOND / 10)))
            .build()
            .start();
        monitor.first_sweep().await.unwrap();
        let mut feed = monitor.subscribe();
        bomb.0.store(true, Ordering::Relaxed);
        while feed.next().await.is_some() {}
        assert_eq!(monitor.first_sweep().await, Err(MonitorError::Stopped));
        assert_eq!(monitor.stats().await.unwrap_err(), MonitorError::Stopped);
        assert_eq!(monitor.alter(vec![]).await, Err(MonitorError::Stopped));
        assert_eq!(monitor.shutdown(SECOND).await, Default::default());
    }
}

#[tokio::test(start_paused = true)]
async fn shutdown_drains_all_workers_and_counts_over_them() {
    let world = Arc::new(World::default());
    let monitor = here(4)
        .in_flight(1_000)
        .targets(world.fleet(40, 40, &policy(SECOND / 10)))
        .build()
        .start();
    monitor.first_sweep().await.unwrap();
    world.silent.store(true, Ordering::Relaxed);
    tokio::time::sleep(SECOND / 2).await;
    let (one, two) = tokio::join!(monitor.shutdown(60 * SECOND), monitor.shutdown(SECOND / 10));
    assert_eq!(one, two);
    assert_eq!(one.cancelled + one.drained, 40, "{one:?}");
    assert!(one.cancelled > 0);
    assert_eq!(world.all.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn failures_of_one_worker_are_no_isolation_of_all() {
    // All targets on hosts of one worker fail silently: others live, so it is an outage and reported.
    let world = Arc::new(World::default());
    let dead = Arc::new(World::default());
    let often = policy(SECOND);
    let refused = probe_fn(|_| async { Err(Failure::new(Kind::Refused, Phase::Connect, "no")) });
    let monitor = here(2)
        .in_flight(1_000)
        .targets(dead.fleet(40, 40, &often))
        .targets((0..40).map(|n| world.target(&format!("w-{n}"), &format!("w-{n}"), &often)))
        .target(Target::new("refused", refused).with_policy(often.clone()))
        .build()
        .start();
    monitor.first_sweep().await.unwrap();
    dead.silent.store(true, Ordering::Relaxed);
    tokio::time::sleep(30 * SECOND).await;
    assert_eq!(monitor.view().tally(), [0, 40, 0, 41]);
}
