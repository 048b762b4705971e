//! What `hc check` makes of odd and hostile answers, and how its requests can be shaped.

mod common;

use std::net::ToSocketAddrs;
use std::time::SystemTime;

use common::{expect, folder, hc, run};
use hc_testkit::server::{Act, Server, http};
use hc_testkit::tls::{Authority, DAY};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_from_a_response_reaches_the_terminal_raw() {
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\r\nFAKE\tok\u{202e}";
    let greeting = Server::always([Act::text(&format!("{evil}\r\n\r\n")), Act::Close]).await;
    let body = Server::always(http::answer("200 OK", evil)).await;
    let header = Server::always([Act::text(
        "HTTP/1.1 200 \u{1b}[31mOK\r\nX-Evil: \u{9b}31m\r\nContent-Length: 0\r\n\r\n",
    )])
    .await;
    let folder = folder("hostile");
    let config = folder.join("hc.yaml");
    let text = format!(
        "targets:\n  - {{ url: \"{}\" }}\n  - {{ url: \"{}\", expect: {{ body: {{ json: {{ $.a: 1 }} }} }} }}\n  \
         - {{ url: \"{}\", expect: {{ headers: {{ X-Evil: {{ is: good }} }} }} }}\n",
        greeting.url("/"),
        body.url("/"),
        header.url("/"),
    );
    std::fs::write(&config, text).unwrap();
    let (config, report) = (config.to_str().unwrap(), folder.join("junit.xml"));
    for form in [&[][..], &["--json"], &["--nagios"], &["-v"], &["-q"]] {
        let mut args = vec!["check", "-c", config, "--junit", report.to_str().unwrap()];
        args.extend(form);
        let ran = run(&args);
        assert!(matches!(ran.code, 1 | 2), "{ran:?}");
        let junit = std::fs::read_to_string(&report).unwrap();
        for text in [&ran.stdout, &ran.stderr, &junit] {
            let raw = text
                .chars()
                .find(|c| (c.is_control() && !"\n\t".contains(*c)) || *c == '\u{202e}');
            assert_eq!(raw, None, "{form:?}: {text}");
            assert!(!text.lines().any(|line| line.starts_with("FAKE")), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn short_forms_and_both_families_of_localhost() {
    let v4 = Server::always(http::ok()).await;
    let port = v4.address().port();
    let ran = expect(0, &["check", &format!(":{port}/x")]);
    assert!(
        ran.stdout
            .contains(&format!("\thttp://localhost:{port}/x\t")),
        "{ran:?}"
    );
    expect(0, &["check", &format!("localhost:{port}")]);
    expect(0, &["check", &format!("127.0.0.1:{port}"), "--ip", "4"]);
    expect(1, &["check", &format!("127.0.0.1:{port}"), "--ip", "6"]);
    let has_v6 = ("localhost", 80)
        .to_socket_addrs()
        .is_ok_and(|mut all| all.any(|a| a.is_ipv6()));
    let Ok(v6) = std::net::TcpListener::bind("[::1]:0") else {
        return;
    };
    if !has_v6 {
        return;
    }
    let port = v6.local_addr().unwrap().port();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = v6.accept().unwrap();
        let mut head = [0; 1024];
        let _ = stream.read(&mut head).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
    });
    let ran = expect(0, &["check", "--json", &format!("localhost:{port}")]);
    assert!(
        ran.stdout
            .contains(&format!("\"address\":\"[::1]:{port}\"")),
        "{ran:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_shape_the_request_and_the_expectation() {
    let server = Server::always(http::answer("200 OK", "all is ready")).await;
    let address = server.address().to_string();
    expect(
        0,
        &[
            "check",
            "http://shop.test/x",
            "--connect",
            &address,
            "--header",
            "X-Key: s3cret: 1",
        ],
    );
    let head = server.heads().pop().unwrap();
    assert!(head.starts_with("GET /x HTTP/1.1"), "{head}");
    let lower = head.to_lowercase();
    assert!(
        lower.contains("host: shop.test") && lower.contains("x-key: s3cret: 1"),
        "{head}"
    );
    expect(0, &["check", &server.url("/"), "--expect-body", "is ready"]);
    let ran = expect(
        1,
        &[
            "check",
            &server.url("/"),
            "--expect-body",
            "is down",
            "--header",
            "K: s3cret",
        ],
    );
    assert!(ran.stdout.contains("body"), "{ran:?}");
    assert!(
        !ran.stdout.contains("s3cret") && !ran.stderr.contains("s3cret"),
        "{ran:?}"
    );
    let at = format!("http://gertrude:s3cret@{address}/");
    let ran = expect(0, &["check", "--json", "-v", &at]);
    assert!(
        !ran.stdout.contains("s3cret") && !ran.stdout.contains("gertrude"),
        "{ran:?}"
    );
    assert!(
        server
            .heads()
            .pop()
            .unwrap()
            .to_lowercase()
            .contains("authorization: basic")
    );
}

#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "a certificate is valid around the real now"
)]
async fn insecure_is_said_in_every_output() {
    let authority = Authority::new();
    let now = SystemTime::now();
    let tls = authority.server("127.0.0.1", now - DAY, now + 90 * DAY);
    let server = Server::start_tls(tls, |_, _| http::ok()).await;
    let url = format!("https://{}/", server.address());
    let ran = expect(1, &["check", &url]);
    assert!(ran.stdout.starts_with("FAIL\ttls\t"), "{ran:?}");
    let ran = expect(0, &["check", "--insecure", &url]);
    assert!(ran.stdout.contains("insecure"), "{ran:?}");
    let ran = expect(0, &["check", "--insecure", "--nagios", &url]);
    assert!(ran.stdout.contains("(insecure)"), "{ran:?}");
    let ran = expect(0, &["check", "--insecure", "--json", &url]);
    let line: serde_json::Value = serde_json::from_str(ran.stdout.trim()).unwrap();
    assert_eq!(line["tls"]["insecure"], true);
    assert!(line["tls"]["certificate_expiry"].is_string(), "{line}");
    assert!(line["phases_ms"]["tls"].is_number(), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rounds_and_fail_fast() {
    let turns = Server::start(|nth, _| match nth {
        1 => http::answer("500 Oops", ""),
        _ => http::ok(),
    })
    .await;
    let ran = expect(
        1,
        &[
            "check",
            "--repeat",
            "3",
            "--interval",
            "1ms",
            &turns.url("/"),
        ],
    );
    assert!(ran.stdout.contains("3 rounds: 2 pass, ms min "), "{ran:?}");
    assert_eq!(turns.connections(), 3, "each check opens its own");
    let bad = Server::always(http::answer("500 Oops", "")).await;
    let hang = Server::always([Act::Hang]).await;
    let ran = expect(
        1,
        &[
            "check",
            "--fail-fast",
            "--timeout",
            "60s",
            &hang.url("/"),
            &bad.url("/"),
        ],
    );
    assert!(ran.stderr.contains("1 not asked"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_stays_below_what_docker_keeps() {
    let bad = Server::always(http::answer("500 Oops", "")).await;
    let urls: Vec<String> = (0..200).map(|n| bad.url(&format!("/{n}"))).collect();
    let mut args = vec!["check", "-q"];
    args.extend(urls.iter().map(String::as_str));
    let ran = expect(1, &args);
    assert!(
        ran.stdout.len() < 4096 && ran.stdout.contains(" more\n"),
        "{}",
        ran.stdout
    );
}

/// Results that are lost are an error, unless their reader closed them; a report that cannot be written is usage.
#[tokio::test(flavor = "multi_thread")]
async fn results_that_cannot_be_written_are_no_success() {
    let server = Server::always(http::ok()).await;
    let url = server.url("/");
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let ran = hc().args(["check", &url]).stdout(full).output().unwrap();
    assert_eq!(ran.status.code(), Some(1));
    let told = String::from_utf8(ran.stderr).unwrap();
    assert!(told.contains("failed to write the results"), "{told}");

    let asked = server.requests();
    let nowhere = "/nonexistent/report.xml";
    expect(2, &["check", "--junit", nowhere, &url]);
    expect(3, &["check", "--nagios", "--junit", nowhere, &url]);
    assert_eq!(server.requests(), asked, "nothing was asked");
}
