//! Secrets: sent, and never shown.

use hc_http::{Auth, Body, Clients, HttpProbe, ProxySettings, Secret};
use hc_testkit::server::{Server, closed_port, http};

use crate::support::{Make, fail, pass, spec};

cases! { secrets_are_sent_and_never_shown, }

async fn secrets_are_sent_and_never_shown(make: Make) {
    const SECRET: &str = "hunter2";
    let server = Server::always(http::ok()).await;
    let mut full = spec(&format!(
        "http://user:{SECRET}@{}/?token={SECRET}",
        server.address()
    ));
    full.headers = vec![("x-key".parse().unwrap(), Secret::new(SECRET))];
    full.body = Some(Body(SECRET.into()));
    let probe = make(full.clone());
    pass(&probe).await;
    let head = server.heads().remove(0);
    assert!(
        head.contains("Basic dXNlcjpodW50ZXIy") && head.contains(SECRET),
        "{head}"
    );
    full.auth = Some(Auth::Basic {
        user: "user".into(),
        password: SECRET.into(),
    });
    full.proxy = Some(ProxySettings {
        url: format!("http://u:{SECRET}@127.0.0.1:1/").parse().unwrap(),
    });
    let refused = spec(&format!(
        "http://user:{SECRET}@{}/?token={SECRET}",
        closed_port().await
    ));
    let failure = fail(&make(refused)).await;
    let mut bad = full.clone();
    bad.headers
        .push(("x-bad".parse().unwrap(), Secret::new(format!("{SECRET}\n"))));
    let error = HttpProbe::try_new(bad, &Clients::new()).unwrap_err();
    for shown in [
        format!("{probe:?}"),
        format!("{full:?}"),
        format!("{failure:?}"),
        format!("{error} {error:?}"),
    ] {
        assert!(!shown.contains(SECRET), "{shown}");
    }
}
