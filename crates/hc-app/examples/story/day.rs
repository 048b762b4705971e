//! The closing example of that checker's review: 50 backends every 5 s for 24 hours, in virtual time.
//!
//! hc's real driver runs under tokio's paused clock. Its probe answers after 2 ms and asks for a new connection as
//! [`HttpProbe`](hc_http::HttpProbe) does, at each 20th check: connections are counted by that rule, not by a socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hc_core::{Evidence, Policy, Target, probe_fn};
use hc_http::HttpSpec;
use hc_scheduler::Monitor;

use super::{Row, watched};

const DAY: Duration = Duration::from_secs(86_400);
const INTERVAL: Duration = Duration::from_secs(5);
const BACKENDS: usize = 50;
const ANSWER: Duration = Duration::from_millis(2);

struct Day {
    checks: u64,
    opened: u64,
    most_tasks: usize,
    /// Resident memory's growth from the first hour's end to the last's, in KiB.
    grown_kib: f64,
}

pub(crate) fn rows() -> Vec<Row> {
    let (ours, theirs) = (paused(ours()), paused(theirs()));
    let what = |what| format!("6. 50 backends every 5 s for 24 h, simulated: {what}");
    let row = |name, ours: f64, theirs: f64| Row::new(&what(name), ours, theirs);
    vec![
        row("checks", ours.checks as f64, theirs.checks as f64),
        row(
            "tasks alive at most",
            ours.most_tasks as f64,
            theirs.most_tasks as f64,
        ),
        row(
            "connections opened",
            ours.opened as f64,
            theirs.opened as f64,
        ),
        row(
            "memory grown after the first hour, KiB",
            ours.grown_kib,
            theirs.grown_kib,
        ),
    ]
}

fn paused(day: impl Future<Output = Day>) -> Day {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build();
    runtime.expect("a runtime without sockets").block_on(day)
}

async fn ours() -> Day {
    let policy = Policy::builder()
        .interval(INTERVAL)
        .timeout(Duration::from_secs(2))
        .build();
    let policy = Arc::new(policy.expect("the settings are constants"));
    let opened = Arc::new(AtomicU64::new(0));
    let targets = (0..BACKENDS).map(|n| {
        let (opened, nth) = (opened.clone(), AtomicU64::new(0));
        let probe = probe_fn(move |_| {
            let nth = nth.fetch_add(1, Relaxed);
            if nth == 0 || (nth + 1).is_multiple_of(HttpSpec::RECONNECT_EVERY.into()) {
                opened.fetch_add(1, Relaxed);
            }
            async {
                tokio::time::sleep(ANSWER).await;
                Ok(Evidence::new())
            }
        });
        Target::new(format!("b{n}"), probe).with_policy(policy.clone())
    });
    let monitor = Monitor::builder().targets(targets).build().start();
    let (mut most_tasks, mut after_an_hour) = (0, 0.0);
    for hour in 0..24 {
        most_tasks = watched(std::future::pending(), DAY / 24)
            .await
            .max(most_tasks);
        if hour == 0 {
            after_an_hour = resident_kib();
        }
    }
    let stats = monitor.stats().await.expect("the monitor runs");
    let day = Day {
        checks: stats.counters.checks(),
        opened: opened.load(Relaxed),
        most_tasks,
        grown_kib: resident_kib() - after_an_hour,
    };
    monitor.shutdown(Duration::ZERO).await;
    day
}

/// A task per check per round, each with a connection of its own.
async fn theirs() -> Day {
    let checks = Arc::new(AtomicU64::new(0));
    let rounds = async {
        let mut ticker = tokio::time::interval(INTERVAL);
        loop {
            ticker.tick().await;
            for _ in 0..BACKENDS {
                checks.fetch_add(1, Relaxed);
                tokio::spawn(tokio::time::sleep(ANSWER));
            }
        }
    };
    let mut rounds = std::pin::pin!(rounds);
    let (mut most_tasks, mut after_an_hour) = (0, 0.0);
    for hour in 0..24 {
        most_tasks = watched(rounds.as_mut(), DAY / 24).await.max(most_tasks);
        if hour == 0 {
            after_an_hour = resident_kib();
        }
    }
    let checks = checks.load(Relaxed);
    Day {
        checks,
        opened: checks,
        most_tasks,
        grown_kib: resident_kib() - after_an_hour,
    }
}

/// Of this process.
fn resident_kib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(f64::NAN)
}
