//! `cargo xtask bench day`: a simulated day of ten thousand targets; the invariants are asserted on the way.

use anyhow::Result;

use super::example::Example;
use super::report::{Report, Row, Setting};

/// Two arguments may follow: targets, hours.
pub(super) fn run(extra: &[String]) -> Result<()> {
    let setting = Setting::read();
    let day = Example::build("day")?;
    let arguments: Vec<_> = extra.iter().map(String::as_str).collect();
    eprintln!("  some minutes for 10,000 targets and 24 hours");
    let mut rows = Vec::new();
    for line in day.lines(&arguments)? {
        for (key, value) in line.as_object().into_iter().flatten() {
            rows.push(Row {
                what: key.replace('_', " "),
                ours: value.as_f64().into_iter().collect(),
                other: Vec::new(),
            });
        }
    }
    let report = Report {
        name: "day",
        other: None,
        rows,
        setting,
    };
    report.finish(&day.target)
}
