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
