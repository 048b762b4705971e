//! One measurement of the whole checker on real input: N targets on one nginx, asked by the service that `hc run` runs.
//!
//! `watch TRANSPORT TARGETS SECONDS`, transport `kept` or `pooled`. nginx is put on processor 1 and the checker on 0, so
//! that neither takes the other's time. Prints one JSON object: what the checker used between the end of the warm-up and
//! the end of the measurement. `cargo xtask bench pooled` runs it in turns and makes the table.
#![expect(clippy::print_stdout, reason = "its output is its result")]

use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hc_app::{Service, Surroundings};
use hc_config::ProbeSpec;
use hc_core::CheckResult;
use hc_http::TransportKind;
use hc_testkit::nginx::Nginx;
use tokio::time::sleep;

/// USER_HZ of every architecture that hc is built for.
const TICKS_PER_SECOND: f64 = 100.0;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [transport, targets, seconds] = &arguments[..] else {
        panic!("watch TRANSPORT TARGETS SECONDS");
    };
    let transport = match transport.as_str() {
        "kept" => TransportKind::Dedicated,
        "pooled" => TransportKind::Pooled,
        other => panic!("no transport `{other}`"),
    };
    let seconds = seconds.parse().expect("SECONDS is a number");
    let nginx = Nginx::fleet(targets.parse().expect("TARGETS is a number")).expect("nginx starts");
    for process in nginx.processes() {
        pin(1, process);
    }
    pin(0, std::process::id());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("the system gives an epoll");
    runtime.block_on(measure(&nginx, transport, Duration::from_secs(seconds)));
}

async fn measure(nginx: &Nginx, transport: TransportKind, span: Duration) {
    let mut text = String::from(
        "defaults: { interval: 1s, timeout: 500ms }\nlimits: { in_flight: 1000 }\ntargets:\n",
    );
    for url in nginx.urls() {
        text += &format!("  - \"{url}\"\n");
    }
    let mut config = hc_config::load_str("watch.yaml", &text)
        .unwrap_or_else(|errors| panic!("{}", errors.render(false)));
    for target in &mut config.targets {
        if let ProbeSpec::Http(http) = &mut target.probe {
            Arc::make_mut(http).transport = transport;
        }
    }
    let service = Service::start(config, &Surroundings::default()).expect("the targets are plain");
    let monitor = service.monitor();
    monitor.first_sweep().await.expect("the service runs");
    // Each connection is open and used, each buffer has its size.
    sleep(Duration::from_secs(4)).await;
    let (used_before, before) = (cpu_seconds(), monitor.stats().await.expect("it runs"));
    let served_before = nginx.counted().expect("nginx answers");
    sleep(span).await;
    let (used, after) = (cpu_seconds(), monitor.stats().await.expect("it runs"));
    let served = nginx.counted().expect("nginx answers");
    let (old, new) = (&before.counters, &after.counters);
    let mut late = new.lateness_us.clone();
    // The older histogram holds no more than the newer.
    let _ = late.subtract(&old.lateness_us);
    let checks = new.checks() - old.checks();
    let answers = served.requests - served_before.requests;
    println!(
        "{}",
        serde_json::json!({
            "checks": checks,
            "answers": answers,
            "not_passed": checks - (new.ended(CheckResult::Pass) - old.ended(CheckResult::Pass)),
            "cpu_us_per_check": (used - used_before) * 1e6 / answers as f64,
            "rss_kib": status("VmRSS:"),
            "opened": new.opened - old.opened,
            "accepted": served.connections - served_before.connections,
            "late_p99_ms": late.value_at_quantile(0.99) as f64 / 1000.0,
            "stretch": after.stretch,
            "tasks": tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        })
    );
    monitor.shutdown(Duration::ZERO).await;
}

/// All threads of a process, by the system's own tool: the workspace has no unsafe code.
fn pin(processor: u8, process: u32) {
    let mut taskset = Command::new("taskset");
    taskset.args([
        "-a",
        "-p",
        "-c",
        &processor.to_string(),
        &process.to_string(),
    ]);
    let pinned = taskset.stdout(Stdio::null()).status();
    assert!(
        pinned.is_ok_and(|status| status.success()),
        "taskset (util-linux) puts {process} on processor {processor}"
    );
}

/// User and system time of this process so far.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux tells it");
    let (_, fields) = stat
        .rsplit_once(") ")
        .expect("the name stands in parentheses");
    // The fields after the name are counted from 3; 14 and 15 are the times.
    let ticks = fields.split(' ').skip(14 - 3).take(2);
    let ticks = ticks.map(|ticks| ticks.parse::<f64>().expect("a number"));
    ticks.sum::<f64>() / TICKS_PER_SECOND
}

fn status(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .expect("a number of kB")
}
