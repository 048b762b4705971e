//! To come.

pub mod nginx;
pub mod server;
pub mod tls;
