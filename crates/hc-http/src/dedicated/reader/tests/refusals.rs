//! What is no answer, and what is said of it. One row an answer.

use super::*;

#[test]
fn what_is_refused() {
    let table = [
        ("SSH-2.0-x|", BROKEN_HEAD),
        ("\u{0}", BROKEN_HEAD),
        (" HTTP/1.1 200 OK||", BROKEN_HEAD),
        ("HTTP/2 200||", BROKEN_HEAD),
        ("HTTP/1.2 200 OK||", BROKEN_HEAD),
        ("HTTP/1.1  200 OK||", BROKEN_HEAD),
        ("HTTP/1.1 20 OK||", BROKEN_HEAD),
        ("HTTP/1.1 099 OK||", BROKEN_HEAD),
        ("HTTP/1.1 2000 OK||", BROKEN_HEAD),
        ("HTTP/1.1 200 OK|no colon||", BROKEN_HEAD),
        ("HTTP/1.1 200 OK|space : x||", BROKEN_HEAD),
        ("HTTP/1.1 200 OK|: x||", BROKEN_HEAD),
        ("HTTP/1.1 200 OK| folded: x||", BROKEN_HEAD),
        ("HTTP/1.1 200 OK|X: a\rb||", BROKEN_HEAD),
        ("HTTP/1.1 200 OK|X: a\u{0}b||", BROKEN_HEAD),
        (
            "HTTP/1.1 200 OK|Content-Length: 2|Content-Length: 3||ok",
            BROKEN_HEAD,
        ),
        ("HTTP/1.1 200 OK|Content-Length: 2, 3||ok", BROKEN_HEAD),
        ("HTTP/1.1 200 OK|Content-Length: 2,||ok", BROKEN_HEAD),
        ("HTTP/1.1 200 OK|Content-Length:||ok", BROKEN_HEAD),
        ("HTTP/1.1 200 OK|Content-Length: -2||ok", BROKEN_HEAD),
        ("HTTP/1.1 200 OK|Content-Length: +2||ok", BROKEN_HEAD),
        ("HTTP/1.1 200 OK|Content-Length: 0x2||ok", BROKEN_HEAD),
        (
            "HTTP/1.1 200 OK|Content-Length: 2|| 2|ok",
            Out::Answers {
                status: 200,
                version: "1.1",
                body: b" 2".to_vec(),
                cut: false,
                reusable: false,
                keep_alive: None,
            },
        ),
        ("HTTP/1.1 200 OK|Content-Length: 2| 2||ok", BROKEN_HEAD),
        (
            "HTTP/1.1 200 OK|Content-Length: 18446744073709551615||ok",
            BROKEN_HEAD,
        ),
        (
            "HTTP/1.1 200 OK|Content-Length: 18446744073709551616||ok",
            BROKEN_HEAD,
        ),
        (
            "HTTP/1.1 200 OK|Content-Length: 99999999999999999999999||ok",
            BROKEN_HEAD,
        ),
        ("HTTP/1.1 100 Continue||SSH-2.0-x|", BROKEN_HEAD),
        ("|", BROKEN_HEAD),
        // Chunks.
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked||nope|",
            BROKEN_BODY,
        ),
        ("HTTP/1.1 200 OK|Transfer-Encoding: chunked|||", BROKEN_BODY),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked||-2|ok|0||",
            BROKEN_BODY,
        ),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2 2|ok|0||",
            BROKEN_BODY,
        ),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2\nok|0||",
            BROKEN_BODY,
        ),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2;a\nb|ok|0||",
            BROKEN_BODY,
        ),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|okay|0||",
            BROKEN_BODY,
        ),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ok\n0||",
            BROKEN_BODY,
        ),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked||11111111111111111|",
            BROKEN_BODY,
        ),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked||0|no colon||",
            BROKEN_BODY,
        ),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked||0|\r\r",
            BROKEN_BODY,
        ),
        // A close too soon.
        ("", CLOSED),
        ("H", CLOSED),
        ("HTTP/1.1 200 OK|Content-Length: 2|", CLOSED),
        ("HTTP/1.1 200 OK|X: y|\r", CLOSED),
        ("HTTP/1.1 100 Continue||", CLOSED),
        ("HTTP/1.1 100 Continue|||", CLOSED),
        ("HTTP/1.1 200 OK|Content-Length: 3||ok", SHORT),
        ("HTTP/1.1 200 OK|Content-Length: 3||", SHORT),
        (
            "HTTP/1.1 200 OK|Content-Length: 18446744073709551613||ok",
            SHORT,
        ),
        ("HTTP/1.1 200 OK|Transfer-Encoding: chunked||", SHORT),
        ("HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|o", SHORT),
        ("HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ok|0|", SHORT),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ok|0|X: y|",
            SHORT,
        ),
    ];
    for (text, wanted) in table {
        assert_eq!(everywhere(ASKED, &wire(text), true), wanted, "{text}");
    }
}

#[test]
fn sentences_are_those_of_the_other_transport() {
    let says = |pieces: &[&str]| {
        let mut reader = Reader::new(ASKED);
        let failed = pieces
            .iter()
            .find_map(|piece| reader.take(piece.as_bytes()).err());
        failed
            .unwrap_or_else(|| reader.end().unwrap_err())
            .message
            .to_string()
    };
    let table: [(&[&str], &str); 9] = [
        (&["SSH-2.0\r\n"], "not an HTTP answer: \"SSH-2.0\""),
        (&["HTT", "X\r\n"], "not an HTTP answer: \"HTTX\""),
        (&["\r\n"], "not an HTTP answer: \"\\r\\n\""),
        (
            &["HTTP/1.1 200 OK\r\nx\r\n\r\n"],
            "the answer's status line or headers are broken",
        ),
        (
            &["HTTP/1.1 100 C\r\n\r\n", "SSH"],
            "the answer's status line or headers are broken",
        ),
        (&["HTTP/1.1 "], "the server closed before it answered"),
        (
            &["HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"],
            "the server closed before the body's end",
        ),
        (
            &["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx"],
            "the body's chunks are broken",
        ),
        (&["HTTP/1.1 102 P\r\n\r\n"; 9], "over 8 interim answers"),
    ];
    for (pieces, wanted) in table {
        assert_eq!(says(pieces), wanted, "{pieces:?}");
    }
}
