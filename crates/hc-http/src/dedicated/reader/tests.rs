//! One row an answer, each read in one piece, byte by byte, and split in two at every place.

use hc_core::Kind;
use proptest::prelude::*;

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

#[test]
fn eight_interim_answers_and_no_more() {
    let answer = |count| {
        let interim = "HTTP/1.1 103 Early Hints|Link: x||".repeat(count);
        wire(&format!("{interim}HTTP/1.1 200 OK|Content-Length: 2||ok"))
    };
    assert_eq!(
        everywhere(ASKED, &answer(8), false),
        answers(200, "ok", true)
    );
    assert_eq!(everywhere(ASKED, &answer(9), false), OVER);
}

#[test]
fn headers_up_to_their_limit() {
    let asked = Asked {
        max_headers: 100,
        ..ASKED
    };
    // Content-Length: 0 are 19 bytes with their line's end, and X: 5.
    let answer = |length: usize| {
        let value = "y".repeat(length - 19 - 5);
        wire(&format!("HTTP/1.1 200 OK|Content-Length: 0|X: {value}||"))
    };
    assert_eq!(
        everywhere(asked, &answer(100), false),
        answers(200, "", true)
    );
    assert_eq!(everywhere(asked, &answer(101), false), OVER);
    assert_eq!(everywhere(asked, &answer(3_000), false), OVER);
    // An endless line, and one that is broken within the limit.
    let endless = wire(&format!("HTTP/1.1 200 OK|X: {}", "y".repeat(3_000)));
    assert_eq!(everywhere(asked, &endless, false), OVER);
    let broken = wire(&format!("HTTP/1.1 200 OK|X Y: {}", "y".repeat(3_000)));
    assert_eq!(everywhere(asked, &broken, false), BROKEN_HEAD);
    let many = |count| {
        wire(&format!(
            "HTTP/1.1 204 No Content|{}|",
            "X: y|".repeat(count)
        ))
    };
    assert_eq!(read(ASKED, &[&many(512)], false), answers(204, "", true));
    assert_eq!(read(ASKED, &[&many(513)], false), OVER);
}

#[test]
fn bodies_up_to_their_limit() {
    let heads = [
        ("HTTP/1.1 200 OK|Content-Length: 3||", "abc", "", true),
        ("HTTP/1.1 200 OK|Content-Length: 900||", "abc", "", false),
        (
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked||",
            "2|ab|1|c|",
            "0||",
            true,
        ),
        ("HTTP/1.1 200 OK||", "abc", "", false),
    ];
    for (head, body, end, reusable) in heads {
        let bytes = wire(&format!("{head}{body}{end}"));
        let exact = Asked {
            max_body: 3,
            ..ASKED
        };
        let out = everywhere(exact, &bytes, !reusable);
        match head.contains("900") {
            true => assert_eq!(out, SHORT),
            false => assert_eq!(out, answers(200, "abc", reusable), "{head}"),
        }
        for max_body in [0, 1, 2] {
            let asked = Asked { max_body, ..ASKED };
            match everywhere(asked, &bytes, false) {
                Out::Answers {
                    body,
                    cut: true,
                    reusable: false,
                    ..
                } => {
                    assert_eq!(body, b"abc"[..usize::try_from(max_body).unwrap()], "{head}");
                }
                out => panic!("{head} {max_body}: {out:?}"),
            }
        }
    }
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

#[test]
fn the_time_that_a_server_keeps_a_connection_is_learnt() {
    for (value, wanted) in [
        ("timeout=5", Some(5)),
        ("timeout=5, max=100", Some(5)),
        ("max=100, Timeout = \"7\"", Some(7)),
        ("timeout=9, timeout=8", Some(8)),
        ("timeout=0", Some(0)),
        ("timeout=99999999999999999999999", Some(86_400)),
        ("timeout=", None),
        ("timeout=-5", None),
        ("timeout=5.5", None),
        ("timeouts=5", None),
        ("", None),
    ] {
        let text = format!("HTTP/1.1 200 OK|Keep-Alive: {value}|Content-Length: 0||");
        match everywhere(ASKED, &wire(&text), false) {
            Out::Answers { keep_alive, .. } => assert_eq!(keep_alive, wanted, "{value}"),
            out => panic!("{value}: {out:?}"),
        }
    }
}

#[test]
fn headers_are_kept_if_wanted_and_unfolded() {
    let bytes = wire("HTTP/1.1 204 No|X-Folded: one | \t two| | three|X: 1|x: 2|Empty:||");
    for wants_headers in [true, false] {
        let mut reader = Reader::new(Asked {
            wants_headers,
            ..ASKED
        });
        let Ok(Step::Done(answer)) = reader.take(&bytes) else {
            panic!("the answer is whole")
        };
        let all = |name: &str| {
            let values = answer.headers.get_all(name).iter();
            values
                .map(|value| value.to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        if !wants_headers {
            assert!(answer.headers.is_empty());
            continue;
        }
        assert_eq!(all("x-folded"), ["one two  three"]);
        assert_eq!(all("x"), ["1", "2"]);
        assert_eq!(all("empty"), [""]);
    }
}

#[test]
fn a_body_that_nobody_looks_at_is_counted() {
    for (max_body, length, cut) in [(5, 5, false), (4, 4, true), (0, 0, true)] {
        let asked = Asked {
            max_body,
            wants_body: false,
            ..ASKED
        };
        let bytes = wire("HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|he|3|llo|0||");
        let Ok(Step::Done(answer)) = Reader::new(asked).take(&bytes) else {
            panic!("the answer is there")
        };
        assert_eq!((answer.length, answer.cut), (length, cut));
        assert_eq!((answer.body.capacity(), answer.reusable), (0, !cut));
    }
}

#[test]
fn phases() {
    let mut reader = Reader::new(ASKED);
    let mut take = |bytes: &str| {
        let _ = reader.take(bytes.as_bytes()).unwrap();
        (reader.phase(), reader.has_begun())
    };
    assert_eq!(take(""), (Phase::Wait, false));
    assert_eq!(take("HTTP/1.1 100 C\r\n"), (Phase::Receive, true));
    assert_eq!(take("\r\n"), (Phase::Wait, true));
    assert_eq!(take("HTTP/1.1 200 OK\r\n"), (Phase::Receive, true));
    assert_eq!(take("Content-Length: 2\r\n\r\n"), (Phase::Receive, true));
    assert_eq!(take("o"), (Phase::Receive, true));
}

#[test]
fn drip_fed_heads_cost_no_quadratic_time() {
    // 1 MiB byte by byte: parsed at each byte, these would be 5 * 10^11 steps.
    let asked = Asked {
        max_headers: 1 << 20,
        ..ASKED
    };
    for text in [
        format!("HTTP/1.1 200 OK|X: {}", "y".repeat(1 << 20)),
        "|".repeat(1 << 19),
    ] {
        let mut reader = Reader::new(asked);
        for byte in wire(&text).chunks(1) {
            assert!(matches!(reader.take(byte), Ok(Step::More)));
        }
        assert_eq!(reader.phase(), Phase::Receive);
    }
}

#[test]
fn what_a_chunks_frame_may_cost() {
    let chunked = |rest: &str| {
        wire(&format!(
            "HTTP/1.1 200 OK|Transfer-Encoding: chunked||{rest}"
        ))
    };
    for (what, fits, over) in [
        ("2;", 16_000, 17_000),
        ("2 ", 16_000, 17_000),
        ("2", 16_000, 17_000),
        ("0|X: ", 16_000, 17_000),
    ] {
        let filler = match what {
            "2;" => "x",
            "2 " => " ",
            "2" => "0",
            _ => "y",
        };
        let made = |length| match what {
            "2" => chunked(&format!("{}2|ok|0||", filler.repeat(length))),
            "0|X: " => chunked(&format!("2|ok|{what}{}||", filler.repeat(length))),
            _ => chunked(&format!("{what}{}|ok|0||", filler.repeat(length))),
        };
        assert_eq!(
            read(ASKED, &[&made(fits)], false),
            answers(200, "ok", true),
            "{what}"
        );
        assert_eq!(read(ASKED, &[&made(over)], false), BROKEN_BODY, "{what}");
    }
}

proptest! {
    #[test]
    fn pieces_never_matter(
        head in prop::sample::select(vec![
            "HTTP/1.1 200 OK|", "HTTP/1.0 200 OK|", "HTTP/1.1 204 No Content|", "|HTTP/1.1 404|",
            "HTTP/1.1 100 Continue||HTTP/1.1 200 OK|",
        ]),
        headers in prop::collection::vec(prop::sample::select(vec![
            "Content-Length: 5|", "Content-Length: 0|", "Transfer-Encoding: chunked|", "Connection: close|",
            "Connection: keep-alive|", "X: y| z|", "X:|", "Broken|", "Keep-Alive: timeout=5|",
        ]), 0..5),
        body in prop::sample::select(vec![
            "", "hello", "hello, world", "5|hello|0||", "5;x|hello|0|T: x||", "3|abc|2|d", "zzz|",
        ]),
        cuts in prop::collection::vec(0.0..1.0_f64, 0..6),
        max_body in prop::sample::select(vec![0_u64, 3, 5, 1_000]),
        ends in any::<bool>(),
    ) {
        let bytes = wire(&format!("{head}{}|{body}", headers.concat()));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
            reason = "a place in a short text")]
        let mut places: Vec<_> = cuts.iter().map(|cut| (cut * bytes.len() as f64) as usize).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let pieces: Vec<_> = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let asked = Asked { max_body, ..ASKED };
        prop_assert_eq!(read(asked, &pieces, ends), read(asked, &[&bytes], ends));
    }
}
