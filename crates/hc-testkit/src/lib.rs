//! To come.

pub mod fleet;
pub mod nginx;
pub mod server;
pub mod tls;
