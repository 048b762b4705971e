//! A service from config text to verdicts, over real sockets: reload keeps what it must.

use std::net::TcpListener;

use hc_app::{Service, ServiceError, Surroundings};
use hc_config::load_str;
use hc_core::{EventKind, FeedItem, Status};
use hc_testkit::server::{Server, http};

fn config(text: &str) -> hc_config::Config {
    load_str("hc.yaml", text).unwrap_or_else(|errors| panic!("{}", errors.render(false)))
}

fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.local_addr().expect("it is bound").port()
}

#[tokio::test]
async fn a_reload_keeps_the_health_of_what_stays_and_forgets_what_is_another_thing() {
    let server = Server::start(|_, _| http::ok()).await;
    let (good, dead) = (server.url("/health"), closed_port());
    let before = format!(
        "defaults: {{ interval: 200ms }}\ntargets:\n  - {{ name: a, url: \"{good}\" }}\n  - {{ name: b, url: \"http://127.0.0.1:{dead}/\" }}\n  \
         - {{ name: c, url: \"{good}\" }}\n"
    );
    let mut service = Service::start(config(&before), &Surroundings::default()).unwrap();
    let monitor = service.monitor().clone();
    monitor.first_sweep().await.unwrap();
    assert_eq!(monitor.view().tally(), [0, 2, 0, 1]);

    let mut feed = monitor.subscribe();
    // a: another policy; b: another URL, so another thing; c: another header; d: new.
    let after = format!(
        "defaults: {{ interval: 200ms }}\ntargets:\n  - {{ name: a, url: \"{good}\", fall: 5 }}\n  - {{ name: b, url: \"{good}\" }}\n  \
         - {{ name: c, url: \"{good}\", http: {{ headers: {{ x-y: z }} }} }}\n  - {{ name: d, url: \"{good}\" }}\n"
    );
    let reloaded = service.reload(config(&after)).await.unwrap();
    assert_eq!(
        (
            reloaded.added,
            reloaded.removed,
            reloaded.changed,
            reloaded.kept
        ),
        (1, 0, 3, 0)
    );
    monitor.first_sweep().await.unwrap();
    assert_eq!(monitor.view().tally(), [0, 4, 0, 0]);
    let mut told = Vec::new();
    while let Some(FeedItem::Event(event)) = feed.try_next() {
        if let EventKind::Transition { target, turn, .. } = &event.kind {
            told.push((target.to_string(), turn.from));
        }
    }
    told.sort();
    let unknown = Status::Unknown;
    assert_eq!(told, [("b".to_owned(), unknown), ("d".to_owned(), unknown)]);
    let again = service.reload(config(&after)).await.unwrap();
    assert_eq!((again.changed, again.kept), (0, 4));
    service.shutdown().await;
}

#[tokio::test]
async fn a_stopped_service_says_so() {
    let mut service = Service::start(config("targets: []"), &Surroundings::default()).unwrap();
    service.monitor().shutdown(std::time::Duration::ZERO).await;
    let after = service
        .reload(config("targets: [\"http://127.0.0.1:9/\"]"))
        .await;
    assert!(matches!(after, Err(ServiceError::Stopped(_))));
}
