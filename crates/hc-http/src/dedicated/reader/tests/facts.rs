//! What is told of an answer, and while it arrives.

use super::*;

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
