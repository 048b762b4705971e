//! What expectations are judged on.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

/// An answer, as far as it was read.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// The status of the last answer.
    pub status: u16,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, as far as it was read.
    pub body: &'a [u8],
    /// Where the body was longer than was read: the limit that cut it, in bytes.
    pub cut_at: Option<u64>,
    /// From the check's start to the answer's end.
    pub total: Duration,
    /// The peer's own certificate, where there is one and it is known.
    pub certificate: Option<Certificate>,
    /// The time of day, to hold the certificate against.
    pub wall: SystemTime,
}

/// When the peer's own certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The first instant.
    pub not_before: SystemTime,
    /// The last instant.
    pub not_after: SystemTime,
    /// Whether it was verified; `false` under `insecure`, where only what somebody asked for is judged.
    pub verified: bool,
}
