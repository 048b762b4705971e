//! Where an answer ends, and whether its connection may carry another request. One row an answer.

use super::*;

#[test]
fn answers_and_whether_their_connection_is_kept() {
    let table = [
        // Content-Length.
        (
            "HTTP/1.1 200 OK|Content-Length: 2||ok",
            answers(200, "ok", true),
        ),
        (
            "HTTP/1.1 200|content-length:2||ok",
            answers(200, "ok", true),
        ),
        (
            "HTTP/1.1 200 OK\ncontent-length: 2\n\nok",
            answers(200, "ok", true),
        ),
        (
            "||HTTP/1.1 200 OK|Content-Length: 2||ok",
            answers(200, "ok", true),
        ),
        (
            "HTTP/1.1 503 Busy|Content-Length: 0||",
            answers(503, "", true),
        ),
        (
            "HTTP/1.1 200 OK|Content-Length: 2|Content-Length: 2||ok",
            answers(200, "ok", true),
        ),
        (
            "HTTP/1.1 200 OK|Content-Length: 2, 2 ,2||ok",
            answers(200, "ok", true),
        ),
        (
            "HTTP/1.1 200 OK|Content-Length: 002||ok",
            answers(200, "ok", true),
        ),
        (
            "HTTP/1.1 200 OK|Content-Length: 2||ok!",
            answers(200, "ok", false),
        ),
        (
            "HTTP/1.1 200 OK|Content-Length: 2||ok|",
            answers(200, "ok", false),
        ),
        // No body.
        ("HTTP/1.1 204 No Content||", answers(204, "", true)),
        (
            "HTTP/1.1 204 No Content|Content-Length: 0||",
            answers(204, "", true),
        ),
        (
            "HTTP/1.1 204 No Content|Content-Length: 2||",
            answers(204, "", false),
        ),
        (
            "HTTP/1.1 204 No Content|Transfer-Encoding: chunked||",
            answers(204, "", false),
        ),
        ("HTTP/1.1 204 No Content||late", answers(204, "", false)),
        (
            "HTTP/1.1 304 Not Modified|Content-Length: 10||",
            answers(304, "", true),
        ),
        (
            "HTTP/1.1 304 Not Modified|Transfer-Encoding: chunked||",
            answers(304, "", true),
        ),
        // Chunked.
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ok|0||",
            answers(200, "ok", true),
        ),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: Chunked||1;a=b|o|A;\"x\"|k123456789|0 ;q||",
            answers(200, "ok123456789", true),
        ),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: gzip, chunked||002 |ok|0000|X: y|Z: w||",
            answers(200, "ok", true),
        ),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked||0||",
            answers(200, "", true),
        ),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked||0||0||",
            answers(200, "", false),
        ),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked|Content-Length: 2||2|ok|0||",
            answers(200, "ok", false),
        ),
        (
            "HTTP/1.1 200 OK|Content-Length: 9|Transfer-Encoding: chunked||2|ok|0||",
            answers(200, "ok", false),
        ),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked|Transfer-Encoding: chunked||2|ok|0||",
            answers(200, "ok", false),
        ),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked,||2|ok|0||",
            answers(200, "ok", false),
        ),
        // Connection.
        (
            "HTTP/1.1 200 OK|Connection: close|Content-Length: 2||ok",
            answers(200, "ok", false),
        ),
        (
            "HTTP/1.1 200 OK|Connection: x, Close|Content-Length: 2||ok",
            answers(200, "ok", false),
        ),
        (
            "HTTP/1.1 200 OK|Connection: close|Connection: keep-alive|Content-Length: 2||ok",
            answers(200, "ok", false),
        ),
        (
            "HTTP/1.1 200 OK|Connection: closed|Content-Length: 2||ok",
            answers(200, "ok", true),
        ),
        (
            "HTTP/1.1 200 OK|Connection:|\tclose|Content-Length: 2||ok",
            answers(200, "ok", false),
        ),
        // Folded, in the headers that frame.
        (
            "HTTP/1.1 200 OK|Content-Length:| 2||ok",
            answers(200, "ok", true),
        ),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: gzip,|  chunked||2|ok|0||",
            answers(200, "ok", true),
        ),
        // Interim answers.
        (
            "HTTP/1.1 100 Continue||HTTP/1.1 103 Early|Link: x||HTTP/1.1 200 OK|Content-Length: 2||ok",
            answers(200, "ok", true),
        ),
        (
            "HTTP/1.1 101 Switching Protocols|Upgrade: x||",
            answers(101, "", false),
        ),
        // Odd, and harmless.
        ("HTTP/1.1 999 ?|Content-Length: 0||", answers(999, "", true)),
        (
            "HTTP/1.1 200 \u{fc}ber|X: \u{fc}|Content-Length: 0||",
            answers(200, "", true),
        ),
    ];
    for (text, wanted) in table {
        assert_eq!(everywhere(ASKED, &wire(text), false), wanted, "{text}");
    }
}

#[test]
fn bodies_until_the_close() {
    let table = [
        ("HTTP/1.1 200 OK||all of it", "all of it"),
        ("HTTP/1.1 200 OK||", ""),
        ("HTTP/1.1 200 OK|Connection: keep-alive||all", "all"),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: gzip||2|ok|0||",
            "2\r\nok\r\n0\r\n\r\n",
        ),
        ("HTTP/1.1 200 OK|Transfer-Encoding: chunked, gzip||x", "x"),
        ("HTTP/1.1 200 OK|Transfer-Encoding: chunked;q=1||x", "x"),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: gzip|Content-Length: 1||xyz",
            "xyz",
        ),
    ];
    for (text, body) in table {
        let bytes = wire(text);
        assert_eq!(everywhere(ASKED, &bytes, false), Out::Waits, "{text}");
        assert_eq!(
            everywhere(ASKED, &bytes, true),
            answers(200, body, false),
            "{text}"
        );
    }
}

#[test]
fn http_1_0() {
    let table = [
        ("HTTP/1.0 200 OK|Content-Length: 2||ok", false),
        (
            "HTTP/1.0 200 OK|Connection: keep-alive|Content-Length: 2||ok",
            true,
        ),
        (
            "HTTP/1.0 200 OK|Connection: Keep-Alive, x|Content-Length: 2||ok",
            true,
        ),
        (
            "HTTP/1.0 200 OK|Connection: keep-alive, close|Content-Length: 2||ok",
            false,
        ),
        ("HTTP/1.0 200 OK|Connection: keep-alive||ok", false),
        ("HTTP/1.0 200 OK||ok", false),
    ];
    for (text, wanted) in table {
        match everywhere(ASKED, &wire(text), true) {
            Out::Answers {
                version: "1.0",
                body,
                reusable,
                ..
            } => {
                assert_eq!((body.as_slice(), reusable), (&b"ok"[..], wanted), "{text}");
            }
            out => panic!("{text}: {out:?}"),
        }
    }
    let coded = wire("HTTP/1.0 200 OK|Transfer-Encoding: chunked||2|ok|0||");
    assert_eq!(everywhere(ASKED, &coded, true), BROKEN_HEAD);
}

#[test]
fn a_head_request_has_no_body() {
    let asked = Asked {
        is_head: true,
        ..ASKED
    };
    for (text, reusable) in [
        ("HTTP/1.1 200 OK|Content-Length: 2||", true),
        ("HTTP/1.1 200 OK|Transfer-Encoding: chunked||", true),
        ("HTTP/1.1 200 OK||", true),
        (
            "HTTP/1.1 200 OK|Content-Length: 2|Content-Length: 3||",
            false,
        ),
        ("HTTP/1.1 200 OK|Content-Length: 2||ok", false),
    ] {
        assert_eq!(
            everywhere(asked, &wire(text), false),
            answers(200, "", reusable),
            "{text}"
        );
    }
}
