//! Figures into a report: medians of repeated runs, ratios of paired ones, as a Markdown table and as JSON in
//! `target/bench`, with the machine and the commit they were measured on.
//!
//! Runs are paired, ours and the other in turn, because figures of one machine move by a fifth between runs while ratios
//! within a pair hold.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use serde_json::{Value, json};

use super::files::Files;
use crate::clock;
use crate::process::read;
use crate::workspace::root;

/// One thing measured, in every run: ours, and what it is compared with if there is such a thing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// What, with its unit last: "CPU per check, us".
    pub(crate) what: String,
    pub(crate) ours: Vec<f64>,
    /// As many as ours, or none.
    pub(crate) other: Vec<f64>,
}

impl Row {
    /// The median of the pairs' ratios, ours to the other.
    fn ratio(&self) -> Option<f64> {
        let ratios: Vec<_> = self
            .ours
            .iter()
            .zip(&self.other)
            .map(|(ours, other)| ours / other)
            // Of nothing, and to nothing, there is no ratio.
            .filter(|ratio| ratio.is_finite())
            .collect();
        median(&ratios)
    }
}

/// All of one benchmark.
pub(crate) struct Report {
    /// The benchmark's name, and its files'.
    pub(crate) name: &'static str,
    /// What ours is compared with: "Envoy 1.40".
    pub(crate) other: Option<String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) setting: Setting,
}

/// Where and of what it was measured.
pub(crate) struct Setting {
    machine: String,
    commit: String,
    date: String,
}

impl Setting {
    /// Here and now.
    pub(crate) fn read() -> Self {
        let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        // The machine's, not those that this process may use: a benchmark may have kept to one.
        let is_one = |line: &&str| line.starts_with("processor");
        let cores = processor.lines().filter(is_one).count().max(1);
        let git = |arguments: &[&str]| {
            let mut git = Command::new("git");
            git.args(["-c", "safe.directory=*"]).args(arguments);
            read(git.current_dir(root()))
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let dirty = if git(&["status", "--porcelain", "--untracked-files=no"]).is_empty() {
            ""
        } else {
            " with changes"
        };
        Self {
            machine: format!("{}, {cores} cores", model(&processor)),
            commit: format!("{}{dirty}", git(&["rev-parse", "--short", "HEAD"])),
            date: clock::today(),
        }
    }
}

impl Setting {
    /// For tests.
    #[cfg(test)]
    pub(crate) fn made_up() -> Self {
        Self {
            machine: "m".into(),
            commit: "c".into(),
            date: "d".into(),
        }
    }

    /// A sentence for the head of a result.
    pub(crate) fn line(&self, bench: &str) -> String {
        let Self {
            machine,
            commit,
            date,
        } = self;
        format!("`cargo xtask bench {bench}`, {date}, commit {commit}, {machine}.")
    }
}

fn model(cpuinfo: &str) -> &str {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(": "))
        .map_or("unknown processor", |(_, model)| model)
}

impl Report {
    /// Prints the table and writes both forms to `target/bench/NAME.md` and `.json`.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub(crate) fn finish(&self, target: &Path) -> Result<()> {
        let files = Files {
            name: self.name,
            markdown: self.markdown(),
            json: self.json(),
            svg: None,
        };
        files.finish(target, false)
    }

    fn markdown(&self) -> String {
        let mut out = format!("{}\n\n", self.setting.line(self.name));
        match &self.other {
            Some(other) => out.push_str(&format!(
                "| | hc | {other} | ratio | runs |\n| --- | --- | --- | --- | --- |\n"
            )),
            None => out.push_str("| | hc | runs |\n| --- | --- | --- |\n"),
        }
        for row in &self.rows {
            let figure = |values: &[f64]| median(values).map_or_else(String::new, short);
            let ours = figure(&row.ours);
            let runs = row.ours.len();
            out.push_str(&match self.other {
                Some(_) => format!(
                    "| {} | {ours} | {} | {} | {runs} |\n",
                    row.what,
                    figure(&row.other),
                    row.ratio()
                        .map_or_else(String::new, |ratio| format!("{ratio:.2}"))
                ),
                None => format!("| {} | {ours} | {runs} |\n", row.what),
            });
        }
        out
    }

    fn json(&self) -> Value {
        let Setting {
            machine,
            commit,
            date,
        } = &self.setting;
        let rows = self.rows.iter().map(|row| {
            json!({
                "what": row.what, "ours": row.ours, "other": row.other, "ratio": row.ratio(),
                "ours_median": median(&row.ours), "other_median": median(&row.other),
            })
        });
        let rows = rows.collect::<Vec<_>>();
        json!({"bench": self.name, "date": date, "commit": commit, "machine": machine, "other": self.other, "rows": rows})
    }
}

/// The middle one, or the mean of the middle two; of nothing, nothing.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

/// Three significant digits: more would pretend.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        hundreds if hundreds >= 100.0 => format!("{value:.0}"),
        tens if tens >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, Row, Setting, median, model, short};

    fn report(other: Option<&str>, rows: Vec<Row>) -> Report {
        let setting = Setting::made_up();
        Report {
            name: "story",
            other: other.map(ToOwned::to_owned),
            rows,
            setting,
        }
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn the_ratio_is_of_pairs_and_not_of_medians() {
        // The second pair met a busy machine: both took ten times as long, which says nothing.
        let row = Row {
            what: "time, ms".into(),
            ours: vec![1.0, 10.0, 1.2],
            other: vec![2.0, 40.0, 2.0],
        };
        assert_eq!(row.ratio(), Some(0.5));
        assert_eq!(
            report(Some("theirs"), vec![row]).markdown(),
            "`cargo xtask bench story`, d, commit c, m.\n\n| | hc | theirs | ratio | runs |\n\
             | --- | --- | --- | --- | --- |\n| time, ms | 1.20 | 2.00 | 0.50 | 3 |\n"
        );
    }

    #[test]
    fn without_a_rival_there_is_no_ratio() {
        let row = Row {
            what: "memory, MB".into(),
            ours: vec![123.4],
            other: vec![],
        };
        let report = report(None, vec![row]);
        assert!(
            report
                .markdown()
                .ends_with("| | hc | runs |\n| --- | --- | --- |\n| memory, MB | 123 | 1 |\n")
        );
        assert_eq!(report.json()["rows"][0]["ours_median"], 123.4);
        assert!(report.json()["rows"][0]["ratio"].is_null());
    }

    #[test]
    fn figures_and_machines() {
        assert_eq!(
            [0.123, 9.999, 12.34, 1234.5].map(short),
            ["0.12", "10.00", "12.3", "1234"]
        );
        assert_eq!(
            model("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n"),
            "Some CPU @ 2 GHz"
        );
        assert_eq!(model(""), "unknown processor");
    }
}
