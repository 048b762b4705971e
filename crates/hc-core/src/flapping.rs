//! Flapping, as Nagios computes it: the weighted share of changes among the last 21 values of `failing`.
//!
//! Over the status, not the raw results: a target that fails one check in ten would be called flapping, and
//! its real outage muted. (Nagios Core manual, "Detection and Handling of State Flapping".)

use crate::policy::Flap;

/// Pairs that are looked at: 21 values.
const PAIRS: u32 = Flapping::PAIRS;

/// The weight of the oldest pair is 0.8, of the newest 1.2, rising linearly: 0.8 + 0.4 i / 19.
/// In 190ths these are the whole numbers 152 + 4 i, so that thresholds compare exactly.
const OLDEST: u32 = 152;
const STEP: u32 = 4;
const SCALE: u32 = 190;

/// The last changes of `failing`, and whether they are too many: in one word, as there is one a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flapping(u32);

/// Bit 0 is the newest pair; a set bit is a change.
const CHANGES: u32 = (1 << PAIRS) - 1;
/// It is flapping.
const ON: u32 = 1 << 29;
/// Something was heard, and what `failing` was then.
const HEARD: u32 = 1 << 30;
const FAILING: u32 = 1 << 31;

impl Flapping {
    /// Pairs that are looked at.
    pub(crate) const PAIRS: u32 = 20;

    /// Whether anything was heard, the changes, and whether they are too many.
    pub(crate) fn parts(self) -> (bool, u32, bool) {
        (self.0 & HEARD != 0, self.0 & CHANGES, self.is_on())
    }

    /// What `failing` was when something was last heard, the changes, and whether they are too many.
    pub(crate) fn of_parts(failing: Option<bool>, changes: u32, is_on: bool) -> Self {
        let heard = match failing {
            Some(true) => HEARD | FAILING,
            Some(false) => HEARD,
            None => 0,
        };
        Self(changes & CHANGES | heard | if is_on { ON } else { 0 })
    }

    pub(crate) fn is_on(self) -> bool {
        self.0 & ON != 0
    }

    /// Whether it was not failing at each value that is looked at: hearing that again changes nothing.
    pub(crate) fn is_settled(self) -> bool {
        self.0 == HEARD
    }

    /// Hears what `failing` is after a conclusive verdict.
    pub(crate) fn hear(&mut self, failing: bool, policy: Option<Flap>) {
        let before = self.0;
        let failing = if failing { FAILING } else { 0 };
        let changed = before & HEARD != 0 && before & FAILING != failing;
        self.0 = ((before << 1) | u32::from(changed)) & CHANGES | HEARD | failing;
        let share = self.weighted() * 10_000;
        let is_on = policy.is_some_and(|flap| {
            let of = |bound: u16| u32::from(bound) * SCALE * PAIRS;
            if before & ON != 0 {
                share > of(flap.low.0)
            } else {
                share >= of(flap.high.0)
            }
        });
        self.0 |= if is_on { ON } else { 0 };
    }

    fn weighted(self) -> u32 {
        let mut left = self.0 & CHANGES;
        let mut sum = 0;
        while left != 0 {
            let age = left.trailing_zeros();
            sum += OLDEST + STEP * (PAIRS - 1 - age);
            left &= left - 1;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(values: &[bool]) -> Flapping {
        let mut flapping = Flapping::default();
        for value in values {
            flapping.hear(*value, Some(Flap::default()));
        }
        flapping
    }

    #[test]
    fn begins_at_a_fifth_and_ends_at_a_twentieth() {
        // Three changes weigh at most 3 x 1.2 / 20 = 18 %, four of the newest 23 %.
        let mut values = vec![false; 21];
        values.extend([true, false, true]);
        assert!(!after(&values).is_on());
        values.push(false);
        assert!(after(&values).is_on());
        // Two changes weigh at least 8 %: it stays on until only the newest is left.
        let mut held = after(&values);
        let mut quiet = 0;
        while held.is_on() {
            held.hear(false, Some(Flap::default()));
            quiet += 1;
        }
        // The newest is alone, as the oldest pair, after 19 more values, and 0.8 / 20 = 4 %.
        assert_eq!(quiet, 19);
    }

    #[test]
    fn exactly_a_fifth_is_enough() {
        // Four changes whose places sum to 38: 4 x 152 + 4 x 38 = 760 = 20 % of 190 x 20.
        let mut flapping = Flapping(HEARD);
        let places = [2_u32, 8, 12, 16];
        for place in places {
            flapping.0 |= 1 << (PAIRS - 1 - place);
        }
        assert_eq!(flapping.weighted(), 760);
        // Hearing the same value shifts every pair by one place to the older side; undo that first.
        flapping.0 = (flapping.0 & CHANGES) >> 1 | HEARD;
        flapping.hear(false, Some(Flap::default()));
        assert!(flapping.is_on());
    }

    #[test]
    fn off_without_a_policy() {
        let mut flapping = after(&[false, true, false, true, false, true, false]);
        assert!(flapping.is_on());
        flapping.hear(true, None);
        assert!(!flapping.is_on());
    }
}
