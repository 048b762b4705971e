//! All that comes out of a plan.

use std::sync::Arc;

use hc_core::TargetId;

use super::{Checked, Moved};
use crate::slab::Key;

/// What is to be done.
#[derive(Debug)]
pub enum Action {
    /// Start a check of that target.
    Start {
        /// Which.
        key: Key,
    },
    /// The deadline of its check is there: poll it once more, then give it up.
    Expire {
        /// Whose.
        key: Key,
    },
    /// Stop its check.
    Cancel {
        /// Whose.
        key: Key,
        /// Why, as a code of kind `cancelled`.
        why: &'static str,
    },
    /// A check has ended and was judged: for observers and those who asked for it.
    Ended {
        /// Whose.
        key: Key,
        /// What came of it.
        checked: Arc<Checked>,
    },
    /// A target was refused: its id is known already.
    Refused {
        /// The id.
        id: TargetId,
    },
    /// A check that was asked for will not come: the target is paused, gone, or hc stops.
    Declined {
        /// Whose.
        key: Key,
    },
    /// A target has left this plan for another one.
    Departed {
        /// Which it was.
        key: Key,
        /// What was known of it.
        moved: Moved,
    },
    /// The question of that number is answered.
    SweepDone {
        /// The number.
        waiter: u64,
    },
}
