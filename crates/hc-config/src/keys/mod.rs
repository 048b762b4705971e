//! The keys of a config, a table per section, in the order of the reference page.

mod expect;
mod http;
mod policy;
mod process;
mod reserved;
mod rules;

pub(crate) use http::{HTTP, TLS};
pub(crate) use policy::POLICY;
pub(crate) use process::{ISOLATE, LIMITS, LOG, TOP};
pub(crate) use reserved::{TARGET_RESERVED, TOP_RESERVED};

use crate::key::{Key, Shape};

/// What a target has beside the keys of `defaults`.
pub(crate) const TARGET: &[Key] = &[
    Key::new(
        "name",
        Shape::Text(&rules::NAME),
        "",
        "The id, unique in the process. Default: the URL less user, password and query.",
    ),
    Key::new(
        "url",
        Shape::Elsewhere("url"),
        "",
        "Whom to ask; the scheme picks the probe. A short form means http: `:8080`, `localhost:8080`, `host/path` (443: https).",
    ),
];

/// What a group has beside the keys of `defaults`.
pub(crate) const GROUP: &[Key] = &[
    Key::new(
        "name",
        Shape::Text(&rules::NAME),
        "",
        "The group's name, unique in the process; required. It does not prefix the names of its targets.",
    ),
    Key::new(
        "targets",
        Shape::Elsewhere("targets"),
        "[]",
        "The targets of the group.",
    ),
];

/// All tables that `defaults`, groups and targets share.
pub(crate) const SHARED: &[&[Key]] = &[POLICY, HTTP];

/// What an included file may hold.
pub(crate) const INCLUDED: &[&str] = &["targets", "groups"];
