//! Unsteady: a target that fails every second or third check, and so never `fall` times in a row.

use crate::machine::Verdict;
use crate::policy::{Policy, UnsteadyVerdict};

/// The last raw results while not failing, as bits, and whether too many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Steadiness {
    /// Bit 0 is the newest; a set bit is a failure.
    failed: u32,
    heard: u8,
    unsteady: bool,
}

impl Steadiness {
    /// Which of the last results failed, how many those are, and whether too many of them did.
    pub(crate) fn parts(&self) -> (u32, u8, bool) {
        (self.failed, self.heard, self.unsteady)
    }

    /// The same back.
    pub(crate) fn of_parts(failed: u32, heard: u8, unsteady: bool) -> Self {
        Self {
            failed,
            heard,
            unsteady,
        }
    }

    pub(crate) fn is_unsteady(&self) -> bool {
        self.unsteady
    }

    pub(crate) fn recent(&self) -> (u32, u32) {
        (self.failed.count_ones(), u32::from(self.heard))
    }

    /// Takes a pass if none of the results that are looked at was a failure; else nothing happens.
    pub(crate) fn pass_as_usual(&mut self, policy: &Policy) -> bool {
        let Some(rule) = policy.unsteady() else {
            *self = Self::default();
            return true;
        };
        // Every rule wants one failure at least.
        let is_usual = self.failed == 0 && !self.unsteady;
        if is_usual {
            self.heard = self.heard.saturating_add(1).min(rule.of);
        }
        is_usual
    }

    /// Takes a raw conclusive result and tells what the machine is to hear instead.
    pub(crate) fn hear(&mut self, verdict: Verdict, policy: &Policy) -> Verdict {
        let Some(rule) = policy.unsteady() else {
            *self = Self::default();
            return verdict;
        };
        let failed = matches!(verdict, Verdict::Fail(_));
        let window = u32::MAX >> (32 - u32::from(rule.of.clamp(1, 32)));
        self.failed = ((self.failed << 1) | u32::from(failed)) & window;
        self.heard = self.heard.saturating_add(1).min(rule.of);
        let failures = self.failed.count_ones();
        let reached = failures >= u32::from(rule.failures);
        match (rule.verdict, verdict) {
            (UnsteadyVerdict::Unhealthy, Verdict::Fail(_)) if reached => {
                self.unsteady = false;
                Verdict::Fail(policy.fall())
            }
            (UnsteadyVerdict::Unhealthy, _) => {
                self.unsteady = false;
                verdict
            }
            (UnsteadyVerdict::Degraded, _) => {
                self.unsteady = if self.unsteady {
                    failures > u32::from(rule.until)
                } else {
                    reached
                };
                match verdict {
                    Verdict::Pass if self.unsteady => Verdict::Warn,
                    other => other,
                }
            }
        }
    }
}
