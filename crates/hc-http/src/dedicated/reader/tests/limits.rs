//! What an answer may cost at most.

use super::*;

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
