//! Since when the targets of a fleet are known whose events were more than the feed holds.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hc_core::{Evidence, Target, probe_fn};
use hc_scheduler::Monitor;

use super::Ledger;

/// Only the last two of twelve are told of. The others were there by then, and no time of theirs is that of nobody.
#[tokio::test(start_paused = true)]
async fn targets_that_no_event_told_of_are_known_since_they_came() {
    let ledger = Arc::new(Ledger::new());
    let target = |n: u32| {
        let probe = probe_fn(|_| async { Ok(Evidence::new()) });
        Target::new(format!("t{n}"), probe).with_paused(n.is_multiple_of(2))
    };
    let monitor = Monitor::builder()
        .observer(ledger.clone())
        .feed_capacity(2)
        .targets((0..12).map(target))
        .build()
        .start();
    let wall = monitor.wall();
    let follows = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.follow().await }
    });
    monitor.first_sweep().await.unwrap();
    for round in 0..2 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let seen = ledger.targets();
        assert_eq!(seen.len(), 12);
        for seen in seen {
            let apart = |since: SystemTime| match since.duration_since(wall) {
                Ok(later) => later,
                Err(earlier) => earlier.duration(),
            };
            let name = seen.handle.id();
            assert!(
                apart(seen.since) < Duration::from_secs(60),
                "{round}: {name}: {:?}",
                seen.since
            );
        }
    }
    monitor.shutdown(Duration::ZERO).await;
    follows.await.unwrap();
}
