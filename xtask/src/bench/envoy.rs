//! What Envoy reads in every benchmark: one cluster that nobody uses, and its health check.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

/// A health check of `/health`, twice up and thrice down, over kept connections.
pub(super) fn check(interval: Duration, timeout: Duration) -> Value {
    let interval = seconds(interval);
    json!({
        "interval": interval,
        // A cluster without traffic is otherwise asked once a minute.
        "no_traffic_interval": interval,
        "timeout": seconds(timeout),
        "healthy_threshold": 2,
        "unhealthy_threshold": 3,
        "reuse_connection": true,
        "http_health_check": {"path": "/health"},
    })
}

/// Of a check: it writes its events there.
pub(super) fn events(file: &Path) -> Value {
    json!([{
        "name": "envoy.health_check.event_sinks.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink",
            "event_log_path": file,
        },
    }])
}

/// The whole configuration: these targets, and a check of them. Connecting may take as long as a check.
pub(super) fn config(targets: impl Iterator<Item = SocketAddr>, check: &Value) -> String {
    let endpoint = |target: SocketAddr| {
        let address = json!({"address": target.ip().to_string(), "port_value": target.port()});
        json!({"endpoint": {"address": {"socket_address": address}}})
    };
    let endpoints: Vec<_> = targets.map(endpoint).collect();
    let cluster = json!({
        "name": "fleet",
        "type": "STATIC",
        "connect_timeout": check["timeout"],
        "health_checks": [check],
        "load_assignment": {"cluster_name": "fleet", "endpoints": [{"lb_endpoints": endpoints}]},
    });
    json!({"static_resources": {"clusters": [cluster]}}).to_string()
}

fn seconds(time: Duration) -> String {
    format!("{}s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use super::{check, config};

    #[test]
    fn every_target_is_in_it_and_times_are_seconds() {
        let targets = ["127.77.0.1:81", "127.77.0.2:81"].map(|it| it.parse().unwrap());
        let check = check(Duration::from_secs(1), Duration::from_millis(900));
        let config: Value = serde_json::from_str(&config(targets.into_iter(), &check)).unwrap();
        let cluster = &config["static_resources"]["clusters"][0];
        assert_eq!(cluster["health_checks"][0]["interval"], "1s");
        assert_eq!(cluster["health_checks"][0]["timeout"], "0.9s");
        assert_eq!(cluster["connect_timeout"], "0.9s");
        let endpoints = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"];
        assert_eq!(endpoints.as_array().unwrap().len(), 2);
        let second = &endpoints[1]["endpoint"]["address"]["socket_address"];
        assert_eq!(second["address"], "127.77.0.2");
        assert_eq!(second["port_value"], 81);
    }
}
