//! `cargo xtask counts`: how many instructions one iteration of each counted case takes, beside a checked-in baseline.
//! Times move by a fifth on a busy machine; instructions do not, so a regression shows anywhere.
//!
//! The cases are those of hc-scheduler's example `count`. Each runs under callgrind for N and for 2N iterations: the
//! difference is N iterations, whatever starting costs. The reader of hc-http, which no example can reach, is counted
//! through an ignored test of its own, and only if asked for: its crate takes minutes to build.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::packages::{self, Need};
use crate::process::{self, capture, cargo, read};
use crate::reader;
use crate::workspace::{Workspace, root};

/// So much more than the baseline, in parts of it, is a regression.
const TOLERANCE: f64 = 0.05;
/// So few instructions more are none: a small case moves by a handful with any build.
const NOISE: f64 = 10.0;
const ITERATIONS: u64 = 10_000;

const VALGRIND: Need = Need {
    program: "valgrind",
    packages: &["valgrind"],
    why: "counting instructions",
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Write what is counted to xtask/counts.json as the new baseline
    #[arg(long)]
    bless: bool,
    /// Count the reader of hc-http too: its crate takes minutes to build
    #[arg(long)]
    reader: bool,
}

/// Instructions by case, and the compiler that made them.
#[derive(Clone, Debug, PartialEq)]
struct Counts {
    compiler: String,
    cases: BTreeMap<String, f64>,
}

/// Counts, compares, and writes the baseline if asked to.
///
/// # Errors
/// When a case takes more than it did, or is in one of both only.
pub(crate) fn run(options: &Options) -> Result<()> {
    let valgrind = packages::obtain(&VALGRIND)?;
    let counts = count(&valgrind, options.reader)?;
    let file = baseline_file();
    let baseline = baseline(&file);
    for line in lines(&counts, baseline.as_ref().ok()) {
        println!("  {line}");
    }
    if options.bless {
        let mut counts = counts;
        if let Ok(baseline) = baseline
            && !options.reader
        {
            // What was not counted now stays as it was.
            let kept = baseline.cases.into_iter();
            let kept = kept.filter(|(name, _)| is_reader(name));
            counts.cases.extend(kept);
        }
        let text = format!("{:#}\n", to_json(&counts));
        fs::write(&file, text).with_context(|| format!("failed to write {}", file.display()))?;
        return Ok(());
    }
    judge(&counts, &baseline?).map(|note| println!("  {note}"))
}

/// For CI: the same, without the reader. Where there is no valgrind, or another compiler, it says so and passes.
///
/// # Errors
/// As [`run`].
pub(crate) fn check() -> Result<String> {
    let baseline = baseline(&baseline_file())?;
    let here = compiler()?;
    if here != baseline.compiler {
        return Ok(format!(
            "not compared: the baseline is {}'s, this is {here}",
            baseline.compiler
        ));
    }
    match packages::obtain(&VALGRIND) {
        Ok(valgrind) => judge(&count(&valgrind, false)?, &baseline),
        Err(why) => Ok(format!("not counted: {why:#}")),
    }
}

fn baseline_file() -> PathBuf {
    root().join("xtask/counts.json")
}

fn baseline(file: &Path) -> Result<Counts> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("no baseline {}; `--bless` writes it", file.display()))?;
    from_json(&text).with_context(|| format!("{} is no baseline", file.display()))
}

fn compiler() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = read(Command::new(rustc).arg("-vV"))?;
    let of = |key: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_default().trim().to_owned()
    };
    Ok(format!("rustc {} for {}", of("release:"), of("host:")))
}

/// Builds with settings of its own, so that none of a developer's or of a release moves the counts.
fn build(arguments: &[&str]) -> Command {
    let mut command = cargo(arguments);
    command
        .current_dir(root())
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
        .env_remove("RUSTFLAGS");
    command
}

fn count(valgrind: &Path, reader: bool) -> Result<Counts> {
    let folder = Workspace::load()?.target.join("counts");
    let place = folder.to_string_lossy();
    let mut cases = BTreeMap::new();
    let example = ["build", "--release", "-p", "hc-scheduler"];
    let place_of_it = ["--example", "count", "--target-dir", &place];
    process::run(&mut build(&[&example[..], &place_of_it].concat()))?;
    let program = folder.join("release/examples/count");
    for case in read(&mut Command::new(&program))?.lines() {
        let run = |times: u64| {
            let mut command = Command::new(valgrind);
            command.args(CALLGRIND).arg(&program);
            collected(command.args([case, &times.to_string()]))
        };
        let each = per_iteration(run).with_context(|| case.to_owned())?;
        cases.insert(case.to_owned(), each);
    }
    if reader {
        let place = ["--release", "--target-dir", &place];
        let program = reader::built(&mut build(&[&reader::BUILD[..], &place].concat()))?;
        for case in reader::CASES {
            let run = |times: u64| {
                let mut command = Command::new(valgrind);
                command.args(CALLGRIND).arg(&program);
                collected(reader::tell(&mut command, case, times))
            };
            let each = per_iteration(run).with_context(|| format!("reader/{case}"))?;
            cases.insert(format!("reader/{case}"), each);
        }
    }
    Ok(Counts {
        compiler: compiler()?,
        cases,
    })
}

const CALLGRIND: [&str; 2] = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];

fn is_reader(name: &str) -> bool {
    name.starts_with("reader/")
}

fn per_iteration(run: impl Fn(u64) -> Result<u64>) -> Result<f64> {
    let (once, twice) = (run(ITERATIONS)?, run(2 * ITERATIONS)?);
    // The tables of a process are hashed at random: an empty case may seem to take less than nothing.
    Ok(twice.saturating_sub(once) as f64 / ITERATIONS as f64)
}

fn collected(command: &mut Command) -> Result<u64> {
    let output = capture(command)?;
    let said = output.stderr;
    if !output.passed {
        bail!("callgrind failed: {}", said.trim());
    }
    parsed(&said).with_context(|| format!("callgrind says no count: {said}"))
}

/// `==7== Collected : 123`
fn parsed(said: &str) -> Option<u64> {
    let (_, after) = said.split_once("Collected : ")?;
    after.split_whitespace().next()?.parse().ok()
}

fn lines(counts: &Counts, baseline: Option<&Counts>) -> Vec<String> {
    let line = |(name, found): (&String, &f64)| {
        let was = baseline.and_then(|it| it.cases.get(name));
        let was = was.map_or_else(String::new, |was| format!(", baseline {was:.0}"));
        format!("{name:<32} {found:8.0} instructions{was}")
    };
    counts.cases.iter().map(line).collect()
}

/// Something to say when all is well.
///
/// # Errors
/// What is not.
fn judge(counts: &Counts, baseline: &Counts) -> Result<String> {
    let (mut wrong, mut less) = (Vec::new(), 0);
    for (name, found) in &counts.cases {
        match baseline.cases.get(name) {
            None => wrong.push(format!(
                "{name}: no baseline, {found:.0} instructions found"
            )),
            Some(was) if *found > was * (1.0 + TOLERANCE) + NOISE => wrong.push(format!(
                "{name}: {found:.0} instructions found, the baseline is {was:.0}"
            )),
            Some(was) if *found < was * (1.0 - TOLERANCE) - NOISE => less += 1,
            Some(_) => {}
        }
    }
    let counted_reader = counts.cases.keys().any(|name| is_reader(name));
    for name in baseline.cases.keys() {
        if !counts.cases.contains_key(name) && (counted_reader || !is_reader(name)) {
            wrong.push(format!("{name}: in the baseline, and not counted any more"));
        }
    }
    if !wrong.is_empty() {
        bail!(
            "{}\nIf that is meant: cargo xtask counts --bless",
            wrong.join("\n")
        );
    }
    Ok(match less {
        0 => format!("{} cases", counts.cases.len()),
        _ => format!(
            "{} cases, {less} of them better than the baseline: cargo xtask counts --bless",
            counts.cases.len()
        ),
    })
}

fn to_json(counts: &Counts) -> Value {
    // A tenth of an instruction says nothing.
    let rounded = |value: &f64| (value * 10.0).round() / 10.0;
    let cases = counts.cases.iter();
    let cases: BTreeMap<_, _> = cases.map(|(name, value)| (name, rounded(value))).collect();
    json!({"compiler": counts.compiler, "instructions": cases})
}

fn from_json(text: &str) -> Option<Counts> {
    let value: Value = serde_json::from_str(text).ok()?;
    let cases = value["instructions"].as_object()?.iter();
    let cases = cases.map(|(name, value)| Some((name.clone(), value.as_f64()?)));
    Some(Counts {
        compiler: value["compiler"].as_str()?.to_owned(),
        cases: cases.collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Counts, from_json, judge, parsed, to_json};

    fn counts(cases: &[(&str, f64)]) -> Counts {
        let cases = cases.iter();
        Counts {
            compiler: "rustc 1".to_owned(),
            cases: cases
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect(),
        }
    }

    #[test]
    fn callgrind_s_count_is_read() {
        assert_eq!(
            parsed("==1== Events    : Ir\n==1== Collected : 1234\n"),
            Some(1_234)
        );
        assert_eq!(parsed("==1== Collected :\n"), None);
    }

    #[test]
    fn more_is_a_regression_and_a_little_more_is_not() {
        let baseline = counts(&[("core/a", 1_000.0), ("core/b", 5.0), ("reader/c", 9.0)]);
        let same = counts(&[("core/a", 1_040.0), ("core/b", 14.0)]);
        assert_eq!(judge(&same, &baseline).unwrap(), "2 cases");
        let worse = counts(&[("core/a", 1_100.0), ("core/b", 5.0)]);
        let error = judge(&worse, &baseline).unwrap_err().to_string();
        assert!(
            error.starts_with("core/a: 1100 instructions found, the baseline is 1000"),
            "{error}"
        );
        let better = counts(&[("core/a", 900.0), ("core/b", 5.0)]);
        assert!(
            judge(&better, &baseline)
                .unwrap()
                .contains("1 of them better")
        );
    }

    #[test]
    fn a_case_is_in_both_or_it_is_told() {
        let baseline = counts(&[("core/a", 1.0)]);
        let error = judge(&counts(&[("core/b", 1.0)]), &baseline).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("core/b: no baseline") && error.contains("core/a: in the baseline"));
    }

    #[test]
    fn a_baseline_is_read_as_it_was_written() {
        let counts = counts(&[("core/a", 12.5)]);
        assert_eq!(from_json(&to_json(&counts).to_string()), Some(counts));
    }
}
