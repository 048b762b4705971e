//! `cargo xtask lint`: what can be judged without running hc. Each step is one rule; the rules that are ours are pure
//! functions in modules of their own.

use anyhow::{Result, bail};

use crate::process::{self, Output, capture, cargo, within};
use crate::steps::{self, Step};
use crate::tools::CARGO_DENY;
use crate::workspace::{Workspace, root};
use crate::{arrows, counts, links, packaging, texts};

/// Runs all steps, or `only` one.
///
/// # Errors
/// When a step failed.
pub(crate) fn run(only: Option<&str>) -> Result<()> {
    let steps = vec![
        Step::new("fmt", "format; files that differ are listed", || {
            let check = ["--all", "--check", "--", "-l"];
            quiet(&[&["fmt"], &check[..]].concat(), &[])?;
            quiet(
                &[&["fmt", "--manifest-path", PEERS], &check[..]].concat(),
                &[],
            )?;
            gofmt()
        }),
        Step::new("arrows", "who may depend on whom", || {
            let crates = Workspace::load()?.crates;
            none(
                &arrows::broken(&crates),
                &format!("{} crates", crates.len()),
            )
        }),
        Step::new("profiles", "shipped profiles unwind", || {
            over_texts(texts::aborting_profiles)
        }),
        Step::new("paths", "no text names a path of one machine", || {
            over_texts(texts::machine_paths)
        }),
        Step::new("links", "relative links of the docs", || {
            none(
                &links::broken(&texts::all()?, |path| root().join(path).exists()),
                "",
            )
        }),
        Step::new(
            "packaging",
            "the unit, the container's file, the package",
            packaging::check,
        ),
        Step::new("clippy", "clippy, warnings are errors", || {
            quiet(
                &[
                    "clippy",
                    "--workspace",
                    "--all-targets",
                    "--",
                    "-D",
                    "warnings",
                ],
                &[],
            )
        }),
        Step::new("features", "clippy of what is off by default", || {
            let crates = ["-p", "hc-server", "-p", "hc-app", "-p", "hc-cli"];
            let features = ["--features", "hc-cli/otlp", "--all-targets"];
            quiet(
                &[
                    &["clippy"],
                    &crates[..],
                    &features,
                    &["--", "-D", "warnings"],
                ]
                .concat(),
                &[],
            )
        }),
        Step::new("peers", "clippy of the programs beside hc", peers),
        Step::new("rustdoc", "API docs, warnings are errors", || {
            quiet(
                &["doc", "--workspace", "--no-deps"],
                &[("RUSTDOCFLAGS", "-D warnings")],
            )
        }),
        Step::new(
            "counts",
            "instructions per check beside the baseline",
            counts::check,
        ),
        Step::new("deny", "bans, licences and sources of dependencies", || {
            deny(&["bans", "licenses", "sources"]).and_then(|output| passed(&output))
        }),
        Step::new("advisories", "known holes in dependencies", || {
            let output = deny(&["advisories"])?;
            if !output.passed && is_fetch_failure(&output.stderr) {
                return Ok(
                    "not checked: the advisory database cannot be fetched from here".to_owned(),
                );
            }
            passed(&output)
        }),
    ];
    steps::run("lint", steps, only)
}

/// A cargo command that has nothing to tell but its trouble.
fn quiet(arguments: &[&str], variables: &[(&str, &str)]) -> Result<String> {
    process::run(&mut within(cargo(arguments), root(), variables))?;
    Ok(String::new())
}

/// The workspace of what is measured beside hc.
const PEERS: &str = "bench/Cargo.toml";

/// Clippy of `bench/`, in the target folder that benchmarks build it in. Pingora's checker is left out: its many
/// dependencies would take longer than all other steps.
fn peers() -> Result<String> {
    let target = Workspace::load()?.target.join("peers/cargo");
    let arguments = [
        &["clippy", "--manifest-path", PEERS, "--locked"][..],
        &["-p", "fickle", "-p", "floor", "--all-targets"],
        &["--", "-D", "warnings"],
    ];
    let variables = [("CARGO_TARGET_DIR", &*target.to_string_lossy())];
    quiet(&arguments.concat(), &variables)?;
    Ok("without pingora".to_owned())
}

/// The one program in Go, where there is Go: nothing of hc needs it.
fn gofmt() -> Result<String> {
    let Some(gofmt) = process::find("gofmt") else {
        return Ok("no gofmt here: bench/go not looked at".to_owned());
    };
    let mut command = std::process::Command::new(gofmt);
    let listed = process::read(command.args(["-l", "bench/go"]).current_dir(root()))?;
    let differs = |file| format!("{file}: gofmt would write it otherwise");
    let differ: Vec<_> = listed.lines().map(differs).collect();
    none(&differ, "")
}

/// Fails with all of these, one a line.
fn none(problems: &[String], note: &str) -> Result<String> {
    for problem in problems {
        eprintln!("  {problem}");
    }
    match problems.len() {
        0 => Ok(note.to_owned()),
        1 => bail!("{}", problems[0]),
        many => bail!("{many} problems, above"),
    }
}

fn over_texts(rule: fn(&str, &str) -> Vec<String>) -> Result<String> {
    let texts = texts::all()?;
    let problems: Vec<_> = texts
        .iter()
        .flat_map(|(name, text)| rule(name, text))
        .collect();
    none(&problems, &format!("{} files", texts.len()))
}

fn deny(checks: &[&str]) -> Result<Output> {
    let program = CARGO_DENY.ensure(&Workspace::load()?.target)?;
    let mut command = std::process::Command::new(program);
    command
        .args([
            "--log-level",
            "warn",
            "--color",
            "never",
            "check",
            "--hide-inclusion-graph",
        ])
        .args(checks);
    capture(command.current_dir(root()))
}

fn passed(output: &Output) -> Result<String> {
    if output.passed {
        return Ok(String::new());
    }
    eprint!("{}{}", output.stdout, output.stderr);
    bail!("cargo-deny found something, above; the rules are in deny.toml")
}

/// cargo-deny could not reach its database, as against: it found something.
fn is_fetch_failure(stderr: &str) -> bool {
    stderr.contains("failed to fetch advisory database")
        || stderr.contains("failed to load advisory database")
}

#[cfg(test)]
mod tests {
    use super::{is_fetch_failure, none};

    #[test]
    fn an_unreachable_database_is_not_a_finding() {
        assert!(is_fetch_failure(
            "[ERROR] failed to fetch advisory database https://..."
        ));
        assert!(!is_fetch_failure("error[vulnerability]: a hole in x"));
    }

    #[test]
    fn one_problem_is_the_error_and_none_is_none() {
        assert_eq!(none(&[], "3 files").unwrap(), "3 files");
        assert_eq!(
            none(&["a: b".to_owned()], "").unwrap_err().to_string(),
            "a: b"
        );
    }
}
