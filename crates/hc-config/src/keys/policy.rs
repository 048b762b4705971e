//! `defaults`, first half: when a target is asked, and how its answers are judged.

use super::rules::{LABEL_NAME, LABEL_VALUE};
use crate::key::{Key, Shape};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const DAY: u64 = 24 * 60 * MINUTE;

/// How often, how long, and what counts. Where a profile decides, `default` is that of `medium`.
pub(crate) const POLICY: &[Key] = &[
    Key::new(
        "interval",
        Shape::Duration(10, DAY),
        "5s",
        "Start to start of two checks, on the target's own grid. A profile sets it.",
    ),
    Key::new(
        "timeout",
        Shape::Duration(1, 5 * MINUTE),
        "2s",
        "How long a whole check may take. Longer than the interval is legal, and warned of.",
    ),
    Key::new(
        "rise",
        Shape::Count(1, 100),
        "2",
        "Passes in a row that turn an unhealthy target.",
    ),
    Key::new(
        "fall",
        Shape::Count(1, 100),
        "3",
        "Failures in a row that turn a healthy target.",
    ),
    Key::new(
        "start",
        Shape::Word(&["first", "healthy", "unhealthy"]),
        "first",
        "Before the first verdicts: the first check decides, or healthy until `fall` failures, or unhealthy until `rise` passes.",
    ),
    Key::new(
        "fast_interval",
        Shape::Duration(1, DAY),
        "500ms",
        "The interval while suspect or recovering; at most `interval`. A profile sets it.",
    ),
    Key::new(
        "min_interval",
        Shape::Or("auto", &Shape::Duration(1, DAY)),
        "auto",
        "Two nudged checks are at least this far apart; at most `fast_interval`. `auto`: the same.",
    ),
    Key::new(
        "max_interval",
        Shape::Times(1.0, 1000.0),
        "2x",
        "The longest interval that backoff and slowness lead to: a duration, or times the interval; at least `interval`. A profile sets it.",
    ),
    Key::new(
        "backoff",
        Shape::Factor(1.0, 10.0),
        "2",
        "By so much the interval grows per failed check while unhealthy, up to `max_interval`. 1: not at all.",
    ),
    Key::new(
        "jitter",
        Shape::Share(0, 25),
        "10%",
        "A check may come later by up to this share of the interval, at random. Fast checks have none.",
    ),
    Key::new(
        "weight",
        Shape::Map(WEIGHT),
        "{}",
        "Kinds of failures that count for several: `{ tls: 3 }`. At most `fall` counts.",
    ),
    Key::new(
        "flap",
        Shape::Or("none", &Shape::Map(FLAP)),
        "{ high: 20%, low: 5% }",
        "When a target is called flapping: changes of status over the last 21 verdicts.",
    ),
    Key::new(
        "unsteady",
        Shape::Or("none", &Shape::Map(UNSTEADY)),
        "{ failures: 6, until: 2, of: 20, verdict: degraded }",
        "When a target is called unsteady: it often fails, never often enough in a row.",
    ),
    Key::new(
        "paused",
        Shape::Flag,
        "false",
        "True: known and shown, never asked.",
    ),
    Key::new(
        "labels",
        Shape::Free {
            key: &LABEL_NAME,
            value: &Shape::Text(&LABEL_VALUE),
            fold: false,
        },
        "{}",
        "What a target carries to every output.",
    ),
];

pub(crate) const FLAP: &[Key] = &[
    Key::new(
        "high",
        Shape::Share(1, 100),
        "20%",
        "It begins at this share of changes or more.",
    ),
    Key::new(
        "low",
        Shape::Share(0, 99),
        "5%",
        "It ends at this share or less; less than `high`.",
    ),
];

pub(crate) const UNSTEADY: &[Key] = &[
    Key::new(
        "failures",
        Shape::Count(1, 32),
        "6",
        "It begins at this many failures among the last `of` results.",
    ),
    Key::new(
        "until",
        Shape::Count(0, 31),
        "2",
        "It ends at this many or fewer; less than `failures`.",
    ),
    Key::new(
        "of",
        Shape::Count(1, 32),
        "20",
        "How many results are looked at.",
    ),
    Key::new(
        "verdict",
        Shape::Word(&["degraded", "unhealthy"]),
        "degraded",
        "What becomes of it.",
    ),
];

const fn weight(kind: &'static str) -> Key {
    Key::new(
        kind,
        Shape::Count(1, 100),
        "1",
        "So many failures one of this kind counts for.",
    )
}

/// Kinds that can count against a target; `unsteady` is a warning, and what is hc's own trouble counts for nothing.
pub(crate) const WEIGHT: &[Key] = &[
    weight("resolve"),
    weight("refused"),
    weight("unreachable"),
    weight("timeout"),
    weight("reset"),
    weight("tls"),
    weight("protocol"),
    weight("limit"),
    weight("unexpected"),
    weight("proxy"),
];
