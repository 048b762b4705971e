//! Names of things to come: refused with "not yet", so that no config of today means something else tomorrow.

/// At the top level.
pub(crate) const TOP_RESERVED: &[&str] = &[
    "discovery",
    "feeds",
    "alerts",
    "store",
    "cluster",
    "api",
    "otlp",
    "templates",
];

/// In targets, groups and `defaults`: a block per protocol, and rules.
pub(crate) const TARGET_RESERVED: &[&str] = &[
    "tcp",
    "dns",
    "icmp",
    "udp",
    "grpc",
    "websocket",
    "mail",
    "smtp",
    "imap",
    "pop3",
    "redis",
    "postgres",
    "mysql",
    "command",
    "use",
    "with",
    "invert",
    "depends_on",
    "addresses",
];
