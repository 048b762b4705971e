//! When to check: each target on its own grid, never twice at once, early where something began, at ease where
//! nothing did, and never by the checker's own fault.
//!
//! The central types are [`Monitor`], which is built and started, and [`MonitorHandle`], by which a running one is
//! spoken to. Beneath them a pure [`plan`] decides, and one asynchronous driver does what it says. This crate
//! knows no protocol: it runs whatever implements [`hc_core::Probe`].
//!
//! One worker asks everything, or [several](MonitorBuilder::workers) share the targets by their hosts, each on a
//! thread of its own; view, feed and self-doubt are common to all. Targets that ask the same thing may
//! [share](hc_core::Target::with_shared) their checks: one is asked, and each hears the result.
//!
//! ```
//! use std::time::Duration;
//! use hc_core::{Evidence, Policy, Target, probe_fn};
//! use hc_scheduler::Monitor;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let policy = Policy::builder().interval(Duration::from_secs(1)).build()?;
//! let probe = probe_fn(|_cx| async { Ok(Evidence::new()) });
//! let monitor =
//!     Monitor::builder().target(Target::new("api-1", probe).with_policy(policy)).build().start();
//! let api = monitor.get("api-1").ok_or("it was added above")?;
//! monitor.first_sweep().await?;
//! assert!(api.is_healthy());
//! monitor.shutdown(Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```

mod admission;
mod alive;
mod check;
mod checks;
mod clock;
mod command;
mod counters;
mod driver;
pub mod failures;
mod interval;
mod isolation;
mod list;
mod monitor;
mod observer;
pub mod plan;
mod shards;
mod signs;
mod slab;
mod stats;
mod sweep;
mod time;
mod wheel;
mod worker;

pub use command::{Alteration, Applied, MonitorError, Shutdown};
pub use counters::Counters;
pub use interval::{Next, Reason};
pub use isolation::IsolationRules;
pub use monitor::{Monitor, MonitorBuilder, MonitorHandle};
pub use observer::Observer;
pub use plan::{Checked, Description, Remains, Remembered};
pub use slab::Key;
pub use stats::Stats;
