//! What a response may cost.

use hc_core::{Blame, Fact, Kind, Phase};
use hc_testkit::server::{Act, Server, http};

use crate::support::{Make, fail, is_pooled, pass, row, spec, stuck_in};

cases! {
    a_header_flood_ends_at_its_limit,
    headers_over_a_small_limit,
    many_headers_within_the_limit_pass,
    endless_interim_answers_are_named,
    a_few_interim_answers_are_skipped,
    an_endless_body_fails_what_needs_it_all,
    a_body_as_long_as_its_limit_is_whole,
    a_decompression_bomb_is_named,
    compressed_bodies_are_judged_decompressed,
    broken_compression_is_named,
    chunks_of_one_byte_end_at_the_bodys_limit,
    ; dedicated only: a_proxys_long_head_is_named,
    sizes_of_chunks_that_say_too_much_are_named,
}

async fn a_header_flood_ends_at_its_limit(make: Make) {
    let server = Server::always(http::header_flood()).await;
    let failure = fail(&make(spec(&server.url("/")))).await;
    row(
        &failure,
        Kind::Limit,
        Phase::Wait,
        Blame::Target,
        Some("headers"),
        "headers over 16 KiB",
    );
}

async fn headers_over_a_small_limit(make: Make) {
    let answer = format!(
        "HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: 0\r\n\r\n",
        "x".repeat(1_100)
    );
    let server = Server::always([Act::text(&answer)]).await;
    let mut spec = spec(&server.url("/"));
    spec.max_headers = 1_024;
    row(
        &fail(&make(spec)).await,
        Kind::Limit,
        Phase::Wait,
        Blame::Target,
        Some("headers"),
        "headers over 1 KiB",
    );
}

async fn many_headers_within_the_limit_pass(make: Make) {
    let headers = (0..200)
        .map(|nth| format!("X-{nth}: y\r\n"))
        .collect::<String>();
    let server = Server::always([Act::text(&format!(
        "HTTP/1.1 200 OK\r\n{headers}Content-Length: 0\r\n\r\n"
    ))])
    .await;
    pass(&make(spec(&server.url("/")))).await;
}

async fn endless_interim_answers_are_named(make: Make) {
    let server = Server::always(http::endless_interim()).await;
    if is_pooled(make) {
        // reqwest cannot count them: the deadline ends them.
        let phase = stuck_in(&make(spec(&server.url("/")))).await;
        assert_eq!(phase, Some(Phase::Wait));
        return;
    }
    let failure = fail(&make(spec(&server.url("/")))).await;
    row(
        &failure,
        Kind::Limit,
        Phase::Wait,
        Blame::Target,
        Some("headers"),
        "over 8 interim answers",
    );
}

async fn a_few_interim_answers_are_skipped(make: Make) {
    let mut acts = vec![Act::text("HTTP/1.1 103 Early Hints\r\n\r\n"); 8];
    acts.extend(http::ok());
    let server = Server::always(acts).await;
    assert!(
        pass(&make(spec(&server.url("/"))))
            .await
            .facts
            .contains(&Fact::HttpStatus(200))
    );
}

async fn an_endless_body_fails_what_needs_it_all(make: Make) {
    let server = Server::always(http::endless_body()).await;
    let mut spec = spec(&server.url("/"));
    spec.expect.body.lacks = Some("ERROR".into());
    let says = "over 64 KiB, and expect.body needs the rest";
    row(
        &fail(&make(spec)).await,
        Kind::Limit,
        Phase::Receive,
        Blame::Target,
        Some("body"),
        says,
    );
}

async fn a_body_as_long_as_its_limit_is_whole(make: Make) {
    for (length, is_cut) in [(1_000, false), (1_001, true)] {
        let server = Server::always(http::body_of(length)).await;
        let mut spec = spec(&server.url("/"));
        spec.max_body = 1_000;
        let evidence = pass(&make(spec)).await;
        assert_eq!(evidence.facts.contains(&Fact::BodyCut), is_cut, "{length}");
        assert!(evidence.facts.contains(&Fact::BodyBytes(1_000)));
    }
}

fn gzipped(body: &[u8]) -> Vec<Act> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(body).unwrap();
    encoded(&encoder.finish().unwrap())
}

fn encoded(body: &[u8]) -> Vec<Act> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    vec![Act::text(&head), Act::Send(body.to_vec())]
}

async fn a_decompression_bomb_is_named(make: Make) {
    let server = Server::always(gzipped(&vec![0; 10 << 20])).await;
    let mut spec = spec(&server.url("/"));
    spec.decompress = true;
    let says = "over 64 KiB when decompressed";
    row(
        &fail(&make(spec.clone())).await,
        Kind::Limit,
        Phase::Receive,
        Blame::Target,
        Some("decompressed"),
        says,
    );
    // Not asked for, it is a body like any other.
    spec.decompress = false;
    pass(&make(spec)).await;
}

async fn compressed_bodies_are_judged_decompressed(make: Make) {
    let server = Server::always(gzipped(b"all ready")).await;
    let mut spec = spec(&server.url("/"));
    spec.decompress = true;
    spec.expect.body.contains = Some("ready".into());
    pass(&make(spec)).await;
    assert!(
        server.heads()[0]
            .to_lowercase()
            .contains("accept-encoding: gzip, deflate, br")
    );
}

async fn broken_compression_is_named(make: Make) {
    let server = Server::always(encoded(b"plain")).await;
    let mut spec = spec(&server.url("/"));
    spec.decompress = true;
    row(
        &fail(&make(spec)).await,
        Kind::Protocol,
        Phase::Receive,
        Blame::Target,
        Some("encoding"),
        "the body is no gzip",
    );
}

async fn chunks_of_one_byte_end_at_the_bodys_limit(make: Make) {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = Act::Repeat(b"1\r\nx\r\n".to_vec());
    let server = Server::always([Act::text(head), chunk]).await;
    let mut spec = spec(&server.url("/"));
    spec.max_body = 10_000;
    let evidence = pass(&make(spec)).await;
    assert!(evidence.facts.contains(&Fact::BodyCut));
    assert!(evidence.facts.contains(&Fact::BodyBytes(10_000)));
}

async fn sizes_of_chunks_that_say_too_much_are_named(make: Make) {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for flood in ["1;why=not\r\nx\r\n", "000000000000000000001\r\nx\r\n"] {
        let flood = Act::Repeat(flood.as_bytes().to_vec());
        let server = Server::always([Act::text(head), flood]).await;
        row(
            &fail(&make(spec(&server.url("/")))).await,
            Kind::Protocol,
            Phase::Receive,
            Blame::Target,
            Some("encoding"),
            "the body's chunks are broken",
        );
    }
}

/// In one piece, in many, and without an end.
async fn a_proxys_long_head_is_named(make: Make) {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(2_000));
    let drip = Act::Drip(long.clone().into_bytes(), std::time::Duration::ZERO);
    let endless = Act::Repeat(b"X: y\r\n".to_vec());
    for act in [Act::text(&long), drip, endless] {
        let server = Server::always([act]).await;
        let mut spec = spec("https://shop.test/");
        spec.proxy = Some(hc_http::ProxySettings {
            url: server.url("/").parse().unwrap(),
        });
        spec.max_headers = 1_024;
        let failure = fail(&make(spec)).await;
        assert_eq!(failure.kind, Kind::Proxy);
        let says = format!("proxy {}: headers over 1 KiB", server.address());
        assert_eq!(failure.message.as_str(), says);
    }
}
