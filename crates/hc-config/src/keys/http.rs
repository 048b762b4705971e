//! `defaults`, second half: how a target is asked over HTTP.

use super::expect::EXPECT;
use super::rules::{ADDRESS, HOST, METHOD, PATH, SENT_HEADER, SERVER_NAME};
use crate::key::{Key, Shape};

/// Connection, request, TLS and expectations.
pub(crate) const HTTP: &[Key] = &[
    Key::new(
        "transport",
        Shape::Word(&["auto", "pooled", "dedicated"]),
        "auto",
        "What carries the check. `dedicated`: one connection a target, each phase measured. `pooled`: reqwest, whose connections all targets share, and which shows no `tls` phase. `auto`: `dedicated`, but `pooled` for a proxy, redirects or decompression, where it can do all that is asked.",
    ),
    Key::new(
        "connect",
        Shape::Or("none", &Shape::Text(&ADDRESS)),
        "none",
        "Dial this address or host instead of the URL's; Host and SNI still come from the URL. Without a port: the URL's.",
    ),
    Key::new(
        "ip",
        Shape::Word(&["any", "4", "6"]),
        "any",
        "The family of addresses. `any`: both are tried, and the one used is told.",
    ),
    Key::new(
        "keep_alive",
        Shape::Duration(0, 86_400_000),
        "90s",
        "How long an unused connection is kept. `0s`: a new connection each check.",
    ),
    Key::new(
        "reconnect_every",
        Shape::Count(1, 10_000),
        "20",
        "Each k-th check dials anew, because a kept connection can hide a dead listener. 100 over TLS, unless a group or a target says 20.",
    ),
    Key::new(
        "max_body",
        Shape::Size(0, 16 << 20),
        "64KiB",
        "So much of a body is read and drained.",
    ),
    Key::new(
        "max_headers",
        Shape::Size(1 << 10, 1 << 20),
        "16KiB",
        "So long may the headers of an answer be together.",
    ),
    Key::new(
        "proxy",
        Shape::Or("none", &Shape::Proxy),
        "none",
        "URL of a forward proxy. The `*_proxy` variables are ignored.",
    ),
    Key::new("http", Shape::Map(REQUEST), "{}", "The request."),
    Key::new("tls", Shape::Map(TLS), "{}", "How TLS is spoken."),
    Key::new(
        "expect",
        Shape::Map(EXPECT),
        "{}",
        "What an answer must be; all must hold.",
    ),
];

const REQUEST: &[Key] = &[
    Key::new(
        "method",
        Shape::Text(&METHOD),
        "GET",
        "Any method; only GET, HEAD and OPTIONS are retried on a fresh connection.",
    ),
    Key::new(
        "headers",
        Shape::Free {
            key: &SENT_HEADER,
            value: &Shape::Secret,
            fold: true,
        },
        "{}",
        "Headers of the request. Values are never shown.",
    ),
    Key::new(
        "host",
        Shape::Or("none", &Shape::Text(&HOST)),
        "none",
        "The Host to ask for, if not the URL's.",
    ),
    Key::new(
        "body",
        Shape::Or("none", &Shape::Body),
        "none",
        "The body of the request: a text, or `{ file: PATH }`. Never shown.",
    ),
    Key::new(
        "auth",
        Shape::Or("none", &Shape::Choice(AUTH)),
        "none",
        "`{ basic: { user: u, password: SECRET } }` or `{ bearer: SECRET }`. Never shown.",
    ),
    Key::new(
        "version",
        Shape::Word(&["auto", "1.1", "2"]),
        "auto",
        "The version of HTTP. `auto`: what the server chooses in the TLS handshake, 1.1 without TLS.",
    ),
    Key::new(
        "redirects",
        Shape::Count(0, 10),
        "0",
        "How many redirects are followed; the last answer is judged.",
    ),
    Key::new(
        "decompress",
        Shape::Flag,
        "false",
        "True: ask for and undo compression; `max_body` then counts decompressed bytes.",
    ),
];

const AUTH: &[Key] = &[
    Key::new("basic", Shape::Map(BASIC), "", "User and password."),
    Key::new("bearer", Shape::Secret, "", "A token."),
];

const BASIC: &[Key] = &[
    Key::new("user", Shape::Secret, "", "The user; required."),
    Key::new("password", Shape::Secret, "", "The password; required."),
];

/// Whom to trust, who we are.
pub(crate) const TLS: &[Key] = &[
    Key::new(
        "roots",
        Shape::Word(&["system", "none"]),
        "system",
        "Which authorities are trusted to begin with.",
    ),
    Key::new(
        "ca",
        Shape::List(&Shape::Text(&PATH)),
        "[]",
        "PEM files with authorities, added to `roots`.",
    ),
    Key::new(
        "client",
        Shape::Or("none", &Shape::Map(CLIENT)),
        "none",
        "Certificate and key to show to the server: `{ cert: PATH, key: PATH }`.",
    ),
    Key::new(
        "server_name",
        Shape::Or("none", &Shape::Text(&SERVER_NAME)),
        "none",
        "The name to ask for and to verify, if not the URL's.",
    ),
    Key::new(
        "min_version",
        Shape::Word(&["1.2", "1.3"]),
        "1.2",
        "The oldest version of TLS.",
    ),
    Key::new(
        "insecure",
        Shape::Flag,
        "false",
        "True: certificates are not verified, and every output says so.",
    ),
];

const CLIENT: &[Key] = &[
    Key::new(
        "cert",
        Shape::Text(&PATH),
        "",
        "PEM file with the certificate and its chain; required.",
    ),
    Key::new(
        "key",
        Shape::Text(&PATH),
        "",
        "PEM file with the private key; required.",
    ),
];
