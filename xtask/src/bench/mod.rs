//! `cargo xtask bench`: measurements of the whole system, repeatable with one command.
//!
//! This file lists them and runs one. Each is a module with a `run`; `example` builds and runs the program that measures,
//! `report` pairs and sums up, `files` writes the result.

mod cold;
mod day;
mod detect;
mod envoy;
mod example;
mod files;
mod given;
mod look;
mod main_job;
mod memory;
mod micro;
mod overload;
mod peers;
mod picture;
mod pooled;
mod report;
mod rig;
mod said;
mod scale;
mod see;
mod soak;
mod spread;
mod story;

use anyhow::{Result, bail};

/// A measurement.
struct Bench {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<()>,
}

/// All there are.
const BENCHES: &[Bench] = &[
    Bench {
        name: "story",
        about: "the five faults of the checker that hc began from, each beside ours (3 minutes)",
        run: story::run,
    },
    Bench {
        name: "pooled",
        about: "processor time per check and memory per target on nginx, 1,000 and 9,000 targets (5 minutes)",
        run: pooled::run,
    },
    Bench {
        name: "peers",
        about: "hc beside Envoy, HAProxy, Go, Pingora, blackbox_exporter and bare loops (15 minutes; --quick: 4)",
        run: peers::run,
    },
    Bench {
        name: "cold",
        about: "`hc check` of 10,000 URLs beside curl --parallel, a Go program and wrk's ceiling (2 minutes)",
        run: cold::run,
    },
    Bench {
        name: "detect",
        about: "from a fault to the published transition, beside Envoy and HAProxy (6 minutes; --quick: 2)",
        run: detect::run,
    },
    Bench {
        name: "overload",
        about: "15,000 healthy targets at 0.5 s beside busy loops, and stops of the whole process, beside Envoy (6 minutes)",
        run: overload::run,
    },
    Bench {
        name: "scale",
        about: "processor time, memory and lateness of 100 to 15,000 targets and of a million simulated ones (5 minutes)",
        run: scale::run,
    },
    Bench {
        name: "memory",
        about: "where the bytes of a kept plain and of a kept TLS target go, and what `hc run` has resident (8 minutes)",
        run: memory::run,
    },
    Bench {
        name: "look",
        about: "what a scrape a second, 50 event streams and hc top cost a run of 10,000 targets (7 minutes)",
        run: look::run,
    },
    Bench {
        name: "micro",
        about: "nanoseconds of the wheel, the plan, the state machine, the view, reports and the reader (4 minutes; --quick: 1)",
        run: micro::run,
    },
    Bench {
        name: "soak",
        about: "an hour of 9,000 targets whose kept connections close at random: no false transition (--minutes N)",
        run: soak::run,
    },
    Bench {
        name: "day",
        about: "a simulated day of 10,000 targets, the invariants asserted (some minutes)",
        run: day::run,
    },
    Bench {
        name: "see",
        about: "the same trouble in the log, hc status, hc top, Prometheus and the API, and over a restart, recorded (3 minutes)",
        run: see::run,
    },
    Bench {
        name: "main-job",
        about: "hc run over 200 addresses of nginx with faults and recoveries, recorded (5 minutes)",
        run: main_job::run,
    },
];

/// Runs the one of that name, or lists all.
///
/// # Errors
/// When there is none of that name, or it fails.
pub(crate) fn run(name: Option<&str>, extra: &[String]) -> Result<()> {
    let Some(name) = name else {
        println!("{} benchmarks; results go to target/bench", BENCHES.len());
        for bench in BENCHES {
            println!("  {:<10} {}", bench.name, bench.about);
        }
        return Ok(());
    };
    match BENCHES.iter().find(|bench| bench.name == name) {
        Some(bench) => (bench.run)(extra),
        None => bail!("no benchmark `{name}`; `cargo xtask bench` lists them"),
    }
}
