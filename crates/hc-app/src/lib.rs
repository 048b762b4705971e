//! The composition root: a config in, a running service out. The command, tests and simulations build hc through it.
//!
//! [`Registry`] makes targets of specs, [`Service`] runs and reloads them, [`Chronicle`] follows the feed and hands
//! records to whoever writes the log, [`Window`] shows it to those who look in,
//! [`State`] carries what is known over a restart. Nothing here prints, and nothing knows an exit code.

mod chronicle;
mod export;
pub mod journal;
mod registry;
mod service;
mod sharing;
mod state;
mod window;

pub use chronicle::{Chronicle, Telling};
pub use export::Export;
pub use registry::{Registry, RegistryError};
pub use service::{Reloaded, Service, ServiceError, Surroundings};
pub use sharing::Sharing;
pub use state::{Keeper, Left, Memories, State, StateError, StateHome};
pub use window::{Build, Home, Open, Sight, Window};

// What the command needs of the server.
pub use hc_server::{SinkGauge, uid};

/// What the README shows compiles: `cargo test --doc` holds it to that.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
