//! A status line and its headers, from bytes to what they say. Knows nothing of pieces.

use std::borrow::Cow;
use std::mem::MaybeUninit;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Asked;
use super::framing::{Facts, Framing};

/// So many headers fit; more are over the limit, however short.
const MAX_HEADER_COUNT: usize = 512;

/// What an answer's head says.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) version: &'static str,
    pub(super) headers: HeaderMap,
    pub(super) framing: Framing,
    pub(super) reusable: bool,
    pub(super) keep_alive: Option<Duration>,
}

/// Why a head is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It is no HTTP, or frames its body in a way that cannot be read.
    Broken,
    /// It is over its limit.
    TooLarge,
}

impl Head {
    /// Whether the answer itself is still to come. 101 is the answer to a request that we never make.
    pub(super) fn is_interim(&self) -> bool {
        is_interim(self.status)
    }
}

fn is_interim(status: u16) -> bool {
    (100..200).contains(&status) && status != 101
}

/// So many headers are usual: room for more is 16 KiB of stack.
const USUAL_HEADER_COUNT: usize = 24;

/// Parses the bytes up to a head's end; `None` if it lies beyond them.
pub(super) fn parse(bytes: &[u8], asked: &Asked) -> Result<Option<Head>, Flaw> {
    match parse_into::<USUAL_HEADER_COUNT>(bytes, asked) {
        Err(Overflow::Count) => parse_many(bytes, asked),
        Err(Overflow::Flaw(flaw)) => Err(flaw),
        Ok(head) => Ok(head),
    }
}

#[cold]
fn parse_many(bytes: &[u8], asked: &Asked) -> Result<Option<Head>, Flaw> {
    parse_into::<MAX_HEADER_COUNT>(bytes, asked).map_err(|overflow| match overflow {
        Overflow::Count => Flaw::TooLarge,
        Overflow::Flaw(flaw) => flaw,
    })
}

enum Overflow {
    /// There are more headers than room.
    Count,
    Flaw(Flaw),
}

impl From<Flaw> for Overflow {
    fn from(flaw: Flaw) -> Self {
        Self::Flaw(flaw)
    }
}

fn parse_into<const ROOM: usize>(bytes: &[u8], asked: &Asked) -> Result<Option<Head>, Overflow> {
    let mut room = [const { MaybeUninit::uninit() }; ROOM];
    let mut response = httparse::Response::new(&mut []);
    let mut config = httparse::ParserConfig::default();
    // RFC 9112 5.2 wants a client to unfold them.
    config.allow_obsolete_multiline_headers_in_responses(true);
    match config.parse_response_with_uninit_headers(&mut response, bytes, &mut room) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Overflow::Count),
        Err(_) => return Err(Flaw::Broken.into()),
    }
    // Below 100 it is no status.
    let status = response
        .code
        .filter(|code| *code >= 100)
        .ok_or(Flaw::Broken)?;
    let is_http11 = response.version == Some(1);
    let mut head = Head {
        status,
        version: if is_http11 { "1.1" } else { "1.0" },
        headers: HeaderMap::new(),
        framing: Framing::Length(0),
        reusable: false,
        keep_alive: None,
    };
    if head.is_interim() {
        return Ok(Some(head));
    }
    let mut facts = Facts::default();
    for header in &*response.headers {
        facts.learn(header.name, header.value);
    }
    head.framing = facts.framing(status, is_http11, asked.is_head)?;
    let size: usize = response
        .headers
        .iter()
        .map(|header| header.name.len() + header.value.len() + 4)
        .sum();
    if size > asked.max_headers as usize {
        return Err(Flaw::TooLarge.into());
    }
    head.reusable = facts.is_reusable(status, is_http11);
    head.keep_alive = facts.keep_alive;
    if asked.wants_headers {
        head.headers = kept(response.headers)?;
    }
    Ok(Some(head))
}

fn kept(headers: &[httparse::Header<'_>]) -> Result<HeaderMap, Flaw> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for header in headers {
        // The parser is as strict as they are, but for a name of 64 KiB.
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| Flaw::TooLarge)?;
        let value = HeaderValue::from_bytes(&unfolded(header.value)).map_err(|_| Flaw::Broken)?;
        map.append(name, value);
    }
    Ok(map)
}

/// A value with each fold replaced by a space (RFC 9112 5.2).
pub(super) fn unfolded(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\n', value).is_none() {
        return Cow::Borrowed(value);
    }
    let lines: Vec<_> = value
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .collect();
    Cow::Owned(lines.join(&b' '))
}
