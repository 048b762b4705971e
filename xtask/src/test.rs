//! `cargo xtask test`: everything that shows that hc works, in one command.
//!
//! The runner is cargo's own everywhere, with or without cargo-nextest installed: what CI runs and counts is then the
//! same on every machine, doc tests included.

use anyhow::Result;

use crate::packages;
use crate::process::{self, cargo, within};
use crate::steps::{self, Step};
use crate::workspace::{Workspace, root};

/// Runs all steps, or `only` one. `extra` goes to the workspace's `cargo test`, or to the loom model's when that is the only one.
///
/// # Errors
/// When a step failed.
pub(crate) fn run(only: Option<&str>, extra: &[String]) -> Result<()> {
    let extra: Vec<_> = extra.iter().map(String::as_str).collect();
    let (for_loom, for_workspace) = if only == Some("loom") {
        (extra, Vec::new())
    } else {
        (Vec::new(), extra)
    };
    let steps = vec![
        Step::new("packages", "what tests need beyond cargo", packages::ensure).needed(),
        Step::new(
            "workspace",
            "unit, integration and doc tests, examples",
            move || {
                let arguments = [
                    &["test", "--workspace", "--no-fail-fast"],
                    &for_workspace[..],
                ]
                .concat();
                cargo_test(&arguments, &[])
            },
        ),
        Step::new("otlp", "what is built only where it is asked for", || {
            // On its own: with the feature in the step above everything would be built with it, and nothing without.
            let features = ["--features", "hc-server/otlp,hc-cli/otlp"];
            let given = [
                "test",
                "-p",
                "hc-server",
                "-p",
                "hc-cli",
                "--lib",
                "--test",
                "otlp",
            ];
            cargo_test(&[&given[..], &features[..]].concat(), &[])
        }),
        Step::new(
            "loom",
            "the order of publishing, under every interleaving",
            move || {
                // Another cfg means another build of everything: with a folder of its own it evicts nothing.
                let folder = Workspace::load()?.target.join("loom");
                let folder = folder.to_string_lossy();
                let given = [
                    "test",
                    "-p",
                    "hc-core",
                    "--test",
                    "loom",
                    "--release",
                    "--target-dir",
                    &folder,
                ];
                let flags = with_cfg(&std::env::var("RUSTFLAGS").unwrap_or_default());
                cargo_test(&[&given, &for_loom[..]].concat(), &[("RUSTFLAGS", &flags)])
            },
        ),
    ];
    steps::run("test", steps, only)
}

fn cargo_test(arguments: &[&str], variables: &[(&str, &str)]) -> Result<String> {
    process::run(&mut within(cargo(arguments), root(), variables))?;
    Ok(String::new())
}

/// The user's flags and ours.
fn with_cfg(flags: &str) -> String {
    format!("{flags} --cfg hc_loom").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::with_cfg;

    #[test]
    fn flags_of_the_user_stay() {
        assert_eq!(with_cfg(""), "--cfg hc_loom");
        assert_eq!(with_cfg("-C debuginfo=0"), "-C debuginfo=0 --cfg hc_loom");
    }
}
