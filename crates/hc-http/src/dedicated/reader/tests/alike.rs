//! An answer is read alike whether its head was seen before or not.

use super::*;

/// Heads of servers as they are, and odd ones, with bodies.
const SEEN: [&str; 6] = [
    "HTTP/1.1 200 OK|Server: nginx/1.22.1|Date: Tue, 24 Nov 2026 12:00:00 GMT|Content-Type: text/plain|\
     Content-Length: 3|Connection: keep-alive||ok\n",
    "HTTP/1.1 204 No|Date: Tue, 24 Nov 2026 12:00:00 GMT|Keep-Alive: timeout=5||",
    "HTTP/1.1 200 OK|Transfer-Encoding: chunked||3|abc|0||",
    "HTTP/1.0 503 Busy|Content-Length: 2||no",
    "|HTTP/1.1 200 OK|Content-Length: 0|Connection: close||",
    "HTTP/1.1 100 Wait||HTTP/1.1 200 OK|Content-Length: 1||x",
];

/// Nobody looks at the headers: what was seen may be recalled.
const USUAL: Asked = Asked {
    wants_headers: false,
    ..ASKED
};

#[track_caller]
fn same(bytes: &[u8], usual: Asked) {
    let parsed = read(
        Asked {
            wants_headers: true,
            ..usual
        },
        &[bytes],
        true,
    );
    let shown = String::from_utf8_lossy(bytes);
    assert_eq!(read(usual, &[bytes], true), parsed, "{shown}");
}

#[test]
fn each_byte_that_differs_is_noticed() {
    for text in SEEN {
        let seen = wire(text);
        for at in 0..seen.len() {
            for byte in [0, b'\n', b'\r', b' ', b'0', b'9', b':', b'a', b'~', 0xff] {
                let mut other = seen.clone();
                other[at] = byte;
                // It stays the one that is known.
                same(&seen, USUAL);
                same(&other, USUAL);
            }
        }
    }
}

#[test]
fn what_came_after_and_what_was_asked_still_count() {
    for text in SEEN {
        let seen = wire(text);
        same(&seen, USUAL);
        let mut longer = seen.clone();
        longer.extend_from_slice(b"HTTP/1.1 408 Late\r\n\r\n");
        same(&longer, USUAL);
        for end in 0..seen.len() {
            same(&seen[..end], USUAL);
            same(&seen, USUAL);
        }
        for asked in [
            Asked {
                is_head: true,
                ..USUAL
            },
            Asked {
                max_headers: 16,
                ..USUAL
            },
            Asked {
                max_body: 1,
                ..USUAL
            },
        ] {
            same(&seen, asked);
            same(&seen, USUAL);
        }
    }
}

#[test]
fn many_kinds_take_turns() {
    for round in 0..40 {
        for text in SEEN {
            for filler in ["", "X-Filler: 1|", "X-Filler: 12|"] {
                let date = format!("Wed, 25 Nov 2026 12:00:{round:02} GMT");
                let text = text
                    .replace("Tue, 24 Nov 2026 12:00:00 GMT", &date)
                    .replace("Content-Length", &format!("{filler}Content-Length"));
                same(&wire(&text), USUAL);
            }
        }
    }
}
