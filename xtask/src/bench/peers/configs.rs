//! What each checker reads: the same targets, interval and timeout, thresholds of 2 up and 3 down, a quiet log.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::super::envoy;
use super::measure::Load;

/// Nearly the interval, so that a busy machine turns no check into a failure and a reconnect: those would be measured
/// instead.
pub(super) fn timeout(load: &Load) -> Duration {
    load.interval * 9 / 10
}

/// What differs between the rows of hc.
pub(super) struct Manner {
    pub(super) slot_ms: u32,
    pub(super) reconnect_every: u32,
    pub(super) control: &'static str,
}

impl Manner {
    /// The defaults, but for what the row of that key is there to show. No other checker here can be asked anything, so
    /// neither can hc.
    pub(super) fn of(key: &str) -> Self {
        Self {
            slot_ms: if key == "hc-20ms" { 20 } else { 10 },
            reconnect_every: if key == "hc-kept" { 10_000 } else { 20 },
            control: if key == "hc-seen" { "auto" } else { "none" },
        }
    }
}

pub(super) fn hc(
    urls: impl Iterator<Item = String>,
    load: &Load,
    transport: &str,
    manner: &Manner,
) -> String {
    let Manner {
        slot_ms,
        reconnect_every,
        control,
    } = manner;
    let mut text = format!(
        "defaults: {{ interval: {}ms, timeout: {}ms, rise: 2, fall: 3, transport: {transport}, reconnect_every: {reconnect_every} }}
limits: {{ in_flight: 1000, slot: {slot_ms}ms }}
log: {{ summary: 2s }}
control: {control}
targets:
",
        load.interval.as_millis(),
        timeout(load).as_millis()
    );
    for url in urls {
        text += &format!("  - \"{url}\"\n");
    }
    text
}

pub(super) fn envoy(
    targets: impl Iterator<Item = SocketAddr>,
    load: &Load,
    spread: bool,
) -> String {
    let mut check = envoy::check(load.interval, timeout(load));
    if spread {
        check["initial_jitter"] = check["interval"].clone();
    }
    envoy::config(targets, &check)
}

pub(super) fn haproxy(
    targets: impl Iterator<Item = SocketAddr>,
    load: &Load,
    folder: &Path,
) -> String {
    let (interval, timeout) = (load.interval.as_millis(), timeout(load).as_millis());
    // It does not start without something to listen on.
    let mut text = format!(
        "global
    nbthread 1
    maxconn 100
defaults
    mode http
    timeout connect {timeout}ms
    timeout check {timeout}ms
    timeout client 10s
    timeout server 10s
frontend nobody
    bind unix@{}/haproxy.sock
    default_backend fleet
backend fleet
    option httpchk GET /health
    default-server check inter {interval}ms rise 2 fall 3
",
        folder.display()
    );
    for (index, target) in targets.enumerate() {
        text += &format!("    server s{index} {target}\n");
    }
    text
}

/// Its one module is all that a `/probe` names.
pub(super) const BLACKBOX: &str = "modules:
  health:
    prober: http
    timeout: 2s
    http:
      preferred_ip_protocol: ip4
";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Load, Manner, envoy, haproxy, hc};

    #[test]
    fn each_has_every_target_and_the_same_times() {
        let load = Load {
            targets: 2,
            interval: Duration::from_secs(1),
        };
        let targets = ["127.77.0.1:81", "127.77.0.2:81"].map(|it| it.parse().unwrap());
        let urls = targets.iter().map(|it| format!("http://{it}/health"));
        let hc = hc(urls, &load, "auto", &Manner::of("hc"));
        let expected = "defaults: { interval: 1000ms, timeout: 900ms, rise: 2, fall: 3, transport: auto, reconnect_every: 20 }\n";
        assert!(hc.starts_with(expected), "{hc}");
        assert!(hc.ends_with("  - \"http://127.77.0.2:81/health\"\n"));
        let envoy: serde_json::Value =
            serde_json::from_str(&envoy(targets.into_iter(), &load, false)).unwrap();
        let cluster = &envoy["static_resources"]["clusters"][0];
        assert_eq!(cluster["health_checks"][0]["interval"], "1s");
        assert_eq!(cluster["health_checks"][0]["timeout"], "0.9s");
        let endpoints = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"];
        assert_eq!(endpoints.as_array().unwrap().len(), 2);
        let haproxy = haproxy(targets.into_iter(), &load, "/x".as_ref());
        assert!(haproxy.contains("inter 1000ms") && haproxy.contains("timeout check 900ms"));
        assert!(haproxy.ends_with("    server s1 127.77.0.2:81\n"));
    }
}
