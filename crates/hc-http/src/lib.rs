//! Asks one HTTP server one question, and judges the answer.
//!
//! [`HttpProbe`] is a [`Probe`](hc_core::Probe): an [`HttpSpec`] says what it does, a [`Transport`] carries it,
//! an [`Expect`](expect::Expect) judges. It knows nothing of intervals and thresholds.
//!
//! There are two transports. [`Dedicated`] holds one connection a target on an epoll of its own, measures each phase by
//! the kernel's times and nudges the target when its peer closes; [`Pooled`] is reqwest, one client per distinct
//! configuration, shared through [`Clients`]. [`TransportKind`] says which carries a spec; what reqwest hides is listed
//! in the reference manual, "Why a check did not pass".
//!
//! ```
//! use hc_core::Target;
//! use hc_http::{Clients, HttpProbe};
//!
//! let clients = Clients::new();
//! let probe = HttpProbe::builder("http://10.0.0.7/health")?
//!     .header("x-probe", "hc")
//!     .clients(&clients)
//!     .build()?;
//! let target = Target::new("shop", probe).with_probe_name("http");
//! # let _ = target;
//! # Ok::<(), hc_http::BuildError>(())
//! ```

mod builder;
mod classify;
mod clients;
mod compose;
mod decompress;
mod dedicated;
mod exchange;
pub mod expect;
mod names;
mod pooled;
mod probe;
mod proxy;
mod redirect;
mod secret;
mod spec;
pub mod tls;
mod words;

use std::fmt;

pub use self::builder::HttpProbeBuilder;
pub use self::clients::Clients;
pub use self::dedicated::Dedicated;
pub use self::exchange::{Exchange, Request, Trail, Transport, Wish};
pub use self::pooled::Pooled;
pub use self::probe::HttpProbe;
pub use self::secret::Secret;
pub use self::spec::{
    Auth, Body, Dial, HttpSpec, HttpVersion, IpFamily, ProxySettings, TransportKind, shown_url,
};
pub use http::{HeaderName, Method};
pub use url::Url;

/// A spec cannot be used, and why; completes "failed to build the probe: ". It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError(String);

impl BuildError {
    pub(crate) fn new(problem: String) -> Self {
        Self(problem)
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BuildError {}
