//! What each checker reads: the same targets, every 5 s, within 2 s, twice up and thrice down, and whatever it has to look
//! closer at a target that has just failed.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::super::envoy;

pub(super) const INTERVAL: Duration = Duration::from_secs(5);
/// The target that always answers.
pub(super) const REFERENCE: Ipv4Addr = Ipv4Addr::new(127, 77, 0, 1);

/// `fast_ms`: 500 is the default.
pub(super) fn hc(targets: &[SocketAddr], reference: u16, fast_ms: u32) -> String {
    let mut text = format!(
        "defaults: {{ interval: 5s, timeout: 2s, rise: 2, fall: 3, fast_interval: {fast_ms}ms, backoff: 1 }}
limits: {{ in_flight: 1000 }}
isolate: {{ reference: [reference] }}
log: {{ format: json, burst: 100000 }}
control: none
targets:
  - {{ name: reference, url: \"http://{REFERENCE}:{reference}/health\" }}
"
    );
    for target in targets {
        text += &format!("  - \"http://{target}/health\"\n");
    }
    text
}

pub(super) fn envoy(targets: &[SocketAddr], events: &Path) -> String {
    let mut check = envoy::check(INTERVAL, Duration::from_secs(2));
    for edge in ["unhealthy_edge_interval", "healthy_edge_interval"] {
        check[edge] = json!("0.5s");
    }
    // Else one such answer is a verdict, whatever the threshold.
    check["http_health_check"]["retriable_statuses"] = json!([{"start": 500, "end": 600}]);
    check["event_logger"] = envoy::events(events);
    envoy::config(targets.iter().copied(), &check)
}

pub(super) fn haproxy(targets: &[SocketAddr], folder: &Path) -> String {
    let mut text = format!(
        "global
    nbthread 1
    maxconn 100
    log stdout format raw local0
defaults
    mode http
    log global
    timeout connect 2s
    timeout check 2s
    timeout client 10s
    timeout server 10s
frontend nobody
    bind unix@{}/haproxy.sock
    default_backend fleet
backend fleet
    option httpchk GET /health
    default-server check inter 5s fastinter 500ms downinter 5s rise 2 fall 3
",
        folder.display()
    );
    for target in targets {
        // The address is the name that its log has.
        text += &format!("    server {} {target}\n", target.ip());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{envoy, haproxy, hc};

    #[test]
    fn intervals_and_thresholds_are_equal() {
        let targets = ["127.77.1.1:81", "127.77.1.2:81"].map(|it| it.parse().unwrap());
        let hc = hc(&targets, 80, 500);
        assert!(hc.contains("interval: 5s, timeout: 2s, rise: 2, fall: 3"));
        assert!(hc.ends_with("  - \"http://127.77.1.2:81/health\"\n"));
        let envoy: serde_json::Value =
            serde_json::from_str(&envoy(&targets, "/x".as_ref())).unwrap();
        let check = &envoy["static_resources"]["clusters"][0]["health_checks"][0];
        assert_eq!(check["unhealthy_threshold"], 3);
        let haproxy = haproxy(&targets, "/x".as_ref());
        assert!(haproxy.contains("inter 5s fastinter 500ms downinter 5s rise 2 fall 3"));
        assert!(haproxy.ends_with("    server 127.77.1.2 127.77.1.2:81\n"));
    }
}
