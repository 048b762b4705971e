//! What each checker reads: the same targets, interval and timeout, thresholds of 2 up and 3 down.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::super::envoy;

pub(super) fn hc(urls: impl Iterator<Item = String>, [interval, timeout]: [Duration; 2]) -> String {
    let mut text = format!(
        "defaults: {{ interval: {}ms, timeout: {}ms, rise: 2, fall: 3 }}
limits: {{ in_flight: 1000 }}
log: {{ format: json, summary: 1s, burst: 100000 }}
control: none
targets:
",
        interval.as_millis(),
        timeout.as_millis()
    );
    for url in urls {
        text += &format!("  - \"{url}\"\n");
    }
    text
}

pub(super) fn envoy(
    targets: impl Iterator<Item = SocketAddr>,
    times: [Duration; 2],
    events: &Path,
) -> String {
    let [interval, timeout] = times;
    let mut check = envoy::check(interval, timeout);
    // Else all are asked in one burst, and some of it is always late. It opens its connections over this span.
    check["initial_jitter"] = json!("5s");
    check["event_logger"] = envoy::events(events);
    envoy::config(targets, &check)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{envoy, hc};

    #[test]
    fn both_have_the_same_times() {
        let times = [500, 450].map(Duration::from_millis);
        let hc = hc(
            std::iter::once("http://127.77.0.1:81/health".to_owned()),
            times,
        );
        assert!(hc.contains("interval: 500ms, timeout: 450ms, rise: 2, fall: 3"));
        let targets = std::iter::once("127.77.0.1:81".parse().unwrap());
        let envoy = envoy(targets, times, "/x".as_ref());
        assert!(envoy.contains(r#""interval":"0.5s""#), "{envoy}");
        assert!(envoy.contains(r#""timeout":"0.45s""#), "{envoy}");
    }
}
