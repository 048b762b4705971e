//! What holds for every sequence of verdicts, every text and every policy.
#![expect(clippy::unwrap_used, reason = "these are helpers of tests")]

use std::time::Duration;

use hc_core::{
    BasisPoints, Flap, Health, Kind, Memory, Overlay, Passive, Policy, SENTENCE_LIMIT, Sentence,
    Start, Status, Timestamp, Unsteady, UnsteadyVerdict, Verdict, Word, escape, step,
};
use proptest::prelude::*;

fn a_verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        5 => Just(Verdict::Pass),
        2 => Just(Verdict::Warn),
        5 => any::<u8>().prop_map(|w| Verdict::Fail(w % 5)),
        1 => any::<u8>().prop_map(Verdict::Fail),
        2 => Just(Verdict::Inconclusive),
    ]
}

fn a_start() -> impl Strategy<Value = Start> {
    prop::sample::select(vec![Start::First, Start::Healthy, Start::Unhealthy])
}

fn an_unsteady() -> impl Strategy<Value = Option<Unsteady>> {
    let kinds = vec![UnsteadyVerdict::Degraded, UnsteadyVerdict::Unhealthy];
    let rule = (1_u8..=32)
        .prop_flat_map(|of| (Just(of), 1..=of))
        .prop_flat_map(|(of, failures)| (Just(of), Just(failures), 0..failures))
        .prop_flat_map(move |(of, failures, until)| {
            prop::sample::select(kinds.clone()).prop_map(move |verdict| Unsteady {
                failures,
                until,
                of,
                verdict,
            })
        });
    prop::option::of(rule)
}

fn a_policy() -> impl Strategy<Value = Policy> {
    (1_u32..=5, 1_u32..=7, a_start(), an_unsteady()).prop_map(|(rise, fall, start, unsteady)| {
        let builder = Policy::builder().rise(rise).fall(fall).start(start);
        builder.unsteady(unsteady).build().unwrap()
    })
}

/// Weird text: any characters, and many of those that can hurt.
fn a_text() -> impl Strategy<Value = String> {
    let nasty = "\u{0}\u{7}\n\r\t\u{1b}\u{7f}\u{85}\u{9b}\u{ad}\u{200b}\u{200f}\u{2028}\u{202e}\u{2066}\u{2069}\u{feff}\u{e0041}\\~";
    let nasty: Vec<char> = nasty.chars().collect();
    let one = prop_oneof![
        any::<char>(),
        prop::sample::select(nasty),
        prop::char::range('a', 'e')
    ];
    prop::collection::vec(one, 0..300).prop_map(|chars| chars.into_iter().collect())
}

/// Written anew from Unicode's lists: control characters, line and paragraph separators, and all that sets direction.
fn could_hurt(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{FEFF}'
        )
        || ('\u{202A}'..='\u{202E}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
        || ('\u{200B}'..='\u{200D}').contains(&c)
        || ('\u{E0000}'..='\u{E007F}').contains(&c)
}

fn millis(range: std::ops::Range<u64>) -> impl Strategy<Value = Option<Duration>> {
    prop::option::of(range.prop_map(Duration::from_millis))
}

/// From what to what, after how long, by how many in a row.
type Turned = (Status, Status, Duration, u32);

/// Steps a health through verdicts a second apart; what came of each, without its time.
fn go_on(
    policy: &Policy,
    mut health: Health,
    from: Timestamp,
    verdicts: &[Verdict],
) -> (Health, Vec<Option<Turned>>) {
    let mut now = from;
    let turns = verdicts.iter().map(|verdict| {
        now += Duration::from_secs(1);
        let (next, turn) = step(policy, health, *verdict, now);
        health = next;
        turn.map(|turn| (turn.from, turn.to, turn.held, turn.streak))
    });
    let turns = turns.collect();
    (health, turns)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Remembered and restored under another clock, a health goes on as if nothing had happened.
    #[test]
    fn a_restored_health_goes_on_as_if_nothing_had_happened(
        policies in prop::collection::vec(a_policy(), 1..3),
        before in prop::collection::vec((a_verdict(), any::<prop::sample::Index>()), 0..80),
        after in prop::collection::vec(a_verdict(), 0..40),
        (started, down) in (0_u64..1 << 50, 0_u64..300),
    ) {
        let mut policy = &policies[0];
        let mut health = Health::new(policy.start(), Timestamp::ZERO);
        let mut now = Timestamp::ZERO;
        for (verdict, index) in before {
            policy = index.get(&policies);
            now += Duration::from_secs(1);
            health = step(policy, health, verdict, now).0;
        }
        let wall = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 30);
        let memory = Memory::of(&health, now, wall);
        let read = Memory::try_new(&memory.parts());
        prop_assert_eq!(read.as_ref(), Ok(&memory));
        prop_assert_eq!(memory.health_at(now, wall), health);

        let down = Duration::from_secs(down);
        let then = now + Duration::from_nanos(started) + down;
        let restored = memory.health_at(then, wall + down);
        prop_assert_eq!(then.since(restored.since()), now.since(health.since()) + down);
        let (one, turns) = go_on(policy, health, now + down, &after);
        let (other, same) = go_on(policy, restored, then, &after);
        prop_assert_eq!(turns, same);
        let end = Duration::from_secs(after.len() as u64);
        let wall = wall + down + end;
        prop_assert_eq!(
            Memory::of(&one, now + down + end, wall),
            Memory::of(&other, then + end, wall)
        );
    }

    /// Policies come and go in the middle, as a reload does it.
    #[test]
    fn invariants_of_the_machine(
        policies in prop::collection::vec(a_policy(), 1..4),
        verdicts in prop::collection::vec((a_verdict(), any::<prop::sample::Index>(), 0_u8..20), 0..200),
    ) {
        let start = policies[0].start();
        let mut policy = &policies[0];
        let mut health = Health::new(start, Timestamp::from_millis(1));
        prop_assert_eq!(health.status(), Status::Unknown);
        let mut told = Status::Unknown;
        let mut told_at = Timestamp::from_millis(1);
        let mut streaks = (0, 0);
        for (number, (verdict, index, reload)) in verdicts.into_iter().enumerate() {
            let now = Timestamp::from_millis(number as u64 * 10);
            if reload == 0 {
                policy = index.get(&policies);
            }
            let before = health;
            let (after, turn) = step(policy, health, verdict, now);
            health = after;

            // A result that says nothing changes nothing.
            if verdict == Verdict::Inconclusive {
                prop_assert_eq!((after, turn), (before, None));
                continue;
            }
            // It is pure.
            prop_assert_eq!(step(policy, before, verdict, now), (after, turn));

            // A transition iff the status changed, and each goes on where the last one ended.
            prop_assert_eq!(turn.is_some(), before.status() != after.status());
            if let Some(turn) = turn {
                prop_assert_ne!(turn.from, turn.to);
                prop_assert_eq!(turn.from, told);
                prop_assert_eq!(turn.to, after.status());
                prop_assert_ne!(turn.to, Status::Unknown);
                prop_assert_eq!((turn.at, turn.held), (now, now.since(told_at)));
                prop_assert!(turn.streak >= 1);
                (told, told_at) = (turn.to, now);
            }
            prop_assert_eq!((after.status(), after.since()), (told, told_at));

            // Only failures accuse, and only passes and warnings acquit.
            let failed = matches!(verdict, Verdict::Fail(_));
            if after.status() == Status::Unhealthy && before.status() != Status::Unhealthy {
                prop_assert!(failed);
            }
            if after.status() == Status::Healthy && before.status() != Status::Healthy {
                prop_assert!(!failed);
            }
            // Failing implies impaired: what turns back from Unhealthy passes through recovering, never through suspect.
            prop_assert!(!(after.is_suspect() && after.is_recovering()));
            match after.status() {
                Status::Unhealthy => prop_assert!(!after.is_suspect() && !after.is_unsteady()),
                Status::Healthy | Status::Degraded => prop_assert!(!after.is_recovering()),
                Status::Unknown => {}
            }
            let expected = match after.status() {
                Status::Unknown => policy.start() == Start::Healthy,
                status => status != Status::Unhealthy,
            };
            prop_assert_eq!(after.is_healthy(policy), expected);

            // Rows of results.
            streaks = if failed { (0, streaks.1 + 1) } else { (streaks.0 + 1, 0) };
            prop_assert_eq!((after.passes_in_row(), after.failures_in_row()), streaks);
            let (streak, threshold) = after.streak_against(policy);
            prop_assert!(streak < threshold || after.status() == Status::Unknown);
            prop_assert_eq!(streak > 0, after.is_suspect() || after.is_recovering());

            // Backoff grows by one with each failure heard while unhealthy, and with nothing else.
            let expected = match (before.status(), after.status()) {
                (Status::Unhealthy, Status::Unhealthy) => before.failures_after_turn() + u32::from(failed),
                _ => 0,
            };
            prop_assert_eq!(after.failures_after_turn(), expected);

            // The window of results.
            let (failures, of) = after.recent_failures();
            prop_assert!(failures <= of && of <= policy.unsteady().map_or(32, |u| u.of.into()).max(before.recent_failures().1));
        }
        let mut zeroed = health;
        zeroed.zero_streaks();
        prop_assert_eq!((zeroed.status(), zeroed.since()), (health.status(), health.since()));
        prop_assert!(!zeroed.is_suspect() && !zeroed.is_recovering());
        prop_assert_eq!((zeroed.failures_after_turn(), zeroed.failures_in_row()), (0, 0));

        // The published word says the same.
        let word = Word::new(&health, policy, true);
        prop_assert_eq!(word.status(), health.status());
        prop_assert_eq!(word.is_healthy(), health.is_healthy(policy));
        for overlay in Overlay::ALL {
            let expected = health.overlays().has(overlay) || overlay == Overlay::Paused;
            prop_assert_eq!(word.overlays().has(overlay), expected);
        }
        prop_assert!(!word.is_removed() && word.sequence() == 0);
    }

    #[test]
    fn escaped_text_is_harmless_and_bounded(text in a_text(), limit in 0_usize..260) {
        let escaped = escape(&text, limit);
        prop_assert!(escaped.chars().count() <= limit);
        prop_assert!(!escaped.chars().any(could_hurt), "{:?}", escaped);
        // What was not cut is whole, and a cut is marked.
        let whole = escape(&text, usize::MAX);
        if whole.chars().count() <= limit {
            prop_assert_eq!(&escaped, &whole);
        } else if limit > 0 {
            let kept = escaped.strip_suffix('~').unwrap();
            prop_assert!(whole.starts_with(kept));
            // No escape is cut in two: the rest of the whole does not begin inside one.
            let boundary = text.char_indices().map(|(at, _)| at).chain([text.len()])
                .any(|at| escape(&text[..at], usize::MAX) == kept);
            prop_assert!(boundary, "{:?}", escaped);
        }
        let sentence = Sentence::new(&text);
        prop_assert_eq!(sentence.as_str(), escape(&text, SENTENCE_LIMIT));
        prop_assert_eq!(Sentence::from(text), sentence);
    }

    /// Any combination is accepted or refused with a reason; what is accepted keeps its promises.
    #[test]
    fn an_accepted_policy_keeps_its_promises(
        interval in millis(0..100_000),
        timeout in millis(0..400_000),
        fast in millis(0..10_000),
        min in millis(0..10_000),
        max in millis(0..400_000),
        (rise, fall) in (prop::option::of(0_u32..300), prop::option::of(0_u32..300)),
        backoff in prop::option::of(prop_oneof![0.0..12.0_f64, any::<f64>()]),
        jitter in prop::option::of(0_u16..4_000),
        weight in any::<u8>(),
        flap in prop::option::of((0_u16..12_000, 0_u16..12_000)),
        unsteady in prop::option::of((0_u8..40, 0_u8..40, 0_u8..40)),
        suspect_after in prop::option::of(0_u16..9),
        start in a_start(),
    ) {
        let mut builder = Policy::builder().weight(Kind::Reset, weight).start(start).passive(Passive::Counts);
        if let Some(d) = interval { builder = builder.interval(d); }
        if let Some(d) = timeout { builder = builder.timeout(d); }
        if let Some(d) = fast { builder = builder.fast_interval(d); }
        if let Some(d) = min { builder = builder.min_interval(d); }
        if let Some(d) = max { builder = builder.max_interval(d); }
        if let Some(n) = rise { builder = builder.rise(n); }
        if let Some(n) = fall { builder = builder.fall(n); }
        if let Some(f) = backoff { builder = builder.backoff(f); }
        if let Some(j) = jitter { builder = builder.jitter(BasisPoints(j)); }
        if let Some(n) = suspect_after { builder = builder.suspect_after(n); }
        let flap = flap.map(|(high, low)| Flap { high: BasisPoints(high), low: BasisPoints(low) });
        let unsteady = unsteady.map(|(failures, until, of)| Unsteady { failures, until, of, verdict: UnsteadyVerdict::Degraded });
        match builder.flap(flap).unsteady(unsteady).build() {
            Ok(policy) => {
                let (least, fast, interval, max) =
                    (policy.min_interval(), policy.fast_interval(), policy.interval(), policy.max_interval());
                prop_assert!(least <= fast && fast <= interval && interval <= max);
                prop_assert!(fast > Duration::ZERO && interval >= Duration::from_millis(10));
                prop_assert!(policy.timeout() >= Duration::from_millis(1));
                prop_assert!((1..=100).contains(&policy.rise()) && (1..=100).contains(&policy.fall()));
                prop_assert!((1.0..=10.0).contains(&policy.backoff()));
                prop_assert!(policy.jitter() <= BasisPoints::percent(25));
                for kind in Kind::ALL {
                    prop_assert!((1..=policy.fall()).contains(&policy.weight(*kind)));
                }
                prop_assert!(policy.flap().is_none_or(|f| f.low < f.high));
                prop_assert!(policy.unsteady().is_none_or(|u| u.until < u.failures && u.failures <= u.of && u.of <= 32));
            }
            Err(errors) => {
                prop_assert!(!errors.0.is_empty());
                prop_assert!(errors.0.iter().all(|e| !e.key.is_empty() && !e.problem.is_empty()));
                prop_assert!(!errors.to_string().is_empty());
            }
        }
    }

    /// The short way for a pass of a target that was well is the long one, or is not taken and leaves all as it was.
    #[test]
    fn a_usual_pass_is_a_step_without_a_turn(
        policy in a_policy(),
        verdicts in prop::collection::vec(a_verdict(), 0..12),
        passes in 0_usize..60,
    ) {
        let mut health = Health::new(policy.start(), Timestamp::ZERO);
        let passes = std::iter::repeat_n(Verdict::Pass, passes);
        for verdict in verdicts.into_iter().chain(passes) {
            let mut short = health;
            let taken = short.pass_as_usual(&policy);
            let (long, turn) = step(&policy, health, Verdict::Pass, Timestamp::from_millis(9));
            prop_assert_eq!(short, if taken { long } else { health });
            if taken {
                prop_assert_eq!(turn, None);
                prop_assert_eq!(Word::new(&short, &policy, false), Word::new(&health, &policy, false));
            }
            (health, _) = step(&policy, health, verdict, Timestamp::from_millis(9));
        }
        // 21 values of `failing` and 32 results are looked at at most.
        if health.passes_in_row() > 53 && health.status() == Status::Healthy {
            prop_assert!(health.pass_as_usual(&policy));
        }
    }

    /// What nobody wrote gives way: an interval alone is never an error.
    #[test]
    fn an_interval_alone_is_accepted(millis in 10_u64..=86_400_000) {
        let policy = Policy::builder().interval(Duration::from_millis(millis)).build();
        prop_assert!(policy.is_ok(), "{:?}", policy);
    }

    #[test]
    fn a_fast_interval_alone_takes_the_least_interval_with_it(millis in 1_u64..=5_000) {
        let policy = Policy::builder().fast_interval(Duration::from_millis(millis)).build().unwrap();
        prop_assert_eq!(policy.min_interval(), Duration::from_millis(millis));
    }
}
