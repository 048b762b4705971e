//! Where the memory of a fleet goes, before a connection is opened: `memory TARGETS [whole]`.
//!
//! Each stage is told in bytes a target that the allocator was asked for, to the byte, and in what the system counts
//! as resident. The config stands until the targets are made, as in `hc run`.

#![expect(clippy::print_stdout, reason = "its output is its result")]

use std::alloc::System;
use std::hint::black_box;
use std::time::Duration;

use hc_app::{Registry, Service, Surroundings};
use hc_config::{Config, Outline, load_str};
use hc_scheduler::Monitor;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let argument = std::env::args().nth(1);
    let targets: usize = argument.map_or(10_000, |text| text.parse().expect("a number"));
    println!(
        "{targets} targets            asked for, B/target   resident, B/target   resident, MB"
    );
    let mut stages = Stages::new(targets);
    // In a process of its own: what one leaves behind, the other would use.
    match std::env::args().nth(2).as_deref() {
        Some("whole") => whole(targets, &mut stages),
        _ => parts(targets, &mut stages),
    }
}

/// Each part by itself.
fn parts(targets: usize, stages: &mut Stages) {
    let config = stages.next("config", || config(targets));
    let outline = stages.next("outline", || Outline::of(&config));
    let registry = Registry::for_fleet(targets);
    let made = stages.next("targets with probes", || {
        registry.targets(&config.targets).expect("they can be made")
    });
    stages.next("without the config", || drop(config));
    let runtime = runtime();
    let _inside = runtime.enter();
    let monitor = stages.next("plan and view", || {
        Monitor::builder().targets(made).build().start()
    });
    runtime.block_on(async {
        monitor.stats().await.expect("it runs");
    });
    stages.next("a turn later", || ());
    runtime.block_on(monitor.shutdown(Duration::ZERO));
    black_box((outline, registry));
}

/// What a service holds after its start.
fn whole(targets: usize, stages: &mut Stages) {
    let runtime = runtime();
    let _inside = runtime.enter();
    stages.reset();
    let service = stages.next("the service, in all", || {
        Service::start(config(targets), &Surroundings::default()).expect("it starts")
    });
    runtime.block_on(service.shutdown());
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime starts")
}

/// Distinct hosts and names, one group, one label, as a generated file has them.
fn config(targets: usize) -> Config {
    let mut text = String::from(
        "defaults: { interval: 24h, max_interval: 24h }\ngroups:\n  - name: edge\n    labels: { zone: a }\n    targets:\n",
    );
    for at in 0..targets {
        let [_, a, b, c] = u32::try_from(at).expect("it is no larger").to_be_bytes();
        text.push_str(&format!(
            "      - {{ name: api-{at}, url: \"http://127.{a}.{b}.{c}:9/health\" }}\n"
        ));
    }
    load_str("fleet.yaml", &text).expect("it is valid")
}

struct Stages {
    targets: usize,
    asked: isize,
    resident: isize,
}

impl Stages {
    fn new(targets: usize) -> Self {
        let mut stages = Self {
            targets,
            asked: 0,
            resident: 0,
        };
        stages.reset();
        stages
    }

    fn reset(&mut self) {
        (self.asked, self.resident) = (asked(), resident());
    }

    /// Runs a stage and tells what it added.
    fn next<T>(&mut self, name: &str, stage: impl FnOnce() -> T) -> T {
        self.reset();
        let made = stage();
        let (asked, resident) = (asked(), resident());
        let each = |bytes: isize| bytes as f64 / self.targets as f64;
        println!(
            "{name:<24} {:>19.0} {:>20.0} {:>14.1}",
            each(asked - self.asked),
            each(resident - self.resident),
            resident as f64 / 1e6
        );
        self.reset();
        made
    }
}

/// Bytes that are allocated.
fn asked() -> isize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated as isize - stats.bytes_deallocated as isize
}

/// Bytes that the system counts as resident, without files that are mapped.
fn resident() -> isize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<isize>().ok());
    kib.unwrap_or(0) * 1_024
}
