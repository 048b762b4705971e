//! How soon crashes, hangs and recoveries are seen; backoff; nudges; overlaps.
#![allow(clippy::unwrap_used, reason = "these are helpers of tests")]

use std::time::Duration;

use hc_core::{BasisPoints, Policy, Report, Status, Timestamp};
use hc_scheduler::Reason;
use hc_testkit::fleet::{Answer, Fleet, FleetBuilder};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);
/// A slot of the wheel and the latency of an answer, a few times over.
const SLACK: Duration = Duration::from_millis(80);

fn policy(interval: Duration, max: u32) -> Policy {
    Policy::builder()
        .interval(interval)
        .max_interval(interval * max)
        .timeout(2 * SECOND)
        .fast_interval(SECOND / 2)
        .build()
        .unwrap()
}

/// Targets that each fall at another moment and come back long after.
fn falling(interval: Duration, max: u32, how: Answer) -> FleetBuilder {
    Fleet::builder()
        .targets(100)
        .policy(policy(interval, max))
        .isolation(None)
        .keep_checks()
        .world(move |ask| {
            let (from, to) = outage(ask.target);
            if (from..to).contains(&ask.at) {
                how
            } else {
                Answer::pass_ms(10)
            }
        })
}

fn outage(target: usize) -> (Duration, Duration) {
    let from = 60 * SECOND + 97 * target as u32 * MS;
    (from, from + 600 * SECOND + 131 * target as u32 * MS)
}

/// When each target turned unhealthy and healthy again, as delays after its outage's begin and end.
fn delays(fleet: &Fleet) -> (Vec<Duration>, Vec<Duration>) {
    let of = |to: Status, begin: bool| {
        let turned = fleet.record.turned(to, 60 * SECOND);
        assert_eq!(turned.len(), 100);
        let delay = |turn: &hc_testkit::fleet::TransitionRecord| {
            let (from, to) = outage(turn.target);
            turn.at
                .since(Timestamp::ZERO + if begin { from } else { to })
        };
        turned.iter().map(delay).collect::<Vec<_>>()
    };
    (of(Status::Unhealthy, true), of(Status::Healthy, false))
}

fn worst(delays: &[Duration]) -> Duration {
    *delays.iter().max().unwrap()
}

#[test]
fn crashes_hangs_and_recoveries_are_seen_in_time() {
    for (seconds, max) in [(5, 1), (5, 2), (10, 3), (1, 8)] {
        let interval = seconds * SECOND;
        let jitter = interval / 10;
        let fast = SECOND / 2;
        let timeout = 2 * SECOND;
        for (how, wait) in [
            (Answer::Refused(10 * MS), Duration::ZERO),
            (Answer::Hang, timeout),
        ] {
            let mut fleet = falling(interval, max, how).build();
            fleet.run_for(900 * SECOND);
            let (down, up) = delays(&fleet);
            // Up to an interval and its jitter until it is asked; fall 3: two more checks, each after its fast interval.
            let seen = interval + jitter + 2 * fast + 3 * (wait + SLACK);
            assert!(worst(&down) <= seen, "{:?} > {seen:?}", worst(&down));
            // No sooner than three checks can be made.
            let soonest = down.iter().min().unwrap();
            assert!(*soonest >= 2 * fast + 3 * wait, "{soonest:?}");
            // Back from full backoff: the longest interval, jitter; one more fast check.
            let back = interval * max + jitter + fast + 3 * SLACK;
            assert!(worst(&up) <= back, "{max}: {:?} > {back:?}", worst(&up));
            assert_eq!(fleet.tally(), [0, 100, 0, 0]);
        }
    }
}

#[test]
fn a_dead_target_is_asked_at_its_longest_interval() {
    for max in [1, 2, 3, 8] {
        let interval = 5 * SECOND;
        let mut fleet = falling(interval, max, Answer::Refused(10 * MS)).build();
        fleet.run_for(600 * SECOND);
        for checks in &fleet.record.checks {
            let settled: Vec<_> = checks
                .iter()
                .filter(|check| check.started >= Timestamp::ZERO + 200 * SECOND)
                .collect();
            for pair in settled.windows(2) {
                let apart = pair[1].started.since(pair[0].started);
                let reason = if max == 1 {
                    Reason::Interval
                } else {
                    Reason::Backoff
                };
                assert_eq!(pair[1].reason, reason);
                let (least, most) = (
                    interval * max * 9 / 10 - SLACK,
                    interval * max * 11 / 10 + SLACK,
                );
                assert!(apart >= least && apart <= most, "{apart:?} at {max}x");
            }
        }
    }
}

#[test]
fn nudges_bring_a_check_at_once_but_min_interval_apart_and_also_in_backoff() {
    let mut fleet = Fleet::builder()
        .targets(1)
        .policy(policy(60 * SECOND, 10))
        .keep_checks()
        .world(|_| Answer::Refused(10 * MS))
        .build();
    fleet.run_for(500 * SECOND);
    assert_eq!(fleet.describe(0).next.reason, Reason::Backoff);
    let before = fleet.record.started;
    let asked_at = fleet.now();
    fleet.nudge(0);
    fleet.run_for(9 * MS);
    assert_eq!(
        fleet.record.started,
        before + 1,
        "before the next slot even"
    );
    fleet.run_for(SECOND / 10);
    let check = *fleet.record.checks[0].last().unwrap();
    assert_eq!((check.started, check.reason), (asked_at, Reason::Nudged));
    // The second waits for min_interval, and many are one.
    for _ in 0..20 {
        fleet.nudge(0);
        fleet.run_for(10 * MS);
    }
    assert_eq!(fleet.record.started, before + 1);
    fleet.run_for(SECOND);
    let second = fleet.record.checks[0].last().unwrap();
    assert_eq!(fleet.record.started, before + 2);
    let apart = second.started.since(asked_at);
    assert!(
        apart >= SECOND / 2 && apart <= SECOND / 2 + 20 * MS,
        "{apart:?}"
    );
}

#[test]
fn a_nudge_in_flight_is_remembered_and_one_of_a_paused_or_removed_target_is_dropped_and_counted() {
    let mut fleet = Fleet::builder()
        .targets(3)
        .policy(policy(60 * SECOND, 2))
        .keep_checks()
        .world(|_| Answer::pass_ms(1_000))
        .build();
    fleet.run_for(30 * SECOND);
    fleet.check_now(0);
    fleet.run_for(SECOND / 2);
    fleet.nudge(0);
    fleet.run_for(10 * SECOND);
    let reasons: Vec<_> = fleet.record.checks[0].iter().map(|c| c.reason).collect();
    assert_eq!(reasons, [Reason::First, Reason::Asked, Reason::Nudged]);
    let checks = &fleet.record.checks[0];
    assert!(checks[2].started.since(checks[1].ended) <= 10 * MS);

    let (before, dropped) = (fleet.record.started, fleet.plan().counters().dropped_nudges);
    fleet.pause(1);
    fleet.nudge(1);
    fleet.nudge(2);
    fleet.remove(2);
    fleet.run_for(5 * SECOND);
    assert_eq!(fleet.plan().counters().dropped_nudges, dropped + 2);
    assert_eq!(fleet.record.started, before);
}

#[test]
fn passes_that_traffic_reports_stretch_the_interval_until_a_failure() {
    let policy = Policy::builder()
        .interval(SECOND)
        .max_interval(4 * SECOND)
        .jitter(BasisPoints(0))
        .quiet(true)
        .build()
        .unwrap();
    let mut fleet = Fleet::builder()
        .targets(1)
        .policy(policy)
        .keep_checks()
        .build();
    let factors = |fleet: &mut Fleet, reported: bool| {
        let mut seen = Vec::new();
        let mut last = fleet.record.checks.first().map_or(0, Vec::len);
        while seen.len() < 5 {
            if reported {
                fleet.report(0, Report::Passed);
            }
            fleet.run_for(SECOND / 10);
            let checks = fleet.record.checks.first().map_or(0, Vec::len);
            if checks > last {
                last = checks;
                seen.push(fleet.describe(0).next.factor);
            }
        }
        seen
    };
    assert_eq!(factors(&mut fleet, false), [1, 1, 1, 1, 1]);
    assert_eq!(factors(&mut fleet, true), [2, 3, 4, 4, 4]);
    // One report was given after the last of those checks.
    assert_eq!(factors(&mut fleet, false)[1..], [1, 1, 1, 1]);
    // A report before a failure says nothing of what follows it.
    fleet.report(0, Report::Passed);
    fleet.set_world(|_| Answer::Refused(10 * MS));
    fleet.run_for(SECOND + 100 * MS);
    assert!(fleet.describe(0).health.failures_in_row() > 0);
    fleet.set_world(|_| Answer::pass_ms(10));
    while fleet.describe(0).health.passes_in_row() == 0 {
        fleet.run_for(10 * MS);
    }
    assert_eq!(fleet.describe(0).next.factor, 1);
}

#[test]
fn overlaps_are_counted_and_told_once_at_each_end() {
    let policy = Policy::builder()
        .interval(SECOND)
        .max_interval(SECOND)
        .timeout(10 * SECOND)
        .jitter(BasisPoints(0))
        .build()
        .unwrap();
    let mut fleet = Fleet::builder()
        .targets(1)
        .policy(policy)
        .world(|ask| {
            if (20..60).contains(&ask.at.as_secs()) {
                Answer::pass_ms(2_500)
            } else {
                Answer::pass_ms(10)
            }
        })
        .build();
    fleet.run_for(19 * SECOND);
    assert_eq!(fleet.plan().counters().overlaps, 0);
    fleet.run_for(81 * SECOND);
    let (begun, ended) = fleet.record.overlaps();
    assert_eq!((begun.len(), ended.len()), (1, 1));
    assert!(ended[0] >= Timestamp::ZERO + 60 * SECOND);
    // Each slow check passes two ticks and starts the third.
    let overlaps = fleet.plan().counters().overlaps;
    assert!((24..=30).contains(&overlaps), "{overlaps}");
    assert_eq!(fleet.record.most_in_flight, 1);
}
