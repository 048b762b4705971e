//! What hc shows of itself: metrics, a read-only API, a control socket. The first sink beside the log.
//!
//! [`Ledger`] remembers what the view does not: the last results of each target, its last transitions and failures,
//! and what was counted of each group. [`Sockets`] are bound before anything is asked, so that an address that
//! cannot be had is told at the start; [`Server`] answers on them until it is closed.
//!
//! It meets the rest of hc at the monitor's handle, the view and the feed, and is told what else it shows as data
//! ([`Catalogue`]). It knows no config file, no protocol of a check, and changes nothing: every verb is GET.

mod ledger;
mod listen;
mod metrics;
#[cfg(feature = "otlp")]
pub mod otlp;
mod routes;
mod server;
mod shown;
pub mod wire;

pub use ledger::{Ledger, PastFailure, PastTransition, Recollection};
pub use listen::{Address, AddressError, BindError, CONNECTIONS, Control, Sockets};
pub use metrics::{LabelError, MetricsSettings, PerTarget, check_label};
pub use routes::openapi::document as openapi;
pub use server::{About, Server, Serving};
pub use shown::{Catalogue, Setting, SinkGauge};
pub use wire::{event::EventBody, uid};
