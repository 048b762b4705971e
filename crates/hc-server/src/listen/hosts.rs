//! Which names requests may call this server by. A page of the web that has its own name resolve to this machine is
//! told nothing: its requests carry that name.

use axum::http::{HeaderMap, Uri, header};

/// How a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Tcp,
    /// No browser speaks over it: its names are not looked at.
    Unix,
}

/// The names beside `localhost` and addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts(Vec<String>);

impl Hosts {
    pub(crate) fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| plain(&name)).collect())
    }

    /// Whether requests may carry that host, with or without a port. An address cannot be rebound.
    pub(crate) fn allow(&self, host: &str) -> bool {
        let Some(name) = without_port(host) else {
            return false;
        };
        let name = plain(name);
        name == "localhost"
            || name
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok()
            || self.0.contains(&name)
    }
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// The host of `host:port`; `None` for what is neither.
fn without_port(host: &str) -> Option<&str> {
    let end = match host.strip_prefix('[') {
        Some(rest) => rest.find(']')? + 2,
        None => host.find(':').unwrap_or(host.len()),
    };
    let (name, port) = host.split_at_checked(end)?;
    let is_port = |port: &str| port.is_empty() || port.parse::<u16>().is_ok();
    let is_right = match port.strip_prefix(':') {
        Some(port) => is_port(port),
        None => port.is_empty(),
    };
    (is_right && !name.is_empty()).then_some(name)
}

/// The host that a request is for (RFC 9112, 3.2.2): that of an absolute target, else that of the one Host header.
pub(crate) fn host_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    if let Some(authority) = uri.authority() {
        return Some(authority.as_str());
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let first = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ours_and_addresses_are_let_in() {
        let hosts = Hosts::new(["Web1.example.".to_owned()]);
        for host in [
            "127.0.0.1",
            "127.0.0.1:7740",
            "[::1]",
            "[::1]:7740",
            "localhost",
            "LOCALHOST:80",
            "localhost.",
            "web1.example:7740",
            "WEB1.EXAMPLE.",
            "10.0.0.7",
            "localhost:",
        ] {
            assert!(hosts.allow(host), "{host}");
        }
        for host in [
            "",
            ":80",
            "evil.example",
            "localhost.evil.example",
            "web1.example.evil",
            "127.0.0.1.evil",
            "[::1",
            "[::1]x",
            "localhost:x",
            "localhost:70000",
            "web1.example:80:80",
            "127.0.0.1@evil",
        ] {
            assert!(!hosts.allow(host), "{host}");
        }
    }

    #[test]
    fn two_hosts_are_none() {
        let mut headers = HeaderMap::new();
        let uri = Uri::from_static("/");
        assert_eq!(host_of(&uri, &headers), None);
        headers.append(header::HOST, "a".parse().unwrap());
        assert_eq!(host_of(&uri, &headers), Some("a"));
        let absolute = Uri::from_static("http://b:1/");
        assert_eq!(host_of(&absolute, &headers), Some("b:1"));
        headers.append(header::HOST, "a".parse().unwrap());
        assert_eq!(host_of(&uri, &headers), None);
    }
}
