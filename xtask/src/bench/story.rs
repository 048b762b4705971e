//! `cargo xtask bench story`: the five faults of the checker that hc began from, each beside ours, in one run.

use anyhow::{Context, Result};
use serde_json::Value;

use super::example::Example;
use super::report::{Report, Row, Setting};

pub(super) fn run(_: &[String]) -> Result<()> {
    let setting = Setting::read();
    let story = Example::build("story")?;
    eprintln!("  two minutes and a half: the log is counted by the minute");
    let rows = story.lines(&[])?.iter().map(row).collect::<Result<_>>()?;
    let other = Some("as it was".to_owned());
    let report = Report {
        name: "story",
        other,
        rows,
        setting,
    };
    report.finish(&story.target)
}

fn row(line: &Value) -> Result<Row> {
    let figures = |key: &str| {
        let figures = line[key]
            .as_array()
            .map(|all| all.iter().filter_map(Value::as_f64));
        figures
            .map(Iterator::collect)
            .with_context(|| format!("no figures `{key}` in {line}"))
    };
    Ok(Row {
        what: line["what"]
            .as_str()
            .context("a row has no name")?
            .to_owned(),
        ours: figures("ours")?,
        other: figures("other")?,
    })
}
