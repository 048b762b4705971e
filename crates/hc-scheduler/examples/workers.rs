//! What several workers cost and give: simulated probes that answer at once, a steady rate of checks.
//!
//! `cargo run --profile bench --example workers -- [here|threads] [workers] [targets] [checks a second] [seconds]`
//!
//! `here` leaves them on the one thread that starts them, as a single worker is by default; `threads` gives each its
//! own. Prints one line: checks a second, processor time a check, lateness, and how often the process was switched
//! away from: what wake-ups across threads would show in.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example prints and measures"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use hc_core::{
    CheckContext, Connection, Evidence, Fact, Failure, Policy, Probe, Target, async_trait,
};
use hc_scheduler::{Monitor, Stats};

type Error = Box<dyn std::error::Error>;

struct Ready;

#[async_trait]
impl Probe for Ready {
    async fn check(&self, _cx: &CheckContext) -> Result<Evidence, Failure> {
        let mut evidence = Evidence::new();
        evidence.connection = Some(Connection::Reused);
        evidence
            .facts
            .extend([Fact::HttpStatus(200), Fact::BodyBytes(2)]);
        Ok(evidence)
    }
}

/// User and system time of this process. The kernel counts in hundredths of a second.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = |n: usize| {
        let field = after_name.split(' ').nth(n);
        field.and_then(|f| f.parse::<u64>().ok()).unwrap_or(0)
    };
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

/// How often any thread of this process gave up its core.
fn switches() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let of = |path: std::path::PathBuf| {
        let status = std::fs::read_to_string(path.join("status")).unwrap_or_default();
        let line = status
            .lines()
            .find(|line| line.starts_with("voluntary_ctxt_switches"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    tasks.flatten().filter_map(|task| of(task.path())).sum()
}

struct Look {
    stats: Stats,
    cpu: Duration,
    switches: u64,
    at: Instant,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let mut args = std::env::args().skip(1);
    let place = args.next().unwrap_or_else(|| "threads".to_owned());
    let mut number = |default: usize| args.next().map_or(Ok(default), |n| n.parse());
    let (workers, count) = (number(2)?, number(200_000)?);
    let (rate, seconds) = (number(100_000)?, number(10)?);

    let interval = Duration::from_secs_f64(count as f64 / rate as f64);
    let builder = Policy::builder()
        .interval(interval)
        .fast_interval((interval / 5).min(Duration::from_millis(500)))
        .max_interval(interval * 10)
        .timeout(Duration::from_secs(2));
    let policy = Arc::new(builder.build()?);
    let probe: Arc<dyn Probe> = Arc::new(Ready);
    let targets = (0..count).map(|n| {
        let mut target = Target::new(format!("target-{n:07}"), Ready)
            .with_policy(policy.clone())
            .with_probe_name("simulated");
        target.probe = probe.clone();
        target
    });
    let monitor = Monitor::builder()
        .workers(workers)
        .own_threads(place == "threads")
        .in_flight(100_000)
        .per_host(10_000)
        .isolation(Some(hc_scheduler::IsolationRules::default()))
        .targets(targets)
        .build()
        .start();
    monitor.first_sweep().await?;
    tokio::time::sleep(interval.min(Duration::from_secs(5))).await;

    let look = || async {
        Ok::<_, Error>(Look {
            stats: monitor.stats().await?,
            cpu: cpu(),
            switches: switches(),
            at: Instant::now(),
        })
    };
    let before = look().await?;
    tokio::time::sleep(Duration::from_secs(seconds as u64)).await;
    let after = look().await?;
    let checks = after.stats.counters.checks() - before.stats.counters.checks();
    let span = after.at.duration_since(before.at).as_secs_f64();
    let busy = after.cpu.saturating_sub(before.cpu).as_secs_f64();
    let mut late = after.stats.counters.lateness_us.clone();
    // The earlier snapshot is a subset of the later one.
    let _ = late.subtract(&before.stats.counters.lateness_us);
    println!(
        "{workers} workers, {place}: {:.0} checks/s, {:.2} us of processor a check, late p50 {:.1} p99 {:.1} ms, \
         {:.0} switches/s, stretch {:.2}",
        checks as f64 / span,
        busy * 1e6 / checks.max(1) as f64,
        late.value_at_quantile(0.5) as f64 / 1e3,
        late.value_at_quantile(0.99) as f64 / 1e3,
        (after.switches - before.switches) as f64 / span,
        after.stats.stretch,
    );
    monitor.shutdown(Duration::ZERO).await;
    Ok(())
}
