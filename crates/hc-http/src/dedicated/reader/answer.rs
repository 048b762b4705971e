//! What goes into a reader and what comes out of it, as plain data.

use std::time::Duration;

use http::HeaderMap;

/// What was asked, as far as it bears on the answer, and what the answer may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// Whether the method was HEAD: its answer has no body.
    pub(crate) is_head: bool,
    /// So many bytes its headers may have.
    pub(crate) max_headers: u32,
    /// So many bytes of its body are read.
    pub(crate) max_body: u64,
    /// Whether somebody will look at the headers.
    pub(crate) wants_headers: bool,
    /// Whether somebody will look at the body; else it is read and counted.
    pub(crate) wants_body: bool,
}

/// What is to be done next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Read on.
    More,
    /// The answer is there, as far as it is wanted. The reader is of no use any more.
    Done(Answer),
}

/// An answer, as far as it was read.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status: 101, or from 200 on.
    pub(crate) status: u16,
    /// `1.0` or `1.1`.
    pub(crate) version: &'static str,
    /// The headers; none unless they were wanted.
    pub(crate) headers: HeaderMap,
    /// The body, as far as it was read; empty unless it was wanted.
    pub(crate) body: Vec<u8>,
    /// So many bytes of it were read.
    pub(crate) length: u64,
    /// Whether the body was longer than wanted.
    pub(crate) cut: bool,
    /// Whether the connection may carry another request. Bytes that come before that request forbid it too.
    pub(crate) reusable: bool,
    /// How long the server says it keeps an idle connection (`Keep-Alive: timeout=`).
    pub(crate) keep_alive: Option<Duration>,
}
