//! Undoes a body's compression, never past a limit. Pure.

use std::io::Read;

use hc_core::{Failure, Kind, Phase};
use http::{HeaderMap, header};

use crate::words;

/// What is asked for, and can be undone.
pub(crate) const ACCEPTED: &str = "gzip, deflate, br";

/// The body without its compression; `None` if it has none that is known.
pub(crate) fn decompress(
    headers: &HeaderMap,
    body: &[u8],
    limit: u64,
) -> Result<Option<Vec<u8>>, Failure> {
    let Some(encoding) = headers.get(header::CONTENT_ENCODING) else {
        return Ok(None);
    };
    let encoding = encoding
        .to_str()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if body.is_empty() {
        return Ok(None);
    }
    let read: Box<dyn Read> = match encoding.as_str() {
        "gzip" | "x-gzip" => Box::new(flate2::read::MultiGzDecoder::new(body)),
        // RFC 9110 8.4.1.2 means zlib's format, but some servers send it bare: zlib's first byte tells.
        "deflate" if body[0] & 0x0f == 8 => Box::new(flate2::read::ZlibDecoder::new(body)),
        "deflate" => Box::new(flate2::read::DeflateDecoder::new(body)),
        "br" => Box::new(brotli_decompressor::Decompressor::new(body, 4_096)),
        _ => return Ok(None),
    };
    let mut out = Vec::new();
    match read.take(limit.saturating_add(1)).read_to_end(&mut out) {
        _ if out.len() as u64 > limit => Err(too_much(limit)),
        Ok(_) => Ok(Some(out)),
        Err(_) => {
            let message = format!("the body is no {encoding}");
            Err(Failure::new(Kind::Protocol, Phase::Receive, message).with_code("encoding"))
        }
    }
}

/// The body is over its limit once decompressed.
pub(crate) fn too_much(limit: u64) -> Failure {
    let message = format!("over {} when decompressed", words::bytes(limit));
    Failure::new(Kind::Limit, Phase::Receive, message).with_code("decompressed")
}
