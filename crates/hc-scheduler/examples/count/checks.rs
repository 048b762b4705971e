//! A check through plan, state machine and view, by the plan alone and by the whole driver; and targets that come and go.
//! An iteration of a case that begins with `check` is one check.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hc_core::{
    Connection, Evidence, Fact, Failure, Kind, Phase, Policy, Probe, Target, Timestamp, probe_fn,
    view,
};
use hc_scheduler::Monitor;
use hc_scheduler::plan::{Action, Ended, Finished, Input, Now, Plan, PlanConfig};

use super::Case;

const TARGETS: usize = 1_000;

pub(super) const CASES: [Case; 5] = [
    ("scheduler/check_pass", check_pass),
    ("scheduler/check_pass_observed", check_pass_observed),
    ("scheduler/check_fail", check_fail),
    ("scheduler/driver_ready", driver_ready),
    ("scheduler/add_remove", add_remove),
];

fn policy() -> Arc<Policy> {
    let builder = Policy::builder()
        .interval(Duration::from_secs(1))
        .fast_interval(Duration::from_millis(500))
        .timeout(Duration::from_secs(2));
    Arc::new(builder.build().expect("these values are valid"))
}

fn targets() -> Vec<Target> {
    let probe: Arc<dyn Probe> = Arc::new(probe_fn(|_| async { Ok(passed()) }));
    let policy = policy();
    (0..TARGETS)
        .map(|n| {
            let mut target =
                Target::new(format!("target-{n:04}"), probe.clone()).with_policy(policy.clone());
            target.probe = probe.clone();
            target
        })
        .collect()
}

fn passed() -> Evidence {
    let mut evidence = Evidence::new();
    evidence.connection = Some(Connection::Reused);
    evidence.phases.set(Phase::Wait, Duration::from_micros(100));
    evidence.facts.extend([
        Fact::HttpStatus(200),
        Fact::HttpVersion("1.1"),
        Fact::BodyBytes(2),
    ]);
    evidence
}

fn failed() -> Failure {
    Failure::new(Kind::Refused, Phase::Connect, "connection refused")
}

fn now(millis: u64) -> Now {
    Now {
        mono: Timestamp::from_millis(millis),
        wall: SystemTime::UNIX_EPOCH + Duration::from_millis(millis),
    }
}

/// A pure plan, its time moved by hand, each check ended in the turn after it began.
fn checks(times: u64, observed: bool, outcome: impl Fn() -> Result<Evidence, Failure>) {
    let (publisher, _view) = view(64);
    let config = PlanConfig {
        in_flight: 100_000,
        per_host: 10_000,
        isolation: None,
        ..PlanConfig::default()
    };
    let mut plan = Plan::new(config, publisher, now(0));
    let mut actions = Vec::new();
    for (rank, target) in (0..).zip(targets()) {
        let count = TARGETS as u32;
        let add = Input::Add {
            target,
            rank,
            count,
        };
        plan.on(now(0), add, &mut actions);
    }
    let (mut ended, mut millis) = (0, 0);
    let mut started = Vec::new();
    while ended < times {
        millis += 10;
        plan.on(now(millis), Input::Tick, &mut actions);
        started.extend(actions.drain(..).filter_map(|action| match action {
            Action::Start { key } => Some(key),
            _ => None,
        }));
        for key in started.drain(..) {
            let finished = Finished {
                key,
                first_poll: Timestamp::from_millis(millis),
                ended_at: Timestamp::from_millis(millis),
                ended: Ended::Answered(outcome()),
            };
            let wall = now(millis).wall;
            plan.finish(wall, finished, observed, &mut actions, |_, checked| {
                std::hint::black_box(checked);
            });
            ended += 1;
        }
        let _ = plan.next_wake();
    }
}

fn check_pass(times: u64) {
    checks(times, false, || Ok(passed()));
}

fn check_pass_observed(times: u64) {
    checks(times, true, || Ok(passed()));
}

fn check_fail(times: u64) {
    checks(times, false, || Err(failed()));
}

/// The whole driver on a paused clock, until so many checks have ended.
fn driver_ready(times: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime needs nothing but memory");
    runtime.block_on(async {
        let monitor = Monitor::builder()
            .isolation(None)
            .in_flight(100_000)
            .targets(targets())
            .build()
            .start();
        // About one check a target and second.
        let seconds = times.div_ceil(TARGETS as u64);
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        monitor.shutdown(Duration::ZERO).await;
    });
}

fn add_remove(times: u64) {
    let (publisher, _view) = view(64);
    let mut plan = Plan::new(PlanConfig::default(), publisher.clone(), now(0));
    let mut actions = Vec::new();
    let all = targets();
    for n in 0..times {
        let target = all[n as usize % all.len()].clone();
        let id = target.id.clone();
        let add = Input::Add {
            target,
            rank: 0,
            count: 1,
        };
        plan.on(now(1), add, &mut actions);
        if let Some(cell) = publisher.find(id.as_str()) {
            let key = hc_scheduler::Key::from_bits(cell.tag());
            plan.on(now(1), Input::Remove { key }, &mut actions);
        }
        actions.clear();
    }
}
