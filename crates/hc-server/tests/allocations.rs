//! A usual pass costs the ledger no allocation, and a target's record stays small. In a process of its own, whose
//! allocator counts.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::alloc::System;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hc_core::{Evidence, Fact, HealthView, Phase, Policy, Target, probe_fn};
use hc_scheduler::{Checked, Monitor, Observer};
use hc_server::Ledger;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Keeps checks, and hands nothing on.
#[derive(Default)]
struct Keep {
    view: Mutex<Option<HealthView>>,
    checks: Mutex<Vec<Checked>>,
}

impl Observer for Keep {
    fn starts(&self, view: &HealthView) {
        *self.view.lock().unwrap() = Some(view.clone());
    }

    fn check_ended(&self, check: &Checked) {
        self.checks.lock().unwrap().push(check.clone());
    }
}

/// The checks of a fleet's first sweep, and the ledger that is to hear of them.
async fn sweep(targets: usize) -> (Vec<Checked>, Ledger, hc_scheduler::MonitorHandle) {
    let keep = Arc::new(Keep::default());
    let policy = Policy::builder()
        .interval(Duration::from_secs(10))
        .build()
        .unwrap();
    let policy = Arc::new(policy);
    let all = (0..targets).map(|nth| {
        let probe = probe_fn(|cx| async move {
            cx.enter(Phase::Connect);
            cx.enter(Phase::Wait);
            Ok(Evidence::new()
                .with(Fact::HttpStatus(200))
                .with(Fact::BodyBytes(2)))
        });
        Target::new(
            format!("http://10.0.{}.{}:8080/health", nth / 256, nth % 256),
            probe,
        )
        .with_policy(policy.clone())
    });
    let monitor = Monitor::builder()
        .observer(keep.clone())
        .in_flight(1_000)
        .targets(all)
        .build()
        .start();
    monitor.first_sweep().await.unwrap();
    let ledger = Ledger::new();
    ledger.starts(keep.view.lock().unwrap().as_ref().unwrap());
    let checks = std::mem::take(&mut *keep.checks.lock().unwrap());
    (checks, ledger, monitor)
}

#[tokio::test(start_paused = true)]
async fn a_usual_pass_allocates_nothing_and_a_target_takes_little() {
    const TARGETS: usize = 1_000;
    let (checks, ledger, monitor) = sweep(TARGETS).await;
    assert!(checks.len() >= TARGETS);
    let region = Region::new(COUNTING);
    checks.iter().for_each(|check| ledger.check_ended(check));
    let first = region.change();
    let each = (first.bytes_allocated - first.bytes_deallocated) / TARGETS;
    assert!(each < 260, "{each} bytes a target");
    println!("{each} bytes a target");

    let region = Region::new(COUNTING);
    for _ in 0..100 {
        checks.iter().for_each(|check| ledger.check_ended(check));
    }
    assert_eq!(region.change().allocations, 0);
    monitor.shutdown(Duration::ZERO).await;
}
