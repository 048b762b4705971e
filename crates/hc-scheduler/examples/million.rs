//! What the scheduler itself costs: simulated probes, many targets, a steady rate of checks. Prints one line of figures.
//!
//! `cargo run --profile bench --example million -- [ready|pending|outage|churn] [targets] [checks a second] [seconds]`
//!
//! A `ready` probe has its answer at the first poll. A `pending` one gets it about a millisecond later, woken
//! together with all others of that moment by one task: as a transport does that is harvested by the clock.
//! `outage` lets every target fail for a while, and prints the memory before, in and after; `churn` removes and
//! adds a tenth of the targets while the others are asked.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example prints and measures"
)]

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use hc_core::{
    CheckContext, Connection, Evidence, Fact, Failure, Kind, Phase, Policy, Probe, Target,
    async_trait,
};
use hc_scheduler::{Monitor, MonitorHandle, Stats};
use tokio::sync::Notify;

type Error = Box<dyn std::error::Error>;

/// What all simulated probes share.
#[derive(Default)]
struct Wire {
    pending: bool,
    fails: AtomicBool,
    checks: AtomicU64,
    waiting: Mutex<Vec<Waker>>,
    some: Notify,
}

impl Wire {
    fn wait(&self, waker: Waker) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(waker);
        if waiting.len() == 1 {
            self.some.notify_one();
        }
    }

    /// Wakes all that wait, about a millisecond after the first of them began to.
    async fn harvest(self: Arc<Self>) {
        let mut woken = Vec::new();
        loop {
            self.some.notified().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
            std::mem::swap(
                &mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner),
                &mut woken,
            );
            woken.drain(..).for_each(Waker::wake);
        }
    }
}

struct Simulated(Arc<Wire>);

#[async_trait]
impl Probe for Simulated {
    async fn check(&self, cx: &CheckContext) -> Result<Evidence, Failure> {
        let wire = &self.0;
        if wire.pending {
            cx.enter(Phase::Wait);
            let mut asked = false;
            poll_fn(|task| {
                if std::mem::replace(&mut asked, true) {
                    return Poll::Ready(());
                }
                wire.wait(task.waker().clone());
                Poll::Pending
            })
            .await;
        }
        wire.checks.fetch_add(1, Ordering::Relaxed);
        if wire.fails.load(Ordering::Relaxed) {
            let failure = Failure::new(Kind::Unexpected, Phase::Receive, "wanted 200, found 503");
            return Err(failure.with_evidence(Evidence::new().with(Fact::HttpStatus(503))));
        }
        let mut evidence = Evidence::new();
        evidence.connection = Some(Connection::Reused);
        evidence.facts.extend([
            Fact::HttpStatus(200),
            Fact::HttpVersion("1.1"),
            Fact::BodyBytes(2),
        ]);
        Ok(evidence)
    }
}

/// User and system time of this process. The kernel counts in hundredths of a second.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(") ")
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    let ticks = |n: usize| {
        fields
            .get(n)
            .and_then(|f| f.parse::<u64>().ok())
            .unwrap_or(0)
    };
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

/// Resident memory in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kb = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kb.unwrap_or(0) * 1024
}

fn targets(from: usize, to: usize, wire: &Arc<Wire>, policy: &Arc<Policy>) -> Vec<Target> {
    let probe: Arc<dyn Probe> = Arc::new(Simulated(wire.clone()));
    let target = |n: usize| {
        let mut target = Target::new(format!("target-{n:07}"), probe.clone())
            .with_policy(policy.clone())
            .with_probe_name("simulated");
        target.probe = probe.clone();
        target
    };
    (from..to).map(target).collect()
}

struct Window {
    stats: Stats,
    checks: u64,
    cpu: Duration,
    at: Instant,
}

async fn look(monitor: &MonitorHandle, wire: &Wire) -> Result<Window, Error> {
    Ok(Window {
        stats: monitor.stats().await?,
        checks: wire.checks.load(Ordering::Relaxed),
        cpu: cpu(),
        at: Instant::now(),
    })
}

fn figures(what: &str, before: &Window, after: &Window) {
    let checks = after.checks - before.checks;
    let cpu = after.cpu.saturating_sub(before.cpu);
    let span = after.at.duration_since(before.at);
    let mut late = after.stats.counters.lateness_us.clone();
    // The earlier snapshot is a subset of the later one.
    let _ = late.subtract(&before.stats.counters.lateness_us);
    println!(
        "{what}: {:.0} checks/s, {:.2} us of processor a check, {:.0} % of a core, late p50 {:.1} p99 {:.1} max {:.1} ms, stretch {:.2}",
        checks as f64 / span.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / checks.max(1) as f64,
        100.0 * cpu.as_secs_f64() / span.as_secs_f64(),
        late.value_at_quantile(0.5) as f64 / 1e3,
        late.value_at_quantile(0.99) as f64 / 1e3,
        late.max() as f64 / 1e3,
        after.stats.stretch,
    );
}

/// The longest time for which nothing else could run on the driver's thread.
async fn watch_gaps(longest: Arc<AtomicU64>) {
    loop {
        let asked = Instant::now() + Duration::from_millis(2);
        tokio::time::sleep_until(asked.into()).await;
        let late = Instant::now().duration_since(asked);
        longest.fetch_max(late.as_micros() as u64, Ordering::Relaxed);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let mut args = std::env::args().skip(1);
    let mode = args.next().unwrap_or_else(|| "ready".to_owned());
    let count: usize = args.next().map_or(Ok(1_000_000), |n| n.parse())?;
    let rate: usize = args.next().map_or(Ok(100_000), |n| n.parse())?;
    let seconds: u64 = args.next().map_or(Ok(10), |n| n.parse())?;

    let wire = Arc::new(Wire {
        pending: mode != "ready",
        ..Wire::default()
    });
    let interval = Duration::from_secs_f64(count as f64 / rate as f64);
    let builder = Policy::builder()
        .interval(interval)
        .fast_interval((interval / 5).min(Duration::from_millis(500)))
        .max_interval(interval * 10)
        .timeout(Duration::from_secs(2));
    let policy = Arc::new(builder.build()?);
    tokio::spawn(wire.clone().harvest());
    let empty = resident();
    let monitor = Monitor::builder()
        .in_flight(100_000)
        .per_host(10_000)
        .isolation(None)
        .build()
        .start();
    let began = Instant::now();
    for from in (0..count).step_by(100_000) {
        let to = (from + 100_000).min(count);
        monitor.add(targets(from, to, &wire, &policy)).await?;
    }
    let added = began.elapsed();
    monitor.first_sweep().await?;
    println!(
        "added {count} in {:.2} s, swept after {:.1} s",
        added.as_secs_f64(),
        began.elapsed().as_secs_f64()
    );
    tokio::time::sleep(interval.min(Duration::from_secs(10))).await;
    let per_target = |bytes: u64| bytes.saturating_sub(empty) as f64 / count as f64;
    println!("resident: {:.0} bytes a target", per_target(resident()));

    let before = look(&monitor, &wire).await?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    figures(&mode, &before, &look(&monitor, &wire).await?);

    match mode.as_str() {
        "churn" => churn(&monitor, &wire, &policy, count).await?,
        "outage" => {
            let calm = resident();
            wire.fails.store(true, Ordering::Relaxed);
            tokio::time::sleep(3 * interval).await;
            let failing = resident();
            let tally = monitor.view().tally();
            wire.fails.store(false, Ordering::Relaxed);
            // Backoff may have taken intervals to their longest.
            while monitor.view().tally()[1] < count {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            tokio::time::sleep(interval).await;
            let after = resident();
            println!(
                "memory a target: {:.0} before, {:.0} while {} were down, {:.0} after ({:.2} times)",
                per_target(calm),
                per_target(failing),
                tally[3],
                per_target(after),
                after as f64 / calm as f64
            );
        }
        _ => {}
    }
    monitor.shutdown(Duration::ZERO).await;
    Ok(())
}

async fn churn(
    monitor: &MonitorHandle,
    wire: &Arc<Wire>,
    policy: &Arc<Policy>,
    count: usize,
) -> Result<(), Error> {
    let longest = Arc::new(AtomicU64::new(0));
    let some = count / 10;
    let ids: Vec<_> = targets(0, some, wire, policy)
        .into_iter()
        .map(|target| target.id)
        .collect();
    let (mut ids, mut new) = (Some(ids), Some(targets(0, some, wire, policy)));
    let watcher = tokio::spawn(watch_gaps(longest.clone()));
    for (what, removes) in [("removing", true), ("adding", false)] {
        let before = look(monitor, wire).await?;
        longest.store(0, Ordering::Relaxed);
        let applied = if removes {
            monitor.remove(ids.take().unwrap_or_default()).await?
        } else {
            monitor.add(new.take().unwrap_or_default()).await?
        };
        assert!(applied.is_complete(), "all were known, then none");
        let after = look(monitor, wire).await?;
        let took = after.at.duration_since(before.at);
        println!(
            "{what} {some} took {:.0} ms; the thread was busy for {:.1} ms at most",
            took.as_secs_f64() * 1e3,
            longest.load(Ordering::Relaxed) as f64 / 1e3
        );
        figures(what, &before, &after);
    }
    watcher.abort();
    Ok(())
}
