//! The server over a real monitor with scripted probes, spoken to byte by byte.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod events;
mod limits;
mod metrics;
mod problems;
mod prometheus;
mod support;
mod targets;
