//! A checker in the manner of the one that hc began from: each round a task per backend and nobody who waits for them,
//! a connection per check, bodies left unread, a log line for each failure.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

/// What of it is switched on.
#[derive(Clone, Copy)]
pub(crate) struct Habits {
    pub(crate) timeout: Duration,
    /// Keeps connections in a pool, as its own review proposed.
    pub(crate) pooled: bool,
    /// Reads bodies to their end, as its own review proposed.
    pub(crate) drains: bool,
}

pub(crate) struct Baseline {
    client: reqwest::Client,
    habits: Habits,
    backends: Vec<(String, AtomicBool)>,
    pub(crate) log_lines: AtomicU64,
    pub(crate) checks: AtomicU64,
    in_flight: AtomicU64,
    pub(crate) most_in_flight: AtomicU64,
}

impl Baseline {
    pub(crate) fn new(urls: &[String], habits: Habits) -> Arc<Self> {
        let idle = if habits.pooled { usize::MAX } else { 0 };
        let client = reqwest::Client::builder()
            .timeout(habits.timeout)
            .pool_max_idle_per_host(idle)
            .no_proxy()
            .build()
            .expect("the settings are constants");
        let backends = urls.iter().map(|url| (url.clone(), AtomicBool::new(true)));
        Arc::new(Self {
            client,
            habits,
            backends: backends.collect(),
            log_lines: AtomicU64::new(0),
            checks: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            most_in_flight: AtomicU64::new(0),
        })
    }

    /// Its loop.
    pub(crate) async fn run(self: Arc<Self>, every: Duration) {
        let mut ticker = interval(every);
        // Go's ticker drops ticks that nobody took.
        ticker.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticker.tick().await;
            for n in 0..self.backends.len() {
                let checker = self.clone();
                tokio::spawn(async move { checker.check(n).await });
            }
        }
    }

    /// One check of one backend.
    pub(crate) async fn check(&self, n: usize) {
        let (url, alive) = &self.backends[n];
        self.checks.fetch_add(1, Relaxed);
        let in_flight = self.in_flight.fetch_add(1, Relaxed) + 1;
        self.most_in_flight.fetch_max(in_flight, Relaxed);
        let passed = match self.client.get(url).send().await {
            Ok(response) => {
                let passed = response.status() == reqwest::StatusCode::OK;
                if self.habits.drains {
                    // A body that breaks off is still an answer to this checker.
                    let _ = response.bytes().await;
                }
                passed
            }
            Err(_) => false,
        };
        self.in_flight.fetch_sub(1, Relaxed);
        let was_alive = alive.swap(passed, Relaxed);
        if !passed || !was_alive {
            self.log_lines.fetch_add(1, Relaxed);
        }
    }

    /// All backends one after the other.
    pub(crate) async fn cycle(&self) {
        for n in 0..self.backends.len() {
            self.check(n).await;
        }
    }
}
