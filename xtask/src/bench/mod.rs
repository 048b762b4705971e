//! `cargo xtask bench`: measurements of the whole system, repeatable with one command.
//!
//! This file lists them and runs one. Each is a module with a `run`; `report` pairs, sums up and writes the figures,
//! `usage` reads what a process uses from the kernel.

mod report;
mod usage;

use anyhow::{Result, bail};

/// A measurement.
struct Bench {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<()>,
}

/// All there are.
const BENCHES: &[Bench] = &[];

/// Runs the one of that name, or lists all.
///
/// # Errors
/// When there is none of that name, or it fails.
pub(crate) fn run(name: Option<&str>, extra: &[String]) -> Result<()> {
    let Some(name) = name else {
        println!("{} benchmarks; results go to target/bench", BENCHES.len());
        for bench in BENCHES {
            println!("  {:<10} {}", bench.name, bench.about);
        }
        return Ok(());
    };
    match BENCHES.iter().find(|bench| bench.name == name) {
        Some(bench) => (bench.run)(extra),
        None => bail!("no benchmark `{name}`; `cargo xtask bench` lists them"),
    }
}
