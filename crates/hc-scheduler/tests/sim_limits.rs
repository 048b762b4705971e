//! Admission: limits that are never exceeded, hosts that do not starve each other, and grids that waiting does not move.
#![allow(clippy::unwrap_used, reason = "these are helpers of tests")]

use std::time::Duration;

use hc_core::{BasisPoints, Policy};
use hc_scheduler::Reason;
use hc_testkit::fleet::{Answer, Fleet};

const SECOND: Duration = Duration::from_secs(1);

fn policy(interval: Duration) -> Policy {
    Policy::builder()
        .interval(interval)
        .timeout(2 * SECOND)
        .max_interval(interval)
        .jitter(BasisPoints(0))
        .build()
        .unwrap()
}

#[test]
fn limits_hold_and_every_target_has_its_turn() {
    // 400 checks a second of 100 ms each need 40 places; there are 30, and 4 a host.
    let mut fleet = Fleet::builder()
        .targets(400)
        .hosts(10)
        .policy(policy(SECOND))
        .limits(30, 4)
        .world(|_| Answer::pass_ms(100))
        .build();
    fleet.run_for(120 * SECOND);
    assert_eq!(fleet.record.most_in_flight, 30);
    assert_eq!(fleet.record.most_of_host, 4);
    // All places are used all the time.
    assert!(
        fleet.record.started >= 120 * 290,
        "{}",
        fleet.record.started
    );
    let (fewest, most) = (
        *fleet.record.started_of.iter().min().unwrap(),
        *fleet.record.started_of.iter().max().unwrap(),
    );
    assert!(most - fewest <= 12, "{fewest} to {most}");
    assert!(fleet.plan().counters().waits > 0);
    assert!(
        fleet
            .record
            .transitions
            .iter()
            .all(|turn| turn.at.since(hc_core::Timestamp::ZERO) < 3 * SECOND)
    );
}

#[test]
fn a_host_that_hangs_delays_no_other() {
    // Host 0 has half of all targets, all of which hang; its two permits are always taken.
    let mut fleet = Fleet::builder()
        .targets(100)
        .each(|n, target| target.with_host(format!("h-{}", if n < 50 { 0 } else { n })))
        .policy(policy(SECOND))
        .limits(20, 2)
        .world(|ask| {
            if ask.target < 50 {
                Answer::Silent
            } else {
                Answer::pass_ms(20)
            }
        })
        .build();
    fleet.run_for(60 * SECOND);
    for (target, checks) in fleet.record.started_of.iter().enumerate().skip(50) {
        assert!((58..=62).contains(checks), "t-{target}: {checks}");
    }
    // Host 0 itself: one check a second in all, shared by its fifty in order.
    let of_host = &fleet.record.started_of[..50];
    let (fewest, most) = (of_host.iter().min().unwrap(), of_host.iter().max().unwrap());
    assert!(most - fewest <= 1, "{fewest} to {most}");
    assert_eq!(fleet.tally(), [0, 50, 0, 50]);
}

#[test]
fn waiting_moves_no_grid() {
    // One place that is taken for five sixths of the time: most wait, none drifts.
    let mut fleet = Fleet::builder()
        .targets(14)
        .policy(policy(10 * SECOND))
        .limits(1, 1)
        .keep_checks()
        .world(|_| Answer::pass_ms(600))
        .build();
    fleet.run_for(600 * SECOND);
    assert!(fleet.plan().counters().waits > 200);
    for checks in &fleet.record.checks {
        assert!(checks.len() >= 58, "{}", checks.len());
        let on_grid: Vec<_> = checks.iter().skip(3).map(|c| c.started).collect();
        for pair in on_grid.windows(2) {
            let apart = pair[1].since(pair[0]);
            assert!(apart >= 5 * SECOND && apart <= 15 * SECOND, "{apart:?}");
        }
        let all = on_grid.last().unwrap().since(on_grid[0]);
        let average = all.as_secs_f64() / (on_grid.len() - 1) as f64;
        assert!((9.9..=10.1).contains(&average), "{average}");
        assert!(checks.iter().skip(1).all(|c| c.reason == Reason::Interval));
    }
}

#[test]
fn other_limits_hold_at_once() {
    let mut fleet = Fleet::builder()
        .targets(200)
        .hosts(2)
        .policy(policy(SECOND))
        .limits(10, 5)
        .world(|_| Answer::pass_ms(200))
        .build();
    fleet.run_for(20 * SECOND);
    assert_eq!(fleet.in_flight(), 10);
    fleet.set_limits(100, 50);
    fleet.run_for(20 * SECOND);
    // 200 a second of 200 ms each: forty are in flight and nobody waits for long.
    assert!(
        (30..=50).contains(&fleet.in_flight()),
        "{}",
        fleet.in_flight()
    );
    fleet.set_limits(4, 2);
    fleet.run_for(SECOND);
    assert_eq!(fleet.in_flight(), 4);
    fleet.set_limits(100, 50);
    fleet.run_for(10 * SECOND);
    assert_eq!(fleet.plan().waiting(), 0);
}

#[test]
fn a_target_that_moves_to_another_host_counts_there_once_its_check_has_ended() {
    let mut fleet = Fleet::builder()
        .targets(20)
        .hosts(2)
        .policy(policy(SECOND))
        .limits(100, 1)
        .world(|_| Answer::pass_ms(90))
        .build();
    fleet.run_for(10 * SECOND);
    // All to host 1, some of them while in flight or waiting.
    for n in 0..20 {
        fleet.move_to_host(n, 1);
    }
    fleet.run_for(2 * SECOND);
    // Its one permit is all that there is now: eleven checks a second, where there were twenty.
    let from = fleet.now().since(hc_core::Timestamp::ZERO);
    fleet.run_for(20 * SECOND);
    let started = fleet.record.started_in(from..from + 20 * SECOND);
    assert!((190..=225).contains(&started), "{started}");
}
