//! For `cargo xtask counts --reader`: one kind of answer read so many times, to be counted by callgrind. Names of cases
//! are stable, as a checked-in baseline knows them.

use std::hint::black_box;

use super::{Asked, Reader, Step};

const SMALL: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
const NGINX: &[u8] =
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Tue, 24 Nov 2026 12:00:00 GMT\r\n\
    Content-Type: text/plain\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nok\n";
const CHUNKED: &[u8] =
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";

/// `HC_COUNT` says which case, and how often: `nginx 10000`. Without it, each is read once.
#[test]
#[ignore = "counted by cargo xtask counts --reader"]
fn counted() {
    let asked = std::env::var("HC_COUNT").unwrap_or_default();
    let (case, times) = asked.split_once(' ').unwrap_or((&asked, "1"));
    let times: u64 = times.parse().unwrap();
    let all: [(&str, &[u8], usize, bool); 5] = [
        ("small", SMALL, usize::MAX, true),
        ("nginx", NGINX, usize::MAX, true),
        ("alike", NGINX, usize::MAX, false),
        ("chunked", CHUNKED, usize::MAX, true),
        ("in_pieces", NGINX, 16, true),
    ];
    let chosen = all
        .iter()
        .filter(|(name, ..)| case.is_empty() || *name == case);
    let mut reads = 0;
    for (_, bytes, piece, is_new) in chosen {
        // Numbers that are never the same again: such a head is parsed each time.
        let mut bytes = bytes.to_vec();
        for turn in 0..times {
            if *is_new {
                bytes[9..12].copy_from_slice(&number(turn));
            }
            read(&bytes, *piece);
        }
        reads += 1;
    }
    assert!(reads > 0, "no case `{case}`");
}

/// A status, another one each time.
fn number(turn: u64) -> [u8; 3] {
    let digit = |by: u64| b'0' + (turn / by % 10) as u8;
    [b'2' + (turn / 100 % 3) as u8, digit(10), digit(1)]
}

/// As a check does that looks at the status alone.
fn read(bytes: &[u8], piece: usize) {
    let mut reader = Reader::new(black_box(Asked {
        is_head: false,
        max_headers: 16 << 10,
        max_body: 64 << 10,
        wants_headers: false,
        wants_body: false,
    }));
    for piece in black_box(bytes).chunks(piece) {
        if let Step::Done(answer) = reader.take(piece).unwrap() {
            assert!(black_box(answer).status >= 200);
            return;
        }
    }
    panic!("the answer is whole");
}
