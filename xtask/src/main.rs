//! `cargo xtask`: everything one does to this repository beside writing it.
//!
//! This file reads the arguments and picks the module that does the work. CI calls the same verbs as people do,
//! so what passes here passes there. It leaves out anything a shipped crate needs: nothing depends on xtask.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for people at a terminal"
)]

mod arrows;
mod bench;
mod changelog;
mod clock;
mod counts;
mod dist;
mod docs;
mod fuzz;
mod fuzz_api;
mod links;
mod lint;
mod packages;
mod packaging;
mod process;
mod reader;
mod release;
mod steps;
mod test;
mod texts;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Tests, lints, benchmarks, docs and releases of hc.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    after_help = "Examples:
  cargo xtask ci                           all that CI does: test, then lint
  cargo xtask test --only loom             one step of the tests
  cargo xtask test -- flapping             the workspace's tests whose name has `flapping`
  cargo xtask lint --only arrows           who may depend on whom
  cargo xtask counts                       instructions per check, beside the baseline
  cargo xtask fuzz --seconds 3600          an hour of random answers, read by us and by hyper
  cargo xtask fuzz-api --seconds 600       ten minutes of random requests to the API of a running hc
  cargo xtask release minor                print what a minor release would do
  cargo xtask release --execute minor      and do it
  cargo xtask dist                         binary, .deb, checksums in target/dist"
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run every test, after installing (as root) or naming what tests need beyond cargo
    Test(TestArguments),
    /// Check format, clippy, docs, arrows between crates, profiles, texts, links, licences and advisories
    Lint(Only),
    /// What CI does: test, then lint
    Ci,
    /// Run a benchmark; without a name, list them
    Bench(BenchArguments),
    /// Count the instructions of one check and of its parts, and compare them to xtask/counts.json
    Counts(counts::Options),
    /// Try the reader of HTTP/1 answers against hyper with random ones, for long
    Fuzz(fuzz::Options),
    /// Try the API of a running hc with requests that schemathesis makes of its description
    FuzzApi(fuzz_api::Options),
    /// Build the book and the API docs
    Docs,
    /// Bump the version, date the changelog, check the packages, tag. Prints the plan unless --execute
    Release(release::Options),
    /// Build what a release ships, into target/dist
    Dist(dist::Options),
}

/// `--only`, shared by the verbs made of steps.
#[derive(Args)]
struct Only {
    /// Run this step alone
    #[arg(long, value_name = "STEP")]
    only: Option<String>,
}

#[derive(Args)]
struct TestArguments {
    #[command(flatten)]
    only: Only,
    /// Given to `cargo test` as they are
    #[arg(last = true, value_name = "ARGS")]
    extra: Vec<String>,
}

#[derive(Args)]
struct BenchArguments {
    /// Which one
    name: Option<String>,
    /// Given to the benchmark as they are
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGS"
    )]
    extra: Vec<String>,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().verb {
        Verb::Test(arguments) => test::run(arguments.only.only.as_deref(), &arguments.extra),
        Verb::Lint(arguments) => lint::run(arguments.only.as_deref()),
        Verb::Ci => {
            // Both always run: whoever broke a test wants to hear of the lint too.
            let (tested, linted) = (test::run(None, &[]), lint::run(None));
            tested.and(linted)
        }
        Verb::Bench(arguments) => bench::run(arguments.name.as_deref(), &arguments.extra),
        Verb::Counts(options) => counts::run(&options),
        Verb::Fuzz(options) => fuzz::run(&options),
        Verb::FuzzApi(options) => fuzz_api::run_all(&options),
        Verb::Docs => docs::run(),
        Verb::Release(options) => release::run(&options),
        Verb::Dist(options) => dist::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Arguments, Verb};

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_follows_two_dashes_is_passed_on_untouched() {
        let arguments = [
            "cargo xtask",
            "test",
            "--only",
            "workspace",
            "--",
            "name",
            "--",
            "--nocapture",
        ];
        let Verb::Test(test) = Arguments::parse_from(arguments).verb else {
            panic!("not the verb `test`")
        };
        assert_eq!(test.only.only.as_deref(), Some("workspace"));
        assert_eq!(test.extra, ["name", "--", "--nocapture"]);
    }
}
