//! Micro-benchmarks of the plan: a check from its tick to its verdict, in fleets that fit the cache and that do not.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use divan::Bencher;
use hc_core::{Evidence, Fact, Policy, Probe, Target, Timestamp, probe_fn, view};
use hc_scheduler::plan::{Action, Ended, Finished, Input, Now, Plan, PlanConfig};

fn main() {
    divan::main();
}

struct Turning {
    plan: Plan,
    actions: Vec<Action>,
    started: Vec<hc_scheduler::Key>,
    millis: u64,
}

impl Turning {
    /// A fleet that is asked 1,000 times in each slot of 10 ms.
    fn new(targets: u32) -> Self {
        let (publisher, _view) = view(64);
        let config = PlanConfig {
            in_flight: 100_000,
            per_host: 10_000,
            isolation: None,
            ..PlanConfig::default()
        };
        let mut plan = Plan::new(config, publisher, now(0));
        let interval =
            Duration::from_millis(u64::from(targets) / 100).max(Duration::from_millis(10));
        let builder = Policy::builder()
            .interval(interval)
            .fast_interval(interval.min(Duration::from_millis(500)));
        let policy = Arc::new(builder.build().expect("these values are valid"));
        let probe: Arc<dyn Probe> = Arc::new(probe_fn(|_| async { Ok(Evidence::new()) }));
        let mut actions = Vec::new();
        for rank in 0..targets {
            let mut target =
                Target::new(format!("target-{rank:07}"), probe.clone()).with_policy(policy.clone());
            target.probe = probe.clone();
            let add = Input::Add {
                target,
                rank,
                count: targets,
            };
            plan.on(now(0), add, &mut actions);
        }
        Self {
            plan,
            actions,
            started: Vec::new(),
            millis: 0,
        }
    }

    /// One slot: what is due starts and ends.
    fn turn(&mut self) {
        self.millis += 10;
        let at = now(self.millis);
        self.plan.on(at, Input::Tick, &mut self.actions);
        let started = self.actions.drain(..).filter_map(|action| match action {
            Action::Start { key } => Some(key),
            _ => None,
        });
        self.started.extend(started);
        for key in self.started.drain(..) {
            let mut evidence = Evidence::new();
            evidence
                .facts
                .extend([Fact::HttpStatus(200), Fact::HttpVersion("1.1")]);
            let finished = Finished {
                key,
                first_poll: at.mono,
                ended_at: at.mono,
                ended: Ended::Answered(Ok(evidence)),
            };
            self.plan
                .finish(at.wall, finished, false, &mut self.actions, |_, _| {});
        }
        let _ = self.plan.next_wake();
    }
}

fn now(millis: u64) -> Now {
    Now {
        mono: Timestamp::from_millis(millis),
        wall: SystemTime::UNIX_EPOCH + Duration::from_millis(millis),
    }
}

/// About a thousand checks an iteration.
#[divan::bench(args = [10_000, 100_000, 1_000_000], sample_count = 50)]
fn thousand_checks(bencher: Bencher<'_, '_>, targets: u32) {
    let mut turning = Turning::new(targets);
    // Past the first sweep.
    for _ in 0..1_100 {
        turning.turn();
    }
    bencher.counter(1_000_usize).bench_local(|| turning.turn());
}
