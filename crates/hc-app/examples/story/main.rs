//! The five faults of the checker that hc began from, each beside what hc does in its place, on loopback.
//!
//! `cargo xtask bench story` runs it and makes the table. Prints one JSON object a line: what, ours, other.
#![expect(clippy::print_stdout, reason = "its output is its result")]

mod backends;
mod baseline;
mod day;
mod ours;
mod parts;

use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Handle, Runtime};

/// One line of the result.
pub(crate) struct Row {
    what: String,
    ours: Vec<f64>,
    other: Vec<f64>,
}

impl Row {
    pub(crate) fn new(what: &str, ours: f64, other: f64) -> Self {
        Self::of(what, vec![ours], vec![other])
    }

    pub(crate) fn of(what: &str, ours: Vec<f64>, other: Vec<f64>) -> Self {
        let what = what.to_owned();
        Self { what, ours, other }
    }
}

/// Both sides of one measurement: each on a thread and a runtime of its own, at the same time.
pub(crate) fn alone<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    std::thread::spawn(work)
}

pub(crate) fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder
        .enable_all()
        .build()
        .expect("the system gives an epoll")
}

/// Runs it to its end, or for that long; and the most tasks that were alive on its runtime.
pub(crate) async fn watched(work: impl Future<Output = ()>, at_most: Duration) -> usize {
    let mut most = 0;
    let mut work = std::pin::pin!(tokio::time::timeout(at_most, work));
    let mut look = tokio::time::interval(Duration::from_millis(10));
    loop {
        tokio::select! {
            _ = &mut work => return most,
            _ = look.tick() => most = most.max(Handle::current().metrics().num_alive_tasks()),
        }
    }
}

fn main() {
    // The baseline's client wants one; hc brings its own.
    let provider = rustls::crypto::ring::default_provider();
    drop(provider.install_default());
    let parts = [
        alone(parts::in_flight),
        alone(parts::set_up),
        alone(parts::log_lines),
        alone(parts::overlaps),
        alone(parts::bodies),
    ];
    let mut rows = Vec::new();
    for part in parts {
        rows.extend(part.join().expect("no part panics"));
    }
    // Alone on the machine: it takes a processor for itself.
    rows.extend(day::rows());
    for Row { what, ours, other } in rows {
        println!(
            "{}",
            serde_json::json!({"what": what, "ours": ours, "other": other})
        );
    }
}
