//! What begins at one check of a target and ends at another, and is told once each: panics, overlaps, staleness.

use std::sync::Arc;
use std::time::Duration;

use hc_core::{Edge, EventKind, Failure, Kind, Overlay, Verdict};

use super::describe::Judged;
use super::{Flight, Moment, Plan, Reason};

impl Plan {
    /// One warning when a probe begins to panic, one when it does no more.
    pub(super) fn watch_panic(&mut self, index: u32, panicked: bool, judged: &Judged) {
        let real = self.clock.real();
        let entry = self.slab.at_mut(index);
        let (edge, failure) = match (entry.at(Moment::Panicked), panicked, &judged.outcome) {
            (None, true, Err(failure)) => {
                entry.set(Moment::Panicked, Some(real));
                (Edge::Begin, failure.clone())
            }
            (Some(since), false, _) => {
                entry.set(Moment::Panicked, None);
                let lasted = real.since(since);
                (
                    Edge::End { lasted },
                    Failure::new(Kind::Panicked, None, "it panics no more"),
                )
            }
            _ => return,
        };
        let (target, failure) = (entry.id().clone(), Arc::new(failure));
        self.announce(EventKind::Panicked {
            target,
            failure,
            edge,
        });
    }

    /// Grid ticks that passed in flight are counted; a check that missed its own next tick is warned of.
    pub(super) fn watch_overlap(
        &mut self,
        index: u32,
        flight: &Flight,
        took: Duration,
        judged: &Judged,
    ) {
        let (now, real) = (self.clock.now(), self.clock.real());
        let entry = self.slab.at_mut(index);
        let interval = entry.policy.interval();
        let passed = entry.grid().between(flight.started, now);
        self.counters.overlaps += passed;
        // A first, fast or nudged check may cross a tick that it was not meant for: nothing to warn of.
        let on_grid = !matches!(
            entry.reason,
            Reason::First | Reason::Fast | Reason::Nudged | Reason::Asked
        );
        let overlaps = passed > 0 && (on_grid || took >= interval);
        let edge = match (entry.at(Moment::Overlap), overlaps) {
            (None, true) => {
                entry.set(Moment::Overlap, Some(real));
                Edge::Begin
            }
            (Some(since), false) if on_grid => {
                entry.set(Moment::Overlap, None);
                Edge::End {
                    lasted: real.since(since),
                }
            }
            _ => return,
        };
        let (target, took) = (entry.id().clone(), judged.duration);
        self.announce(EventKind::Overlap {
            target,
            interval,
            took,
            edge,
        });
    }

    /// A conclusive check moves the moment at which it goes stale; an inconclusive one may find that it has come.
    pub(super) fn watch_stale(&mut self, index: u32, judged: &Judged) {
        let real = self.clock.real();
        let entry = self.slab.at_mut(index);
        let edge = if judged.verdict == Verdict::Inconclusive {
            if entry.at(Moment::Stale).is_some() || real < entry.cell.stale_at() {
                return;
            }
            entry.set(Moment::Stale, Some(real));
            Edge::Begin
        } else {
            let policy = &entry.policy;
            let effective = policy.interval().saturating_mul(entry.factor);
            if !entry.paused {
                let at = real + effective.saturating_mul(3) + policy.timeout();
                entry.cell.set_stale_at(at);
            }
            let Some(since) = entry.at(Moment::Stale) else {
                return;
            };
            entry.set(Moment::Stale, None);
            Edge::End {
                lasted: real.since(since),
            }
        };
        self.publish_overlay(index, Overlay::Stale, edge);
    }
}
