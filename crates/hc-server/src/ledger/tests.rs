//! What a ledger makes of a feed that it could not follow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hc_core::{Evidence, Failure, Kind, Phase, Policy, Status, Target, probe_fn};
use hc_scheduler::Monitor;

use super::Ledger;

fn target(name: &str, down: &Arc<AtomicBool>) -> Target {
    let down = down.clone();
    let probe = probe_fn(move |_| {
        let down = down.load(Ordering::Relaxed);
        async move {
            match down {
                true => Err(Failure::new(Kind::Refused, Phase::Connect, "refused")),
                false => Ok(Evidence::new()),
            }
        }
    });
    let policy = Policy::builder()
        .interval(Duration::from_secs(1))
        .fall(1)
        .rise(1)
        .build()
        .unwrap();
    Target::new(name, probe).with_policy(policy)
}

/// The feed keeps four events. The ledger hears of the rest as a gap, and ends with what the view has.
#[tokio::test(start_paused = true)]
async fn a_ledger_that_lagged_ends_with_the_right_picture() {
    let (down, ledger) = (Arc::new(AtomicBool::new(false)), Arc::new(Ledger::new()));
    let monitor = Monitor::builder()
        .observer(ledger.clone())
        .feed_capacity(4)
        .target(target("a", &down))
        .target(target("gone", &down))
        .target(target("moved", &down))
        .build()
        .start();
    monitor.first_sweep().await.unwrap();
    for nth in 0..5 {
        down.store(nth % 2 == 0, Ordering::Relaxed);
        for name in ["a", "gone", "moved"] {
            monitor.check_now(name).await.unwrap();
        }
    }
    monitor.remove(["gone".into()]).await.unwrap();
    // Never asked, and known from the gap alone.
    monitor
        .add([target("late", &down).with_group("edge").with_paused(true)])
        .await
        .unwrap();
    for _ in 0..4 {
        monitor.pause(["moved".into()]).await.unwrap();
        monitor.resume(["moved".into()]).await.unwrap();
    }
    monitor.shutdown(Duration::ZERO).await;
    ledger.follow().await;

    let mut seen = ledger.targets();
    seen.sort_by(|a, b| a.handle.id().cmp(b.handle.id()));
    let names: Vec<_> = seen.iter().map(|seen| seen.handle.id().as_str()).collect();
    assert_eq!(names, ["a", "late", "moved"]);
    assert_eq!(seen[0].handle.status(), Status::Unhealthy);
    assert!(
        seen[0].transitions >= 1 && seen[0].why.is_some(),
        "{:?}",
        seen[0]
    );
    assert_eq!(seen[0].failures, 3);
    let groups: Vec<_> = ledger.groups().into_keys().collect();
    assert_eq!(
        groups.iter().map(|group| &**group).collect::<Vec<_>>(),
        ["", "edge"]
    );
    assert!(ledger.find_uid(super::key("gone") >> 4).is_none());
    assert!(ledger.find_uid(super::key("late") >> 4).is_some());
}

/// What one process knew is what the next one tells, whether its ledger hears of a target by the feed, by a gap or by
/// the target's first check.
#[tokio::test(start_paused = true)]
async fn a_past_is_taken_in_again() {
    let (down, ledger) = (Arc::new(AtomicBool::new(false)), Arc::new(Ledger::new()));
    let names = ["a", "b", "c", "d", "e", "f"];
    let targets = || names.map(|name| target(name, &down));
    let monitor = Monitor::builder()
        .observer(ledger.clone())
        .targets(targets())
        .build()
        .start();
    monitor.first_sweep().await.unwrap();
    down.store(true, Ordering::Relaxed);
    for name in names {
        monitor.check_now(name).await.unwrap();
    }
    let remains = monitor.shutdown_and_remember(Duration::ZERO).await.1;
    let remains = remains.unwrap();
    ledger.follow().await;
    ledger.heard_all().await;
    let known = ledger.recollect("a").unwrap();
    assert_eq!((known.transitions.len(), known.failures.len()), (2, 1));
    assert_eq!(known.transitions[1].to, Status::Unhealthy);
    assert!(known.why.is_some() && known.recent.len() == 2);
    assert!(ledger.recollect("g").is_none());

    let again = Arc::new(Ledger::new());
    let restored = targets().map(|target| {
        let name = target.id.to_string();
        let memory = remains.remember(&name).unwrap().memory;
        let known = ledger.recollect(&name).unwrap();
        again.recall(&name, memory.since(), known);
        target.with_memory(memory)
    });
    let monitor = Monitor::builder()
        .observer(again.clone())
        .feed_capacity(2)
        .targets(restored)
        .build()
        .start();
    let follows = tokio::spawn({
        let again = again.clone();
        async move { again.follow().await }
    });
    monitor.check_now("a").await.unwrap();
    monitor.first_sweep().await.unwrap();
    let mut seen = again.targets();
    seen.sort_by(|a, b| a.handle.id().cmp(b.handle.id()));
    assert_eq!(seen.len(), names.len());
    for seen in seen {
        let name = seen.handle.id().as_str();
        assert_eq!(seen.since, remains.remember(name).unwrap().memory.since());
        assert_eq!(seen.why.as_ref().map(|why| why.kind), Some(Kind::Refused));
        // The past is remembered, counters count this process.
        assert_eq!(seen.transitions, 0);
        let now = again.recollect(name).unwrap();
        let before = ledger.recollect(name).unwrap();
        assert_eq!(now.transitions, before.transitions);
        let asked = now.recent.len() - before.recent.len();
        assert!(asked > 0 && now.failures.len() == 1 + asked, "{now:?}");
        assert_eq!(now.failures[0], before.failures[0]);
        assert_eq!(now.recent[..2], before.recent);
    }
    monitor.shutdown(Duration::ZERO).await;
    follows.await.unwrap();
}

/// The first result of a target is no event that is kept, and is told like one.
#[tokio::test(start_paused = true)]
async fn a_first_result_is_told_like_any_transition() {
    let (down, ledger) = (Arc::new(AtomicBool::new(false)), Arc::new(Ledger::new()));
    let up = Arc::default();
    let monitor = Monitor::builder()
        .observer(ledger.clone())
        .target(target("well", &up))
        .target(target("turns", &down))
        .build()
        .start();
    monitor.first_sweep().await.unwrap();
    down.store(true, Ordering::Relaxed);
    monitor.check_now("turns").await.unwrap();
    monitor.shutdown(Duration::ZERO).await;
    ledger.follow().await;
    let turns = |name: &str| {
        let known = ledger.recollect(name).unwrap().transitions;
        let turns = known.iter().map(|turn| (turn.from, turn.to, turn.streak));
        turns.collect::<Vec<_>>()
    };
    let first = (Status::Unknown, Status::Healthy, 1);
    assert_eq!(turns("well"), [first]);
    let second = (Status::Healthy, Status::Unhealthy, 1);
    assert_eq!(turns("turns"), [first, second]);
    let known = ledger.recollect("turns").unwrap().transitions;
    assert!(known[0].wall <= known[1].wall && known[0].held > Duration::ZERO);
    let mut counts: Vec<_> = ledger.targets().iter().map(|it| it.transitions).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2]);
}
