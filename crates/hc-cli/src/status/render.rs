//! What was seen as text: a table for people, tabs or JSON for programs. Pure but for the terminal's width.

use std::fmt::Write as _;
use std::time::Duration;

use hc_core::escape;
use hc_server::wire::fleet::FleetBody;
use hc_server::wire::target::{TargetBody, TargetDetail};
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::see::columns::{Columns, Widest};
use crate::see::detail::{self, Manner};
use crate::see::words;
use crate::term::{Term, Tone};

/// The name and version of the shape of a target's line; fields may be added to it, never removed.
const SCHEMA: &str = "hc.target/1";

/// How wide a table is where the terminal does not say it.
const USUAL_WIDTH: usize = 80;

/// All targets that are to be told.
pub(super) fn fleet(
    fleet: &FleetBody,
    targets: &[TargetBody],
    matched: usize,
    term: &Term,
) -> String {
    let shown = targets
        .iter()
        .filter(|target| !term.quiet || !words::is_calm(target));
    if term.json {
        return shown.map(json).collect();
    }
    if !term.is_terminal {
        return shown.map(tabs).collect();
    }
    let width = crate::term::size().map_or(USUAL_WIDTH, |(columns, _)| columns);
    let shown: Vec<&TargetBody> = shown.collect();
    table(fleet, &shown, matched, width, term)
}

/// The table, in so many columns.
pub(super) fn table(
    fleet: &FleetBody,
    targets: &[&TargetBody],
    matched: usize,
    width: usize,
    term: &Term,
) -> String {
    let columns = Columns::of(width, Widest::default().and(targets.iter().copied()));
    let now = words::now(fleet);
    let mut out = String::new();
    if !term.quiet {
        let up = Duration::from_millis(fleet.uptime_ms);
        out.push_str(&words::headline(fleet, up, width));
        out.push('\n');
        let heading = columns.heading();
        out.push_str(&term.tone(Tone::Faint, heading.trim_end()));
        out.push('\n');
    }
    for target in targets {
        let row = columns.row(target, now, Duration::ZERO, ' ');
        out.push_str(&term.tone(row.tone, &row.state));
        out.push_str(row.rest.trim_end());
        out.push('\n');
    }
    let rest = matched.saturating_sub(targets.len());
    if rest > 0 && !term.quiet {
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "and {rest} more that are well or paused (-v shows all)"
        );
    }
    out
}

/// One target, with its past.
pub(super) fn one(fleet: &FleetBody, detail: &TargetDetail, term: &Term) -> String {
    if term.json {
        return json(detail);
    }
    if !term.is_terminal {
        return tabs(&detail.target);
    }
    let manner = Manner {
        now: words::now(fleet),
        passed: Duration::ZERO,
        is_unicode: crate::host::is_unicode(),
        with_settings: term.verbose,
        zone: TimeZone::system(),
    };
    let mut out = String::new();
    for line in detail::lines(detail, &manner) {
        for (tone, text) in line {
            out.push_str(&match tone {
                Some(tone) => term.tone(tone, &text),
                None => text,
            });
        }
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
    }
    out
}

#[derive(Serialize)]
struct Line<'a, T> {
    schema: &'static str,
    #[serde(flatten)]
    body: &'a T,
}

fn json(body: &impl Serialize) -> String {
    let schema = SCHEMA;
    let line = serde_json::to_string(&Line { schema, body });
    let line = line.expect("texts and numbers become JSON");
    words::ascii_controls(&line) + "\n"
}

/// Seven fields: state, overlays, kind, phase, since, target, why; `-` for nothing.
fn tabs(target: &TargetBody) -> String {
    let safe = |text: &str| match text {
        "" => "-".to_owned(),
        text => escape(text, 400),
    };
    let overlays: Vec<&str> = target.overlays.iter().map(|name| &**name).collect();
    let why = target.why.clone().unwrap_or_default();
    let fields = [
        safe(&target.status),
        safe(&overlays.join(",")),
        safe(why.kind.as_deref().unwrap_or_default()),
        safe(why.phase.as_deref().unwrap_or_default()),
        safe(&target.since),
        safe(&target.name),
        safe(&match &target.why {
            Some(why) => why.message.clone().unwrap_or_default(),
            None => words::why(target),
        }),
    ];
    fields.join("\t") + "\n"
}
