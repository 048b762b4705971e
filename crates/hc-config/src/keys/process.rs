//! The top level, and what concerns the whole process.

use super::rules::{EXPORTED, HOST_NAME, INSTANCE, LABEL_NAME, LABEL_VALUE, LISTEN, NAME, PATH};
use crate::key::{Key, Shape};

/// The top level of a file.
pub(crate) const TOP: &[Key] = &[
    Key::new(
        "version",
        Shape::Word(&["1"]),
        "1",
        "The version of this format.",
    ),
    Key::new(
        "include",
        Shape::List(&Shape::Text(&PATH)),
        "[]",
        "Further files, with `*` and `?`, beside this file. They may hold `targets`, `groups` and `x-*`.",
    ),
    Key::new(
        "profile",
        Shape::Word(&["small", "medium", "large"]),
        "medium",
        "Presets for fleets under 10, of 10 to 100, and of over 100 targets.",
    ),
    Key::new(
        "instance",
        Shape::Text(&INSTANCE),
        "",
        "This checker's name; default: the host's. It is part of the phase hash, so that two checkers differ. Changed only by a restart.",
    ),
    Key::new(
        "labels",
        Shape::Free {
            key: &LABEL_NAME,
            value: &Shape::Text(&LABEL_VALUE),
            fold: false,
        },
        "{}",
        "Labels of every target.",
    ),
    Key::new(
        "defaults",
        Shape::Elsewhere("defaults"),
        "{}",
        "Any key of a target but `name` and `url`.",
    ),
    Key::new(
        "targets",
        Shape::Elsewhere("targets"),
        "[]",
        "Whom to ask: URLs, or maps with `url`, `name` and any key of `defaults`.",
    ),
    Key::new(
        "groups",
        Shape::Elsewhere("groups"),
        "[]",
        "Targets with common settings: maps with `name`, `targets` and any key of `defaults`.",
    ),
    Key::new(
        "limits",
        Shape::Map(LIMITS),
        "{}",
        "Limits of the whole process.",
    ),
    Key::new(
        "overload",
        Shape::Map(OVERLOAD),
        "{}",
        "When hc's own lateness excuses a target.",
    ),
    Key::new(
        "isolate",
        Shape::Or("none", &Shape::Map(ISOLATE)),
        "{ targets: 20, min_hosts: 5, reference: [] }",
        "Self-doubt: when nothing answers any more, failures do not count.",
    ),
    Key::new(
        "log",
        Shape::Map(LOG),
        "{}",
        "What is written while running.",
    ),
    Key::new("shutdown", Shape::Map(SHUTDOWN), "{}", "The end."),
    Key::new(
        "listen",
        Shape::List(&Shape::Text(&LISTEN)),
        "[]",
        "Where metrics and the API are served: `127.0.0.1:7740`, `unix:/run/hc.sock`. Who can connect can read all that they tell. Changed only by a restart.",
    ),
    Key::new(
        "allowed_hosts",
        Shape::List(&Shape::Text(&HOST_NAME)),
        "[]",
        "Names that the Host header of requests may carry beside addresses, `localhost` and the names of `listen`.",
    ),
    Key::new(
        "control",
        Shape::Or("auto", &Shape::Or("none", &Shape::Text(&PATH))),
        "auto",
        "The control socket, for this user alone. `auto`: in the user's runtime directory. Changed only by a restart.",
    ),
    Key::new(
        "state",
        Shape::Or("none", &Shape::Map(STATE)),
        "{ file: auto, max_age: 5m, every: 30s }",
        "Where health outlives a restart. Changed only by a restart.",
    ),
    Key::new(
        "metrics",
        Shape::Map(METRICS),
        "{ per_target: basic, labels: [] }",
        "What is exported.",
    ),
];

/// Limits of the whole process.
pub(crate) const LIMITS: &[Key] = &[
    Key::new(
        "in_flight",
        Shape::Count(1, 100_000),
        "100",
        "Checks at once; fewer if open files run out, and it is said. A profile sets it.",
    ),
    Key::new(
        "per_host",
        Shape::Count(1, 10_000),
        "16",
        "Checks of one host at once. A profile sets it.",
    ),
    Key::new(
        "slot",
        Shape::Duration(1, 1_000),
        "10ms",
        "The grain of the timer wheel. Changed only by a restart.",
    ),
    Key::new(
        "threads",
        Shape::Count(1, 64),
        "1",
        "Threads that check; targets are divided among them by host. Changed only by a restart.",
    ),
];

const OVERLOAD: &[Key] = &[Key::new(
    "max_lateness",
    Shape::Share(1, 100),
    "25%",
    "Of the timeout; a timeout that hc met while later than this is its own trouble.",
)];

/// Self-doubt.
pub(crate) const ISOLATE: &[Key] = &[
    Key::new(
        "targets",
        Shape::Count(5, 1_000),
        "20",
        "So many targets silent in one silence; of a small fleet a quarter, at least 5.",
    ),
    Key::new(
        "min_hosts",
        Shape::Count(1, 1_000),
        "5",
        "On so many hosts; smaller fleets doubt by reference only.",
    ),
    Key::new(
        "reference",
        Shape::List(&Shape::Text(&NAME)),
        "[]",
        "Names of targets: while one answers, hc is not isolated.",
    ),
];

/// The log.
pub(crate) const LOG: &[Key] = &[
    Key::new(
        "format",
        Shape::Word(&["text", "json"]),
        "text",
        "Logfmt lines, or JSON. Changed only by a restart.",
    ),
    Key::new(
        "level",
        Shape::Word(&["error", "warn", "info", "debug", "trace"]),
        "info",
        "The least that is written. `trace` alone speaks of every check.",
    ),
    Key::new(
        "summary",
        Shape::Or("none", &Shape::Duration(1_000, 86_400_000)),
        "1m",
        "A line with counts each so often.",
    ),
    Key::new(
        "burst",
        Shape::Count(1, 100_000),
        "100",
        "Lines a second; transitions over it are folded into one line.",
    ),
];

const SHUTDOWN: &[Key] = &[Key::new(
    "grace",
    Shape::Duration(0, 600_000),
    "5s",
    "So long may checks in flight take at the end.",
)];

const STATE: &[Key] = &[
    Key::new(
        "file",
        Shape::Or("auto", &Shape::Text(&PATH)),
        "auto",
        "Where. `auto`: one per config file, in `$STATE_DIRECTORY` or the user's state directory; without a config file none.",
    ),
    Key::new(
        "max_age",
        Shape::Duration(0, 86_400_000),
        "5m",
        "Older state is not restored.",
    ),
    Key::new(
        "every",
        Shape::Duration(1_000, 86_400_000),
        "30s",
        "How often it is written, beside the end.",
    ),
];

const METRICS: &[Key] = &[
    Key::new(
        "per_target",
        Shape::Word(&["basic", "full", "none"]),
        "basic",
        "How many series a target has. `full`: its own histograms, in place of its group's.",
    ),
    Key::new(
        "labels",
        Shape::List(&Shape::Text(&EXPORTED)),
        "[]",
        "Labels of the config that the series of targets carry too.",
    ),
];
