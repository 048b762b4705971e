//! The state machine against a reference that is built in another way: the rules' table, one status at a time, and
//! whole histories instead of bits. Exhaustive for small thresholds and all sequences up to length 8.
#![expect(clippy::match_same_arms, reason = "the arms are the cells of a table")]
#![expect(clippy::unwrap_used, reason = "these are helpers of tests")]

use hc_core::{
    Health, Policy, Start, Status, Timestamp, Turn, Unsteady, UnsteadyVerdict, Verdict, step,
};
use proptest::prelude::*;

use Status::{Degraded, Healthy, Unhealthy, Unknown};
use Verdict::{Fail, Inconclusive, Pass, Warn};

/// What happened at one conclusive verdict.
#[derive(Clone, Copy)]
struct Entry {
    raw: Verdict,
    heard: Verdict,
    from: Status,
    to: Status,
    /// Whether it was held to fail, before and after; of an undecided target what `start` supposes.
    failing: (bool, bool),
}

/// The reference: where it stands in the table, and everything that ever happened.
#[derive(Clone)]
struct Reference {
    rise: u32,
    fall: u32,
    start: Start,
    unsteady: Option<Unsteady>,
    status: Status,
    f: u32,
    i: u32,
    is_flapping: bool,
    since: Timestamp,
    history: Vec<Entry>,
}

/// What a step leaves of the reference when it is taken back.
type Saved = (Status, u32, u32, bool, Timestamp, usize);

impl Reference {
    fn new(policy: &Policy) -> Self {
        Self {
            rise: policy.rise().into(),
            fall: policy.fall().into(),
            start: policy.start(),
            unsteady: policy.unsteady(),
            status: Unknown,
            f: 0,
            i: 0,
            is_flapping: false,
            since: Timestamp::ZERO,
            history: Vec::new(),
        }
    }

    fn save(&self) -> Saved {
        (
            self.status,
            self.f,
            self.i,
            self.is_flapping,
            self.since,
            self.history.len(),
        )
    }

    fn restore(&mut self, saved: Saved) {
        (self.status, self.f, self.i, self.is_flapping, self.since, _) = saved;
        self.history.truncate(saved.5);
    }

    fn failing(&self) -> bool {
        match self.status {
            Unknown => self.start == Start::Unhealthy,
            status => status == Unhealthy,
        }
    }

    /// The raw results since `failing` last turned, oldest first, at most `of` of them. Empty while it fails.
    fn window(&self, now: Option<Verdict>, of: u8) -> Vec<bool> {
        if self.failing() {
            return Vec::new();
        }
        let mut window: Vec<bool> = now.iter().map(|v| matches!(v, Fail(_))).collect();
        for entry in self.history.iter().rev() {
            if entry.failing != (false, false) {
                break;
            }
            window.push(matches!(entry.raw, Fail(_)));
        }
        window.truncate(of.into());
        window.reverse();
        window
    }

    /// Whether it is unsteady after the results since the last turn, hysteresis included.
    fn is_unsteady(&self, now: Option<Verdict>) -> bool {
        let Some(rule) = self.unsteady else {
            return false;
        };
        if rule.verdict == UnsteadyVerdict::Unhealthy || self.failing() {
            return false;
        }
        let all = self.window(now, u8::MAX);
        let mut on = false;
        for end in 1..=all.len() {
            let window = &all[end.saturating_sub(rule.of.into())..end];
            let failures = window.iter().filter(|failed| **failed).count();
            if failures >= usize::from(rule.failures) {
                on = true;
            }
            if failures <= usize::from(rule.until) {
                on = false;
            }
        }
        on
    }

    fn heard(&self, raw: Verdict) -> Verdict {
        match (raw, self.unsteady) {
            (Fail(_), Some(rule)) if rule.verdict == UnsteadyVerdict::Unhealthy => {
                let window = self.window(Some(raw), rule.of);
                let failures = window.iter().filter(|failed| **failed).count();
                if !self.failing() && failures >= usize::from(rule.failures) {
                    Fail(u8::try_from(self.fall).unwrap())
                } else {
                    raw
                }
            }
            (Pass, _) if self.is_unsteady(Some(raw)) => Warn,
            _ => raw,
        }
    }

    /// One cell of the table: the status after, with the streaks moved.
    fn cell(&mut self, heard: Verdict) -> Status {
        let w = match heard {
            Fail(w) => u32::from(w).min(self.fall),
            _ => 1,
        };
        match (self.status, self.start, heard) {
            (Unknown, Start::First, Pass) => Healthy,
            (Unknown, Start::First, Warn) => Degraded,
            (Unknown, Start::First, _) => Unhealthy,

            (Unknown, Start::Healthy, Pass) => self.streaks(0, 0, Healthy),
            (Unknown, Start::Healthy, Warn) if self.i + 1 >= self.fall => {
                self.streaks(0, 0, Degraded)
            }
            (Unknown, Start::Healthy, Warn) => self.streaks(0, self.i + 1, Healthy),
            (Unknown, Start::Healthy, _) if self.f + w >= self.fall => {
                self.streaks(0, 0, Unhealthy)
            }
            (Unknown, Start::Healthy, _) => self.streaks(self.f + w, self.i + w, Unknown),

            (Unknown, Start::Unhealthy, Pass) => self.pass_while_failing(),
            (Unknown, Start::Unhealthy, Warn) => self.warn_while_failing(),
            (Unknown, Start::Unhealthy, _) => self.streaks(0, 0, Unhealthy),

            (Healthy, _, Pass) => self.streaks(0, 0, Healthy),
            (Healthy, _, Warn) if self.i + 1 >= self.fall => self.streaks(0, 0, Degraded),
            (Healthy, _, Warn) => self.streaks(0, self.i + 1, Healthy),
            (Healthy, _, _) if self.f + w >= self.fall => self.streaks(0, 0, Unhealthy),
            (Healthy, _, _) if self.i + w >= self.fall => self.streaks(self.f + w, 0, Degraded),
            (Healthy, _, _) => self.streaks(self.f + w, self.i + w, Healthy),

            (Degraded, _, Pass) if self.i + 1 >= self.rise => self.streaks(0, 0, Healthy),
            (Degraded, _, Pass) => self.streaks(0, self.i + 1, Degraded),
            (Degraded, _, Warn) => self.streaks(0, 0, Degraded),
            (Degraded, _, _) if self.f + w >= self.fall => self.streaks(0, 0, Unhealthy),
            (Degraded, _, _) => self.streaks(self.f + w, 0, Degraded),

            (Unhealthy, _, Pass) => self.pass_while_failing(),
            (Unhealthy, _, Warn) => self.warn_while_failing(),
            (Unhealthy, _, _) => self.streaks(0, 0, Unhealthy),
        }
    }

    fn pass_while_failing(&mut self) -> Status {
        let (f, i) = (self.f + 1, self.i + 1);
        match (f >= self.rise, i >= self.rise) {
            (true, true) => self.streaks(0, 0, Healthy),
            (true, false) => self.streaks(0, i, Degraded),
            (false, _) => self.streaks(f, i, self.status),
        }
    }

    fn warn_while_failing(&mut self) -> Status {
        if self.f + 1 >= self.rise {
            self.streaks(0, 0, Degraded)
        } else {
            self.streaks(self.f + 1, 0, self.status)
        }
    }

    fn streaks(&mut self, f: u32, i: u32, status: Status) -> Status {
        (self.f, self.i) = (f, i);
        status
    }

    /// Nagios' share of changes over the last 21 values of `failing`, in 95ths of a full pair: 0.8 is 76, 1.2 is 114.
    fn changes(&self) -> u32 {
        let values: Vec<bool> = self.history.iter().map(|entry| entry.failing.1).collect();
        let last = &values[values.len().saturating_sub(21)..];
        let missing = 21 - last.len();
        (1..last.len())
            .filter(|at| last[*at] != last[at - 1])
            .map(|at| 76 + 2 * u32::try_from(missing + at - 1).unwrap())
            .sum()
    }

    fn row(&self, of: impl Fn(&Entry) -> bool) -> u32 {
        let row = self
            .history
            .iter()
            .rev()
            .take_while(|entry| of(entry))
            .count();
        u32::try_from(row).unwrap()
    }

    fn step(&mut self, raw: Verdict, now: Timestamp) -> Option<Turn> {
        if raw == Inconclusive {
            return None;
        }
        let (from, before) = (self.status, self.failing());
        let heard = self.heard(raw);
        let to = self.cell(heard);
        self.status = to;
        let failing = (before, self.failing());
        self.history.push(Entry {
            raw,
            heard,
            from,
            to,
            failing,
        });
        // 20 % of 20 full pairs are 4 = 380 / 95; 5 % are 1 = 95 / 95.
        let changes = self.changes();
        self.is_flapping = changes >= 380 || self.is_flapping && changes > 95;
        if from == to {
            return None;
        }
        let held = now.since(self.since);
        self.since = now;
        // What led there: failures, passes of any sort back from failing, anything but plain passes to Degraded,
        // plain passes back from it.
        let streak = match (to, heard) {
            (Unhealthy, _) => self.row(|entry| matches!(entry.raw, Fail(_))),
            _ if before => self.row(|entry| !matches!(entry.raw, Fail(_))),
            (Healthy, Warn) => self.row(|entry| !matches!(entry.raw, Fail(_))),
            (Degraded, _) => self.row(|entry| entry.heard != Pass),
            _ => self.row(|entry| entry.heard == Pass),
        };
        Some(Turn {
            from,
            to,
            at: now,
            held,
            streak,
        })
    }

    fn failures_after_turn(&self) -> u32 {
        if self.status != Unhealthy {
            return 0;
        }
        let after = self
            .history
            .iter()
            .rev()
            .take_while(|entry| entry.from == entry.to);
        u32::try_from(after.filter(|entry| matches!(entry.raw, Fail(_))).count()).unwrap()
    }

    #[track_caller]
    fn compare(&self, health: &Health, policy: &Policy) {
        let expected = (
            self.status,
            match self.status {
                Unknown => self.start == Start::Healthy,
                status => status != Unhealthy,
            },
            !self.failing() && self.f > 0,
            self.failing() && self.f > 0,
            self.is_flapping,
            self.is_unsteady(None),
            self.f,
            self.since,
        );
        let found = (
            health.status(),
            health.is_healthy(policy),
            health.is_suspect(),
            health.is_recovering(),
            health.is_flapping(),
            health.is_unsteady(),
            u32::from(health.streak_against(policy).0),
            health.since(),
        );
        assert_eq!(found, expected, "{}", self.story());
        let expected = (
            self.row(|entry| !matches!(entry.raw, Fail(_))),
            self.row(|entry| matches!(entry.raw, Fail(_))),
            self.failures_after_turn(),
        );
        let found = (
            health.passes_in_row(),
            health.failures_in_row(),
            health.failures_after_turn(),
        );
        assert_eq!(found, expected, "{}", self.story());
    }

    fn story(&self) -> String {
        let raw: Vec<_> = self
            .history
            .iter()
            .map(|entry| (entry.raw, entry.to))
            .collect();
        let (rise, fall, start) = (self.rise, self.fall, self.start);
        format!(
            "rise {rise} fall {fall} start {start:?} {:?}: {raw:?}",
            self.unsteady
        )
    }
}

fn at(step: usize) -> Timestamp {
    Timestamp::from_millis(10 * (step as u64 + 1))
}

/// Tries every sequence that begins as `reference` did. `Inconclusive` leads nowhere new, and weights above `fall` are
/// `fall`: both are tried at every place, and not followed.
fn explore(policy: &Policy, health: Health, reference: &mut Reference, left: usize) -> u64 {
    reference.compare(&health, policy);
    let now = at(reference.history.len());
    assert_eq!(step(policy, health, Inconclusive, now), (health, None));
    if left == 0 {
        return 1;
    }
    let heaviest = step(policy, health, Fail(policy.fall()), now);
    for heavier in policy.fall() + 1..=3 {
        assert_eq!(step(policy, health, Fail(heavier), now), heaviest);
    }
    let mut seen = 1;
    for verdict in [Pass, Warn]
        .into_iter()
        .chain((1..=policy.fall()).map(Fail))
    {
        let saved = reference.save();
        let expected = reference.step(verdict, now);
        let (next, turn) = step(policy, health, verdict, now);
        assert_eq!(turn, expected, "{}", reference.story());
        seen += explore(policy, next, reference, left - 1);
        reference.restore(saved);
    }
    seen
}

const STARTS: [Start; 3] = [Start::First, Start::Healthy, Start::Unhealthy];

fn policy(rise: u32, fall: u32, start: Start, unsteady: Option<Unsteady>) -> Policy {
    let builder = Policy::builder().rise(rise).fall(fall).start(start);
    builder.unsteady(unsteady).build().unwrap()
}

fn exhaust(unsteady: Option<Unsteady>) {
    let mut seen = 0;
    for rise in 1..=3 {
        for fall in 1..=3 {
            for start in STARTS {
                let policy = policy(rise, fall, start, unsteady);
                let health = Health::new(start, Timestamp::ZERO);
                seen += explore(&policy, health, &mut Reference::new(&policy), 8);
            }
        }
    }
    // 9 combinations each of (3^9 - 1) / 2, (4^9 - 1) / 3 and (5^9 - 1) / 4 places.
    assert_eq!(seen, 9 * (9_841 + 87_381 + 488_281));
}

const fn small(failures: u8, until: u8, of: u8, verdict: UnsteadyVerdict) -> Option<Unsteady> {
    Some(Unsteady {
        failures,
        until,
        of,
        verdict,
    })
}

#[test]
fn every_short_sequence_without_unsteady() {
    exhaust(None);
}

#[test]
fn every_short_sequence_with_a_small_unsteady_window() {
    exhaust(small(2, 1, 4, UnsteadyVerdict::Degraded));
}

#[test]
fn every_short_sequence_with_a_hysteresis_of_two() {
    exhaust(small(2, 0, 3, UnsteadyVerdict::Degraded));
}

#[test]
fn every_short_sequence_with_an_unsteady_window_that_turns_it() {
    exhaust(small(2, 0, 4, UnsteadyVerdict::Unhealthy));
}

fn a_verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        6 => Just(Pass),
        2 => Just(Warn),
        4 => (1_u8..=6).prop_map(Fail),
        1 => Just(Inconclusive),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Long sequences, so that flapping and the default unsteady window come and go.
    #[test]
    fn long_sequences_agree(
        rise in 1_u32..=4,
        fall in 1_u32..=6,
        start in prop::sample::select(&STARTS[..]),
        (of, failures, until) in (1_u8..=32).prop_flat_map(|of| (Just(of), 1..=of))
            .prop_flat_map(|(of, failures)| (Just(of), Just(failures), 0..failures)),
        kind in prop::sample::select(vec![None, Some(UnsteadyVerdict::Degraded), Some(UnsteadyVerdict::Unhealthy)]),
        verdicts in prop::collection::vec(a_verdict(), 0..150),
    ) {
        let unsteady = kind.and_then(|verdict| small(failures, until, of, verdict));
        let policy = policy(rise, fall, start, unsteady);
        let mut reference = Reference::new(&policy);
        let mut health = Health::new(start, Timestamp::ZERO);
        for (number, verdict) in verdicts.into_iter().enumerate() {
            let expected = reference.step(verdict, at(number));
            let (next, turn) = step(&policy, health, verdict, at(number));
            prop_assert_eq!(turn, expected);
            reference.compare(&next, &policy);
            health = next;
        }
    }
}
