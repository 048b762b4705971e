//! `cargo xtask bench memory`: what a kept plain target and a kept TLS target cost, part by part, in bytes that the
//! allocator was asked for and in what is resident; and what `hc run` has resident of it.
//!
//! Figures are beyond those of the same with one target; `hc run`'s also beyond those with half as many. This file has the options and the order; `runs` what one fleet
//! gives, `stage` the reading of it, `outcome` the tables and the goals.

mod outcome;
mod runs;
mod stage;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Parser;

use self::outcome::{Outcome, Side};
use self::runs::{Place, Wire};
use super::files::Files;
use super::given::Given;
use super::report::Setting;
use super::rig::{Arena, Certificate, Found, Program, Programs, enter, obtain};
use crate::clock::{Started, human};
use crate::workspace::Workspace;

/// The memory of a kept target
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo xtask bench memory", no_binary_name = true)]
struct Options {
    /// Targets, each of an address of its own. With less than 4,200 the feed, which keeps two events of each and 4,096 at
    /// most, counts as theirs
    #[arg(long, default_value_t = 6_000, value_parser = clap::value_parser!(u32).range(4..=100_000))]
    targets: u32,
    /// This build of hc-app's example `memory`, likewise
    #[arg(long, value_name = "FILE")]
    memory: Option<PathBuf>,
    #[command(flatten)]
    given: Given,
}

pub(super) fn run(extra: &[String]) -> Result<()> {
    let options = Options::parse_from(extra);
    let target = Workspace::load()?.target;
    enter(
        || {
            let mut wanted = vec![Program::Nginx, Program::Openssl, Program::Hc];
            if options.memory.is_none() {
                wanted.push(Program::Memory);
            }
            let mut programs = obtain(&wanted, &target, [options.given.hc.as_deref(), None]);
            if let Some(given) = &options.memory {
                let there = given.canonicalize();
                let found = there.with_context(|| format!("failed to find {}", given.display()));
                let version = String::new();
                programs.put(Program::Memory, found.map(|path| Found { path, version }));
            }
            for program in wanted {
                programs.get(program)?;
            }
            Ok(programs)
        },
        |arena, programs| memory(&options, arena, programs, &target),
    )
}

fn memory(options: &Options, arena: &Arena, programs: &Programs, target: &Path) -> Result<()> {
    let (started, setting) = (Started::now(), Setting::read());
    let folder = target.join("bench/memory");
    fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let certificate = Certificate::make(programs, &folder)?;
    let place = Place {
        arena,
        programs,
        folder: &folder,
        certificate: &certificate,
    };
    let count = options.targets as usize;
    let mut sides = Vec::new();
    for wire in [Wire::Plain, Wire::Tls] {
        let [one, many] = [place.parts(wire, 1)?, place.parts(wire, count)?];
        let mut hc = Vec::new();
        for targets in [1, count / 2, count] {
            hc.push((targets, place.hc(wire, targets)?));
        }
        let side = Side::of(wire, [&one, &many], &hc, count)?;
        eprintln!("  {side}");
        sides.push(side);
    }
    eprintln!("  took {}", human(started.elapsed()));
    let outcome = Outcome {
        setting,
        targets: count,
        certificate: certificate.bytes,
        sides,
    };
    let files = Files {
        name: "memory",
        markdown: outcome.markdown(),
        json: outcome.json(),
        svg: None,
    };
    files.finish(target, options.given.bless)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_options_are_consistent() {
        super::Options::command().debug_assert();
    }
}
