//! `cargo xtask bench pooled`: processor time per check and memory per target on nginx, 1,000 and 9,000 targets every
//! second, over reqwest's pool and over hc's one kept connection a target, in turn.

use anyhow::Result;

use super::example::{Example, number};
use super::report::{Report, Row, Setting};
use crate::packages;

const ROUNDS: usize = 3;
/// At one check a second each twentieth opens a connection anew: 20 s hold one such check of each target.
const SECONDS: &str = "20";
const SIZES: [u32; 2] = [1_000, 9_000];

/// What is taken from each answer: its key, and as a row says it.
const FIGURES: [(&str, &str); 7] = [
    ("cpu_us_per_check", "processor time per check, us"),
    ("checks", "checks in 20 s"),
    ("not_passed", "checks that did not pass"),
    ("opened", "connections opened in 20 s"),
    ("stretch", "real time over running time"),
    ("late_p99_ms", "lateness p99, ms"),
    ("tasks", "tasks alive"),
];

pub(super) fn run(_: &[String]) -> Result<()> {
    packages::ensure()?;
    let setting = Setting::read();
    let watch = Example::build("watch")?;
    let ask = |transport: &str, targets: u32| -> Result<_> {
        eprintln!("  {transport}, {targets} targets");
        let lines = watch.lines(&[transport, &targets.to_string(), SECONDS])?;
        Ok(lines.into_iter().next().unwrap_or_default())
    };
    // What a checker of one target has resident is no target's.
    let (pooled, kept) = (ask("pooled", 1)?, ask("kept", 1)?);
    let alone = (number(&pooled, "rss_kib")?, number(&kept, "rss_kib")?);
    let mut rows = vec![row("1 target: resident, KiB")];
    push(&mut rows[0], alone);
    for targets in SIZES {
        let mut these: Vec<_> = FIGURES
            .iter()
            .map(|(_, what)| row(&format!("{targets} targets: {what}")))
            .collect();
        let mut memory = row(&format!("{targets} targets: memory per target, KiB"));
        for _ in 0..ROUNDS {
            let (pooled, kept) = (ask("pooled", targets)?, ask("kept", targets)?);
            for ((key, _), row) in FIGURES.iter().zip(&mut these) {
                push(row, (number(&pooled, key)?, number(&kept, key)?));
            }
            let each = |rss: f64, alone: f64| (rss - alone) / f64::from(targets);
            let (pooled, kept) = (number(&pooled, "rss_kib")?, number(&kept, "rss_kib")?);
            push(&mut memory, (each(pooled, alone.0), each(kept, alone.1)));
        }
        rows.append(&mut these);
        rows.push(memory);
    }
    let report = Report {
        name: "pooled",
        other: Some("kept transport".to_owned()),
        rows,
        setting,
    };
    report.finish(&watch.target)
}

fn row(what: &str) -> Row {
    Row {
        what: what.to_owned(),
        ours: Vec::new(),
        other: Vec::new(),
    }
}

fn push(row: &mut Row, (pooled, kept): (f64, f64)) {
    row.ours.push(pooled);
    row.other.push(kept);
}
