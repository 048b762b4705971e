//! What a config takes is what the server takes, and an event is told in the same words in the log and in the API.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hc_app::journal;
use hc_core::{
    Edge, Event, EventKind, Failure, FeedItem, Overlay, Phase, Policy, Status, Target, Timestamp,
    probe_fn,
};
use hc_scheduler::Monitor;
use hc_server::{Address, EventBody, check_label};
use serde_json::Value;

fn takes(text: &str) -> bool {
    hc_config::load_str("hc.yaml", &format!("{text}\ntargets: [a]")).is_ok()
}

#[test]
fn the_config_and_the_server_agree_on_addresses_and_labels() {
    for address in [
        "127.0.0.1:7740",
        "[::1]:0",
        "localhost:80",
        "web-1.example:65535",
        "unix:/run/hc.sock",
        "",
        "7740",
        ":7740",
        "localhost",
        "localhost:",
        "localhost:+1",
        "localhost:70000",
        "::1:80",
        "[::1]",
        "[x]:1",
        "[127.0.0.1]:1",
        "127.1:80",
        "300.0.0.1:80",
        "a b:1",
        "a..b:1",
        "*:80",
        "unix:",
        "unix:hc.sock",
        "unix:/run/",
        "a_b:1",
    ] {
        let config = takes(&format!("listen: [\"{address}\"]"));
        assert_eq!(config, address.parse::<Address>().is_ok(), "{address}");
    }
    for label in [
        "zone", "a_b", "_x", "__x", "9x", "a-b", "a.b", "", "target", "le", "instance", "Target",
        "ż",
    ] {
        let config = takes(&format!("metrics: {{ labels: [\"{label}\"] }}"));
        assert_eq!(config, check_label(label).is_ok(), "{label}");
    }
}

/// Whatever the log says of an event, the API says as well, under the same keys.
#[track_caller]
fn agree(event: &Event) {
    let log: Value = serde_json::from_str(&journal::record(event).unwrap().json()).unwrap();
    let api = serde_json::to_value(EventBody::of(event)).unwrap();
    for (key, value) in log.as_object().unwrap() {
        // The log explains to people what its events mean.
        if key != "message" || api.get("kind").is_some() {
            assert_eq!(&api[key], value, "{key} of {api}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_and_the_api_tell_an_event_alike() {
    let probe =
        probe_fn(|_| async { Err(Failure::unexpected("status", Phase::Wait, "200-299", "503")) });
    let policy = Policy::builder()
        .interval(Duration::from_secs(1))
        .build()
        .unwrap();
    let monitor = Monitor::builder()
        .target(Target::new("a", probe).with_policy(policy))
        .build()
        .start();
    let mut feed = monitor.view().subscribe_after(0);
    let (added, mut turned) = (feed.next().await.unwrap(), feed.next().await.unwrap());
    let FeedItem::Event(added) = added else {
        panic!("{added:?}")
    };
    assert!(
        journal::record(&added).is_none(),
        "only the API tells of it"
    );
    assert_eq!(EventBody::of(&added).event(), "added");
    let FeedItem::Event(event) = &mut turned else {
        panic!("{turned:?}")
    };
    assert!(
        matches!(&event.kind, EventKind::Transition { turn, .. } if turn.to == Status::Unhealthy)
    );
    agree(event);
    // An event cannot be made outside of hc-core; one that was is made into others.
    let mut other = (**event).clone();
    let word = monitor.get("a").unwrap().word();
    let ends = Edge::End {
        lasted: Duration::from_secs(90),
    };
    (other.at, other.wall) = (Timestamp::ZERO, SystemTime::UNIX_EPOCH);
    for edge in [Edge::Begin, ends] {
        for kind in [
            EventKind::Overlay {
                target: "a".into(),
                overlay: Overlay::Flapping,
                edge,
                word,
            },
            EventKind::Overlay {
                target: "a".into(),
                overlay: Overlay::Stale,
                edge,
                word,
            },
            EventKind::Overlap {
                target: "a".into(),
                interval: Duration::from_secs(1),
                took: Duration::from_millis(1600),
                edge,
            },
            EventKind::Overload { stretch: 1.5, edge },
            EventKind::Isolated {
                targets: 20,
                hosts: 18,
                silent: Duration::from_millis(4100),
                edge,
            },
            EventKind::Panicked {
                target: "a".into(),
                failure: Arc::new(Failure::new(hc_core::Kind::Panicked, None, "bug")),
                edge,
            },
        ] {
            other.kind = kind;
            agree(&other);
        }
    }
    monitor.shutdown(Duration::ZERO).await;
}
