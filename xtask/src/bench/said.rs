//! What checkers publish of their targets' health, in the words each has for it: hc's log in JSON, lines of an embedder of
//! hc, Envoy's log of health check events, HAProxy's log.

use std::net::Ipv4Addr;

use serde_json::Value;

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Well(Ipv4Addr),
    Unwell(Ipv4Addr),
    /// Every target was asked once.
    Swept,
    /// Something else that matters, or nothing that can be understood.
    Alarm,
    Nothing,
}

pub(super) fn of_hc(line: &str) -> Said {
    let Ok(value) = serde_json::from_str::<Value>(line) else {
        return Said::Alarm;
    };
    let text = |key: &str| value[key].as_str().unwrap_or_default();
    match text("event") {
        "transition" => match (address(text("target")), text("to")) {
            (Some(address), "unhealthy") => Said::Unwell(address),
            (Some(address), _) => Said::Well(address),
            _ => Said::Alarm,
        },
        "first_sweep" => Said::Swept,
        "start" | "summary" | "stopped" | "flapping" | "flapping_end" => Said::Nothing,
        _ => Said::Alarm,
    }
}

/// What hc-app's example `suspects` prints.
pub(super) fn of_suspects(line: &str) -> Said {
    let Ok(value) = serde_json::from_str::<Value>(line) else {
        return Said::Alarm;
    };
    let text = |key: &str| value[key].as_str().unwrap_or_default();
    match (text("event"), address(text("target"))) {
        ("suspect", Some(address)) => Said::Unwell(address),
        ("well", Some(address)) => Said::Well(address),
        _ => Said::Alarm,
    }
}

/// The host of a URL.
fn address(url: &str) -> Option<Ipv4Addr> {
    let host = url.strip_prefix("http://")?.split(':').next()?;
    host.parse().ok()
}

pub(super) fn of_envoy(line: &str) -> Said {
    let Ok(value) = serde_json::from_str::<Value>(line) else {
        return Said::Alarm;
    };
    let address = value["host"]["socket_address"]["address"].as_str();
    let Some(address) = address.and_then(|it| it.parse().ok()) else {
        return Said::Alarm;
    };
    let has = |key: &str| value.get(key).is_some();
    if has("eject_unhealthy_event") {
        Said::Unwell(address)
    } else if has("add_healthy_event") {
        Said::Well(address)
    } else {
        Said::Nothing
    }
}

/// `Server fleet/127.77.1.1 is DOWN, reason: ...`
pub(super) fn of_haproxy(line: &str) -> Said {
    let mut words = line.split_whitespace();
    let Some(place) = words.position(|word| word.ends_with("Server")) else {
        return Said::Nothing;
    };
    let mut words = line.split_whitespace().skip(place + 1);
    let address = words
        .next()
        .and_then(|name| name.strip_prefix("fleet/")?.parse().ok());
    let (is, state) = (words.next(), words.next().unwrap_or_default());
    match (address, is, state.trim_end_matches([',', '.'])) {
        (Some(address), Some("is"), "DOWN") => Said::Unwell(address),
        (Some(address), Some("is"), "UP") => Said::Well(address),
        _ => Said::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::{Ipv4Addr, Said, of_envoy, of_haproxy, of_hc, of_suspects};

    const ONE: Ipv4Addr = Ipv4Addr::new(127, 77, 1, 1);

    #[test]
    fn each_says_it_in_its_own_words() {
        let hc = r#"{"event":"transition","target":"http://127.77.1.1:81/health","from":"healthy","to":"unhealthy"}"#;
        assert_eq!(of_hc(hc), Said::Unwell(ONE));
        assert_eq!(
            of_hc(&hc.replace(":\"unhealthy", ":\"healthy")),
            Said::Well(ONE)
        );
        assert_eq!(of_hc(r#"{"event":"isolated"}"#), Said::Alarm);
        let suspects = r#"{"event":"suspect","target":"http://127.77.1.1:81/health"}"#;
        assert_eq!(of_suspects(suspects), Said::Unwell(ONE));
        assert_eq!(
            of_suspects(&suspects.replace("suspect", "well")),
            Said::Well(ONE)
        );
        assert_eq!(of_suspects("thread panicked"), Said::Alarm);
        let envoy = r#"{"host":{"socket_address":{"address":"127.77.1.1","port_value":81}},"eject_unhealthy_event":{}}"#;
        assert_eq!(of_envoy(envoy), Said::Unwell(ONE));
        assert_eq!(
            of_envoy(&envoy.replace("eject_un", "add_").replace("{}", "null")),
            Said::Well(ONE)
        );
        let haproxy =
            "[WARNING]  (7) : Server fleet/127.77.1.1 is DOWN, reason: Layer4 connection problem";
        assert_eq!(of_haproxy(haproxy), Said::Unwell(ONE));
        assert_eq!(
            of_haproxy("Server fleet/127.77.1.1 is UP, reason: ok"),
            Said::Well(ONE)
        );
        assert_eq!(of_haproxy("Health check for server x"), Said::Nothing);
    }
}
