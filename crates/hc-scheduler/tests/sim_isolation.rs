//! The checker's own network, cut and restored; and real outages of many targets at once, which are reported.
#![allow(clippy::unwrap_used, reason = "these are helpers of tests")]

use std::time::Duration;

use hc_core::{Policy, Status, Timestamp};
use hc_testkit::fleet::{Answer, Fleet, FleetBuilder, isolation_with_references};

const SECOND: Duration = Duration::from_secs(1);

fn policy(fall: u32, interval: Duration) -> Policy {
    Policy::builder()
        .interval(interval)
        .timeout(2 * SECOND)
        .fall(fall)
        .build()
        .unwrap()
}

fn fleet(targets: usize, fall: u32, interval: Duration) -> FleetBuilder {
    Fleet::builder()
        .targets(targets)
        .policy(policy(fall, interval))
        .world(|ask| Answer::pass_ms(10 + ask.target as u64 % 50))
}

/// K of the rules, less one: so many may turn before hc doubts itself.
fn excused(targets: usize) -> usize {
    (targets / 4).clamp(5, 20) - 1
}

#[track_caller]
fn cut_and_restored(targets: usize, fall: u32, from: u64, lasts: u64) {
    let what = format!("{targets} targets, fall {fall}, cut at {from} s for {lasts} s");
    let (from, to) = (Duration::from_secs(from), Duration::from_secs(from + lasts));
    let mut fleet = fleet(targets, fall, 5 * SECOND).cut(from, to).build();
    fleet.run_for(to);
    let turned = fleet.record.turned(Status::Unhealthy, Duration::ZERO).len();
    assert!(turned <= excused(targets), "{turned} turned: {what}");
    if fall == 3 && from > 20 * SECOND && targets >= 20 {
        assert_eq!(turned, 0, "{what}");
    }
    let (begun, ended) = fleet.record.isolations();
    assert_eq!((begun.len(), ended.len()), (1, 0), "{what}");
    // Told soon: a sweep, some timeouts.
    let after = begun[0].since(Timestamp::ZERO + from);
    assert!(after <= 20 * SECOND, "isolated after {after:?}: {what}");
    let in_the_cut = fleet.record.started_in(to - 20 * SECOND..to);
    assert!(
        in_the_cut as usize <= targets * 5,
        "{in_the_cut} checks in the last 20 s of it: {what}"
    );

    fleet.run_for(60 * SECOND);
    let (begun, ended) = fleet.record.isolations();
    assert_eq!((begun.len(), ended.len()), (1, 1), "{what}");
    assert!(ended[0].since(Timestamp::ZERO + to) <= 6 * SECOND, "{what}");
    let later = fleet.record.turned(Status::Unhealthy, to);
    assert!(later.is_empty(), "{:?} after the end: {what}", later[0]);
    assert_eq!(fleet.tally(), [0, targets, 0, 0], "{what}");
    // No burst when all is back.
    let span = to..to + 60 * SECOND;
    let (busiest, average) = (
        fleet.record.busiest_100ms(span.clone()),
        fleet.record.average_100ms(span),
    );
    if targets == 10_000 {
        assert!(
            busiest as f64 <= 1.5 * average,
            "{busiest} {average}: {what}"
        );
    }
}

#[test]
fn a_cut_network_accuses_few_and_is_told_once() {
    for targets in [6, 20, 100, 1_000, 10_000] {
        for fall in [1, 3] {
            cut_and_restored(targets, fall, 61, 60);
        }
    }
}

#[test]
fn a_network_cut_from_the_start_likewise() {
    for targets in [6, 20, 100, 1_000, 10_000] {
        for fall in [1, 3] {
            cut_and_restored(targets, fall, 0, 60);
        }
    }
}

#[test]
fn a_long_cut_ends_as_a_short_one() {
    cut_and_restored(100, 3, 61, 3_600);
}

/// The share of a fleet that falls silent is reported, all of it, and nobody else.
#[track_caller]
fn silent_outage(targets: usize, percent: usize, interval: Duration, within: Duration) {
    let gone = move |n: usize| n * 7_919 % targets * 100 < targets * percent;
    let mut fleet = fleet(targets, 3, interval)
        .world(move |ask| {
            if ask.at >= 30 * SECOND && gone(ask.target) {
                Answer::Hang
            } else {
                Answer::pass_ms(10)
            }
        })
        .build();
    fleet.run_for(30 * SECOND + within);
    let down: Vec<usize> = {
        let turned = fleet.record.turned(Status::Unhealthy, Duration::ZERO);
        turned.iter().map(|turn| turn.target).collect()
    };
    let expected = (0..targets).filter(|n| gone(*n)).count();
    assert!(down.iter().all(|n| gone(*n)));
    assert_eq!(
        down.len(),
        expected,
        "{percent} % of {targets} at {interval:?}, within {within:?}"
    );
}

#[test]
fn silent_outages_of_a_part_are_reported() {
    for percent in [10, 30, 50, 70, 90, 95] {
        silent_outage(10_000, percent, SECOND, 27 * SECOND);
        silent_outage(1_000, percent, 5 * SECOND, 60 * SECOND);
        silent_outage(100, percent, 5 * SECOND, 60 * SECOND);
        silent_outage(20, percent, 5 * SECOND, 60 * SECOND);
    }
}

#[test]
fn small_fleets_are_isolated_by_reference_only() {
    // Three targets alone: without a reference the silence of all is theirs.
    let cut = || {
        Fleet::builder()
            .targets(4)
            .policy(policy(3, 5 * SECOND))
            .cut(60 * SECOND, 120 * SECOND)
    };
    let mut alone = cut().build();
    alone.run_for(180 * SECOND);
    assert_eq!(alone.record.turned(Status::Unhealthy, SECOND * 60).len(), 4);
    assert!(alone.record.isolations().0.is_empty());

    let mut referred = cut()
        .isolation(Some(isolation_with_references(&[0])))
        .build();
    referred.run_for(180 * SECOND);
    assert!(
        referred
            .record
            .turned(Status::Unhealthy, Duration::ZERO)
            .is_empty()
    );
    let (begun, ended) = referred.record.isolations();
    assert_eq!((begun.len(), ended.len()), (1, 1));
    assert_eq!(referred.tally(), [0, 4, 0, 0]);
}

#[test]
fn a_reference_that_answers_forbids_doubt() {
    for targets in [4, 50, 1_000] {
        let mut fleet = Fleet::builder()
            .targets(targets)
            .policy(policy(3, 5 * SECOND))
            .isolation(Some(isolation_with_references(&[0, 1])))
            .world(|ask| {
                if ask.at >= 60 * SECOND && ask.target > 0 {
                    Answer::Hang
                } else {
                    Answer::pass_ms(10)
                }
            })
            .build();
        fleet.run_for(120 * SECOND);
        assert_eq!(
            fleet.record.turned(Status::Unhealthy, Duration::ZERO).len(),
            targets - 1
        );
        assert!(fleet.record.isolations().0.is_empty(), "{targets}");
    }
}

#[test]
fn a_cut_of_kept_connections_is_no_sign_of_life_but_a_hung_server_is() {
    let run = |answer: Answer| {
        let mut fleet = fleet(100, 3, 5 * SECOND)
            .world(move |ask| {
                if ask.at >= 60 * SECOND {
                    answer
                } else {
                    Answer::pass_ms(10)
                }
            })
            .build();
        fleet.run_for(120 * SECOND);
        (
            fleet.record.turned(Status::Unhealthy, Duration::ZERO).len(),
            fleet.record.isolations().0.len(),
        )
    };
    assert_eq!(run(Answer::HangKept), (0, 1));
    assert_eq!(run(Answer::Silent), (100, 0));
    assert_eq!(run(Answer::Refused(SECOND / 100)), (100, 0));
}

#[test]
fn rules_that_are_taken_away_end_an_isolation() {
    let mut fleet = fleet(100, 3, 5 * SECOND)
        .cut(60 * SECOND, 600 * SECOND)
        .build();
    fleet.run_for(90 * SECOND);
    assert_eq!(fleet.record.isolations().0.len(), 1);
    assert_eq!(fleet.tally()[3], 0);
    fleet.set_isolation(None);
    fleet.run_for(60 * SECOND);
    assert_eq!(fleet.record.isolations().1.len(), 1);
    assert_eq!(fleet.tally()[3], 100);
}
