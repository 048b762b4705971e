//! What is remembered of a target, and another monitor that goes on from there. In virtual time.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use hc_core::{
    Edge, EventKind, Evidence, Failure, FeedItem, Kind, Memory, Overlay, Phase, Policy, Start,
    Status, Subscription, Target, TargetId, probe_fn,
};
use hc_scheduler::{Alteration, Monitor, MonitorBuilder, MonitorHandle, Reason};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, Default)]
struct Switch(Arc<AtomicBool>);

impl Switch {
    fn down(&self, down: bool) {
        self.0.store(down, Ordering::Relaxed);
    }

    fn target(&self, id: &str, policy: &Policy) -> Target {
        let down = self.0.clone();
        let probe = probe_fn(move |cx| {
            let down = down.load(Ordering::Relaxed);
            async move {
                cx.enter(Phase::Connect);
                match down {
                    true => Err(Failure::new(Kind::Refused, Phase::Connect, "refused")),
                    false => Ok(Evidence::new()),
                }
            }
        });
        Target::new(id, probe).with_policy(policy.clone())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the monitor's clock reads it too"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

fn policy() -> Policy {
    Policy::builder().interval(10 * SECOND).build().unwrap()
}

/// The status and what became of it since the last call: `paused`, `healthy`.
fn told(feed: &mut Subscription) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(item) = feed.try_next() {
        let FeedItem::Event(event) = item else {
            panic!("{item:?}")
        };
        match &event.kind {
            EventKind::Transition { turn, .. } => told.push(turn.to.to_string()),
            EventKind::Overlay { overlay, edge, .. } => {
                let end = if *edge == Edge::Begin { "" } else { "_end" };
                told.push(format!("{overlay}{end}"));
            }
            _ => {}
        }
    }
    told
}

async fn remembered(monitor: MonitorHandle, id: &str) -> Memory {
    let asked = monitor.remember_these(vec![id.into(), "unknown".into()]);
    let asked = asked.await.unwrap();
    assert_eq!(asked.len(), 1);
    let (_, remains) = monitor.shutdown_and_remember(SECOND).await;
    let remains = remains.unwrap();
    assert!(remains.remember("unknown").is_none());
    let left = remains.remember(id).unwrap();
    assert_eq!(left.id, TargetId::from(id));
    let health = |memory: &Memory| (*memory.health(), memory.parts().failed_in);
    assert_eq!(health(&left.memory), health(&asked[0].memory));
    assert!(monitor.shutdown_and_remember(SECOND).await.1.is_none());
    left.memory
}

/// Two of three failures before the restart, and one after it.
#[tokio::test(start_paused = true)]
async fn a_suspect_target_goes_on_where_it_was() {
    let switch = Switch::default();
    let monitor = Monitor::builder()
        .target(switch.target("a", &policy()))
        .build()
        .start();
    monitor.first_sweep().await.unwrap();
    switch.down(true);
    for _ in 0..2 {
        monitor.check_now("a").await.unwrap();
    }
    let memory = remembered(monitor, "a").await;

    // It was down for an hour of its status's time, and knows of it.
    let mut parts = memory.parts();
    parts.since = now() - 3_600 * SECOND;
    let memory = Memory::try_new(&parts).unwrap();
    // Whatever it would be taken for without a memory: it has one.
    let other = Policy::builder()
        .start(Start::Unhealthy)
        .interval(10 * SECOND);
    let target = switch.target("a", &other.build().unwrap());
    let monitor = Monitor::builder()
        .target(target.with_memory(memory))
        .target(switch.target("b", &policy()))
        .build()
        .start();
    let mut feed = monitor.view().subscribe_after(0);
    let handle = monitor.get("a").unwrap();
    assert_eq!(handle.status(), Status::Healthy);
    assert!(handle.is_healthy() && handle.word().overlays().has(Overlay::Suspect));
    assert!(!handle.is_stale(monitor.now() + 30 * SECOND));
    let before = monitor.describe("a").await.unwrap();
    assert!(before.is_restored && before.last.is_none());
    assert_eq!(before.next.reason, Reason::First);
    assert_eq!(before.health.streak_against(&before.policy), (2, 3));
    let held = monitor.now().since(before.since).as_secs();
    assert!((3_600..3_610).contains(&held), "{held}");
    assert!(!monitor.describe("b").await.unwrap().is_restored);
    assert_eq!(monitor.now().since(monitor.started()), Duration::ZERO);

    monitor.first_sweep().await.unwrap();
    let after = monitor.describe("a").await.unwrap();
    assert!(!after.is_restored);
    assert_eq!(handle.status(), Status::Unhealthy);
    // b is new, and its first failure decides.
    assert_eq!(told(&mut feed), ["unhealthy", "unhealthy"]);
    assert_eq!(after.health.failures_in_row(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_holds_is_no_event() {
    let (up, down) = (Switch::default(), Switch::default());
    down.down(true);
    let targets = [up.target("up", &policy()), down.target("down", &policy())];
    let monitor = Monitor::builder().targets(targets.clone()).build().start();
    monitor.first_sweep().await.unwrap();
    for _ in 0..3 {
        monitor.check_now("down").await.unwrap();
    }
    let ids = vec!["up".into(), "down".into()];
    let remembered = monitor.remember_these(ids).await.unwrap();
    let memory = |id: &str| {
        let one = remembered.iter().find(|one| one.id.as_str() == id);
        one.unwrap().memory.clone()
    };
    let again = targets.map(|target| {
        let memory = memory(target.id.as_str());
        target.with_memory(memory)
    });
    let monitor = Monitor::builder().targets(again).build().start();
    let mut feed = monitor.view().subscribe_after(0);
    monitor.first_sweep().await.unwrap();
    assert_eq!(monitor.view().tally(), [0, 1, 0, 1]);
    assert_eq!(told(&mut feed), [""; 0]);
    // Backoff goes on where it was: the fourth failure after the one that turned it.
    let down = monitor.describe("down").await.unwrap();
    assert_eq!(down.health.failures_after_turn(), 4);
    assert_eq!(down.next.reason, Reason::Backoff);
}

/// Until a check has ended: not until a pause or a removed probe has called one off.
#[tokio::test(start_paused = true)]
async fn a_paused_target_is_restored_as_paused_until_it_is_asked() {
    let switch = Switch::default();
    let target = switch.target("a", &policy());
    let monitor = Monitor::builder().target(target.clone()).build().start();
    monitor.first_sweep().await.unwrap();
    monitor.pause(["a".into()]).await.unwrap();
    let memory = remembered(monitor, "a").await;
    assert!(memory.paused_since.is_some());

    let mut since = memory.clone();
    since.paused_since = Some(now() - 60 * SECOND);
    let monitor = Monitor::builder()
        .target(target.with_memory(since).with_paused(true))
        .build()
        .start();
    monitor.first_sweep().await.unwrap();
    assert!(monitor.describe("a").await.unwrap().is_restored);
    let mut feed = monitor.subscribe();
    monitor.resume(["a".into()]).await.unwrap();
    let Some(FeedItem::Event(event)) = feed.try_next() else {
        panic!("its end is told")
    };
    let EventKind::Overlay { edge, .. } = &event.kind else {
        panic!("{event:?}")
    };
    let Edge::End { lasted } = edge else {
        panic!("{event:?}")
    };
    assert!((60..70).contains(&lasted.as_secs()), "{lasted:?}");
    assert!(monitor.describe("a").await.unwrap().is_restored);
    monitor.first_sweep().await.unwrap();
    monitor.check_now("a").await.unwrap();
    let after = monitor.describe("a").await.unwrap();
    assert!(!after.is_restored && after.word.status() == Status::Healthy);
}

/// Nothing was known of it, so nothing is restored.
#[tokio::test(start_paused = true)]
async fn what_was_never_judged_is_not_restored() {
    let switch = Switch::default();
    let target = switch.target("a", &policy()).with_paused(true);
    let monitor = Monitor::builder().target(target.clone()).build().start();
    monitor.first_sweep().await.unwrap();
    let memory = remembered(monitor, "a").await;
    let monitor = Monitor::builder()
        .target(target.with_memory(memory))
        .build();
    let monitor = monitor.start();
    let known = monitor.describe("a").await.unwrap();
    assert!(!known.is_restored && known.word.status() == Status::Unknown);
}

/// A pause that ends over a restart ends as any: streaks and backoff begin anew, the status stays.
#[tokio::test(start_paused = true)]
async fn a_pause_that_ended_meanwhile_zeroes_the_streaks() {
    let switch = Switch::default();
    let target = switch.target("a", &policy());
    switch.down(true);
    let monitor = Monitor::builder().target(target.clone()).build().start();
    monitor.first_sweep().await.unwrap();
    for _ in 0..4 {
        monitor.check_now("a").await.unwrap();
    }
    monitor.pause(["a".into()]).await.unwrap();
    let memory = remembered(monitor, "a").await;
    assert_eq!(memory.health().failures_after_turn(), 4);
    for (paused, failures) in [(true, 4), (false, 0)] {
        let target = target.clone().with_memory(memory.clone());
        let monitor = Monitor::builder()
            .target(target.with_paused(paused))
            .build()
            .start();
        let known = monitor.describe("a").await.unwrap();
        assert_eq!(known.health.failures_after_turn(), failures);
        assert_eq!(known.word.status(), Status::Unhealthy);
        monitor.shutdown(Duration::ZERO).await;
    }
}

/// A target that flaps and is unsteady says so from its first moment, and when that began.
#[tokio::test(start_paused = true)]
async fn overlays_go_on() {
    let switch = Switch::default();
    let policy = Policy::builder().interval(10 * SECOND).rise(1).fall(1);
    let target = switch.target("a", &policy.build().unwrap());
    let monitor = Monitor::builder().target(target.clone()).build().start();
    monitor.first_sweep().await.unwrap();
    for n in 0..8 {
        switch.down(n % 2 == 0);
        monitor.check_now("a").await.unwrap();
    }
    assert!(
        monitor
            .get("a")
            .unwrap()
            .word()
            .overlays()
            .has(Overlay::Flapping)
    );
    let mut memory = remembered(monitor, "a").await;
    assert!(memory.flapping_since.is_some());
    memory.flapping_since = Some(now() - 100 * SECOND);

    let monitor = Monitor::builder()
        .target(target.with_memory(memory))
        .build()
        .start();
    let mut feed = monitor.view().subscribe_after(0);
    assert!(
        monitor
            .get("a")
            .unwrap()
            .word()
            .overlays()
            .has(Overlay::Flapping)
    );
    switch.down(false);
    for _ in 0..25 {
        monitor.check_now("a").await.unwrap();
    }
    assert_eq!(told(&mut feed), ["flapping_end"]);
}

/// A million are asked some at a time; who asks for all of several workers gets each once.
#[tokio::test(start_paused = true)]
async fn several_workers_are_remembered_as_one() {
    let builder = |memories: &[(TargetId, Memory)]| -> MonitorBuilder {
        let switch = Switch::default();
        let targets = (0..300).map(|n| {
            let target = switch.target(&format!("t{n}"), &policy());
            let target = target.with_host(format!("h{}", n % 50));
            match memories.iter().find(|(id, _)| *id == target.id) {
                Some((_, memory)) => target.with_memory(memory.clone()),
                None => target,
            }
        });
        Monitor::builder()
            .workers(4)
            .own_threads(false)
            .targets(targets.collect::<Vec<_>>())
    };
    let ids: Vec<TargetId> = (0..300).map(|n| TargetId::from(format!("t{n}"))).collect();
    let monitor = builder(&[]).build().start();
    monitor.first_sweep().await.unwrap();
    // One goes to another worker, with all that is known of it.
    let moved = Switch::default()
        .target("t7", &policy())
        .with_host("elsewhere");
    let moved = Alteration::Update(moved);
    monitor.alter(vec![moved]).await.unwrap();
    let all = monitor.remember_these(ids.clone()).await.unwrap();
    assert_eq!(all.len(), 300);
    let (_, remains) = monitor.shutdown_and_remember(SECOND).await;
    let remains = remains.unwrap();
    let memories: Vec<_> = ids
        .iter()
        .map(|id| (id.clone(), remains.remember(id.as_str()).unwrap().memory))
        .collect();

    let monitor = builder(&memories).build().start();
    let mut feed = monitor.view().subscribe_after(0);
    assert_eq!(monitor.view().tally(), [0, 300, 0, 0]);
    let all = monitor.describe_all().await.unwrap();
    assert!(all.iter().all(|one| one.is_restored));
    monitor.first_sweep().await.unwrap();
    assert_eq!(told(&mut feed), [""; 0]);
    let all = monitor.describe_all().await.unwrap();
    assert!(all.iter().all(|one| !one.is_restored));
}
