//! What texts must be: names, headers, hosts, paths, patterns.

use crate::key::Rule;
use crate::units::Refused;

const fn rule(
    noun: &'static str,
    code: &'static str,
    pattern: &'static str,
    check: fn(&str) -> Result<(), Refused>,
) -> Rule {
    Rule {
        noun,
        code,
        pattern,
        check,
        is_path: false,
    }
}

fn holds(fact: bool) -> Result<(), Refused> {
    if fact { Ok(()) } else { Err(None) }
}

fn is_printable(text: &str) -> bool {
    hc_core::escape(text, usize::MAX) == text
}

fn length_is(text: &str, least: usize, most: usize) -> bool {
    text.len() <= most * 4 && (least..=most).contains(&text.chars().count())
}

pub(crate) const NAME: Rule = rule(
    "1 to 200 printable characters",
    "bad-name",
    "^[^\\u0000-\\u001f\\u007f]{1,200}$",
    |text| holds(length_is(text, 1, 200) && is_printable(text) && !text.trim().is_empty()),
);

pub(crate) const INSTANCE: Rule = rule(
    "1 to 200 printable characters",
    "bad-name",
    "^[^\\u0000-\\u001f\\u007f]{1,200}$",
    NAME.check,
);

pub(super) const LABEL_NAME: Rule = rule(
    "a label's name: 1 to 100 letters, digits, `_`, `-`, `.`, `/`",
    "bad-label",
    "^[A-Za-z0-9_./-]{1,100}$",
    |text| {
        holds(
            length_is(text, 1, 100)
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"_-./".contains(&b)),
        )
    },
);

pub(super) const LABEL_VALUE: Rule = rule(
    "at most 200 printable characters",
    "bad-label",
    "^[^\\u0000-\\u001f\\u007f]{0,200}$",
    |text| holds(length_is(text, 0, 200) && is_printable(text)),
);

pub(super) const ANY: Rule = rule("a text", "bad-text", "", |_| Ok(()));

pub(super) const SOME: Rule = rule("a text that is not empty", "bad-text", "", |text| {
    holds(!text.is_empty())
});

pub(crate) const PATTERN: Rule = rule("a regular expression", "bad-regex", "", |text| {
    text.parse::<hc_http::expect::Pattern>()
        .map(drop)
        .map_err(|error| Some(first_line(&error.to_string())))
});

pub(super) const JSON_PATH: Rule = rule(
    "a path into JSON, like `$.db.up`",
    "bad-json-path",
    "^\\$",
    |text| {
        text.parse::<hc_http::expect::JsonPath>()
            .map(drop)
            .map_err(|error| Some(first_line(&error.to_string())))
    },
);

pub(super) const STATUS: Rule = rule(
    "a status, class or range: `204`, `2xx`, `200-299`",
    "bad-status",
    "^[1-9]([0-9]{2}|xx)(-[1-9][0-9]{2})?$",
    |text| {
        let alone = !text.contains(',');
        holds(alone && text.parse::<hc_http::expect::StatusSet>().is_ok())
    },
);

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

pub(super) const HEADER: Rule = rule(
    "a header's name",
    "bad-header",
    "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$",
    |text| holds(is_token(text) && text.len() <= 256),
);

pub(super) const SENT_HEADER: Rule =
    rule("a header's name", "bad-header", HEADER.pattern, |text| {
        // What frames the message or names the host is hc's: two of them would contradict each other.
        match text.to_ascii_lowercase().as_str() {
            "host" => Err(Some("set `http.host` instead".to_owned())),
            "content-length" | "transfer-encoding" | "connection" | "upgrade" | "te"
            | "trailer" | "keep-alive" | "proxy-connection" | "expect" => {
                Err(Some("hc sets this header itself".to_owned()))
            }
            "proxy-authorization" => Err(Some(
                "put user and password into the URL of `proxy`".to_owned(),
            )),
            _ => (HEADER.check)(text),
        }
    });

pub(super) const METHOD: Rule = rule(
    "a method, like `GET`",
    "bad-method",
    "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,32}$",
    |text| {
        let upper = text.to_ascii_uppercase();
        match upper.as_str() {
            "CONNECT" => Err(Some("`CONNECT` makes a tunnel, not a check".to_owned())),
            "GET" | "HEAD" | "OPTIONS" | "POST" | "PUT" | "PATCH" | "DELETE" | "TRACE"
                if upper != text =>
            {
                Err(Some(format!("write `{upper}`")))
            }
            _ => holds(is_token(text) && text.len() <= 32),
        }
    },
);

pub(super) const HOST: Rule = rule(
    "a host, with or without a port",
    "bad-host",
    "^[^\\s/?#@\\\\]{1,260}$",
    |text| holds(text.len() <= 260 && crate::url::split_address(text).is_some()),
);

pub(super) const ADDRESS: Rule = rule(
    "an address or a host, with a port: `10.0.0.7:8443`",
    "bad-address",
    "^[^\\s/?#@\\\\]{1,260}$",
    |text| holds(text.len() <= 260 && crate::url::split_address(text).is_some()),
);

pub(super) const SERVER_NAME: Rule = rule(
    "a host name or an address",
    "bad-host",
    "^[^\\s/?#@\\\\]{1,253}$",
    |text| holds(text.len() <= 253 && matches!(crate::url::split_address(text), Some((_, None)))),
);

pub(super) const PATH: Rule = Rule {
    noun: "a path",
    code: "bad-path",
    pattern: "",
    check: |text| holds(!text.is_empty() && !text.contains('\0') && text.len() < 4096),
    is_path: true,
};

/// Whether a text may be looked up, and stand in a Host header.
fn is_host_name(host: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    host.len() <= 253
        && host.split('.').all(is_label)
        // 127.1 and 300.0.0.1 are neither addresses nor names.
        && host.bytes().any(|b| b.is_ascii_alphabetic())
}

pub(super) const HOST_NAME: Rule = rule(
    "a host name without a port",
    "bad-host",
    "^[A-Za-z0-9_.-]{1,253}$",
    |text| holds(is_host_name(text)),
);

/// What `hc-server` takes for an address.
pub(super) const LISTEN: Rule = rule(
    "`host:port` or `unix:/path`",
    "bad-listen",
    "^(unix:/.+|.+:[0-9]{1,5})$",
    |text| {
        if let Some(path) = text.strip_prefix("unix:") {
            return holds(path.starts_with('/') && !path.ends_with('/') && !path.contains('\0'));
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            let is_port = text.parse::<u16>().is_ok();
            return Err(is_port.then(|| format!("write `127.0.0.1:{text}`")));
        };
        let is_port = port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
        let is_host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
            Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
            None => host.parse::<std::net::Ipv4Addr>().is_ok() || is_host_name(host),
        };
        match (host, is_port) {
            ("" | "*", true) => Err(Some(format!(
                "write `127.0.0.1:{port}`, or `0.0.0.0:{port}` for every network"
            ))),
            _ => holds(is_port && is_host),
        }
    },
);

/// What the series of hc carry themselves, and what Prometheus sets.
const TAKEN: [&str; 12] = [
    "target", "group", "state", "kind", "code", "phase", "blame", "probe", "result", "le", "job",
    "instance",
];

/// What `hc-server` takes for a label to export.
pub(super) const EXPORTED: Rule = rule(
    "a label's name: letters, digits and `_`, no digit first",
    "bad-label",
    "^[A-Za-z_][A-Za-z0-9_]{0,99}$",
    |text| {
        if TAKEN.contains(&text) {
            return Err(Some(
                "hc's own series carry a label of that name".to_owned(),
            ));
        }
        holds(
            length_is(text, 1, 100)
                && !text.starts_with("__")
                && !text.starts_with(|c: char| c.is_ascii_digit())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
        )
    },
);

/// A parser's message in one line: patterns may be long, and their errors draw pictures.
fn first_line(text: &str) -> String {
    let line = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("");
    hc_core::escape(line.trim().trim_start_matches("error: "), 120)
}
