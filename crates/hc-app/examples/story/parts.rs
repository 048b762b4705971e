//! The five faults, one function each. Both sides meet backends of the same manner, each its own, at the same time.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use hc_http::TransportKind;

use super::backends::{Backends, Manner, refusing};
use super::baseline::{Baseline, Habits};
use super::ours::Ours;
use super::{Row, alone, runtime, watched};

const SECOND: Duration = Duration::from_secs(1);

/// As the checker's code has it: 2 s, a connection per check, bodies unread.
const AS_IT_WAS: Habits = Habits {
    timeout: Duration::from_secs(2),
    pooled: false,
    drains: false,
};

/// Fault 1: 100 backends that answer after 14 s, asked every 5 s for 22 s.
pub(crate) fn in_flight() -> Vec<Row> {
    let span = 22 * SECOND;
    let manner = Manner {
        answer: 14 * SECOND,
        ..Manner::default()
    };
    let run = move |timeout: u32| {
        let theirs = alone(move || {
            let backends = Backends::start(100, manner);
            let timeout = timeout * SECOND;
            runtime().block_on(async {
                let habits = Habits {
                    timeout,
                    ..AS_IT_WAS
                };
                let checker = Baseline::new(&backends.urls, habits);
                let tasks = watched(checker.clone().run(5 * SECOND), span).await;
                (checker.most_in_flight.load(Relaxed), tasks)
            })
        });
        let ours = alone(move || {
            let backends = Backends::start(100, manner);
            let defaults = format!("interval: 5s, timeout: {timeout}s");
            runtime().block_on(async {
                let ours = Ours::start(&backends.urls, &defaults, "", TransportKind::Auto);
                let mut most = 0;
                let sampling = async {
                    loop {
                        let stats = ours.service.monitor().stats().await;
                        most = most.max(stats.expect("the service runs").in_flight as u64);
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                };
                let tasks = watched(sampling, span).await;
                ours.stop().await;
                (most, tasks)
            })
        });
        (theirs, ours)
    };
    let runs = [2_u32, 30].map(|timeout| (timeout, run(timeout)));
    let mut rows = Vec::new();
    for (timeout, (theirs, ours)) in runs {
        let (theirs, ours) = (
            theirs.join().expect("no panic"),
            ours.join().expect("no panic"),
        );
        let setting = format!("100 backends answer after 14 s, every 5 s, timeout {timeout} s");
        let row = |what: &str, ours: f64, theirs: f64| {
            Row::new(&format!("1. {setting}: {what}"), ours, theirs)
        };
        rows.push(row(
            "checks in flight at most",
            ours.0 as f64,
            theirs.0 as f64,
        ));
        rows.push(row("tasks alive at most", ours.1 as f64, theirs.1 as f64));
    }
    rows
}

#[expect(clippy::disallowed_methods, reason = "a benchmark times")]
fn now() -> Instant {
    Instant::now()
}

/// Milliseconds that each of so many cycles took.
macro_rules! cycles {
    ($count:expr, $cycle:expr) => {{
        let mut took = Vec::new();
        for _ in 0..$count {
            let began = now();
            $cycle.await;
            took.push(began.elapsed().as_secs_f64() * 1e3);
        }
        took
    }};
}

/// Fault 2: 10 backends with 100 ms of connection set-up and answers after 2 ms, asked one after the other.
pub(crate) fn set_up() -> Vec<Row> {
    let manner = Manner {
        set_up: Duration::from_millis(100),
        answer: Duration::from_millis(2),
        body: 2,
    };
    let theirs = move |pooled| {
        alone(move || {
            let backends = Backends::start(10, manner);
            let drains = pooled;
            runtime().block_on(async {
                let habits = Habits {
                    pooled,
                    drains,
                    ..AS_IT_WAS
                };
                let checker = Baseline::new(&backends.urls, habits);
                checker.cycle().await;
                cycles!(20, checker.cycle())
            })
        })
    };
    let ours = move |keep: &'static str, transport| {
        alone(move || {
            let backends = Backends::start(10, manner);
            runtime().block_on(async {
                let defaults = format!("interval: 1h, max_interval: 2h, keep_alive: {keep}");
                let ours = Ours::start(&backends.urls, &defaults, "", transport);
                ours.swept().await;
                let took = cycles!(20, ours.cycle());
                ours.stop().await;
                took
            })
        })
    };
    let (without, with) = (theirs(false), theirs(true));
    let new_each = ours("0s", TransportKind::Dedicated);
    let (kept, pooled) = (
        ours("90s", TransportKind::Dedicated),
        ours("90s", TransportKind::Pooled),
    );
    let (without, with) = (
        without.join().expect("no panic"),
        with.join().expect("no panic"),
    );
    let (new_each, kept, pooled) = (
        new_each.join().expect("no panic"),
        kept.join().expect("no panic"),
        pooled.join().expect("no panic"),
    );
    let what =
        |how: &str| format!("2. cycle over 10 backends, set-up 100 ms, answer 2 ms, {how}, ms");
    let mean = |took: &[f64]| took.iter().sum::<f64>() / took.len() as f64;
    vec![
        Row::of(&what("a connection per check"), new_each, without.clone()),
        Row::of(
            &what("kept connections; other: as it was"),
            kept.clone(),
            without.clone(),
        ),
        Row::of(
            &what("kept connections; other: pooled and drained"),
            kept.clone(),
            with,
        ),
        Row::of(
            &what("reqwest's pool; other: as it was"),
            pooled,
            without.clone(),
        ),
        Row::new(
            &what("kept, mean of 20 cycles with the planned reconnect of each 20th check"),
            mean(&kept),
            mean(&without),
        ),
    ]
}

/// Fault 3: lines of the log with 100 backends every 5 s, in the first minute and in the second.
pub(crate) fn log_lines() -> Vec<Row> {
    let theirs = |urls: Vec<String>| {
        alone(move || {
            runtime().block_on(async {
                let checker = Baseline::new(&urls, AS_IT_WAS);
                let mut rounds = std::pin::pin!(checker.clone().run(5 * SECOND));
                watched(rounds.as_mut(), 60 * SECOND).await;
                let first = checker.log_lines.load(Relaxed);
                watched(rounds, 60 * SECOND).await;
                [first, checker.log_lines.load(Relaxed) - first].map(|lines| lines as f64)
            })
        })
    };
    let ours = |urls: Vec<String>| {
        alone(move || {
            runtime().block_on(async {
                let defaults = "interval: 5s, timeout: 2s";
                let ours = Ours::start(&urls, defaults, "", TransportKind::Auto);
                // The summary of a minute belongs to that minute.
                tokio::time::sleep(60 * SECOND + SECOND / 10).await;
                let first = ours.log_lines.load(Relaxed);
                tokio::time::sleep(60 * SECOND).await;
                let second = ours.log_lines.load(Relaxed) - first;
                ours.stop().await;
                [first, second].map(|lines| lines as f64)
            })
        })
    };
    let backends = Backends::start(
        100,
        Manner {
            body: 2,
            ..Manner::default()
        },
    );
    let healthy = (theirs(backends.urls.clone()), ours(backends.urls.clone()));
    let failing = (theirs(refusing(100)), ours(refusing(100)));
    let mut rows = Vec::new();
    for (state, (theirs, ours)) in [("healthy", healthy), ("refusing", failing)] {
        let (theirs, ours) = (
            theirs.join().expect("no panic"),
            ours.join().expect("no panic"),
        );
        for (minute, n) in [("first", 0), ("second", 1)] {
            let what =
                format!("3. 100 {state} backends every 5 s: log lines in the {minute} minute");
            rows.push(Row::new(&what, ours[n], theirs[n]));
        }
    }
    rows
}

/// Fault 4: 20 backends that answer after 2.4 s, every second for 20 s.
pub(crate) fn overlaps() -> Vec<Row> {
    let manner = Manner {
        answer: Duration::from_millis(2_400),
        body: 2,
        ..Manner::default()
    };
    let theirs = alone(move || {
        let backends = Backends::start(20, manner);
        runtime().block_on(async {
            let timeout = 10 * SECOND;
            let checker = Baseline::new(
                &backends.urls,
                Habits {
                    timeout,
                    ..AS_IT_WAS
                },
            );
            watched(checker.clone().run(SECOND), 20 * SECOND).await;
        });
        (backends.seen.most_of_one.load(Relaxed), backends.requests())
    });
    let ours = alone(move || {
        let backends = Backends::start(20, manner);
        let overlaps = runtime().block_on(async {
            let defaults = "interval: 1s, timeout: 10s, max_interval: 10s";
            let ours = Ours::start(&backends.urls, defaults, "", TransportKind::Auto);
            tokio::time::sleep(20 * SECOND).await;
            let overlaps = ours.overlaps().await;
            ours.stop().await;
            overlaps
        });
        (
            backends.seen.most_of_one.load(Relaxed),
            backends.requests(),
            overlaps,
        )
    });
    let (theirs, ours) = (
        theirs.join().expect("no panic"),
        ours.join().expect("no panic"),
    );
    let what = |what| format!("4. 20 backends answer after 2.4 s, every 1 s, 20 s: {what}");
    vec![
        Row::new(
            &what("checks of one backend at once"),
            ours.0 as f64,
            theirs.0 as f64,
        ),
        Row::new(&what("requests in all"), ours.1 as f64, theirs.1 as f64),
        Row::of(
            &what("ticks skipped and counted"),
            vec![ours.2 as f64],
            vec![],
        ),
    ]
}

/// Fault 5: 20 backends with bodies, every second for 30 s; both sides keep connections, the other leaves bodies unread.
pub(crate) fn bodies() -> Vec<Row> {
    let run = |body: usize| {
        let manner = Manner {
            body,
            ..Manner::default()
        };
        let theirs = alone(move || {
            let backends = Backends::start(20, manner);
            runtime().block_on(async {
                let pooled = true;
                let checker = Baseline::new(
                    &backends.urls,
                    Habits {
                        pooled,
                        ..AS_IT_WAS
                    },
                );
                watched(checker.clone().run(SECOND), 30 * SECOND).await;
            });
            (backends.connections() as f64, backends.requests() as f64)
        });
        let ours = alone(move || {
            let backends = Backends::start(20, manner);
            runtime().block_on(async {
                let defaults = "interval: 1s, timeout: 500ms";
                let ours = Ours::start(&backends.urls, defaults, "", TransportKind::Auto);
                tokio::time::sleep(30 * SECOND).await;
                ours.stop().await;
            });
            (backends.connections() as f64, backends.requests() as f64)
        });
        (theirs, ours)
    };
    let runs = [(2, run(2)), (32 << 10, run(32 << 10))];
    let mut rows = Vec::new();
    for (body, (theirs, ours)) in runs {
        let (theirs, ours) = (
            theirs.join().expect("no panic"),
            ours.join().expect("no panic"),
        );
        let what =
            |what| format!("5. 20 backends, bodies of {body} bytes, every 1 s, 30 s: {what}");
        rows.push(Row::new(&what("connections opened"), ours.0, theirs.0));
        rows.push(Row::new(&what("requests"), ours.1, theirs.1));
    }
    rows
}
