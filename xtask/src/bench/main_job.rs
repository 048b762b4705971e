//! `cargo xtask bench main-job`: five minutes of `hc run` over 200 addresses of nginx with faults and recoveries,
//! recorded. docs/runs/main-job.md is one such record.

use std::fs;

use anyhow::{Context, Result};

use super::example::Example;
use super::report::Setting;
use crate::packages;
use crate::process::{cargo, run as run_program};
use crate::workspace::root;

pub(super) fn run(_: &[String]) -> Result<()> {
    packages::ensure()?;
    let setting = Setting::read();
    let job = Example::build("main_job")?;
    let mut build = cargo(&["build", "--release", "-p", "hc-cli", "--bin", "hc"]);
    run_program(build.current_dir(root()))?;
    let (hc, folder) = (job.target.join("release/hc"), job.target.join("bench"));
    eprintln!("  five minutes");
    let record = job.text(&[&hc.to_string_lossy(), &folder.to_string_lossy()])?;
    let text = format!("{}\n\n{record}", setting.line("main-job"));
    let file = folder.join("main-job.md");
    fs::write(&file, &text).with_context(|| format!("failed to write {}", file.display()))?;
    println!("{text}");
    Ok(())
}
