//! The rule table: each cause of the next due time, alone and together, with its bounds.

use hc_core::{BasisPoints, PolicyBuilder, Start, Verdict, step};
use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
/// A grid of 5 s whose ticks are at 2, 7, 12 ... s.
const PHASE: u64 = 2_000_000_000;

fn ms(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn policy(change: impl FnOnce(PolicyBuilder) -> PolicyBuilder) -> Policy {
    let builder = Policy::builder()
        .interval(5 * SECOND)
        .fast_interval(SECOND / 2)
        .max_interval(60 * SECOND)
        .jitter(BasisPoints(0));
    change(builder).build().unwrap()
}

fn heard(policy: &Policy, verdicts: &str) -> Health {
    verdicts
        .chars()
        .fold(Health::new(Start::First, Timestamp::ZERO), |health, v| {
            let verdict = match v {
                'p' => Verdict::Pass,
                'f' => Verdict::Fail(1),
                _ => Verdict::Warn,
            };
            step(policy, health, verdict, Timestamp::ZERO).0
        })
}

/// A check due at 102 s, first polled there, that took 10 ms.
fn asked<'a>(policy: &'a Policy, health: &'a Health) -> Asked<'a> {
    Asked {
        policy,
        health,
        grid: Grid::new(PHASE, policy.interval()),
        now: ms(102_010),
        start: ms(102_000),
        first_poll: ms(102_000),
        duration: SECOND / 100,
        conclusive: true,
        doubted: false,
        quiet: 0,
        u: 0.0,
    }
}

#[track_caller]
fn check(next: Next, at: u64, reason: Reason, factor: u32) {
    let at = ms(at);
    assert_eq!(next, Next { at, reason, factor });
}

#[test]
fn fast_while_suspect_or_recovering_and_only_after_a_conclusive_check() {
    let policy = policy(|p| p.jitter(BasisPoints::percent(25)));
    for verdicts in ["pf", "pff", "fp", "pfffp", "pffffffffp"] {
        let health = heard(&policy, verdicts);
        let mut asked = asked(&policy, &health);
        asked.u = 0.99;
        check(next(&asked), 102_510, Reason::Fast, 1);
        asked.conclusive = false;
        assert_ne!(next(&asked).reason, Reason::Fast, "{verdicts}");
        asked.doubted = true;
        check(next(&asked), 102_510, Reason::Fast, 1);
    }
    for verdicts in ["p", "pw", "pww", "pfp", "f", "pfff", "pfffpp"] {
        let health = heard(&policy, verdicts);
        assert_ne!(
            next(&asked(&policy, &health)).reason,
            Reason::Fast,
            "{verdicts}"
        );
    }
}

#[test]
fn the_next_tick_of_the_grid() {
    let policy = policy(|p| p);
    let health = heard(&policy, "p");
    let on_time = asked(&policy, &health);
    check(next(&on_time), 107_000, Reason::Interval, 1);
    // Off the grid: the first tick at or after half an interval later, from either side.
    for (start, due) in [
        (101_000, 107_000),
        (104_499, 107_000),
        (104_500, 107_000),
        (104_501, 112_000),
        (106_990, 112_000),
    ] {
        let mut late = on_time;
        late.start = ms(start);
        late.first_poll = ms(start);
        late.now = ms(start + 10);
        check(next(&late), due, Reason::Interval, 1);
    }
}

#[test]
fn waiting_for_a_permit_stretches_nothing_but_half_an_interval_stays_between() {
    let policy = policy(|p| p);
    let health = heard(&policy, "p");
    let mut waited = asked(&policy, &health);
    for (polled, due) in [
        (103_000, 107_000),
        (104_500, 107_000),
        (105_000, 107_500),
        (106_980, 109_480),
    ] {
        waited.first_poll = ms(polled);
        waited.now = ms(polled + 10);
        check(next(&waited), due, Reason::Interval, 1);
    }
    // A check that was over a whole interval late: the first tick from now.
    waited.first_poll = ms(111_000);
    waited.now = ms(111_010);
    check(next(&waited), 113_500, Reason::Interval, 1);
}

#[test]
fn backoff_by_the_failures_after_the_turn_up_to_the_longest_interval() {
    let policy = policy(|p| p.backoff(2.0));
    for (failures, n) in [(3, 1), (4, 2), (5, 4), (6, 8), (7, 12), (8, 12), (40, 12)] {
        let health = heard(&policy, &format!("p{}", "f".repeat(failures)));
        let reason = if n == 1 {
            Reason::Interval
        } else {
            Reason::Backoff
        };
        check(
            next(&asked(&policy, &health)),
            102_000 + n * 5_000,
            reason,
            n as u32,
        );
    }
    // The first check of all may turn it.
    let health = heard(&policy, "ff");
    check(next(&asked(&policy, &health)), 112_000, Reason::Backoff, 2);
}

#[test]
fn odd_factors_are_floored_after_all_and_people_see_that_number() {
    let after = |factor: f64, limit: Duration, failures: usize| {
        let policy = policy(|p| p.backoff(factor).max_interval(limit));
        let health = heard(&policy, &format!("p{}", "f".repeat(3 + failures)));
        let next = next(&asked(&policy, &health));
        (next.reason, next.factor)
    };
    // 1.5, 2.25, 3.375: floored.
    assert_eq!(after(1.5, 60 * SECOND, 1), (Reason::Interval, 1));
    assert_eq!(after(1.5, 60 * SECOND, 2), (Reason::Backoff, 2));
    assert_eq!(after(1.5, 60 * SECOND, 3), (Reason::Backoff, 3));
    // 12 s over 5 s: 2.4 intervals, so two.
    assert_eq!(after(10.0, 12 * SECOND, 5), (Reason::Backoff, 2));
    // Less than twice: no backoff at all.
    assert_eq!(after(10.0, 9 * SECOND, 5), (Reason::Interval, 1));
    assert_eq!(after(1.0, 60 * SECOND, 50), (Reason::Interval, 1));
    assert_eq!(after(10.0, 60 * SECOND, 95), (Reason::Backoff, 12));
}

#[test]
fn slow_checks_leave_half_of_the_time_free() {
    let policy = policy(|p| p.timeout(300 * SECOND));
    let health = heard(&policy, "p");
    for (took, n) in [
        (1, 1),
        (2_500, 1),
        (2_501, 2),
        (5_000, 2),
        (5_001, 3),
        (12_000, 5),
    ] {
        let mut slow = asked(&policy, &health);
        slow.duration = Duration::from_millis(took);
        slow.now = ms(102_000 + took);
        let reason = if n == 1 {
            Reason::Interval
        } else {
            Reason::Slow
        };
        check(next(&slow), 102_000 + n * 5_000, reason, n as u32);
    }
    let mut endless = asked(&policy, &health);
    endless.duration = 300 * SECOND;
    endless.now = ms(402_000);
    check(next(&endless), 402_000, Reason::Slow, 12);
}

#[test]
fn quiet_only_where_the_policy_asks_for_it() {
    for (asks, quiet, n) in [
        (false, 9, 1),
        (true, 0, 1),
        (true, 1, 2),
        (true, 4, 5),
        (true, 90, 12),
    ] {
        let policy = policy(|p| p.quiet(asks));
        let health = heard(&policy, "p");
        let mut told = asked(&policy, &health);
        told.quiet = quiet;
        let reason = if n == 1 {
            Reason::Interval
        } else {
            Reason::Quiet
        };
        check(next(&told), 102_000 + n * 5_000, reason, n as u32);
    }
}

#[test]
fn the_first_sweep_is_even_and_at_most_ten_seconds_long() {
    let at = |rank, count, interval| first(ms(1_000), rank, count, interval);
    assert_eq!(at(0, 1, SECOND), ms(1_000));
    assert_eq!(at(5, 10, SECOND), ms(1_500));
    assert_eq!(at(5, 10, 60 * SECOND), ms(6_000));
    assert_eq!(
        at(99_999, 100_000, 3_600 * SECOND),
        ms(1_000) + Duration::from_nanos(9_999_900_000)
    );
    assert_eq!(at(0, 0, SECOND), ms(1_000));
}

#[test]
fn ticks_between_two_moments() {
    let grid = Grid::new(PHASE, 5 * SECOND);
    for (from, to, ticks) in [
        (0, 1_999, 0),
        (0, 2_000, 1),
        (2_000, 2_000, 0),
        (2_000, 7_000, 1),
        (2_001, 6_999, 0),
        (1_000, 22_000, 5),
    ] {
        assert_eq!(grid.between(ms(from), ms(to)), ticks, "{from} {to}");
    }
}

proptest! {
    /// Whatever happened: never before now, never before half an interval after the first poll, never later than
    /// the longest interval plus half an interval plus the jitter after the later of due and now, and on the grid
    /// but for the jitter.
    #[test]
    fn bounds_of_the_grid_rule(
        phase in 0_u64..5_000,
        start in 10_000_u64..1_000_000,
        waited in 0_u64..20_000,
        took in 0_u64..20_000,
        jitter in 0_u16..=2_500,
        u in 0.0_f64..1.0,
        failures in 3_usize..20,
        passed in any::<bool>(),
        max in 1_u32..10,
    ) {
        let interval = 5 * SECOND;
        let policy = policy(|p| p.jitter(BasisPoints(jitter)).max_interval(interval * max).quiet(true));
        let health = heard(&policy, &if passed { "p".into() } else { "f".repeat(failures) });
        let asked = Asked {
            policy: &policy,
            health: &health,
            grid: Grid::new(phase * 1_000_000, interval),
            now: ms(start + waited + took),
            start: ms(start),
            first_poll: ms(start + waited),
            duration: Duration::from_millis(took),
            conclusive: true,
            doubted: false,
            quiet: 0,
            u,
        };
        let next = next(&asked);
        let jitter = interval.mul_f64(policy.jitter().ratio());
        prop_assert!(next.at >= asked.now);
        prop_assert!(next.at >= asked.first_poll + interval / 2);
        prop_assert!((1..=max).contains(&next.factor));
        let reach = asked.start + interval * next.factor + interval / 2;
        prop_assert!(next.at <= reach.max(asked.now + interval) + jitter);
        // On a tick, at most the jitter after it, unless the half interval decides.
        let past = (next.at.as_nanos() - phase * 1_000_000) % nanos(interval);
        let by_half = next.at == asked.first_poll + interval / 2;
        prop_assert!(by_half || past <= nanos(jitter), "{past}");
    }
}

proptest! {
    /// The short way finds the tick that the rule finds, and says so only where no tick has passed.
    #[test]
    fn a_usual_tick_is_the_rules(
        hash in any::<u64>(),
        interval in 10_u64..20_000,
        start in 0_u64..100_000_000,
        waited in prop_oneof![0_u64..20, 0_u64..30_000],
        took in prop_oneof![0_u64..20, 0_u64..30_000],
    ) {
        let interval = Duration::from_millis(interval);
        let policy = Policy::builder().interval(interval).jitter(BasisPoints(0)).build().unwrap();
        let health = heard(&policy, "pp");
        let (start, took) = (ms(start), Duration::from_millis(took));
        let started = start + Duration::from_millis(waited);
        let now = started + took;
        let grid = Grid::new(hash, interval);
        let passed = grid.between(started, now);
        let rule = next(&Asked {
            grid,
            now,
            start,
            first_poll: start,
            duration: took,
            ..asked(&policy, &health)
        });
        match usual_tick(&policy, grid, now, start, started, took) {
            Some(tick) => {
                prop_assert_eq!(passed, 0);
                let at = tick.max(start + interval / 2);
                prop_assert_eq!(rule, Next { at, reason: Reason::Interval, factor: 1 });
            }
            None => prop_assert!(passed > 0 || took > interval / 2),
        }
    }
}
