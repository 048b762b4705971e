//! To come.

pub mod dns;
pub mod fleet;
pub mod nginx;
pub mod server;
pub mod tls;
