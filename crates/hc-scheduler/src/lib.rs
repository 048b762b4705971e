//! When to check. To come.
mod admission;
mod clock;
mod counters;
mod interval;
mod isolation;
mod list;
pub mod plan;
mod slab;
mod sweep;
mod wheel;

pub use counters::Counters;
pub use interval::{Next, Reason};
pub use isolation::IsolationRules;
pub use slab::Key;
