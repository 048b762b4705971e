//! Thousands of changes at random, against a plain model: nothing is asked twice at once, nothing leaks, nobody starves.
#![allow(clippy::unwrap_used, reason = "these are helpers of tests")]

use std::collections::BTreeMap;
use std::time::Duration;

use hc_core::{BasisPoints, Policy, Start};
use hc_testkit::fleet::{Answer, Fleet};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

fn some_policy(rng: &mut fastrand::Rng) -> Policy {
    let interval = Duration::from_millis(rng.u64(200..3_000));
    Policy::builder()
        .interval(interval)
        .timeout(Duration::from_millis(rng.u64(50..2_000)))
        .fast_interval(interval / 4)
        .max_interval(interval * rng.u32(1..4))
        .fall(rng.u32(1..4))
        .rise(rng.u32(1..4))
        .start([Start::First, Start::Healthy, Start::Unhealthy][rng.usize(0..3)])
        .jitter(BasisPoints::percent(rng.u16(0..25)))
        .quiet(rng.bool())
        .build()
        .unwrap()
}

/// What a plain model knows of a target: whether it is paused.
type Model = BTreeMap<usize, bool>;

fn storm(seed: u64, steps: usize) -> u64 {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut fleet = Fleet::builder()
        .hosts(7)
        .limits(20, 5)
        .seed(seed)
        .world(|ask| match ask.rng.u32(0..20) {
            0 => Answer::Hang,
            1 => Answer::Silent,
            2 | 3 => Answer::Refused(5 * MS),
            4 => Answer::Panic(MS),
            5 => Answer::Warn(30 * MS),
            _ => Answer::pass_ms(ask.rng.u64(0..200)),
        })
        .build();
    let mut model = Model::new();
    let (mut next, mut asked_sweeps) = (0, Vec::new());
    for step in 0..steps {
        let some = (!model.is_empty()).then(|| {
            let nth = rng.usize(0..model.len());
            *model.keys().nth(nth).unwrap()
        });
        match (rng.u32(0..13), some) {
            (0 | 1, _) | (_, None) => {
                let count = rng.usize(1..12);
                fleet.add(next..next + count);
                model.extend((next..next + count).map(|n| (n, false)));
                next += count;
            }
            (2, Some(n)) => {
                // One that goes may come again at once, while its old check is still in flight.
                fleet.remove(n);
                model.remove(&n);
                if rng.bool() {
                    fleet.add([n]);
                    model.insert(n, false);
                }
            }
            (3, Some(n)) => {
                fleet.pause(n);
                model.insert(n, true);
            }
            (4, Some(n)) => {
                fleet.resume(n);
                model.insert(n, false);
            }
            (5, Some(n)) => fleet.set_policy(n, some_policy(&mut rng)),
            (6, Some(n)) => fleet.replace(n),
            (7, Some(n)) => fleet.nudge(n),
            (8, Some(n)) => fleet.check_now(n),
            (9, Some(n)) => fleet.move_to_host(n, rng.u32(0..7)),
            (10, Some(_)) if step % 3 == 0 => asked_sweeps.push(fleet.first_sweep()),
            (11, Some(n)) if rng.u32(0..4) == 0 => {
                // Whole groups go, so that the fleet does not only grow.
                for n in n..n + 15 {
                    if model.remove(&n).is_some() {
                        fleet.remove(n);
                    }
                }
            }
            (12, Some(_)) if rng.u32(0..50) == 0 => fleet.stall(SECOND * rng.u32(1..4)),
            _ => {}
        }
        if rng.bool() {
            fleet.run_for(Duration::from_millis(rng.u64(0..80)));
        }
        assert_eq!(fleet.view().len(), model.len(), "seed {seed}, step {step}");
    }
    // All are resumed, and each is asked again before long.
    let paused: Vec<usize> = model.iter().filter(|(_, p)| **p).map(|(n, _)| *n).collect();
    for n in paused {
        fleet.resume(n);
    }
    fleet.run_for(SECOND);
    let before = fleet.record.started_of.clone();
    fleet.run_for(60 * SECOND);
    assert_eq!(fleet.plan().len(), model.len(), "seed {seed}");
    for n in model.keys() {
        let checks = fleet.record.started_of[*n] - before.get(*n).copied().unwrap_or(0);
        assert!(
            checks >= 2,
            "seed {seed}: t-{n} was asked {checks} times in a minute"
        );
    }
    // Everybody who waited for a first sweep was answered, once.
    fleet.record.sweeps_done.sort_unstable();
    assert_eq!(fleet.record.sweeps_done, asked_sweeps, "seed {seed}");
    // No new checks: permits return to zero, and every check has ended in a result.
    fleet.stop();
    fleet.run_for(10 * SECOND);
    assert_eq!(
        (fleet.in_flight(), fleet.plan().in_flight()),
        (0, 0),
        "seed {seed}"
    );
    assert_eq!(fleet.plan().waiting(), 0, "seed {seed}");
    assert_eq!(
        fleet.record.started,
        fleet.record.ended_in_all(),
        "seed {seed}"
    );
    fleet.hash()
}

#[test]
fn random_changes_keep_the_invariants() {
    for seed in 0..60 {
        storm(seed, 2_000);
    }
}

#[test]
fn a_storm_is_the_same_again_by_the_same_seed() {
    assert_eq!(storm(99, 1_000), storm(99, 1_000));
}

#[test]
fn a_policy_that_changes_ten_times_a_second_starves_nobody() {
    let mut fleet = Fleet::builder().targets(10).build();
    fleet.run_for(20 * SECOND);
    let before = fleet.record.started;
    for n in 0..600_u32 {
        for target in 0..10 {
            let policy = Policy::builder()
                .interval(5 * SECOND + n % 7 * MS)
                .rise(2 + n % 2)
                .build()
                .unwrap();
            fleet.set_policy(target, policy);
        }
        fleet.run_for(100 * MS);
    }
    // A minute at 5 s: twelve each, and storms bring none forward by more than half an interval.
    let started = fleet.record.started - before;
    assert!((110..=240).contains(&started), "{started}");
}

#[test]
fn a_probe_that_changes_often_is_still_asked() {
    let mut fleet = Fleet::builder().targets(10).build();
    for _ in 0..600 {
        for target in 0..10 {
            fleet.replace(target);
        }
        fleet.run_for(100 * MS);
    }
    assert_eq!(fleet.tally(), [0, 10, 0, 0]);
    // Asked soon after each change, and not more often than it changed.
    assert!(fleet.record.started <= 6_100, "{}", fleet.record.started);
}

#[test]
fn memory_stays_where_it_was_after_many_came_and_went() {
    let mut fleet = Fleet::builder().build();
    for round in 0..50 {
        let first = round * 2_000;
        fleet.add(first..first + 2_000);
        fleet.run_for(SECOND);
        for n in first..first + 2_000 {
            fleet.remove(n);
        }
        fleet.run_for(SECOND);
        assert!(fleet.plan().is_empty());
    }
    // Places are used again: a new target's place is among those of the first round.
    fleet.add([1_000_000]);
    let place = fleet.key(1_000_000).unwrap().to_bits() as u32;
    assert!(place < 2_000, "{place}");
}
