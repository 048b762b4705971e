//! A simulated day of a fleet of ten thousand: the invariants hold at every start and end of a check, and at the end.
//!
//! `day [TARGETS] [HOURS]`. `cargo xtask bench day` runs it. Prints one JSON object.
#![expect(clippy::print_stdout, reason = "its output is its result")]

use std::time::{Duration, Instant};

use hc_core::{Policy, Status};
use hc_testkit::fleet::{Answer, Fleet};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default| {
        arguments
            .next()
            .map_or(default, |n| n.parse().expect("a number"))
    };
    let (targets, hours) = (number(10_000), number(24));
    #[expect(clippy::disallowed_methods, reason = "a benchmark times")]
    let began = Instant::now();
    let mut fleet = fleet(targets);
    let sweep = fleet.first_sweep();
    let mut after_an_hour = 0;
    for hour in 0..hours {
        // The fleet itself asserts at each start and end: one check of a target, the limits of all and of a host, one
        // result for each check.
        fleet.run_for(HOUR);
        if hour == 0 {
            after_an_hour = resident_kib();
        }
    }
    let record = &fleet.record;
    let in_flight = fleet.in_flight() as u64;
    assert_eq!(
        record.started,
        record.ended_in_all() + in_flight,
        "each check ends once"
    );
    assert_eq!(fleet.plan().len(), targets);
    assert_eq!(record.sweeps_done, [sweep]);
    assert!(record.isolations().0.is_empty(), "something always answers");
    assert!(record.overloads().0.is_empty(), "nothing is starved");
    let fewest = record.started_of.iter().min().copied().unwrap_or(0);
    // An interval of 10 s, backed off to 30 s for the half hour that a target may be down.
    let least = u32::try_from(hours * 300).expect("some days at most");
    assert!(fewest >= least, "nobody is forgotten: {fewest} of {least}");
    // Chance alone, one check in two hundred: a target's first verdict decides, so some begin unhealthy; later it takes
    // three in a row, one in 8,000,000 checks.
    let by_plan = |target: usize| target % 10 == 3;
    let down = record.turned(Status::Unhealthy, SECOND);
    let (planned, by_chance): (Vec<_>, Vec<_>) =
        down.into_iter().partition(|turn| by_plan(turn.target));
    let planned_due = (0..targets).filter(|n| by_plan(*n)).count() * hours;
    assert!(
        planned.len() >= planned_due,
        "{} of {planned_due} outages seen",
        planned.len()
    );
    assert!(
        by_chance.len() as u64 <= record.started / 2_000_000 + targets as u64 / 100,
        "{by_chance:?}"
    );
    let first = 20 * SECOND..600 * SECOND;
    let (busiest, average) = (
        record.busiest_100ms(first.clone()),
        record.average_100ms(first),
    );
    println!(
        "{}",
        serde_json::json!({
            "targets": targets,
            "hours": hours,
            "took_s": began.elapsed().as_secs_f64(),
            "checks": record.started,
            "us_per_check": began.elapsed().as_secs_f64() * 1e6 / record.started as f64,
            "transitions": record.transitions.len(),
            "outages": planned_due,
            "outages_seen": planned.len(),
            "turned_by_chance": by_chance.len(),
            "most_in_flight": record.most_in_flight,
            "most_of_host": record.most_of_host,
            "busiest_over_average": busiest as f64 / average,
            "rss_kib_after_an_hour": after_an_hour,
            "rss_kib": resident_kib(),
            // What the simulation writes down for its asserts, not what hc holds.
            "record_kib": (hours * 3_600 * 100 * 4
                + record.transitions.len() * size_of_val(&record.transitions[0])) / 1024,
        })
    );
}

/// Healthy but for a tenth that is down for ten minutes of each hour, half refused and half silent, and one check in two
/// hundred that fails by chance.
fn fleet(targets: usize) -> Fleet {
    let policy = Policy::builder()
        .interval(10 * SECOND)
        .timeout(2 * SECOND)
        .max_interval(30 * SECOND)
        .fast_interval(SECOND)
        .build()
        .expect("the settings are constants");
    Fleet::builder()
        .targets(targets)
        .policy(policy)
        .hosts(targets / 4)
        .limits(1_000, 16)
        .seed(1)
        .world(move |ask| {
            let minute = ask.at.as_secs() / 60 % 60;
            let down = ask.target % 10 == 3 && (10..20).contains(&minute);
            let latency = Duration::from_millis(10 + 10 * (ask.target as u64 % 7));
            if down && ask.target % 20 == 3 {
                Answer::Refused(latency)
            } else if down {
                Answer::Silent
            } else if ask.rng.u32(0..200) == 0 {
                Answer::Refused(latency)
            } else {
                Answer::Pass(latency)
            }
        })
        .build()
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
