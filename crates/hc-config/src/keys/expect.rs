//! `expect`: what an answer must be.

use super::rules::{ANY, HEADER, JSON_PATH, PATTERN, SOME, STATUS};
use crate::key::{Key, Shape};

/// All must hold.
pub(super) const EXPECT: &[Key] = &[
    Key::new(
        "status",
        Shape::OneOrMany(&Shape::Text(&STATUS)),
        "200-299",
        "The statuses that pass: `204`, `2xx`, `200-299`, `[200, 3xx]`.",
    ),
    Key::new(
        "headers",
        Shape::Free {
            key: &HEADER,
            value: &Shape::Choice(TEST),
            fold: true,
        },
        "{}",
        "Headers of the answer: `{ Content-Type: { contains: json } }`.",
    ),
    Key::new("body", Shape::Map(BODY), "{}", "What the body must be."),
    Key::new(
        "latency",
        Shape::Map(LATENCY),
        "{}",
        "How long the whole check may take.",
    ),
    Key::new(
        "certificate",
        Shape::Map(CERTIFICATE),
        "{ degraded: 14d, failing: 0s }",
        "How long the server's certificate must still be valid.",
    ),
];

const TEST: &[Key] = &[
    Key::new("is", Shape::Text(&ANY), "", "It is exactly this."),
    Key::new("contains", Shape::Text(&SOME), "", "It has this in it."),
    Key::new("regex", Shape::Text(&PATTERN), "", "It matches."),
];

const BODY: &[Key] = &[
    Key::new("contains", Shape::Text(&SOME), "", "It has this in it."),
    Key::new("lacks", Shape::Text(&SOME), "", "It has not this in it."),
    Key::new("regex", Shape::Text(&PATTERN), "", "It matches."),
    Key::new(
        "json",
        Shape::Free {
            key: &JSON_PATH,
            value: &Shape::Json,
            fold: false,
        },
        "{}",
        "Paths of RFC 9535 and what must be there: `{ $.db.up: true }`.",
    ),
];

const LATENCY: &[Key] = &[
    Key::new(
        "degraded",
        Shape::Or("none", &Shape::Duration(1, 300_000)),
        "none",
        "Longer than this degrades.",
    ),
    Key::new(
        "failing",
        Shape::Or("none", &Shape::Duration(1, 300_000)),
        "none",
        "Longer than this fails.",
    ),
];

const CERTIFICATE: &[Key] = &[
    Key::new(
        "degraded",
        Shape::Duration(0, 315_360_000_000),
        "14d",
        "Less left than this degrades. 14d: or a third of the certificate's life if that is less, unless a group or a target says 14d.",
    ),
    Key::new(
        "failing",
        Shape::Duration(0, 315_360_000_000),
        "0s",
        "Less left than this fails.",
    ),
];
