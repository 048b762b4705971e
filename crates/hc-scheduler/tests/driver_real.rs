//! The real driver on real threads: blocking probes, long commands, and the warning of a monitor that never started.
#![allow(clippy::unwrap_used, reason = "these are helpers of tests")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hc_core::{
    EventKind, Evidence, Failure, FeedItem, Kind, Phase, Policy, Status, Target, probe_fn,
};
use hc_scheduler::{Monitor, MonitorHandle};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

fn often() -> Policy {
    Policy::builder()
        .interval(20 * MS)
        .timeout(500 * MS)
        .fast_interval(10 * MS)
        .build()
        .unwrap()
}

/// Passes until the switch is on, counting how often it was asked.
fn switched(id: &str, down: &Arc<AtomicBool>, asked: &Arc<AtomicUsize>) -> Target {
    let (down, asked) = (down.clone(), asked.clone());
    let probe = probe_fn(move |_| {
        asked.fetch_add(1, Ordering::Relaxed);
        let down = down.load(Ordering::Relaxed);
        async move {
            if down {
                Err(Failure::new(Kind::Refused, Phase::Connect, "refused"))
            } else {
                Ok(Evidence::new())
            }
        }
    });
    Target::new(id, probe).with_policy(often())
}

/// Waits for a target's change, as its events tell it.
async fn until(monitor: &MonitorHandle, id: &str, wanted: Status) {
    let mut events = monitor.subscribe();
    let wait = async {
        while monitor.get(id).unwrap().status() != wanted {
            match events.next().await {
                Some(FeedItem::Event(_) | FeedItem::Missed(_)) => {}
                other => panic!("the feed ended: {other:?}"),
            }
        }
    };
    tokio::time::timeout(20 * SECOND, wait)
        .await
        .unwrap_or_else(|_| panic!("{id} never became {wanted}"));
}

/// Blocks its thread for longer than anybody's timeout, again and again.
fn blocking(id: &str) -> Target {
    let probe = probe_fn(move |_| async move {
        std::thread::sleep(300 * MS);
        Ok(Evidence::new())
    });
    let policy = Policy::builder().interval(SECOND).timeout(200 * MS);
    Target::new(id, probe).with_policy(policy.build().unwrap())
}

/// Answers shortly before its timeout.
fn just_in_time(id: &str) -> Target {
    let probe = probe_fn(move |_| async move {
        tokio::time::sleep(150 * MS).await;
        Ok(Evidence::new())
    });
    let policy = Policy::builder()
        .interval(200 * MS)
        .timeout(200 * MS)
        .fall(1);
    Target::new(id, probe).with_policy(policy.build().unwrap())
}

#[tokio::test]
async fn a_probe_that_blocks_the_only_thread_accuses_nobody_else() {
    let (down, asked) = Default::default();
    let monitor = Monitor::builder()
        .targets((0..20).map(|n| just_in_time(&format!("t-{n}"))))
        .target(switched("a", &down, &asked))
        .target(blocking("blocks"))
        .build()
        .start();
    let mut events = monitor.subscribe();
    let watch = async {
        loop {
            if let Some(FeedItem::Event(event)) = events.next().await
                && let EventKind::Transition { target, turn, .. } = &event.kind
            {
                assert_ne!(turn.to, Status::Unhealthy, "{target}");
            }
        }
    };
    // Three blocks long; nothing is waited for, it is only watched.
    let watched = tokio::time::timeout(3 * SECOND, watch).await;
    assert!(watched.is_err());
    assert_eq!(monitor.view().tally(), [0, 22, 0, 0]);
    // A real failure is told all the same.
    down.store(true, Ordering::Relaxed);
    until(&monitor, "a", Status::Unhealthy).await;
    let ended = tokio::time::timeout(10 * SECOND, monitor.shutdown(SECOND)).await;
    assert_eq!(ended.unwrap().cancelled, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_targets_come_and_go_while_checks_go_on() {
    let (down, asked): (Arc<AtomicBool>, Arc<AtomicUsize>) = Default::default();
    let monitor = Monitor::builder()
        .isolation(None)
        .target(switched("a", &down, &asked))
        .build()
        .start();
    until(&monitor, "a", Status::Healthy).await;
    let never: Arc<Policy> = Arc::default();
    let ids = || (0..100_000).map(|n| format!("t-{n}"));
    let targets = ids().map(|id| {
        let probe = probe_fn(|_| async { Ok(Evidence::new()) });
        Target::new(id, probe)
            .with_policy(never.clone())
            .with_paused(true)
    });
    let targets: Vec<Target> = targets.collect();
    for comes in [true, false] {
        let (began, before) = (monitor.now(), asked.load(Ordering::Relaxed));
        let applied = if comes {
            monitor.add(targets.clone()).await
        } else {
            monitor.remove(ids().map(Into::into)).await
        };
        assert!(applied.unwrap().is_complete());
        let took = monitor.now().since(began);
        let checks = asked.load(Ordering::Relaxed) - before;
        // One in 20 ms; a third of that on a busy machine. (Once the clock stood still for the whole command.)
        let expected = took.as_millis() as usize / 20;
        assert!(checks >= expected / 3, "{checks} checks in {took:?}");
        assert_eq!(monitor.view().len(), if comes { 100_001 } else { 1 });
    }
    assert_eq!(monitor.get("a").unwrap().status(), Status::Healthy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdowns_race_with_everything() {
    for round in 0..50 {
        let (down, asked) = Default::default();
        let targets = (0..20).map(|n| switched(&format!("t-{n}"), &down, &asked));
        let targets: Vec<Target> = targets.collect();
        let monitor = Monitor::builder().targets(targets).build().start();
        let others: Vec<_> = (0..4)
            .map(|n| {
                let monitor = monitor.clone();
                tokio::spawn(async move {
                    // Each may be answered or told that it stopped; none may hang.
                    let _ = monitor.check_now(format!("t-{n}")).await;
                    let _ = monitor.first_sweep().await;
                    let _ = monitor.pause([format!("t-{n}").into()]).await;
                    monitor.shutdown(SECOND).await
                })
            })
            .collect();
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
        let all = async {
            monitor.shutdown(SECOND).await;
            for other in others {
                other.await.unwrap();
            }
        };
        tokio::time::timeout(20 * SECOND, all).await.unwrap();
    }
}

/// Keeps what is logged at `warn`.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Log {
    fn enabled(&self, meta: &tracing::Metadata<'_>) -> bool {
        *meta.level() <= tracing::Level::WARN
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Text(String);
        impl tracing::field::Visit for Text {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0.push_str(&format!("{field}={value:?} "));
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn a_monitor_that_was_built_and_never_started_warns_when_dropped() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let (down, asked) = Default::default();
    let build = || {
        Monitor::builder()
            .target(switched("a", &down, &asked))
            .build()
    };
    drop(build().start());
    assert!(log.0.lock().unwrap().is_empty());
    drop(build());
    let logged = log.0.lock().unwrap().clone();
    assert_eq!(logged.len(), 1);
    assert!(logged[0].contains("never started"), "{logged:?}");
}
