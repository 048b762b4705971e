//! `cargo xtask bench micro`: how long the parts of a check take, one by one: the wheel, the plan, the state machine, the
//! view, reports, and the reader of answers.
//!
//! The benchmarks of hc-core and hc-scheduler measure themselves (`divan` reads what they print). The reader, which is no
//! part of its library's face, is timed from outside: N and 2N answers, in turn; the difference is N of them.

mod divan;

use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde_json::{Value, json};

use self::divan::Case;
use super::files::Files;
use super::report::{Setting, short};
use super::spread::{Spread, table};
use crate::clock::Started;
use crate::process::{cargo, read, run as run_program};
use crate::reader;
use crate::workspace::{Workspace, root};

/// Crates and their benchmarks.
const PROGRAMS: [(&str, &str); 3] = [
    ("hc-core", "core"),
    ("hc-scheduler", "wheel"),
    ("hc-scheduler", "plan"),
];

/// The parts of a check, one by one
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo xtask bench micro", no_binary_name = true)]
struct Options {
    /// Ten samples of each, and fewer answers
    #[arg(long)]
    quick: bool,
    /// Copy the result to docs/runs
    #[arg(long)]
    bless: bool,
}

impl Options {
    /// Answers that the reader is timed over, and how often.
    fn reader(&self) -> (u64, usize) {
        match self.quick {
            true => (20_000, 3),
            false => (200_000, 11),
        }
    }
}

pub(super) fn run(extra: &[String]) -> Result<()> {
    let options = Options::parse_from(extra);
    let setting = Setting::read();
    let mut cases = Vec::new();
    for (package, bench) in PROGRAMS {
        let name = ["bench", "-p", package, "--bench", bench];
        let bench = |more: &[&str]| {
            let mut command = cargo(&[&name[..], more].concat());
            command.current_dir(root());
            command
        };
        run_program(&mut bench(&["--no-run"]))?;
        let mut arguments = vec!["--", "--color", "never"];
        if options.quick {
            arguments.extend(["--sample-count", "10"]);
        }
        let said = read(&mut bench(&arguments))?;
        let found = divan::parsed(&said);
        ensure!(!found.is_empty(), "{package} gave no figures: {said}");
        found.iter().for_each(tell);
        cases.extend(found);
    }
    let build = [&reader::BUILD[..], &["--profile", "bench"]].concat();
    eprintln!("  building the reader");
    let program = reader::built(cargo(&build).current_dir(root()))?;
    for name in reader::CASES {
        let time = |times: u64| {
            let begun = Started::now();
            read(reader::tell(&mut Command::new(&program), name, times))?;
            Ok(begun.elapsed().as_secs_f64() * 1e9)
        };
        let case = read_by(name, options.reader(), time)?;
        tell(&case);
        cases.push(case);
    }
    let files = Files {
        name: "micro",
        markdown: markdown(&setting, &cases),
        json: to_json(&setting, &cases),
        svg: None,
    };
    files.finish(&Workspace::load()?.target, options.bless)
}

/// `time`: of reading so many answers, in nanoseconds, with whatever starting costs.
fn read_by(
    name: &str,
    (answers, rounds): (u64, usize),
    time: impl Fn(u64) -> Result<f64>,
) -> Result<Case> {
    let mut each = Vec::new();
    for _ in 0..rounds {
        let (once, twice) = (time(answers)?, time(2 * answers)?);
        each.push((twice - once) / answers as f64);
    }
    let spread = Spread::of(&each).context("no rounds")?;
    Ok(Case {
        name: format!("reader/{name}"),
        fastest: spread.least,
        median: spread.median,
        slowest: spread.most,
    })
}

fn tell(case: &Case) {
    eprintln!("  {:<50} {:>8} ns", case.name, short(case.median));
}

fn markdown(setting: &Setting, cases: &[Case]) -> String {
    let headings = ["case", "median, ns", "fastest", "slowest"];
    let mut rows = vec![headings.map(ToOwned::to_owned).to_vec()];
    for it in cases {
        let figures = [it.median, it.fastest, it.slowest].map(short);
        rows.push([vec![it.name.clone()], figures.to_vec()].concat());
    }
    format!(
        "{}\nNanoseconds of one: where a case does a thousand of something, of one of them; a number after a name is that of \
         targets or timers.\n\n{}",
        setting.line("micro"),
        table(&rows)
    )
}

fn to_json(setting: &Setting, cases: &[Case]) -> Value {
    let each = cases.iter().map(|it| {
        json!({"case": it.name, "fastest_ns": it.fastest, "median_ns": it.median, "slowest_ns": it.slowest})
    });
    json!({"bench": "micro", "setting": setting.line("micro"), "cases": each.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{Case, Options, Setting, markdown, read_by};

    #[test]
    fn what_starting_costs_is_not_counted() {
        Options::command().debug_assert();
        let case = read_by("x", (10, 3), |times| Ok(500.0 + 7.0 * times as f64)).unwrap();
        let expected = Case {
            name: "reader/x".to_owned(),
            fastest: 7.0,
            median: 7.0,
            slowest: 7.0,
        };
        assert_eq!(case, expected);
        let text = markdown(&Setting::made_up(), &[case]);
        assert!(
            text.ends_with("| reader/x | 7.00       | 7.00    | 7.00    |\n"),
            "{text}"
        );
    }
}
