//! `cargo xtask bench see`: what people and tools see of one run of 200 targets, before and after a restart, recorded with
//! pictures of the terminal. docs/runs/see.md is one such record.

use std::fs;

use anyhow::{Context, Result};
use clap::Parser;

use super::example::Example;
use super::report::Setting;
use crate::packages;
use crate::process::{cargo, run as run_program};
use crate::workspace::root;

/// A run of 200 targets as the log, the terminal, Prometheus and the API tell it
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo xtask bench see", no_binary_name = true)]
struct Options {
    /// Copy the record and its pictures to docs/runs
    #[arg(long)]
    bless: bool,
}

pub(super) fn run(extra: &[String]) -> Result<()> {
    let options = Options::parse_from(extra);
    packages::ensure()?;
    let setting = Setting::read();
    let example = Example::build("see")?;
    let mut build = cargo(&["build", "--release", "-p", "hc-cli", "--bin", "hc"]);
    run_program(build.current_dir(root()))?;
    let (hc, folder) = (
        example.target.join("release/hc"),
        example.target.join("bench/see"),
    );
    eprintln!("  two minutes");
    let record = example.text(&[&hc.to_string_lossy(), &folder.to_string_lossy()])?;
    let text = format!("{}\n\n{record}", setting.line("see"));
    let file = folder.join("see.md");
    fs::write(&file, &text).with_context(|| format!("failed to write {}", file.display()))?;
    if options.bless {
        for entry in fs::read_dir(&folder).context("the recording has no folder")? {
            let path = entry
                .context("the recording's folder cannot be read")?
                .path();
            let is_shown = path.extension().is_some_and(|it| it == "svg" || it == "md");
            if let Some(name) = path.file_name().filter(|_| is_shown) {
                let to = root().join("docs/runs").join(name);
                fs::copy(&path, &to)
                    .with_context(|| format!("failed to write {}", to.display()))?;
            }
        }
    }
    println!("{text}");
    Ok(())
}
