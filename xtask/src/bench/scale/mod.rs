//! `cargo xtask bench scale`: what a target costs among few and among many, and what an outage of all leaves behind.
//!
//! Real targets are nginx's, asked over loopback; simulated ones are asked by probes that ask nobody, for as many as no
//! machine has sockets for. This file has the options and the order; `runs` what one run gives, `outcome` and `plot` how
//! it is shown.

mod outcome;
mod plot;
mod runs;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Parser;

use self::outcome::Outcome;
use super::files::Files;
use super::given::Given;
use super::report::Setting;
use super::rig::{Arena, Found, Program, Programs, enter, obtain};
use crate::clock::{Started, human};
use crate::workspace::Workspace;

/// hc among 100 to a million targets
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo xtask bench scale", no_binary_name = true)]
struct Options {
    /// Real targets, each asked once a second
    #[arg(long, value_delimiter = ',', default_values_t = [100_usize, 1_000, 5_000, 9_000, 15_000])]
    targets: Vec<usize>,
    /// Simulated targets, 100,000 checks a second of them all
    #[arg(long, value_delimiter = ',', default_values_t = [10_000_usize, 100_000, 1_000_000])]
    simulated: Vec<usize>,
    /// How long each is measured
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Real targets of which all fail for ten seconds
    #[arg(long, default_value_t = 5_000)]
    outage: usize,
    /// Half the span, and no more than 100,000 simulated targets
    #[arg(long)]
    quick: bool,
    /// This build of hc-scheduler's example `million`, likewise
    #[arg(long, value_name = "FILE")]
    million: Option<PathBuf>,
    #[command(flatten)]
    given: Given,
}

pub(super) fn run(extra: &[String]) -> Result<()> {
    let mut options = Options::parse_from(extra);
    if options.quick {
        options.seconds = 3;
        options.simulated.retain(|count| *count <= 100_000);
    }
    let target = Workspace::load()?.target;
    enter(
        || {
            let mut wanted = vec![Program::Nginx, Program::Fickle, Program::Hc];
            if options.million.is_none() {
                wanted.push(Program::Simulation);
            }
            let mut programs = obtain(&wanted, &target, [options.given.hc.as_deref(), None]);
            if let Some(given) = &options.million {
                let path = given.canonicalize();
                let found = path.with_context(|| format!("failed to find {}", given.display()));
                let version = String::new();
                programs.put(
                    Program::Simulation,
                    found.map(|path| Found { path, version }),
                );
            }
            for program in wanted {
                programs.get(program)?;
            }
            Ok(programs)
        },
        |arena, programs| scale(&options, arena, programs, &target),
    )
}

fn scale(options: &Options, arena: &Arena, programs: &Programs, target: &Path) -> Result<()> {
    let started = Started::now();
    let folder = target.join("bench/scale");
    fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let place = runs::Place {
        arena,
        programs,
        folder: &folder,
        seconds: options.seconds,
    };
    let mut outcome = Outcome::new(Setting::read(), options.seconds);
    // What hc has resident for one is no target's.
    let alone = place.real(1, 0.0)?.rss_kib;
    for &count in &options.targets {
        let point = place.real(count, alone)?;
        eprintln!("  {count} targets: {point}");
        outcome.real.push(point);
    }
    for &count in &options.simulated {
        let point = place.simulated(count)?;
        eprintln!("  {count} simulated targets: {point}");
        outcome.simulated.push(point);
    }
    if options.outage > 0 {
        eprintln!("  an outage of {} targets", options.outage);
        outcome.outage = Some(place.outage(options.outage)?);
    }
    eprintln!("  took {}", human(started.elapsed()));
    let files = Files {
        name: "scale",
        markdown: outcome.markdown(),
        json: outcome.json(),
        svg: Some(plot::svg(&outcome.real, &outcome.simulated)),
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
