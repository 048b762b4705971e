//! Tables of answers and what is said of them.

use std::time::{Duration, SystemTime};

use hc_core::{Kind, Phase};
use http::HeaderMap;

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

fn wall() -> SystemTime {
    SystemTime::UNIX_EPOCH + DAY * 20_000
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.append("x-role", "standby".parse().unwrap());
    headers.append("x-role", "primary".parse().unwrap());
    headers
}

#[track_caller]
fn judge(expect: &Expect, body: &[u8], cut_at: Option<u64>) -> Result<Option<Failure>, Failure> {
    expect.judge(&Answer {
        status: 200,
        headers: &headers(),
        body,
        cut_at,
        total: Duration::from_millis(400),
        certificate: Some(Certificate {
            not_before: wall() - DAY * 27,
            not_after: wall() + DAY * 3 + Duration::from_secs(60),
            verified: true,
        }),
        wall: wall(),
    })
}

fn calm() -> Expect {
    let mut expect = Expect::default();
    expect.certificate.degraded = Some(Duration::ZERO);
    expect
}

#[track_caller]
fn says(result: Result<Option<Failure>, Failure>, kind: Kind, code: &str, message: &str) {
    let failure = result.expect_err("it must fail");
    assert_eq!(
        (failure.kind, failure.code, failure.message.as_str()),
        (kind, Some(code), message)
    );
}

#[test]
fn status_sets_parse_show_and_contain() {
    for (text, shown) in [
        ("204", "204"),
        ("2xx", "200-299"),
        ("200-299", "200-299"),
        ("200,3XX", "200, 300-399"),
        ("301, 200-250, 251", "200-251, 301"),
        ("100-999", "100-999"),
    ] {
        let set: StatusSet = text.parse().unwrap();
        assert_eq!(set.to_string(), shown);
        assert_eq!(shown.parse::<StatusSet>().unwrap(), set);
    }
    for text in [
        "", "20", "2x", "0xx", "299-200", "99", "1000", "200-", "200,,204", "+20", "two", "200 204",
    ] {
        assert!(text.parse::<StatusSet>().is_err(), "{text:?}");
    }
    assert_eq!(
        "200, 2y".parse::<StatusSet>().unwrap_err().to_string(),
        "`2y` is no status: write `204`, `2xx`, `200-299`, or several with commas"
    );
}

#[test]
fn a_status_outside_the_set_says_wanted_and_found() {
    let expect = Expect {
        status: "503".parse().unwrap(),
        ..calm()
    };
    let failure = judge(&expect, b"", None).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "unexpected in wait: status: wanted 503, found 200"
    );
    let mismatch = failure.mismatch.unwrap();
    assert_eq!(
        (mismatch.wanted.as_str(), mismatch.found.as_str()),
        ("503", "200")
    );
}

#[test]
fn of_a_repeated_header_one_value_must_pass() {
    let mut expect = calm();
    let name: http::HeaderName = "X-Role".parse().unwrap();
    expect.headers = vec![HeaderExpectation {
        name: name.clone(),
        test: TextTest::Is("primary".into()),
    }];
    assert_eq!(judge(&expect, b"", None), Ok(None));
    expect.headers[0].test = TextTest::Regex("^pri".parse().unwrap());
    assert_eq!(judge(&expect, b"", None), Ok(None));
    expect.headers[0].test = TextTest::Contains("tert".into());
    says(
        judge(&expect, b"", None),
        Kind::Unexpected,
        "header",
        "header: wanted x-role \"tert\" in it, found \"standby\"",
    );
    expect.headers[0].name = "x-none".parse().unwrap();
    says(
        judge(&expect, b"", None),
        Kind::Unexpected,
        "header",
        "header: wanted x-none \"tert\" in it, found no such header",
    );
}

#[test]
fn bodies_contain_lack_and_match() {
    let mut expect = calm();
    expect.body.contains = Some("ready".into());
    assert_eq!(judge(&expect, b"all ready", None), Ok(None));
    says(
        judge(&expect, b"no\n", None),
        Kind::Unexpected,
        "body",
        "body: wanted \"ready\" in it, found \"no\\n\"",
    );
    expect.body.lacks = Some("ERROR".into());
    says(
        judge(&expect, b"all ready, but there was an ERROR", None),
        Kind::Unexpected,
        "body",
        "body: wanted no \"ERROR\", found \"re was an ERROR\"",
    );
    expect.body = BodyExpectation {
        regex: Some("^up$".parse().unwrap()),
        ..BodyExpectation::default()
    };
    assert_eq!(judge(&expect, b"up", None), Ok(None));
    says(
        judge(&expect, b"down", None),
        Kind::Unexpected,
        "body",
        "body: wanted a match of \"^up$\", found \"down\"",
    );
}

#[test]
fn a_cut_body_fails_only_what_needs_the_rest() {
    let cut = Some(65_536);
    assert_eq!(judge(&calm(), b"whatever", cut), Ok(None));
    let over = "over 64 KiB, and expect.body needs the rest";
    let mut expect = calm();
    expect.body.contains = Some("ready".into());
    assert_eq!(judge(&expect, b"ready ...", cut), Ok(None));
    says(judge(&expect, b"rea", cut), Kind::Limit, "body", over);
    expect.body = BodyExpectation {
        lacks: Some("ERR".into()),
        ..BodyExpectation::default()
    };
    says(judge(&expect, b"fine", cut), Kind::Limit, "body", over);
    assert_eq!(
        judge(&expect, b"ERR", cut).unwrap_err().kind,
        Kind::Unexpected
    );
    expect.body = BodyExpectation {
        regex: Some("up$".parse().unwrap()),
        ..BodyExpectation::default()
    };
    says(judge(&expect, b"up", cut), Kind::Limit, "body", over);
    expect.body.regex = Some("up".parse().unwrap());
    assert_eq!(judge(&expect, b"up and more", cut), Ok(None));
    expect.body = BodyExpectation {
        json: vec![json("$.a", "1")],
        ..BodyExpectation::default()
    };
    says(judge(&expect, b"{\"a\":1}", cut), Kind::Limit, "body", over);
}

fn json(path: &str, value: &str) -> JsonExpectation {
    JsonExpectation {
        path: path.parse().unwrap(),
        value: serde_json::from_str(value).unwrap(),
    }
}

#[test]
fn json_paths_want_every_node_equal_and_at_least_one() {
    let body = br#"{"db":{"up":true,"n":1.0},"parts":[{"up":true},{"up":false}]}"#;
    let with = |path: &str, value: &str| {
        let mut expect = calm();
        expect.body.json = vec![json(path, value)];
        expect
    };
    assert_eq!(judge(&with("$.db.up", "true"), body, None), Ok(None));
    assert_eq!(judge(&with("$.db.n", "1"), body, None), Ok(None));
    assert_eq!(
        judge(&with("$.db", r#"{"n":1,"up":true}"#), body, None),
        Ok(None)
    );
    says(
        judge(&with("$.db.up", "false"), body, None),
        Kind::Unexpected,
        "json",
        "json: wanted $.db.up false, found true",
    );
    says(
        judge(&with("$.parts[*].up", "true"), body, None),
        Kind::Unexpected,
        "json",
        "json: wanted $.parts[*].up true, found false",
    );
    says(
        judge(&with("$.none", "1"), body, None),
        Kind::Unexpected,
        "json",
        "json: wanted $.none 1, found nothing there",
    );
    says(
        judge(&with("$.db", "1"), b"<html>", None),
        Kind::Unexpected,
        "json",
        "json: wanted JSON, found \"<html>\"",
    );
    assert!("db.up".parse::<JsonPath>().is_err());
}

#[test]
fn latency_degrades_before_it_fails() {
    let mut expect = calm();
    expect.latency = LatencyExpectation {
        degraded: Some(Duration::from_millis(300)),
        failing: Some(Duration::from_secs(1)),
    };
    let warning = judge(&expect, b"", None).unwrap().unwrap();
    assert_eq!(
        warning.to_string(),
        "unexpected in receive: latency: wanted 300ms, found 400ms"
    );
    expect.latency.failing = Some(Duration::from_millis(350));
    says(
        judge(&expect, b"", None),
        Kind::Unexpected,
        "latency",
        "latency: wanted 350ms, found 400ms",
    );
}

#[test]
fn a_certificate_near_its_end_degrades() {
    let mut expect = Expect::default();
    let warning = judge(&expect, b"", None).unwrap().unwrap();
    // A third of its 30 days is less than 14 days.
    assert_eq!(warning.message.as_str(), "certificate: 3d left, wanted 10d");
    assert_eq!(
        (warning.kind, warning.code, warning.phase),
        (Kind::Unexpected, Some("certificate"), Some(Phase::Tls))
    );
    expect.certificate.degraded = Some(DAY * 14);
    let warning = judge(&expect, b"", None).unwrap().unwrap();
    assert_eq!(warning.message.as_str(), "certificate: 3d left, wanted 14d");
    expect.certificate.failing = DAY * 5;
    says(
        judge(&expect, b"", None),
        Kind::Unexpected,
        "certificate",
        "certificate: 3d left, wanted 5d",
    );
}

#[test]
fn of_an_unverified_certificate_only_what_was_asked_for_is_judged() {
    let expired = Certificate {
        not_before: wall() - DAY * 9,
        not_after: wall() - DAY,
        verified: false,
    };
    let mut expect = CertificateExpectation::default();
    assert_eq!(expect.judge(&expired, wall()), Ok(None));
    expect.degraded = Some(DAY);
    let warning = expect.judge(&expired, wall()).unwrap().unwrap();
    assert_eq!(warning.message.as_str(), "certificate: expired, wanted 1d");
}

#[test]
fn patterns_say_what_is_wrong() {
    let error = "a(b".parse::<Pattern>().unwrap_err().to_string();
    assert_eq!(error, "not a regular expression: unclosed group");
}
