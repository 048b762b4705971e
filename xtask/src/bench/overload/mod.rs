//! `cargo xtask bench overload`: a checker that lacks processor time must not blame its targets for it. Thousands of
//! targets that are healthy all the time, busy loops beside the checker on its processor, and stops of the whole process.
//!
//! hc and Envoy take turns: what one suffers, the other does. This file has the options and the order; `trial` a running
//! checker, `configs` what it reads, `effect` what is seen of it; `outcome` the table.

mod configs;
mod effect;
mod outcome;
mod trial;

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;

use self::outcome::{Outcome, Suffered};
use self::trial::{SUBJECTS, Trial};
use super::files::Files;
use super::given::Given;
use super::report::Setting;
use super::rig::{Arena, Program, Programs, enter, obtain};
use crate::clock::{Started, human};
use crate::workspace::Workspace;

/// hc and Envoy without enough processor time
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo xtask bench overload", no_binary_name = true)]
struct Options {
    /// Targets
    #[arg(long, default_value_t = 15_000, value_parser = clap::value_parser!(u32).range(1..=18_000))]
    targets: u32,
    /// How often each is asked, in milliseconds
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    interval_ms: u64,
    /// How long each may take, in milliseconds
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    timeout_ms: u64,
    /// How long each load lasts
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Five seconds of each load
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    given: Given,
}

/// What is done to a checker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Load {
    /// So many loops on its processor, of the same priority.
    Loops(u32),
    /// One loop, and the checker in the scheduler's idle class.
    Idle,
    /// The process is stopped.
    Stop(Duration),
}

const LOADS: [Load; 6] = [
    Load::Loops(1),
    Load::Loops(4),
    Load::Idle,
    Load::Stop(Duration::from_secs(1)),
    Load::Stop(Duration::from_secs(3)),
    Load::Stop(Duration::from_secs(10)),
];

impl Load {
    fn title(self) -> String {
        match self {
            Self::Loops(1) => "one busy loop beside it".to_owned(),
            Self::Loops(many) => format!("{many} busy loops beside it"),
            Self::Idle => "idle class beside a busy loop".to_owned(),
            Self::Stop(time) => format!("stopped for {} s", time.as_secs()),
        }
    }

    /// What of its processor the checker may have at least.
    fn share(self) -> f64 {
        match self {
            Self::Loops(loops) => 1.0 / f64::from(loops + 1),
            Self::Idle | Self::Stop(_) => 0.0,
        }
    }
}

pub(super) fn run(extra: &[String]) -> Result<()> {
    let mut options = Options::parse_from(extra);
    if options.quick {
        options.seconds = 5;
    }
    let target = Workspace::load()?.target;
    enter(
        || {
            let wanted = [Program::Nginx, Program::Hc, Program::Envoy];
            let programs = obtain(&wanted, &target, [options.given.hc.as_deref(), None]);
            programs.get(Program::Nginx)?;
            programs.get(Program::Hc)?;
            Ok(programs)
        },
        |arena, programs| overload(&options, arena, programs, &target),
    )
}

fn overload(options: &Options, arena: &Arena, programs: &Programs, target: &Path) -> Result<()> {
    let started = Started::now();
    let folder = target.join("bench/overload");
    fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let mut outcome = Outcome::new(Setting::read(), options);
    for subject in &SUBJECTS {
        if let Err(why) = suffer(subject, options, arena, programs, &folder, &mut outcome) {
            eprintln!("  without {}: {why:#}", subject.title);
            outcome.missing.push((subject.title, format!("{why:#}")));
        }
    }
    eprintln!("  took {}", human(started.elapsed()));
    let files = Files {
        name: "overload",
        markdown: outcome.markdown(),
        json: outcome.json(),
        svg: None,
    };
    files.finish(target, options.given.bless)
}

fn suffer(
    subject: &'static trial::Subject,
    options: &Options,
    arena: &Arena,
    programs: &Programs,
    folder: &Path,
    outcome: &mut Outcome,
) -> Result<()> {
    let mut trial = Trial::start(subject, options, arena, programs, folder)?;
    let calm = trial.calm()?;
    if trial.at_start > 0 {
        eprintln!(
            "  {}: {} false transitions at its start",
            subject.title, trial.at_start
        );
    }
    eprintln!(
        "  {}: calm: {:.0} answers/s, {:.1} us each",
        subject.title, calm.rate, calm.cpu_us
    );
    if calm.rate < 0.95 * outcome.planned() {
        eprintln!("  that is less than the interval asks for: the machine has other work");
    }
    let mut suffered = Vec::new();
    for load in LOADS {
        let effect = trial.under(load, Duration::from_secs(options.seconds), &calm)?;
        eprintln!("  {}: {}: {effect}", subject.title, load.title());
        suffered.push((load, effect));
    }
    let version = programs.get(subject.program)?.version.clone();
    outcome.subjects.push(Suffered {
        title: format!("{} {version}", subject.title),
        calm,
        loads: suffered,
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_options_are_consistent() {
        super::Options::command().debug_assert();
    }
}
