//! What the keys do.

use super::{App, Line};
use crate::term::Tone;

const KEYS: [(&str, &str); 14] = [
    ("up down, j k", "move; in a text: scroll"),
    (
        "page up, page down",
        "a screen; space and ctrl-f, ctrl-b, too",
    ),
    ("home end, g G", "the first, the last"),
    ("enter, right", "the target with its past and its settings"),
    ("esc, left", "back; in the list: all targets again"),
    (
        "/",
        "filter by text in name, URL or group; zone=a: by label",
    ),
    ("t", "only what is not well"),
    ("s, S", "sort: trouble, name, since, latency"),
    ("ctrl-l", "draw anew"),
    ("ctrl-z", "to the shell; fg comes back"),
    ("q, ctrl-c", "quit"),
    ("", ""),
    (
        "LAST 30",
        ". pass   d degraded   x failure   ? inconclusive",
    ),
    ("P50 P99", "milliseconds of the last 30 checks"),
];

/// The lines of the help.
pub(super) fn lines(app: &App) -> Vec<Line> {
    let mut lines: Vec<Line> = KEYS
        .iter()
        .map(|(key, what)| {
            vec![
                (Some(Tone::Odd), format!("  {key:<20}")),
                (None, (*what).to_owned()),
            ]
        })
        .collect();
    lines.push(Vec::new());
    let known = app.known.as_ref();
    let release = known.map(|known| hc_core::escape(&known.fleet.release, 40));
    let release = release.unwrap_or_default();
    lines.push(vec![(
        None,
        format!("  hc {release} at {}", app.manners.place),
    )]);
    if let Some(note) = known.and_then(|known| known.note.as_ref()) {
        lines.push(vec![(None, format!("  {}", hc_core::escape(note, 400)))]);
    }
    lines
}
