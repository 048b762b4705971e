//! What lies over a status is told when it begins and when it ends; reports count no more than checks do.
#![allow(clippy::unwrap_used, reason = "these are helpers of tests")]

use std::time::Duration;

use hc_core::{BasisPoints, Kind, Overlay, Passive, Policy, Report, Status};
use hc_testkit::fleet::{Answer, Fleet};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// A target that fails every second check until it is unsteady.
fn unsteady() -> Fleet {
    let policy = Policy::builder()
        .interval(SECOND)
        .fast_interval(SECOND / 2)
        .jitter(BasisPoints(0))
        .build()
        .unwrap();
    let mut asked = 0_u64;
    let mut fleet = Fleet::builder()
        .targets(1)
        .policy(policy)
        .world(move |_| {
            asked += 1;
            match asked % 2 {
                0 => Answer::Refused(10 * MS),
                _ => Answer::pass_ms(10),
            }
        })
        .build();
    fleet.run_for(30 * SECOND);
    assert!(fleet.describe(0).health.is_unsteady());
    assert_eq!(fleet.record.overlay(Overlay::Unsteady).1, []);
    fleet
}

#[test]
fn a_new_probe_ends_what_was_unsteady_and_says_so() {
    let mut fleet = unsteady();
    let status = fleet.describe(0).word.status();
    fleet.replace(0);
    fleet.run_for(MS);
    assert_eq!(fleet.record.overlay(Overlay::Unsteady).1.len(), 1);
    let word = fleet.describe(0).word;
    assert!(!word.overlays().has(Overlay::Unsteady) && word.status() == status);
}

#[test]
fn a_pause_keeps_it_and_the_resumption_ends_it() {
    let mut fleet = unsteady();
    fleet.pause(0);
    fleet.run_for(MS);
    assert_eq!(fleet.record.overlay(Overlay::Unsteady).1, []);
    fleet.resume(0);
    fleet.run_for(MS);
    assert_eq!(fleet.record.overlay(Overlay::Unsteady).1.len(), 1);
}

#[test]
fn a_paused_target_is_stale_no_more() {
    let mut fleet = Fleet::builder().targets(1).interval(SECOND, SECOND).build();
    fleet.run_for(5 * SECOND);
    fleet.set_world(|_| Answer::Panic(10 * MS));
    fleet.run_for(20 * SECOND);
    let (begun, ended) = fleet.record.overlay(Overlay::Stale);
    assert_eq!((begun.len(), ended.len()), (1, 0));
    fleet.pause(0);
    fleet.run_for(MS);
    assert_eq!(fleet.record.overlay(Overlay::Stale).1.len(), 1);
    fleet.resume(0);
    fleet.set_world(|_| Answer::pass_ms(10));
    fleet.run_for(5 * SECOND);
    assert_eq!(fleet.record.overlay(Overlay::Stale).1.len(), 1);
}

/// Rows of reported failures, each far enough from the one before to be counted.
fn accused(fleet: &mut Fleet, kind: Kind) {
    for _ in 0..10 {
        for _ in 0..5 {
            fleet.report(0, Report::Failed(kind));
        }
        fleet.run_for(SECOND);
    }
}

fn counting(targets: usize) -> Fleet {
    let policy = Policy::builder()
        .interval(10 * SECOND)
        .fast_interval(SECOND / 2)
        .timeout(SECOND)
        .passive(Passive::Counts)
        .build()
        .unwrap();
    let mut fleet = Fleet::builder()
        .targets(targets)
        .policy(policy)
        .cut(60 * SECOND, 300 * SECOND)
        .build();
    fleet.run_for(59 * SECOND);
    fleet
}

#[test]
fn traffic_that_lacks_something_here_accuses_nobody() {
    let mut fleet = counting(1);
    for _ in 0..5 {
        fleet.report(0, Report::Failed(Kind::Exhausted));
    }
    fleet.run_for(10 * MS);
    assert_eq!(fleet.describe(0).health.failures_in_row(), 0);
    for _ in 0..5 {
        fleet.report(0, Report::Failed(Kind::Reset));
    }
    fleet.run_for(MS);
    assert_eq!(fleet.describe(0).health.failures_in_row(), 1);
}

#[test]
fn while_isolated_reports_count_as_little_as_checks() {
    let mut fleet = counting(100);
    fleet.run_for(61 * SECOND);
    assert_eq!(fleet.record.isolations().0.len(), 1);
    let before = fleet.describe(0).health;
    accused(&mut fleet, Kind::Timeout);
    let after = fleet.describe(0).health;
    assert_eq!(after.status(), Status::Healthy);
    assert_eq!(after.failures_in_row(), before.failures_in_row());
}
