//! Ten thousand targets over an hour of virtual time: invariants, spread, first sweep, and the same again by the same seed.
#![allow(clippy::unwrap_used, reason = "these are helpers of tests")]

use std::time::Duration;

use hc_core::{Policy, Status};
use hc_testkit::fleet::{Answer, Fleet};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

/// Healthy but for a tenth that is down for ten minutes, and one check in two hundred that fails by chance.
fn mixed(targets: usize, seed: u64) -> Fleet {
    let policy = Policy::builder()
        .interval(10 * SECOND)
        .timeout(2 * SECOND)
        .max_interval(30 * SECOND)
        .fast_interval(SECOND)
        .build()
        .unwrap();
    Fleet::builder()
        .targets(targets)
        .policy(policy)
        .hosts(targets / 4)
        .limits(1_000, 16)
        .seed(seed)
        .world(move |ask| {
            let down = ask.target % 10 == 3 && (600..1_200).contains(&ask.at.as_secs());
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

#[test]
fn an_hour_of_ten_thousand_targets() {
    let mut fleet = mixed(10_000, 1);
    let sweep = fleet.first_sweep();
    fleet.run_for(60 * SECOND);
    // Within the first sweep no tenth of its span holds more than 15 %.
    for tenth in 0..10 {
        let share = fleet
            .record
            .started_in(tenth * SECOND..(tenth + 1) * SECOND);
        assert!(share <= 1_500, "{share} in tenth {tenth}");
    }
    assert_eq!(fleet.record.sweeps_done, [sweep]);

    let span = 20 * SECOND..600 * SECOND;
    fleet.run_for(HOUR - 60 * SECOND);
    let (busiest, average) = (
        fleet.record.busiest_100ms(span.clone()),
        fleet.record.average_100ms(span.clone()),
    );
    assert!(
        busiest as f64 <= 1.5 * average,
        "busiest 100 ms {busiest}, average {average:.1}"
    );
    // Every started check has ended in one result, but for those in flight.
    let in_flight = fleet.in_flight() as u64;
    assert_eq!(
        fleet.record.started,
        fleet.record.ended_in_all() + in_flight
    );
    assert_eq!(fleet.plan().in_flight() as u64, in_flight);
    assert_eq!(fleet.plan().waiting(), 0);
    assert_eq!(fleet.plan().len(), 10_000);
    // About one check in ten seconds each: nobody is forgotten.
    let fewest = fleet.record.started_of.iter().min().unwrap();
    assert!(*fewest >= 250, "{fewest}");
    // Those that were down turned, once there and once back; the others did not.
    let down = fleet.record.turned(Status::Unhealthy, SECOND * 20);
    assert_eq!(down.len(), 1_000);
    assert!(down.iter().all(|turn| turn.target % 10 == 3));
    let back = fleet.record.turned(Status::Healthy, SECOND * 100);
    assert!(
        back.iter()
            .filter(|turn| turn.from == Status::Unhealthy)
            .count()
            >= 1_000
    );
    assert_eq!(fleet.tally()[3], 0);
    assert!(fleet.record.isolations().0.is_empty());
    assert!(fleet.record.overloads().0.is_empty());
    assert_eq!(fleet.record.sweeps_done, [sweep]);
}

#[test]
fn the_same_seed_gives_the_same_actions_and_another_does_not() {
    let run = |seed| {
        let mut fleet = mixed(300, seed);
        fleet.run_for(1_300 * SECOND);
        (fleet.hash(), fleet.record.started)
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7).0, run(8).0);
}

#[test]
fn two_checkers_ask_at_different_times_and_one_keeps_its_phase() {
    let starts = |seed, checker: &str| {
        let policy = Policy::builder()
            .interval(5 * SECOND)
            .jitter(hc_core::BasisPoints(0))
            .build()
            .unwrap();
        let mut fleet = Fleet::builder()
            .targets(20)
            .policy(policy)
            .seed(seed)
            .checker(checker)
            .keep_checks()
            .build();
        fleet.run_for(60 * SECOND);
        let phase = |n: usize| {
            let check = fleet.record.checks[n].last().unwrap();
            check.started.since(hc_core::Timestamp::ZERO).as_millis() % 5_000
        };
        (0..20).map(phase).collect::<Vec<_>>()
    };
    // Without jitter the phase is the id's and the checker's alone.
    assert_eq!(starts(1, "web1"), starts(2, "web1"));
    let alike = std::iter::zip(starts(1, "web1"), starts(1, "web2")).filter(|(a, b)| a == b);
    assert!(alike.count() <= 1);
}

/// Adding and removing moves no other target's due time.
#[test]
fn a_changed_list_moves_nobody_else() {
    let checks = |disturbed: bool| {
        let mut fleet = Fleet::builder()
            .targets(50)
            .interval(5 * SECOND, 2 * SECOND)
            .each(|_, target| {
                let policy = Policy::builder().jitter(hc_core::BasisPoints(0));
                target.with_policy(policy.build().unwrap())
            })
            .keep_checks()
            .build();
        fleet.run_for(33 * SECOND);
        if disturbed {
            fleet.add(50..150);
            for n in 25..50 {
                fleet.remove(n);
            }
        }
        fleet.run_for(60 * SECOND);
        (0..25)
            .map(|n| fleet.record.checks[n].iter().map(|c| c.started).collect())
            .collect::<Vec<Vec<_>>>()
    };
    assert_eq!(checks(false), checks(true));
}
