//! Makes answers: nearly good ones by the grammar, and worse ones by mutation.

use fastrand::Rng;

use super::case::Case;

const STATUS: &[&str] = &[
    "200 OK",
    "200",
    "200 ",
    "204 No Content",
    "304 Not Modified",
    "404 Not Found",
    "503 x",
    "101 Switching Protocols",
    "205 Reset",
    "099 x",
    "999 x",
    "301 Moved",
];
const HEADERS: &[&str] = &[
    "Content-Length: 5",
    "Content-Length: 5",
    "Content-Length: 0",
    "Content-Length: 12",
    "Content-Length: 5, 5",
    "Content-Length:",
    "Content-Length: 18446744073709551615",
    "Content-Length: 18446744073709551613",
    "Content-Length: x",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, gzip",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: chunked,",
    "Transfer-Encoding:",
    "TRANSFER-ENCODING:\tChunked ",
    "Connection: close",
    "Connection: keep-alive",
    "Connection: Keep-Alive, Upgrade",
    "Connection: x,close",
    "Connection:",
    "Keep-Alive: timeout=5, max=9",
    "Server: x",
    "X: folded\r\n more",
    "Connection:\r\n close",
    "Content-Length:\r\n 5",
    "X:",
    "X:\t y ",
    "X: \u{e9}",
    "Trailer: T",
    "Date: Tue, 24 Nov 2026 00:00:00 GMT",
    "Upgrade: x",
    "Set-Cookie: a=b; c",
    "bad header",
    " X: y",
    "X : y",
    ": y",
];
const CHUNKS: &[&str] = &[
    "5\r\nhello\r\n",
    "1;a=b\r\nx\r\n",
    "c ;q\r\nhello, world\r\n",
    "00001\r\ny\r\n",
    "A\r\n0123456789\r\n",
    "2\r\n\r\n\r\n",
];
const TRAILERS: &[&str] = &["", "", "T: x\r\n", "T: x\r\nU:\r\n", "bad\r\n", "T: x\n"];
const PLAIN: &[&str] = &[
    "",
    "hello",
    "hello, world",
    "0\r\n\r\n",
    "HTTP/1.1 200 OK\r\n\r\n",
];
const TOKENS: &[&str] = &[
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "\n\n",
    "\r\n ",
    ":",
    ";",
    ",",
    " ",
    "\t",
    "0",
    "5",
    "f",
    "\0",
    "\u{7f}",
    "HTTP/1.1",
    "HTTP/1.0",
    "close",
    "chunked",
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "0\r\n\r\n",
    "\"",
    "=",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "ffffffffffffffff",
    "00000000000000000",
];

fn pick<'a>(rng: &mut Rng, of: &[&'a str]) -> &'a str {
    of[rng.usize(..of.len())]
}

/// A case: an answer by the grammar, or a seed, perhaps mutated; pieces and limits at random.
pub(super) fn case(rng: &mut Rng, seeds: &[Case]) -> Case {
    let mut case = match seeds.is_empty() || rng.u8(..4) > 0 {
        true => Case::new(answer(rng)),
        false => seeds[rng.usize(..seeds.len())].clone(),
    };
    if rng.bool() {
        for _ in 0..rng.usize(1..5) {
            mutate(rng, &mut case.bytes, seeds);
        }
        case.bytes.truncate(4_096);
    }
    case.is_head = rng.u8(..8) == 0;
    case.ends = rng.bool();
    case.max_body = [0, 3, 5, 64 << 10, 64 << 10, 64 << 10][rng.usize(..6)];
    case.max_headers = [60, 16 << 10, 16 << 10, 16 << 10][rng.usize(..4)];
    let places = case.bytes.len() + 1;
    case.cuts = match rng.u8(..8) {
        0 => (0..places).collect(),
        _ => (0..rng.usize(..6)).map(|_| rng.usize(..places)).collect(),
    };
    case.cuts.sort_unstable();
    case
}

fn answer(rng: &mut Rng) -> Vec<u8> {
    let mut text = String::new();
    let end = if rng.u8(..8) == 0 { "\n" } else { "\r\n" };
    if rng.u8(..16) == 0 {
        text.push_str(end);
    }
    if rng.u8(..6) == 0 {
        for _ in 0..rng.usize(..11) {
            text.push_str("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
        }
    }
    text.push_str(if rng.u8(..5) == 0 {
        "HTTP/1.0 "
    } else {
        "HTTP/1.1 "
    });
    // Most of the time something with a body.
    let status = if rng.bool() {
        "200 OK"
    } else {
        pick(rng, STATUS)
    };
    text.push_str(status);
    text.push_str(end);
    for _ in 0..rng.usize(..5) {
        // The later ones seldom.
        let most = if rng.u8(..4) == 0 { HEADERS.len() } else { 20 };
        text.push_str(pick(rng, &HEADERS[..most]));
        text.push_str(end);
    }
    text.push_str(end);
    let is_chunked = text.to_ascii_lowercase().contains("chunked");
    if is_chunked && rng.u8(..8) > 0 {
        for _ in 0..rng.usize(..4) {
            text.push_str(pick(rng, CHUNKS));
        }
        text.push_str(if rng.u8(..4) == 0 {
            "000;x\r\n"
        } else {
            "0\r\n"
        });
        text.push_str(pick(rng, TRAILERS));
        text.push_str("\r\n");
    } else {
        text.push_str(pick(rng, PLAIN));
    }
    if rng.u8(..8) == 0 {
        text.push_str(pick(rng, TOKENS));
    }
    text.into_bytes()
}

fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>, seeds: &[Case]) {
    let at = rng.usize(..=bytes.len());
    let upto = (at + rng.usize(..16)).min(bytes.len());
    match rng.u8(..8) {
        0 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
        1 if at < bytes.len() => bytes[at] = rng.u8(..),
        2 => drop(bytes.drain(at..upto)),
        3 => bytes.truncate(at),
        4 => {
            let again = bytes[at..upto].to_vec();
            bytes.splice(at..at, again);
        }
        5 if !seeds.is_empty() => {
            let other = &seeds[rng.usize(..seeds.len())].bytes;
            let from = rng.usize(..=other.len());
            bytes.splice(at.., other[from..].iter().copied());
        }
        6 => drop(bytes.splice(at..upto, pick(rng, TOKENS).bytes())),
        _ => drop(bytes.splice(at..at, pick(rng, TOKENS).bytes())),
    }
}
