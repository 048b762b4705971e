//! Where the memory of a fleet goes: `memory TARGETS|CONFIG [whole]`.
//!
//! With a number the fleet is made up and asks nobody. With a config it is the file's, and each of its targets is asked
//! and found healthy: what it holds then beyond the start are its results and its connection. `whole` starts a service
//! instead of its parts, as `hc run` does.
//!
//! A stage is a line of JSON: what the process holds beyond the stage before, in bytes that the allocator was asked for,
//! in blocks of them, and in bytes that the system counts as resident; and what is resident in all.
//! `cargo xtask bench memory` runs it.
#![expect(clippy::print_stdout, reason = "its output is its result")]

mod stages;

use std::hint::black_box;
use std::mem::size_of;
use std::path::Path;
use std::time::Duration;

use hc_app::{Registry, Service, Surroundings};
use hc_config::{Config, Outline, load_path, load_str};
use hc_scheduler::{Monitor, MonitorHandle};
use rustls::client::UnbufferedClientConnection;
use serde_json::json;

use self::stages::stage;

/// Whose memory is looked at.
enum Fleet {
    /// So many targets that are never asked.
    MadeUp(usize),
    /// A config file's.
    File(String),
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let fleet = match arguments.next() {
        None => Fleet::MadeUp(10_000),
        Some(text) => text
            .parse()
            .map_or_else(|_| Fleet::File(text.clone()), Fleet::MadeUp),
    };
    // In a process of its own: what one leaves behind, the other would use.
    match arguments.next().as_deref() {
        Some("whole") => whole(&fleet),
        _ => parts(&fleet),
    }
}

/// Each part by itself. The config stands until the targets are made.
fn parts(fleet: &Fleet) {
    let in_place = [
        ("HttpProbe", size_of::<hc_http::HttpProbe>()),
        ("Health", size_of::<hc_core::Health>()),
        ("Event", size_of::<hc_core::Event>()),
        (
            "UnbufferedClientConnection",
            size_of::<UnbufferedClientConnection>(),
        ),
    ];
    for (part, bytes) in in_place {
        println!("{}", json!({"in_place": part, "bytes": bytes}));
    }
    let config = stage("config", || fleet.config());
    let intervals = config.targets.iter().map(|it| it.policy.interval());
    let interval = intervals.max().unwrap_or_default();
    let outline = stage("outline", || Outline::of(&config));
    let registry = Registry::for_fleet(config.targets.len());
    let made = stage("targets with probes", || {
        let mut made = registry.targets(&config.targets).expect("they can be made");
        // As in a service, an id is there once.
        for (target, id) in made.iter_mut().zip(outline.ids()) {
            target.id = id.clone();
        }
        made
    });
    stage("without the config", || drop(config));
    let runtime = runtime();
    let _inside = runtime.enter();
    let monitor = stage("plan and view", || {
        // The feed keeps as many events for a few targets as for many: it is no target's.
        let builder = Monitor::builder().feed_capacity(1);
        builder.targets(made).build().start()
    });
    match fleet {
        Fleet::MadeUp(_) => {
            runtime.block_on(async {
                monitor.stats().await.expect("it runs");
            });
            stage("a turn later", || ());
        }
        Fleet::File(_) => stage("results and connections", || {
            runtime.block_on(until_known(&monitor, interval));
        }),
    }
    runtime.block_on(monitor.shutdown(Duration::ZERO));
    black_box((outline, registry));
}

/// What a service holds after its start.
fn whole(fleet: &Fleet) {
    let runtime = runtime();
    let _inside = runtime.enter();
    let service = stage("the service, in all", || {
        Service::start(fleet.config(), &Surroundings::default()).expect("it starts")
    });
    runtime.block_on(service.shutdown());
}

/// Until each target was asked at least twice and nothing is in flight.
async fn until_known(monitor: &MonitorHandle, interval: Duration) {
    monitor.first_sweep().await.expect("it runs");
    // What a server sends after the first answer, as tickets, is read with the second.
    tokio::time::sleep(interval * 2).await;
    let [_, healthy, ..] = monitor.view().tally();
    assert_eq!(healthy, monitor.view().len(), "all targets are healthy");
    loop {
        let stats = monitor.stats().await.expect("it runs");
        if stats.in_flight == 0 && stats.waiting == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime starts")
}

impl Fleet {
    fn config(&self) -> Config {
        match self {
            Self::MadeUp(targets) => made_up(*targets),
            Self::File(file) => load_path(Path::new(file))
                .unwrap_or_else(|errors| panic!("{}", errors.render(false))),
        }
    }
}

/// Distinct hosts and names, one group, one label, as a generated file has them.
fn made_up(targets: usize) -> Config {
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
