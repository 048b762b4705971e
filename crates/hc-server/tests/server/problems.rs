//! Who is answered, and how everybody else is turned away.

use crate::support::{Site, Switch};

#[tokio::test]
async fn only_names_of_ours_are_answered() {
    let site = Site::of(&["a"]).await;
    site.metrics(hc_server::MetricsSettings::default());
    for host in ["127.0.0.1", "localhost:1", "[::1]", "HC.example"] {
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(site.say(&request).await.status, 200, "{host}");
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "",
        "127.0.0.1.evil",
    ] {
        for path in ["/healthz", "/metrics", "/api/v1/fleet", "/nothing"] {
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            site.say(&request).await.problem(421, "bad-host");
        }
    }
    let none = "GET /healthz HTTP/1.0\r\n\r\n";
    site.say(none).await.problem(421, "bad-host");
    let absolute =
        "GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    site.say(absolute).await.problem(421, "bad-host");
    let two = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    site.say(two).await.problem(421, "bad-host");
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_allowed_are_problems() {
    let site = Site::of(&["a"]).await;
    for path in [
        "/",
        "/api",
        "/api/v1/",
        "/api/v2/fleet",
        "/metrics/",
        "/../etc/passwd",
        "/api/v1/targets/a/b",
    ] {
        site.problem(path, 404, "not-found").await;
    }
    for path in ["/api/v1/fleet?x=1", "/api/v1/config?x"] {
        site.problem(path, 400, "bad-filter").await;
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"] {
        let request = format!(
            "{method} /api/v1/fleet HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let answer = site.say(&request).await;
        answer.problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), Some("GET, HEAD"));
    }
    let head = "HEAD /api/v1/fleet HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = site.say(head).await;
    assert_eq!((answer.status, &*answer.body), (200, ""));
    assert!(answer.header("content-length").is_some());
}

/// A page of somebody else's must not be able to take anything from here for markup.
#[tokio::test]
async fn nothing_is_ever_markup() {
    let site = Site::of(&["<script>alert(1)</script>"]).await;
    site.check("<script>alert(1)</script>", 1).await;
    for path in [
        "/api/v1/targets",
        "/api/v1/events",
        "/api/v1/config",
        "/metrics",
        "/healthz",
        "/%3Cb%3E",
        "/api/v1/targets?%3Cb%3E",
    ] {
        let answer = site.get(path).await;
        let kind = answer.header("content-type").unwrap();
        assert!(
            kind.starts_with("application/") || kind.starts_with("text/plain"),
            "{path}: {kind}"
        );
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert!(
            answer
                .header("content-security-policy")
                .unwrap()
                .contains("'none'"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn it_is_ready_when_each_target_was_asked_once() {
    let slow = Switch::default();
    slow.set(3);
    let site = Site::unswept([("a", Switch::default()), ("slow", slow)], |t| t).await;
    assert_eq!(site.get("/healthz").await.status, 200);
    site.problem("/readyz", 503, "not-ready").await;
    assert_eq!(site.json("/api/v1/fleet").await["first_sweep_done"], false);
    site.monitor.pause(["slow".into()]).await.unwrap();
    site.monitor.first_sweep().await.unwrap();
    // The server hears of it on a task of its own.
    let mut tries = 0;
    while site.get("/readyz").await.status != 200 {
        tries += 1;
        assert!(tries < 1_000, "it is not ready");
        tokio::task::yield_now().await;
    }
    site.monitor.shutdown(std::time::Duration::ZERO).await;
    site.problem("/api/v1/fleet", 503, "stopping").await;
    site.problem("/metrics", 503, "stopping").await;
    site.problem("/healthz", 503, "stopping").await;
}

/// A worker that is stuck is not called well: the answer waits for it, and is given up after its time.
#[tokio::test]
async fn a_stuck_worker_is_not_called_well() {
    let (entered, wait_entered) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Arc::new(std::sync::Mutex::new(released));
    let stuck = hc_core::probe_fn(move |_| {
        let (entered, released) = (entered.clone(), released.clone());
        async move {
            // Nobody waits for the second time.
            let _ = entered.send(());
            let _ = released.lock().unwrap().recv();
            Ok(hc_core::Evidence::new())
        }
    });
    let monitor = hc_scheduler::Monitor::builder()
        .own_threads(true)
        .target(hc_core::Target::new("stuck", stuck))
        .build()
        .start();
    wait_entered.recv().unwrap();
    let site = Site::over(monitor, Default::default()).await;
    let site = std::sync::Arc::new(site);
    let asked = tokio::spawn({
        let site = site.clone();
        async move { site.get("/healthz").await }
    });
    // Others are answered meanwhile.
    for _ in 0..3 {
        site.problem("/readyz", 503, "not-ready").await;
    }
    assert!(!asked.is_finished());
    drop(release);
    let answer = asked.await.unwrap();
    assert_eq!((answer.status, &*answer.body), (200, "ok\n"));
    site.monitor.shutdown(std::time::Duration::ZERO).await;
}

#[tokio::test]
async fn the_description_is_served_as_it_is_checked_in() {
    let site = Site::of(&[]).await;
    assert_eq!(
        site.get("/api/v1/openapi.json").await.body,
        hc_server::openapi()
    );
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schema/openapi.json");
    if std::env::var_os("HC_BLESS").is_some() {
        std::fs::write(path, hc_server::openapi()).unwrap();
    }
    let is_current = std::fs::read_to_string(path).is_ok_and(|text| text == hc_server::openapi());
    assert!(
        is_current,
        "schema/openapi.json is not current: HC_BLESS=1 cargo test -p hc-server"
    );
}
