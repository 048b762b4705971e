//! `cargo xtask fuzz`: the reader of HTTP/1 answers against hyper, for as long as one likes.
//!
//! The work is a unit test of hc-http, which `cargo xtask test` runs for some seconds with one seed; this runs it again
//! and again, each time with the next seed. What it finds lies in the corpus then, ready to be checked in.

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use crate::clock::{Started, human};
use crate::process::{self, cargo, within};
use crate::workspace::root;

/// Cases of one turn; some ten seconds.
const CASES: u64 = 50_000;
/// The test, and where it writes what it finds.
const TEST: &str = "dedicated::reader::fuzz::mutations_hold";
const FINDS: &str = "crates/hc-http/src/dedicated/reader/corpus/finds";

/// How long, and from which seed on.
#[derive(Args)]
pub(crate) struct Options {
    /// For how long
    #[arg(long, value_name = "N", default_value_t = 300)]
    seconds: u64,
    /// The first seed; by default a random one
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
}

/// Runs until the time is over, or something is found.
///
/// # Errors
/// When something is found, or the test cannot be built.
pub(crate) fn run(options: &Options) -> Result<()> {
    let first = options.seed.unwrap_or_else(random);
    let build = cargo(&["test", "-p", "hc-http", "--lib", "--no-run"]);
    process::run(&mut within(build, root(), &[]))?;
    let (started, enough) = (Started::now(), Duration::from_secs(options.seconds));
    let mut turns = 0;
    while turns == 0 || started.elapsed() < enough {
        let seed = first.wrapping_add(turns);
        let (seed, cases) = (seed.to_string(), CASES.to_string());
        let test = cargo(&[
            "test", "-p", "hc-http", "--lib", "--quiet", "--", "--exact", TEST,
        ]);
        let variables = [
            ("HC_FUZZ_SEED", seed.as_str()),
            ("HC_FUZZ_CASES", cases.as_str()),
        ];
        process::run(&mut within(test, root(), &variables))
            .with_context(|| format!("found something with seed {seed}: see above, and {FINDS}"))?;
        turns += 1;
    }
    eprintln!(
        "nothing found in {} cases, seeds {first} to {}, {}",
        turns * CASES,
        first.wrapping_add(turns - 1),
        human(started.elapsed())
    );
    Ok(())
}

/// Small enough to be typed again.
fn random() -> u64 {
    let hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.finish() % 1_000_000_000
}
