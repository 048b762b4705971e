//! What a health check is and what health is. No IO, no clock, no runtime, no global.
//!
//! The central types are [`Probe`], which asks one target one kind of question, and [`Health`], which a pure
//! function, [`step`], folds the answers into. Around them: [`Failure`] and [`Evidence`] (what a check says),
//! [`Policy`] (how it is judged), [`HealthView`] (what is held to be true, read with one atomic load).
//!
//! ```
//! use hc_core::{CheckContext, Evidence, Failure, Kind, Phase, Probe, async_trait};
//!
//! struct Answers(bool);
//!
//! #[async_trait]
//! impl Probe for Answers {
//!     async fn check(&self, cx: &CheckContext) -> Result<Evidence, Failure> {
//!         cx.enter(Phase::Wait);
//!         if self.0 {
//!             Ok(Evidence::new())
//!         } else {
//!             Err(Failure::new(Kind::Unexpected, Phase::Wait, "it says no"))
//!         }
//!     }
//! }
//! ```

mod cell;
mod context;
mod event;
mod evidence;
mod failure;
mod flapping;
mod hash;
mod id;
mod inbox;
mod machine;
mod mirror;
mod policy;
mod probe;
mod ring;
mod status;
mod steadiness;
mod sync;
mod target;
mod text;
mod time;
mod view;
mod word;

pub use async_trait::async_trait;

pub use cell::{Cell, Pending, Report, TargetHandle};
pub use context::{CheckContext, Marks};
pub use event::{CheckResult, Edge, Event, EventKind};
pub use evidence::{Connection, Evidence, Fact, Facts, Phases};
pub use failure::{Blame, Failure, Kind, Mismatch, Phase, UnknownName};
pub use hash::stable_hash;
pub use id::{Labels, TargetId};
pub use inbox::{Inbox, Nudge};
pub use machine::{Health, Leaning, Memory, MemoryError, MemoryParts, Turn, Verdict, step};
pub use mirror::{Change, Mirror};
pub use policy::{
    BasisPoints, Flap, Passive, Policy, PolicyBuilder, PolicyError, PolicyErrors, Start, Unsteady,
    UnsteadyVerdict, Weights,
};
pub use probe::{Probe, ProbeFn, probe_fn};
pub use status::{Overlay, Overlays, Status};
pub use target::{About, Target};
pub use text::{SENTENCE_LIMIT, Sentence, escape};
pub use time::{Clock, Span, Timestamp, nanos};
pub use view::{
    FEED_CAPACITY, FeedItem, HealthView, Publisher, Subscription, view, view_of_workers,
};
pub use word::Word;
