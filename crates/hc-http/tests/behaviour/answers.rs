//! Answers, and what comes instead of one.

use hc_core::{Blame, Connection, Fact, Kind, Phase};
use hc_http::{Dial, IpFamily, ProxySettings};
use hc_testkit::server::{Act, Server, closed_port, http};

use crate::support::{Make, check, fail, is_pooled, pass, row, spec, stuck_in};

cases! {
    a_good_answer_passes_with_its_evidence,
    a_status_outside_the_range_is_unexpected,
    a_refused_connection_is_the_targets,
    both_families_of_a_name_are_told,
    a_name_without_address,
    a_name_is_asked_once_for_a_while,
    differing_lengths_are_refused,
    a_family_without_address,
    a_close_before_the_answer,
    a_reset_before_the_answer,
    something_else_than_http,
    a_body_cut_short,
    broken_chunks,
    hanging_servers_name_the_phase,
    folded_headers_are_unfolded,
    connect_keeps_host,
    a_proxy_that_refuses,
    a_proxy_that_is_not_there,
    a_proxy_that_works,
    ; dedicated only: a_tunnel_that_is_refused,
}

async fn a_good_answer_passes_with_its_evidence(make: Make) {
    let server = Server::always(http::ok()).await;
    let evidence = pass(&make(spec(&server.url("/health?x=1")))).await;
    assert_eq!(evidence.address, Some(server.address()));
    assert_eq!(
        (evidence.connection, evidence.opened, evidence.retried),
        (Some(Connection::New), 1, false)
    );
    for fact in [
        Fact::HttpStatus(200),
        Fact::HttpVersion("1.1"),
        Fact::BodyBytes(2),
    ] {
        assert!(
            evidence.facts.contains(&fact),
            "{fact:?} of {:?}",
            evidence.facts
        );
    }
    assert_eq!(
        evidence.phases.get(Phase::Resolve),
        None,
        "an address is not resolved"
    );
    assert_eq!(evidence.phases.get(Phase::Tls), None);
    for phase in [Phase::Connect, Phase::Wait, Phase::Receive] {
        assert!(evidence.phases.get(phase).is_some(), "{phase} was measured");
    }
    let head = server.heads().remove(0).to_lowercase();
    assert!(head.starts_with("get /health?x=1 http/1.1\r\n"), "{head}");
    assert!(
        head.contains(&format!("host: {}", server.address())),
        "{head}"
    );
    assert!(
        head.contains(concat!("user-agent: hc/", env!("CARGO_PKG_VERSION"))),
        "{head}"
    );
    assert!(
        !head.contains("accept-encoding") && !head.contains("referer"),
        "{head}"
    );
}

async fn a_status_outside_the_range_is_unexpected(make: Make) {
    let server = Server::always(http::answer("503 Service Unavailable", "busy")).await;
    let failure = fail(&make(spec(&server.url("/")))).await;
    row(
        &failure,
        Kind::Unexpected,
        Phase::Wait,
        Blame::Target,
        Some("status"),
        "status: wanted 200-299, found 503",
    );
    assert!(
        failure
            .evidence
            .unwrap()
            .facts
            .contains(&Fact::HttpStatus(503))
    );
}

async fn a_refused_connection_is_the_targets(make: Make) {
    let address = closed_port().await;
    let failure = fail(&make(spec(&format!("http://{address}/")))).await;
    let says = format!("{address} refused the connection");
    row(
        &failure,
        Kind::Refused,
        Phase::Connect,
        Blame::Target,
        None,
        &says,
    );
}

async fn both_families_of_a_name_are_told(make: Make) {
    let port = closed_port().await.port();
    let failure = fail(&make(spec(&format!("http://localhost:{port}/")))).await;
    assert_eq!(
        (failure.kind, failure.blame),
        (Kind::Refused, Blame::Target)
    );
    let says = failure.message.as_str();
    assert!(
        says.starts_with(&format!("127.0.0.1:{port} refused the connection")),
        "{says}"
    );
}

async fn a_name_without_address(make: Make) {
    // Reserved by RFC 6761; where there is no resolver at all, that is this machine's fault.
    let failure = fail(&make(spec("http://nothing.invalid/"))).await;
    match failure.kind {
        Kind::Resolve => {
            let says = "nothing.invalid does not exist";
            row(
                &failure,
                Kind::Resolve,
                Phase::Resolve,
                Blame::Target,
                Some("not_found"),
                says,
            );
        }
        _ => assert_eq!(
            (failure.kind, failure.phase, failure.blame),
            (Kind::Resolver, Some(Phase::Resolve), Blame::Local)
        ),
    }
}

async fn a_family_without_address(make: Make) {
    let mut spec = spec("http://127.0.0.1:1/");
    spec.ip = IpFamily::V6;
    let failure = fail(&make(spec)).await;
    let says = "127.0.0.1 has no address of IPv6";
    row(
        &failure,
        Kind::Resolve,
        Phase::Resolve,
        Blame::Target,
        Some("no_address"),
        says,
    );
}

async fn a_close_before_the_answer(make: Make) {
    let server = Server::always([Act::Close]).await;
    let failure = fail(&make(spec(&server.url("/")))).await;
    row(
        &failure,
        Kind::Reset,
        Phase::Wait,
        Blame::Target,
        Some("closed"),
        "the server closed before it answered",
    );
    assert_eq!(
        server.connections(),
        1,
        "a new connection's failure is not tried again"
    );
}

async fn a_reset_before_the_answer(make: Make) {
    let server = Server::always([Act::Reset]).await;
    let failure = fail(&make(spec(&server.url("/")))).await;
    row(
        &failure,
        Kind::Reset,
        Phase::Wait,
        Blame::Target,
        Some("reset"),
        "the server closed before it answered",
    );
}

async fn something_else_than_http(make: Make) {
    for (bytes, shown) in [
        ("SSH-2.0\r\n", "SSH-2.0"),
        ("\u{1b}[2Jhello\r\n\r\n", "\\u{1b}[2Jhello"),
    ] {
        let server = Server::always([Act::text(bytes), Act::Close]).await;
        let failure = fail(&make(spec(&server.url("/")))).await;
        // reqwest does not tell what came.
        let says = match is_pooled(make) {
            true => "not an HTTP answer".to_owned(),
            false => format!("not an HTTP answer: \"{shown}\""),
        };
        row(
            &failure,
            Kind::Protocol,
            Phase::Wait,
            Blame::Target,
            Some("not_http"),
            &says,
        );
    }
}

async fn a_body_cut_short(make: Make) {
    let server = Server::always([
        Act::text("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
        Act::Close,
    ])
    .await;
    let failure = fail(&make(spec(&server.url("/")))).await;
    row(
        &failure,
        Kind::Protocol,
        Phase::Receive,
        Blame::Target,
        Some("body_short"),
        "the server closed before the body's end",
    );
}

async fn broken_chunks(make: Make) {
    let server = Server::always([
        Act::text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnope\r\n"),
        Act::Hang,
    ])
    .await;
    let failure = fail(&make(spec(&server.url("/")))).await;
    row(
        &failure,
        Kind::Protocol,
        Phase::Receive,
        Blame::Target,
        Some("encoding"),
        "the body's chunks are broken",
    );
}

async fn hanging_servers_name_the_phase(make: Make) {
    let silent = Server::always([Act::Hang]).await;
    assert_eq!(
        stuck_in(&make(spec(&silent.url("/")))).await,
        Some(Phase::Wait)
    );
    let half = Server::always([
        Act::text("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
        Act::Hang,
    ])
    .await;
    assert_eq!(
        stuck_in(&make(spec(&half.url("/")))).await,
        Some(Phase::Receive)
    );
}

async fn folded_headers_are_unfolded(make: Make) {
    let server = Server::always([Act::text(
        "HTTP/1.1 200 OK\r\nX-Folded: one\r\n two\r\nContent-Length: 0\r\n\r\n",
    )])
    .await;
    let mut spec = spec(&server.url("/"));
    spec.expect.headers = vec![hc_http::expect::HeaderExpectation {
        name: "x-folded".parse().unwrap(),
        test: hc_http::expect::TextTest::Regex("^one +two$".parse().unwrap()),
    }];
    pass(&make(spec)).await;
}

async fn connect_keeps_host(make: Make) {
    let server = Server::always(http::ok()).await;
    let mut spec = spec("http://shop.test/health");
    spec.connect = Some(Dial::Address(server.address()));
    pass(&make(spec.clone())).await;
    assert!(
        server.heads()[0].to_lowercase().contains("host: shop.test"),
        "{:?}",
        server.heads()
    );
    spec.host = Some("other.test".into());
    pass(&make(spec)).await;
    assert!(
        server.heads()[1]
            .to_lowercase()
            .contains("host: other.test"),
        "{:?}",
        server.heads()
    );
}

async fn a_proxy_that_refuses(make: Make) {
    let proxy = Server::always(http::answer("407 Proxy Authentication Required", "")).await;
    let mut spec = spec("http://shop.test/");
    spec.proxy = Some(ProxySettings {
        url: proxy.url("/").parse().unwrap(),
    });
    let failure = fail(&make(spec)).await;
    let says = format!("proxy {} answered 407", proxy.address());
    row(&failure, Kind::Proxy, Phase::Wait, Blame::Path, None, &says);
    assert!(
        proxy.heads()[0].starts_with("GET http://shop.test/ HTTP/1.1"),
        "{:?}",
        proxy.heads()
    );
}

async fn a_proxy_that_is_not_there(make: Make) {
    let address = closed_port().await;
    let mut spec = spec("http://shop.test/");
    spec.proxy = Some(ProxySettings {
        url: format!("http://{address}/").parse().unwrap(),
    });
    let says = format!("proxy {address} refused the connection");
    row(
        &fail(&make(spec)).await,
        Kind::Proxy,
        Phase::Connect,
        Blame::Path,
        None,
        &says,
    );
}

async fn a_tunnel_that_is_refused(make: Make) {
    let proxy = Server::always(http::answer("407 Proxy Authentication Required", "")).await;
    let mut spec = spec("https://shop.test/");
    spec.proxy = Some(ProxySettings {
        url: format!("http://u:p@{}/", proxy.address()).parse().unwrap(),
    });
    let failure = fail(&make(spec)).await;
    let says = format!("proxy {} answered 407", proxy.address());
    row(
        &failure,
        Kind::Proxy,
        Phase::Connect,
        Blame::Path,
        None,
        &says,
    );
    let head = &proxy.heads()[0];
    assert!(head.starts_with("CONNECT shop.test:443 HTTP/1.1"), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic dTpw"), "{head}");
}

async fn a_proxy_that_works(make: Make) {
    let proxy = Server::always(http::ok()).await;
    let mut spec = spec("http://shop.test/health");
    spec.proxy = Some(ProxySettings {
        url: proxy.url("/").parse().unwrap(),
    });
    let evidence = check(&make(spec)).await.unwrap();
    assert_eq!(evidence.address, Some(proxy.address()));
}

async fn a_name_is_asked_once_for_a_while(make: Make) {
    let server = Server::always(http::ok()).await;
    let mut spec = spec(&format!("http://localhost:{}/", server.address().port()));
    spec.keep_alive = std::time::Duration::ZERO;
    spec.ip = IpFamily::V4;
    let probe = make(spec);
    let first = pass(&probe).await.phases.get(Phase::Resolve);
    let second = pass(&probe).await.phases.get(Phase::Resolve);
    assert!(first.is_some() && second.is_none(), "{first:?} {second:?}");
}

async fn differing_lengths_are_refused(make: Make) {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok";
    let server = Server::always([Act::text(answer)]).await;
    let failure = fail(&make(spec(&server.url("/")))).await;
    let says = match is_pooled(make) {
        true => "not an HTTP answer",
        false => "the answer's status line or headers are broken",
    };
    row(
        &failure,
        Kind::Protocol,
        Phase::Wait,
        Blame::Target,
        Some("not_http"),
        says,
    );
}
