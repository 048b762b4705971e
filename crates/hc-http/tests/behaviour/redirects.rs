//! Redirects: off unless asked for, limited, the last answer judged.

use hc_core::{Blame, Fact, Kind, Phase};
use hc_http::Secret;
use hc_testkit::server::{Server, http};

use crate::support::{Make, fail, is_pooled, pass, row, spec};

cases! {
    a_redirect_is_no_pass_unless_asked_for,
    the_last_answer_is_judged,
    a_loop_ends_at_its_limit,
    another_server_hears_no_credentials,
}

async fn a_redirect_is_no_pass_unless_asked_for(make: Make) {
    let server = Server::always(http::redirect("/login")).await;
    let failure = fail(&make(spec(&server.url("/")))).await;
    row(
        &failure,
        Kind::Unexpected,
        Phase::Wait,
        Blame::Target,
        Some("status"),
        "status: wanted 200-299, found 302",
    );
    assert_eq!(server.requests(), 1);
}

async fn the_last_answer_is_judged(make: Make) {
    let server = Server::start(|_, head| match head.starts_with("GET /new ") {
        true => http::ok(),
        false => http::redirect("/new"),
    })
    .await;
    let mut spec = spec(&server.url("/old"));
    spec.redirects = 1;
    assert!(
        pass(&make(spec))
            .await
            .facts
            .contains(&Fact::HttpStatus(200))
    );
    assert_eq!(server.requests(), 2);
    assert!(!server.heads()[1].to_lowercase().contains("referer"));
}

async fn a_loop_ends_at_its_limit(make: Make) {
    let server = Server::always(http::redirect("/again")).await;
    let mut spec = spec(&server.url("/"));
    spec.redirects = 3;
    let failure = fail(&make(spec)).await;
    row(
        &failure,
        Kind::Limit,
        Phase::Wait,
        Blame::Target,
        Some("redirects"),
        "over 3 redirects",
    );
    assert_eq!(server.requests(), 4);
    // The pool may not have the connection back yet when the next request begins.
    let at_most = if is_pooled(make) { 4 } else { 1 };
    assert!(server.connections() <= at_most);
}

async fn another_server_hears_no_credentials(make: Make) {
    let other = Server::always(http::ok()).await;
    let to = other.url("/");
    let server = Server::start(move |_, _| http::redirect(&to)).await;
    let mut spec = spec(&server.url("/"));
    spec.redirects = 1;
    spec.auth = Some(hc_http::Auth::Bearer(Secret::new("hunter2")));
    pass(&make(spec)).await;
    assert!(server.heads()[0].contains("Bearer hunter2"));
    let head = other.heads()[0].to_lowercase();
    assert!(
        !head.contains("hunter2") && head.contains(&format!("host: {}", other.address())),
        "{head}"
    );
}
