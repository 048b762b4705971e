//! To come.

pub mod nginx;
