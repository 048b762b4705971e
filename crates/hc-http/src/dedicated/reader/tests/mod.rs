//! What is read of answers, each in one piece, byte by byte, and split in two at every place.

mod alike;
mod facts;
mod framing;
mod limits;
mod pieces;
mod refusals;

use hc_core::Kind;

use super::ours::{Out, read};
use super::*;

const ASKED: Asked = Asked {
    is_head: false,
    max_headers: 16 << 10,
    max_body: 64 << 10,
    wants_headers: true,
    wants_body: true,
};

/// In every split, the same.
#[track_caller]
fn everywhere(asked: Asked, bytes: &[u8], ends: bool) -> Out {
    let out = read(asked, &[bytes], ends);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    let shown = String::from_utf8_lossy(bytes);
    assert_eq!(read(asked, &single, ends), out, "{shown}, byte by byte");
    for at in 0..=bytes.len() {
        let (first, second) = bytes.split_at(at);
        assert_eq!(read(asked, &[first, second], ends), out, "{shown}, at {at}");
    }
    out
}

fn answers(status: u16, body: &str, reusable: bool) -> Out {
    Out::Answers {
        status,
        version: "1.1",
        body: body.into(),
        cut: false,
        reusable,
        keep_alive: None,
    }
}

const BROKEN_HEAD: Out = Out::Fails(Kind::Protocol, Some(Phase::Wait), Some("not_http"));
const BROKEN_BODY: Out = Out::Fails(Kind::Protocol, Some(Phase::Receive), Some("encoding"));
const SHORT: Out = Out::Fails(Kind::Protocol, Some(Phase::Receive), Some("body_short"));
const CLOSED: Out = Out::Fails(Kind::Reset, Some(Phase::Wait), Some("closed"));
const OVER: Out = Out::Fails(Kind::Limit, Some(Phase::Wait), Some("headers"));

/// `|` stands for CRLF.
fn wire(text: &str) -> Vec<u8> {
    text.replace('|', "\r\n").into_bytes()
}
