//! Answers as hc gives them, for tests: those of the user's contract.

use hc_server::wire::check::Why;
use hc_server::wire::fleet::FleetBody;
use hc_server::wire::target::{TargetBody, TargetDetail};
use serde_json::{Value, json};

use crate::term::Term;

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// A pipe without colours.
pub(crate) fn term() -> Term {
    Term {
        is_terminal: false,
        stderr_is_terminal: false,
        width: 80,
        color: false,
        stderr_color: false,
        quiet: false,
        verbose: false,
        json: false,
    }
}

/// 200 targets on web1, at 2026-11-24T14:14:14Z.
pub(crate) fn fleet() -> FleetBody {
    read(json!({
        "version": 8812, "instance": "web1", "release": "0.1.0", "started": "2026-11-21T10:10:00.000Z",
        "uptime_ms": 273_854_000_u64, "targets": 200, "healthy": 196, "degraded": 1, "unhealthy": 3,
        "unknown": 0, "suspect": 0, "recovering": 0, "flapping": 0, "unsteady": 0, "paused": 0, "stale": 0,
        "checks": 9_000_000, "failures": 31, "inconclusive": 0, "checks_per_second": 38.0, "overlaps": 0,
        "late_p99_ms": 8.1, "opened": 114, "reused": 2166, "in_flight": 3, "waiting": 0, "stretch": 1.0,
        "isolated": false, "first_sweep_done": true,
    }))
}

/// A target that is well, but for what is said of it.
pub(crate) fn target(name: &str, status: &str, overlay: &str) -> TargetBody {
    let overlays: Vec<&str> = Some(overlay)
        .filter(|name| !name.is_empty())
        .into_iter()
        .collect();
    read(json!({
        "uid": hc_server::uid(name), "name": name, "labels": {"zone": "a"}, "probe": "http",
        "url": format!("http://127.0.0.1:8081/{}", name.len()), "status": status, "overlays": overlays, "restored": false,
        "since": "2026-11-21T10:10:00.000Z", "streak": {"passes": 9, "failures": 0, "rise": 2, "fall": 3},
        "next": {"in_ms": 2_000, "reason": "interval", "factor": 1},
        "recent": "..............................",
        "recent_ms": [0.9, 1.1, 1.0, 1.2, 2.0, 4.0, 3.1, 2.2, 1.4, 1.1, 1.0, 0.9],
        "last_check": {
            "schema": "hc.check/1", "time": "2026-11-24T14:14:12.000Z", "target": name, "probe": "http",
            "result": "pass", "address": "127.0.0.1:8081", "connection": "reused", "retried": false,
            "total_ms": 1.1, "phases_ms": {"send": 0.05, "wait": 0.9, "receive": 0.1}, "http": {"status": 200},
        },
    }))
}

/// Why it is not well.
pub(crate) fn why(kind: &str, phase: &str, message: &str) -> Why {
    read(json!({"kind": kind, "phase": phase, "blame": "target", "message": message}))
}

/// Those of the contract's screen, and one that is well.
pub(crate) fn trouble() -> Vec<TargetBody> {
    let mut api = target("api-1", "unhealthy", "");
    api.since = "2026-11-24T14:02:11.000Z".into();
    api.why = Some(why(
        "refused",
        "connect",
        "127.0.0.1:8081 refused the connection",
    ));
    api.next.in_ms = Some(14_000);
    api.next.reason = "backoff".into();
    api.next.factor = 2;
    api.streak.failures = 12;
    api.streak.passes = 0;
    api.recent = "...........................xxx".into();
    let mut login = target("login", "degraded", "");
    login.since = "2026-11-21T13:10:00.000Z".into();
    login.why = Some(why("unexpected", "tls", "certificate: 3d left, wanted 14d"));
    let mut pay = target("pay", "healthy", "suspect");
    pay.why = Some(why("timeout", "wait", "no answer within 2 s"));
    pay.streak.failures = 1;
    pay.streak.failing_since = Some("2026-11-24T14:14:13.600Z".into());
    pay.next.in_ms = Some(100);
    pay.next.reason = "fast".into();
    vec![api, login, pay, target("shop", "healthy", "")]
}

/// The same target with a past.
pub(crate) fn detail(target: TargetBody) -> TargetDetail {
    let refused = json!({"kind": "refused", "phase": "connect", "blame": "target",
        "message": "127.0.0.1:8081 refused the connection"});
    let merged = |mut of: Value, more: &Value| {
        let (of_map, more) = (of.as_object_mut().unwrap(), more.as_object().unwrap());
        of_map.extend(more.clone());
        of
    };
    let event = json!({"schema": "hc.event/1", "time": "2026-11-24T14:02:11.000Z", "level": "warn",
        "event": "transition", "target": target.name, "from": "healthy", "to": "unhealthy", "held_ms": 936_000,
        "streak": 3});
    let failed = json!({"schema": "hc.check/1", "time": "2026-11-24T14:10:01.000Z", "target": target.name,
        "probe": "http", "result": "failure", "retried": false, "total_ms": 0.4});
    let mut detail: TargetDetail = read(merged(
        json!({"version": 8812, "policy": [
                {"keys": ["interval"], "value": "5s", "origin": "built-in"},
                {"keys": ["http", "method"], "value": "GET", "origin": "target", "place": "hc.yaml:3:5"},
            ],
            "transitions": [merged(event, &refused)], "failures": [merged(failed, &refused)],
            "transitions_total": 4, "failures_total": 12}),
        &serde_json::to_value(&target).unwrap(),
    ));
    detail.target = target;
    detail
}
