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
    nor_does_the_same_host_without_tls,
    nor_does_the_first_one_when_it_is_led_back_to,
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
    for (name, value) in [
        ("cookie", "id=hunter2"),
        ("x-api-key", "hunter2"),
        ("accept", "text/plain"),
    ] {
        spec.headers
            .push((name.parse().unwrap(), Secret::new(value)));
    }
    pass(&make(spec)).await;
    assert_eq!(server.heads()[0].matches("hunter2").count(), 3);
    let head = other.heads()[0].to_lowercase();
    assert!(
        !head.contains("hunter2") && head.contains(&format!("host: {}", other.address())),
        "{head}"
    );
    assert!(head.contains("accept: text/plain"), "{head}");
}

/// Who listens on the way hears all of it.
async fn nor_does_the_same_host_without_tls(make: Make) {
    let authority = hc_testkit::tls::Authority::new();
    #[expect(
        clippy::disallowed_methods,
        reason = "certificates are valid in real time"
    )]
    let now = std::time::SystemTime::now();
    let day = hc_testkit::tls::DAY;
    let config = authority.server("127.0.0.1", now - day, now + day * 90);
    let plain = Server::always(http::ok()).await;
    let to = plain.url("/");
    let server = Server::start_tls(config, move |_, _| http::redirect(&to)).await;
    let mut spec = spec(&format!("https://{}/", server.address()));
    spec.tls.roots = hc_http::tls::Roots::None;
    spec.tls.ca = hc_http::tls::certificates_from_pem(authority.pem().as_bytes()).unwrap();
    spec.redirects = 1;
    spec.auth = Some(hc_http::Auth::Bearer(Secret::new("hunter2")));
    pass(&make(spec)).await;
    assert!(server.heads()[0].contains("hunter2"));
    assert!(!plain.heads()[0].contains("hunter2"));
}

/// Another server must not say what is asked of the first one with its keys.
async fn nor_does_the_first_one_when_it_is_led_back_to(make: Make) {
    let (tell, back) = std::sync::mpsc::sync_channel::<String>(1);
    let back = std::sync::Mutex::new(back);
    let other = Server::start(move |_, _| {
        let to = back.lock().unwrap().recv().unwrap();
        http::redirect(&to)
    })
    .await;
    let to = other.url("/");
    let server = Server::start(move |nth, _| match nth {
        0 => http::redirect(&to),
        _ => http::ok(),
    })
    .await;
    tell.send(server.url("/delete")).unwrap();
    let mut spec = spec(&server.url("/"));
    spec.redirects = 2;
    spec.auth = Some(hc_http::Auth::Bearer(Secret::new("hunter2")));
    pass(&make(spec)).await;
    assert!(server.heads()[0].contains("hunter2"));
    assert!(
        server.heads()[1].starts_with("GET /delete ") && !server.heads()[1].contains("hunter2")
    );
}
