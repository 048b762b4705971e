//! A checker short of time: overload, steady overload, stalls. It slows down, bursts nothing, accuses nobody.
#![allow(clippy::unwrap_used, reason = "these are helpers of tests")]

use std::time::Duration;

use hc_core::{Policy, Status};
use hc_testkit::fleet::{Answer, Fleet, FleetBuilder};

const SECOND: Duration = Duration::from_secs(1);

fn every_second(targets: usize) -> FleetBuilder {
    let policy = Policy::builder()
        .interval(SECOND)
        .timeout(SECOND)
        .jitter(hc_core::BasisPoints(0))
        .build()
        .unwrap();
    Fleet::builder().targets(targets).policy(policy)
}

fn first_transitions_only(fleet: &Fleet) {
    let false_turns = fleet.record.turned(Status::Unhealthy, Duration::ZERO);
    assert!(false_turns.is_empty(), "{:?}", false_turns.first());
}

#[test]
fn three_times_more_work_than_time_then_none() {
    // 3,000 checks a second at 1 ms each: three times what there is time for.
    let mut fleet = every_second(3_000).build();
    fleet.run_for(20 * SECOND);
    let before = fleet.record.busiest_100ms(5 * SECOND..20 * SECOND);
    fleet.set_cost(Duration::from_millis(1));
    fleet.run_for(60 * SECOND);
    let load_ends = fleet.now().since(hc_core::Timestamp::ZERO);
    let done = fleet.record.started_in(20 * SECOND..load_ends);
    let possible = (load_ends - 20 * SECOND).as_millis() as f64;
    assert!(
        done as f64 >= 0.95 * possible,
        "{done} checks of {possible} possible"
    );
    assert!(fleet.plan().stretch() > 2.5, "{}", fleet.plan().stretch());
    fleet.set_cost(Duration::ZERO);
    fleet.run_for(20 * SECOND);
    // Back to normal within a second: as much a second as before, spread as before.
    let normal = fleet
        .record
        .started_in(load_ends + SECOND..load_ends + 2 * SECOND);
    assert!((2_900..=3_100).contains(&normal), "{normal}");
    let after = fleet
        .record
        .busiest_100ms(load_ends + SECOND..load_ends + 20 * SECOND);
    assert!(after as f64 <= 1.1 * before as f64, "{before} {after}");
    first_transitions_only(&fleet);
    let (begun, ended) = fleet.record.overloads();
    assert_eq!((begun.len(), ended.len()), (1, 1));
    assert!(fleet.record.isolations().0.is_empty());
}

#[test]
fn a_steady_overload_does_not_excuse_the_silent() {
    // Half as much work again as there is time for, in turns that each lose a little.
    let mut fleet = every_second(1_500)
        .cost(Duration::from_millis(1))
        .world(|ask| {
            if ask.at > 20 * SECOND && ask.target % 10 == 0 {
                Answer::Silent
            } else {
                Answer::pass_ms(5)
            }
        })
        .build();
    fleet.run_for(60 * SECOND);
    let down = fleet.record.turned(Status::Unhealthy, 20 * SECOND);
    assert_eq!(down.len(), 150);
    assert!(down.iter().all(|turn| turn.target % 10 == 0));
    assert!(fleet.plan().stretch() > 1.2, "{}", fleet.plan().stretch());
}

#[test]
fn stalls_of_a_healthy_fleet_change_nothing() {
    for seconds in [1, 2, 3, 5, 8, 12] {
        for latency in [5, 450] {
            let mut fleet = every_second(1_000)
                .world(move |_| Answer::pass_ms(latency))
                .build();
            fleet.run_for(10 * SECOND + Duration::from_millis(3));
            let before = fleet.record.busiest_100ms(5 * SECOND..10 * SECOND);
            let started = fleet.record.started;
            fleet.stall(seconds * SECOND);
            let resumes = fleet.now().since(hc_core::Timestamp::ZERO);
            fleet.run_for(20 * SECOND);
            first_transitions_only(&fleet);
            let after = fleet
                .record
                .busiest_100ms(resumes - SECOND..resumes + 20 * SECOND);
            // Checks that are due within one slot and the grace come together: a sixtieth of a second's.
            assert!(
                after as f64 <= 1.2 * before as f64,
                "{seconds} s stall at {latency} ms: {before} {after}"
            );
            let afterwards = fleet.record.started - started;
            assert!(
                (19_500..=20_300).contains(&afterwards),
                "{seconds} s stall at {latency} ms: {afterwards} checks"
            );
            assert!(fleet.record.overlaps().0.is_empty(), "{seconds} {latency}");
            let skipped = fleet.plan().counters().skipped_ticks;
            assert_eq!(skipped, 0, "a stall of {seconds} s makes nobody slow");
            let (isolated, _) = fleet.record.isolations();
            assert!(isolated.is_empty());
        }
    }
}

#[test]
fn a_timeout_met_in_a_stall_is_hcs_own() {
    // Each target hangs, the process stalls at every second check's middle: nobody may be accused.
    let mut fleet = every_second(20)
        .isolation(None)
        .world(|ask| {
            if ask.at > 10 * SECOND {
                Answer::Silent
            } else {
                Answer::pass_ms(5)
            }
        })
        .build();
    fleet.run_for(10 * SECOND);
    for _ in 0..60 {
        fleet.run_for(Duration::from_millis(300));
        fleet.stall(Duration::from_millis(700));
    }
    first_transitions_only(&fleet);
    // Without stalls they are told at once.
    fleet.run_for(10 * SECOND);
    let down = fleet.record.turned(Status::Unhealthy, 10 * SECOND);
    assert_eq!(down.len(), 20);
}

/// A probe may keep its own time, by the real clock: what it calls a timeout after a stall is hc's doing as well.
#[test]
fn a_timeout_that_the_probe_tells_is_excused_likewise() {
    let run = |stalls: bool| {
        let mut fleet = every_second(20)
            .isolation(None)
            .world(|ask| {
                if ask.at > 10 * SECOND {
                    let after = Duration::from_millis(900);
                    Answer::Fail(after, hc_core::Kind::Timeout, hc_core::Phase::Wait)
                } else {
                    Answer::pass_ms(5)
                }
            })
            .build();
        fleet.run_for(10 * SECOND);
        for _ in 0..60 {
            fleet.run_for(Duration::from_millis(300));
            if stalls {
                fleet.stall(Duration::from_millis(700));
            }
        }
        fleet.record.turned(Status::Unhealthy, Duration::ZERO).len()
    };
    assert_eq!(run(true), 0);
    assert_eq!(run(false), 20);
}

#[test]
fn a_late_waking_driver_accuses_nobody() {
    let mut fleet = every_second(500)
        .wake_latency(Duration::from_millis(40))
        .world(|_| Answer::pass_ms(950))
        .build();
    fleet.run_for(120 * SECOND);
    first_transitions_only(&fleet);
}
