//! Telling all that is known of every target, some in each turn: a million at once would be a second without a check.

use std::future::Future;

use super::{Driver, PER_TURN};
use crate::check::Outcome;
use crate::command::Reply;
use crate::plan::{Description, Plan};

/// One question that is being answered over several turns. What comes or goes meanwhile may be in the answer or not.
pub(super) struct Describing {
    told: Vec<Description>,
    /// The place of the plan that is told next.
    next: u32,
    reply: Reply<Vec<Description>>,
}

impl Describing {
    pub(super) fn new(plan: &Plan, reply: Reply<Vec<Description>>) -> Self {
        Self {
            // Growing by copying would be felt too.
            told: Vec::with_capacity(plan.len()),
            next: 0,
            reply,
        }
    }
}

impl<F: Future<Output = Outcome> + Send + 'static> Driver<F> {
    pub(super) fn describe_some(&mut self) {
        let Some(first) = self.describing.front_mut() else {
            return;
        };
        let places = u32::try_from(PER_TURN).unwrap_or(u32::MAX);
        let more = self
            .plan
            .describe_some(&mut first.next, places, &mut first.told);
        if more && !first.reply.is_closed() {
            return;
        }
        if let Some(done) = self.describing.pop_front() {
            // The asker may have stopped waiting.
            let _ = done.reply.send(done.told);
        }
    }
}
