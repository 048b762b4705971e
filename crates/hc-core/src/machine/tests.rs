//! The table of the rules, cell by cell, and what the table does not say: counters, weights, pause and reload.

use super::*;
use crate::failure::Kind;
use crate::policy::{Flap, Unsteady, UnsteadyVerdict};
use Status::{Degraded, Healthy, Unhealthy, Unknown};
use Verdict::{Fail, Inconclusive, Pass, Warn};

fn plain(rise: u32, fall: u32, start: Start) -> Policy {
    Policy::builder()
        .rise(rise)
        .fall(fall)
        .start(start)
        .unsteady(None)
        .build()
        .unwrap()
}

fn unsteady(failures: u8, until: u8, of: u8, verdict: UnsteadyVerdict) -> Option<Unsteady> {
    Some(Unsteady {
        failures,
        until,
        of,
        verdict,
    })
}

/// A health in that status, with the streaks `f` against failing and `i` against impaired.
fn with(start: Start, status: Status, f: u8, i: u8) -> Health {
    let mut health = Health::new(start, Timestamp::ZERO);
    if status != Unknown {
        health.decided = true;
        health.failing.on = status == Unhealthy;
        health.impaired.on = status != Healthy;
    }
    health.failing.against = f;
    health.impaired.against = i;
    health
}

/// One cell: rise, fall, start; status, f, i before; the verdict; status, f, i after.
type Cell = (
    (u32, u32, Start),
    (Status, u8, u8),
    Verdict,
    (Status, u8, u8),
);

#[track_caller]
fn check(cells: &[Cell]) {
    for cell in cells {
        let ((rise, fall, start), (status, f, i), verdict, expected) = *cell;
        let policy = plain(rise, fall, start);
        let before = with(start, status, f, i);
        let (after, turn) = step(&policy, before, verdict, Timestamp::from_millis(7));
        let found = (
            after.status(),
            after.failing.against,
            after.impaired.against,
        );
        assert_eq!(found, expected, "{cell:?}");
        let seen = turn.map(|turn| (turn.from, turn.to));
        let wanted = (status != expected.0).then_some((status, expected.0));
        assert_eq!(seen, wanted, "{cell:?}");
        assert_eq!(turn.is_some(), after.since() == Timestamp::from_millis(7));
    }
}

const F: (u32, u32, Start) = (2, 3, Start::First);
const H: (u32, u32, Start) = (2, 3, Start::Healthy);
const U: (u32, u32, Start) = (2, 3, Start::Unhealthy);

#[test]
fn unknown_the_first_verdict_decides() {
    check(&[
        (F, (Unknown, 0, 0), Pass, (Healthy, 0, 0)),
        (F, (Unknown, 0, 0), Warn, (Degraded, 0, 0)),
        (F, (Unknown, 0, 0), Fail(1), (Unhealthy, 0, 0)),
        (F, (Unknown, 0, 0), Fail(3), (Unhealthy, 0, 0)),
        (F, (Unknown, 0, 0), Inconclusive, (Unknown, 0, 0)),
    ]);
}

#[test]
fn unknown_that_starts_healthy() {
    check(&[
        (H, (Unknown, 0, 0), Pass, (Healthy, 0, 0)),
        (H, (Unknown, 2, 2), Pass, (Healthy, 0, 0)),
        (H, (Unknown, 0, 0), Warn, (Healthy, 0, 1)),
        (H, (Unknown, 1, 1), Warn, (Healthy, 0, 2)),
        // i at fall: the first warnings after two failures complete it.
        (H, (Unknown, 2, 2), Warn, (Degraded, 0, 0)),
        (
            (2, 1, Start::Healthy),
            (Unknown, 0, 0),
            Warn,
            (Degraded, 0, 0),
        ),
        (H, (Unknown, 0, 0), Fail(1), (Unknown, 1, 1)),
        (H, (Unknown, 1, 1), Fail(1), (Unknown, 2, 2)),
        (H, (Unknown, 2, 2), Fail(1), (Unhealthy, 0, 0)),
        (H, (Unknown, 0, 0), Fail(2), (Unknown, 2, 2)),
        (H, (Unknown, 2, 2), Fail(2), (Unhealthy, 0, 0)),
        (H, (Unknown, 0, 0), Fail(3), (Unhealthy, 0, 0)),
        (H, (Unknown, 2, 2), Inconclusive, (Unknown, 2, 2)),
    ]);
}

#[test]
fn unknown_that_starts_unhealthy() {
    check(&[
        (U, (Unknown, 0, 0), Pass, (Unknown, 1, 1)),
        (U, (Unknown, 1, 1), Pass, (Healthy, 0, 0)),
        (U, (Unknown, 1, 0), Pass, (Degraded, 0, 1)),
        (U, (Unknown, 0, 0), Warn, (Unknown, 1, 0)),
        (U, (Unknown, 1, 1), Warn, (Degraded, 0, 0)),
        (U, (Unknown, 0, 0), Fail(1), (Unhealthy, 0, 0)),
        (U, (Unknown, 1, 1), Fail(1), (Unhealthy, 0, 0)),
        (U, (Unknown, 1, 1), Inconclusive, (Unknown, 1, 1)),
        (
            (1, 3, Start::Unhealthy),
            (Unknown, 0, 0),
            Pass,
            (Healthy, 0, 0),
        ),
        (
            (1, 3, Start::Unhealthy),
            (Unknown, 0, 0),
            Warn,
            (Degraded, 0, 0),
        ),
    ]);
}

#[test]
fn healthy() {
    check(&[
        (F, (Healthy, 2, 2), Pass, (Healthy, 0, 0)),
        (F, (Healthy, 0, 2), Pass, (Healthy, 0, 0)),
        (F, (Healthy, 0, 0), Warn, (Healthy, 0, 1)),
        (F, (Healthy, 1, 1), Warn, (Healthy, 0, 2)),
        (F, (Healthy, 0, 2), Warn, (Degraded, 0, 0)),
        (F, (Healthy, 2, 2), Warn, (Degraded, 0, 0)),
        (F, (Healthy, 0, 0), Fail(1), (Healthy, 1, 1)),
        (F, (Healthy, 0, 1), Fail(1), (Healthy, 1, 2)),
        (F, (Healthy, 2, 2), Fail(1), (Unhealthy, 0, 0)),
        (F, (Healthy, 1, 1), Fail(2), (Unhealthy, 0, 0)),
        (F, (Healthy, 2, 2), Fail(2), (Unhealthy, 0, 0)),
        (F, (Healthy, 0, 0), Fail(3), (Unhealthy, 0, 0)),
        // f below fall, i at fall: degraded, and the failures go on counting.
        (F, (Healthy, 0, 2), Fail(1), (Degraded, 1, 0)),
        (F, (Healthy, 0, 1), Fail(2), (Degraded, 2, 0)),
        (F, (Healthy, 1, 2), Inconclusive, (Healthy, 1, 2)),
    ]);
}

#[test]
fn degraded() {
    check(&[
        (F, (Degraded, 0, 0), Pass, (Degraded, 0, 1)),
        (F, (Degraded, 2, 0), Pass, (Degraded, 0, 1)),
        (F, (Degraded, 0, 1), Pass, (Healthy, 0, 0)),
        (F, (Degraded, 2, 1), Warn, (Degraded, 0, 0)),
        (F, (Degraded, 0, 1), Fail(1), (Degraded, 1, 0)),
        (F, (Degraded, 1, 1), Fail(1), (Degraded, 2, 0)),
        (F, (Degraded, 2, 0), Fail(1), (Unhealthy, 0, 0)),
        (F, (Degraded, 1, 1), Fail(2), (Unhealthy, 0, 0)),
        (F, (Degraded, 2, 1), Inconclusive, (Degraded, 2, 1)),
    ]);
}

#[test]
fn unhealthy() {
    check(&[
        (F, (Unhealthy, 0, 0), Pass, (Unhealthy, 1, 1)),
        (F, (Unhealthy, 1, 1), Pass, (Healthy, 0, 0)),
        (F, (Unhealthy, 1, 0), Pass, (Degraded, 0, 1)),
        (F, (Unhealthy, 0, 0), Warn, (Unhealthy, 1, 0)),
        (F, (Unhealthy, 1, 1), Warn, (Degraded, 0, 0)),
        (F, (Unhealthy, 1, 1), Fail(1), (Unhealthy, 0, 0)),
        (F, (Unhealthy, 1, 0), Fail(3), (Unhealthy, 0, 0)),
        (F, (Unhealthy, 1, 1), Inconclusive, (Unhealthy, 1, 1)),
    ]);
}

/// Steps through `verdicts`, one every 10 ms from 10 ms on; the health and the turns with their step's number.
fn run(policy: &Policy, verdicts: &[Verdict]) -> (Health, Vec<(usize, Turn)>) {
    let mut health = Health::new(policy.start(), Timestamp::ZERO);
    let mut turns = Vec::new();
    for (number, verdict) in verdicts.iter().enumerate() {
        let now = Timestamp::from_millis(10 * (number as u64 + 1));
        let (next, turn) = step(policy, health, *verdict, now);
        turns.extend(turn.map(|turn| (number + 1, turn)));
        health = next;
    }
    (health, turns)
}

fn path(turns: &[(usize, Turn)]) -> Vec<(usize, Status)> {
    turns.iter().map(|(n, turn)| (*n, turn.to)).collect()
}

#[test]
fn a_turn_tells_when_after_how_long_and_after_how_many() {
    let policy = plain(2, 3, Start::First);
    let story = [
        Pass,
        Fail(1),
        Pass,
        Fail(1),
        Inconclusive,
        Fail(1),
        Fail(1),
        Pass,
        Warn,
    ];
    let (_, turns) = run(&policy, &story);
    let told: Vec<_> = turns
        .iter()
        .map(|(n, t)| {
            (
                *n,
                t.from,
                t.to,
                t.at.as_nanos() / 1_000_000,
                t.held.as_millis(),
                t.streak,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, Unknown, Healthy, 10, 10, 1),
            (7, Healthy, Unhealthy, 70, 60, 3),
            (9, Unhealthy, Degraded, 90, 20, 2),
        ]
    );
}

#[test]
fn alternating_pass_and_warn_changes_nothing() {
    let policy = plain(2, 2, Start::First);
    let (_, turns) = run(&policy, &[Pass, Warn, Pass, Warn, Pass, Warn, Pass]);
    assert_eq!(path(&turns), [(1, Healthy)]);
    let (_, turns) = run(&policy, &[Warn, Pass, Warn, Pass, Warn, Pass]);
    assert_eq!(path(&turns), [(1, Degraded)]);
}

#[test]
fn weights_come_from_the_kind_and_stop_at_fall() {
    let policy = Policy::builder()
        .fall(3)
        .weight(Kind::Refused, 2)
        .weight(Kind::Tls, 9)
        .build()
        .unwrap();
    let of = |kind| Verdict::of(&Err(Failure::new(kind, None, "")), &policy);
    assert_eq!(of(Kind::Refused), Fail(2));
    assert_eq!(of(Kind::Tls), Fail(3));
    assert_eq!(of(Kind::Unexpected), Fail(1));
    assert_eq!(of(Kind::Unreachable), Fail(1));
    assert_eq!(of(Kind::Exhausted), Inconclusive);
    let refused = Failure::new(Kind::Refused, None, "").with_blame(Blame::Local);
    assert_eq!(Verdict::of(&Err(refused), &policy), Inconclusive);
    let resolver = Failure::new(Kind::Resolver, None, "").with_blame(Blame::Path);
    assert_eq!(Verdict::of(&Err(resolver), &policy), Fail(1));
    assert_eq!(Verdict::of(&Ok(Evidence::new()), &policy), Pass);
}

#[test]
fn a_weight_out_of_range_is_bounded() {
    let policy = plain(2, 2, Start::First);
    let (health, _) = run(&policy, &[Pass, Fail(0)]);
    assert_eq!(health.streak_against(&policy), (1, 2));
    let (health, _) = run(&policy, &[Pass, Fail(255)]);
    assert_eq!(health.status(), Unhealthy);
}

#[test]
fn is_healthy_while_unknown_is_what_start_says() {
    for (start, assumed) in [
        (Start::First, false),
        (Start::Healthy, true),
        (Start::Unhealthy, false),
    ] {
        let policy = plain(2, 3, start);
        assert_eq!(
            Health::new(start, Timestamp::ZERO).is_healthy(&policy),
            assumed
        );
        for (status, expected) in [(Healthy, true), (Degraded, true), (Unhealthy, false)] {
            assert_eq!(with(start, status, 0, 0).is_healthy(&policy), expected);
        }
    }
    // Suspect, unknown and still in rotation.
    let policy = plain(2, 3, Start::Healthy);
    let (health, _) = run(&policy, &[Fail(1), Fail(1)]);
    assert!(health.status() == Unknown && health.is_suspect() && health.is_healthy(&policy));
}

#[test]
fn suspect_and_recovering_follow_failing_only() {
    let policy = plain(2, 3, Start::First);
    let at = |story: &[Verdict]| {
        let health = run(&policy, story).0;
        (
            health.is_suspect(),
            health.is_recovering(),
            health.streak_against(&policy),
        )
    };
    assert_eq!(at(&[]), (false, false, (0, 3)));
    assert_eq!(at(&[Pass, Fail(1)]), (true, false, (1, 3)));
    assert_eq!(at(&[Pass, Warn, Warn]), (false, false, (0, 3)));
    assert_eq!(at(&[Fail(1)]), (false, false, (0, 2)));
    assert_eq!(at(&[Fail(1), Warn]), (false, true, (1, 2)));
    assert_eq!(at(&[Warn, Pass]), (false, false, (0, 3)));
    let overlays = run(&policy, &[Pass, Fail(1)]).0.overlays();
    assert_eq!(overlays.iter().collect::<Vec<_>>(), [Overlay::Suspect]);
    let overlays = run(&policy, &[Fail(1), Pass]).0.overlays();
    assert_eq!(overlays.iter().collect::<Vec<_>>(), [Overlay::Recovering]);
}

#[test]
fn backoff_counts_failures_after_the_one_that_turned_it() {
    let policy = plain(3, 2, Start::First);
    let count = |story: &[Verdict]| run(&policy, story).0.failures_after_turn();
    assert_eq!(count(&[Fail(1)]), 0);
    assert_eq!(count(&[Fail(1), Fail(1), Fail(2)]), 2);
    assert_eq!(count(&[Pass, Fail(1), Fail(1)]), 0);
    assert_eq!(count(&[Pass, Fail(1), Fail(1), Inconclusive, Fail(1)]), 1);
    assert_eq!(count(&[Fail(1), Fail(1), Pass, Fail(1)]), 2);
    assert_eq!(count(&[Fail(1), Fail(1), Pass, Pass, Pass]), 0);
    assert_eq!(count(&[Fail(1), Fail(1), Pass, Pass, Pass, Fail(2)]), 0);
}

#[test]
fn zeroed_streaks_keep_the_status() {
    let policy = plain(2, 3, Start::First);
    let (mut health, _) = run(&policy, &[Pass, Fail(1), Fail(1)]);
    health.zero_streaks();
    assert_eq!((health.status(), health.is_suspect()), (Healthy, false));
    assert_eq!((health.passes_in_row(), health.failures_in_row()), (0, 0));
    assert_eq!(health.since(), Timestamp::from_millis(10));
    let (health, turn) = step(&policy, health, Fail(2), Timestamp::from_millis(90));
    assert_eq!(
        (health.status(), turn, health.is_suspect()),
        (Healthy, None, true)
    );

    let (mut health, _) = run(&policy, &[Fail(1), Fail(1), Fail(1), Warn]);
    health.zero_streaks();
    assert_eq!(health.status(), Unhealthy);
    assert_eq!(
        (health.is_recovering(), health.failures_after_turn()),
        (false, 0)
    );

    // Two warnings before, two after: neither three in a row.
    let (mut health, _) = run(&policy, &[Pass, Warn, Warn]);
    health.zero_streaks();
    let (health, _) = step(&policy, health, Warn, Timestamp::from_millis(90));
    assert_eq!(health.status(), Healthy);

    // Unknown stays unknown.
    let policy = plain(2, 3, Start::Healthy);
    let (mut health, _) = run(&policy, &[Fail(1), Fail(1)]);
    health.zero_streaks();
    assert_eq!((health.status(), health.is_suspect()), (Unknown, false));
}

#[test]
fn a_new_policy_is_first_applied_to_the_next_verdict() {
    let (patient, strict) = (plain(4, 5, Start::First), plain(1, 2, Start::First));
    let (health, _) = run(&patient, &[Pass, Fail(1), Fail(1), Fail(1)]);
    assert_eq!(
        (health.status(), health.streak_against(&strict)),
        (Healthy, (3, 2))
    );
    let (same, turn) = step(&strict, health, Inconclusive, Timestamp::from_millis(90));
    assert_eq!((same, turn), (health, None));
    let (next, turn) = step(&strict, health, Fail(1), Timestamp::from_millis(90));
    assert_eq!(
        (next.status(), turn.map(|t| t.streak)),
        (Unhealthy, Some(4))
    );
    let (next, turn) = step(&strict, health, Pass, Timestamp::from_millis(90));
    assert_eq!(
        (next.status(), turn, next.is_suspect()),
        (Healthy, None, false)
    );
    // The other way round, the streak simply has further to go.
    let (health, _) = run(&strict, &[Pass, Fail(1)]);
    let (next, turn) = step(&patient, health, Fail(1), Timestamp::from_millis(90));
    assert_eq!((next.streak_against(&patient), turn), ((2, 5), None));
}

#[test]
fn alternation_shows_after_thirteen_checks() {
    let policy = Policy::builder().rise(2).fall(3).build().unwrap();
    let story: Vec<_> = (0..40)
        .map(|n| if n % 2 == 0 { Pass } else { Fail(1) })
        .collect();
    let (health, turns) = run(&policy, &story);
    // Of what follows the first pass, the sixth failure is the eleventh; then a pass heard as a warning, and a failure.
    assert_eq!(path(&turns), [(1, Healthy), (1 + 13, Degraded)]);
    assert!(health.is_unsteady() && !health.is_flapping());
    assert_eq!(health.recent_failures(), (10, 20));
    assert!(!run(&policy, &story[..11]).0.is_unsteady());
    assert!(run(&policy, &story[..12]).0.is_unsteady());
}

#[test]
fn unsteady_ends_at_until_and_the_target_recovers() {
    let policy = Policy::builder()
        .rise(2)
        .fall(3)
        .unsteady(unsteady(3, 1, 6, UnsteadyVerdict::Degraded))
        .build()
        .unwrap();
    let mut story = vec![Pass, Fail(1), Pass, Fail(1), Pass, Fail(1)];
    assert!(run(&policy, &story).0.is_unsteady());
    story.extend([Pass, Pass]);
    assert_eq!(run(&policy, &story).0.recent_failures(), (2, 6));
    assert!(run(&policy, &story).0.is_unsteady());
    story.push(Pass);
    assert_eq!(run(&policy, &story).0.recent_failures(), (2, 6));
    story.push(Pass);
    let (health, _) = run(&policy, &story);
    assert_eq!(health.recent_failures(), (1, 6));
    assert!(!health.is_unsteady());
    assert_eq!(health.status(), Degraded);
    story.push(Pass);
    let (_, turns) = run(&policy, &story);
    assert_eq!(turns.last().map(|(n, t)| (*n, t.to)), Some((11, Healthy)));
}

#[test]
fn the_unsteady_window_is_emptied_whenever_failing_turns() {
    let policy = Policy::builder()
        .rise(1)
        .fall(2)
        .unsteady(unsteady(3, 0, 8, UnsteadyVerdict::Degraded))
        .build()
        .unwrap();
    let (health, _) = run(&policy, &[Pass, Fail(1), Fail(1)]);
    assert_eq!(health.recent_failures(), (0, 0));
    // While it fails nothing is collected, and the pass that turns it is not either.
    let (health, _) = run(&policy, &[Pass, Fail(1), Fail(1), Fail(1), Pass]);
    assert_eq!(health.recent_failures(), (0, 0));
    let (health, turns) = run(
        &policy,
        &[Pass, Fail(1), Pass, Fail(1), Fail(1), Pass, Fail(1), Pass],
    );
    assert_eq!(health.recent_failures(), (1, 2));
    assert_eq!(path(&turns), [(1, Healthy), (5, Unhealthy), (6, Healthy)]);
}

#[test]
fn unsteady_with_the_verdict_unhealthy_weighs_the_completing_failure() {
    let policy = Policy::builder()
        .rise(2)
        .fall(3)
        .unsteady(unsteady(3, 0, 8, UnsteadyVerdict::Unhealthy))
        .build()
        .unwrap();
    let (health, turns) = run(
        &policy,
        &[Pass, Fail(1), Pass, Fail(1), Pass, Warn, Fail(1)],
    );
    assert_eq!(path(&turns), [(1, Healthy), (7, Unhealthy)]);
    assert_eq!(
        (health.is_unsteady(), health.recent_failures()),
        (false, (0, 0))
    );
}

#[test]
fn flapping_is_over_the_status_not_the_results() {
    // One failure in two, never three in a row: the status never changes, so nothing flaps.
    let policy = plain(2, 3, Start::First);
    let story: Vec<_> = (0..60)
        .map(|n| if n % 2 == 0 { Pass } else { Fail(1) })
        .collect();
    assert!(!run(&policy, &story).0.is_flapping());
    // With thresholds of one, the fourth change is 23 %; the third only 17 %.
    let policy = plain(1, 1, Start::First);
    assert!(!run(&policy, &story[..4]).0.is_flapping());
    assert!(run(&policy, &story[..5]).0.is_flapping());
    // Warnings do not change `failing`.
    let story: Vec<_> = (0..60)
        .map(|n| if n % 2 == 0 { Pass } else { Warn })
        .collect();
    let (health, turns) = run(&policy, &story);
    assert!(!health.is_flapping() && turns.len() == 60);
}

#[test]
fn flapping_can_be_off_and_has_its_own_bounds() {
    let story = [Pass, Fail(1), Pass, Fail(1), Pass, Fail(1)];
    let policy = |flap| {
        Policy::builder()
            .rise(1)
            .fall(1)
            .flap(flap)
            .build()
            .unwrap()
    };
    assert!(!run(&policy(None), &story).0.is_flapping());
    let percent = crate::policy::BasisPoints::percent;
    let (high, low) = (percent(6), percent(5));
    // A single newest change is exactly 1.2 / 20 = 6 %: at the bound or more begins.
    assert!(
        run(&policy(Some(Flap { high, low })), &story[..2])
            .0
            .is_flapping()
    );
    // One that has aged to weight 1.0 would end at exactly 5 %; 0.8 + 0.4 x 10 / 19 is above, x 9 / 19 below.
    let quiet = |n: usize| {
        let mut story = vec![Pass, Fail(1)];
        story.extend(std::iter::repeat_n(Fail(1), n));
        run(&policy(Some(Flap { high, low })), &story)
            .0
            .is_flapping()
    };
    assert!(quiet(9) && !quiet(10));
    // The oldest pair is exactly 0.8 / 20 = 4 %: at the bound or less ends.
    let (high, low) = (percent(6), percent(4));
    let quiet = |n: usize| {
        let mut story = vec![Pass, Fail(1)];
        story.extend(std::iter::repeat_n(Fail(1), n));
        run(&policy(Some(Flap { high, low })), &story)
            .0
            .is_flapping()
    };
    assert!(quiet(18) && !quiet(19));
}

/// A degraded target that recovers is told with its plain passes, not with all the degraded ones before them.
#[test]
fn a_streak_counts_what_led_to_the_turn() {
    let policy = Policy::builder().rise(2).fall(3).build().unwrap();
    let mut health = Health::new(Start::First, Timestamp::ZERO);
    let mut turns = Vec::new();
    use Verdict::{Fail, Pass, Warn};
    let heard = [
        Pass,
        Fail(1),
        Warn,
        Warn,
        Warn,
        Warn,
        Pass,
        Pass,
        Fail(1),
        Fail(1),
        Fail(1),
        Warn,
        Pass,
    ];
    for verdict in heard {
        let (next, turn) = step(&policy, health, verdict, Timestamp::ZERO);
        health = next;
        turns.extend(turn.map(|turn| (turn.to, turn.streak)));
    }
    assert_eq!(
        turns,
        [
            (Status::Healthy, 1),
            (Status::Degraded, 3),
            (Status::Healthy, 2),
            (Status::Unhealthy, 3),
            (Status::Degraded, 2),
        ]
    );
}
