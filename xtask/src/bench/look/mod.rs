//! `cargo xtask bench look`: what those who look in cost `hc run`: a scrape of `/metrics` each second, readers of the event
//! stream, a terminal with `hc top`; and what it costs that they could.
//!
//! Each way of looking has an hc of its own on the same work, one after another in each round, so that what differs between
//! them is the looking. This file has the options and the order; `stage` a running hc, `lookers` who looks, `outcome` the
//! table.

mod lookers;
mod outcome;
mod stage;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap::Parser;

use self::lookers::Look;
use self::outcome::Outcome;
use self::stage::Stage;
use super::files::Files;
use super::given::Given;
use super::report::Setting;
use super::rig::{Arena, Program, Programs, enter, obtain};
use crate::clock::{Started, human};
use crate::workspace::Workspace;

/// hc with and without those who look in
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo xtask bench look", no_binary_name = true)]
struct Options {
    /// Targets that are well, each asked once a second; a hundred more come and go
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=15_000))]
    targets: u32,
    /// Readers of the event stream
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    readers: u32,
    /// Each way of looking, so many times
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=50))]
    rounds: u32,
    /// How long each is measured
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(2..=3_600))]
    seconds: u64,
    /// These ways alone, by their names in the table
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    #[command(flatten)]
    given: Given,
}

pub(super) fn run(extra: &[String]) -> Result<()> {
    let options = Options::parse_from(extra);
    let target = Workspace::load()?.target;
    enter(
        || {
            let wanted = [Program::Nginx, Program::Fickle, Program::Hc];
            let programs = obtain(&wanted, &target, [options.given.hc.as_deref(), None]);
            for program in wanted {
                programs.get(program)?;
            }
            Ok(programs)
        },
        |arena, programs| look(&options, arena, programs, &target),
    )
}

fn look(options: &Options, arena: &Arena, programs: &Programs, target: &Path) -> Result<()> {
    let started = Started::now();
    let folder = target.join("bench/look");
    fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let mut looks = Look::all(options.readers);
    looks.retain(|look| options.only.is_empty() || options.only.contains(&look.name()));
    let mut outcome = Outcome::new(Setting::read(), options.targets, options.seconds);
    let stage = Stage {
        arena,
        programs,
        folder: &folder,
        targets: options.targets as usize,
        seconds: options.seconds,
    };
    for round in 0..options.rounds {
        // Each round begins with another one: whatever wears off is spread over all.
        looks.rotate_left(usize::from(round > 0));
        for look in &looks {
            let seen = stage.play(look).with_context(|| look.name())?;
            eprintln!("  {}/{} {}: {seen}", round + 1, options.rounds, look.name());
            outcome.add(look, seen);
        }
    }
    eprintln!("  took {}", human(started.elapsed()));
    let files = Files {
        name: "look",
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
