//! `cargo xtask bench detect`: how long after a fault each checker says so, with equal intervals and thresholds.
//!
//! All checkers run side by side and watch the same targets, each over connections of its own. Each kind of fault has a
//! site: a backend of its own behind twenty targets, struck and mended again and again, at its own pace. This file has the
//! options and the turns; `site` strikes and mends, `watch` reads what checkers say, `configs` what they are told, `outcome`
//! sums up.

mod configs;
mod outcome;
mod site;
mod watch;

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;

use self::outcome::Outcome;
use self::site::{FAULTS, Ground, Site};
use self::watch::{CHECKERS, Watch};
use super::files::Files;
use super::given::Given;
use super::report::Setting;
use super::rig::{Arena, Fickle, Program, Programs, enter, obtain};
use crate::clock::{Started, human};
use crate::workspace::Workspace;

/// How often logs are looked at; all times are this coarse.
const LOOK: Duration = Duration::from_millis(2);
/// Checkers find their pace before the first fault: two intervals and a little.
const SETTLE: Duration = Duration::from_secs(12);

/// How soon after a fault hc, Envoy and HAProxy say so
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo xtask bench detect", no_binary_name = true)]
struct Options {
    /// How often each fault is made; the closed listener, which takes minutes to be noticed, a fifth as often
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// Two rounds, and less patience with a closed listener
    #[arg(long)]
    quick: bool,
    /// Of the faults' times within the interval
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    given: Given,
}

pub(super) fn run(extra: &[String]) -> Result<()> {
    let mut options = Options::parse_from(extra);
    if options.quick {
        options.rounds = 2;
    }
    let target = Workspace::load()?.target;
    enter(
        || {
            let wanted = [
                Program::Hc,
                Program::Suspects,
                Program::Fickle,
                Program::Envoy,
                Program::Haproxy,
            ];
            let programs = obtain(&wanted, &target, [options.given.hc.as_deref(), None]);
            programs.get(Program::Hc)?;
            programs.get(Program::Fickle)?;
            Ok(programs)
        },
        |arena, programs| detect(&options, arena, programs, &target),
    )
}

fn detect(options: &Options, arena: &Arena, programs: &Programs, target: &Path) -> Result<()> {
    let started = Started::now();
    let folder = target.join("bench/detect");
    fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let ground = Ground {
        arena,
        programs,
        folder: &folder,
    };
    let mut outcome = Outcome::new(Setting::read(), options.rounds);
    let mut sites = Vec::new();
    for (index, fault) in (0..).zip(FAULTS) {
        if fault.needs_namespace() && !arena.private {
            outcome.miss(fault.title(), "no network namespace is permitted here");
            continue;
        }
        let rounds = if fault.is_slow() {
            options.rounds.div_ceil(5)
        } else {
            options.rounds
        };
        let patience = fault.patience(options.quick);
        let seed = options.seed * 100 + index;
        sites.push(Site::new(fault, &ground, (rounds, patience), seed)?);
    }
    // One target that always answers: without it, twenty that fall silent at once are hc's own trouble.
    let reference = reference(&ground)?;
    let mut watches = Vec::new();
    for checker in &CHECKERS {
        match Watch::start(checker, &ground, &sites, reference.port) {
            Ok(watch) => watches.push(watch),
            Err(why) => outcome.miss(checker.title, &format!("{why:#}")),
        }
    }
    eprintln!("  {} checkers, {} faults", watches.len(), sites.len());
    settle(&mut watches)?;
    let mut told = 0;
    while sites.iter().any(|site| !site.is_done()) {
        thread::sleep(LOOK);
        for watch in &mut watches {
            watch.look(&mut sites)?;
        }
        for site in &mut sites {
            site.turn(&ground, &watches)?;
        }
        let done = sites.iter().map(Site::rounds_done).sum();
        if done > told {
            told = done;
            let each = sites
                .iter()
                .map(|site| format!("{} {}", site.fault.key(), site.rounds_done()));
            let each = each.collect::<Vec<_>>().join(", ");
            eprintln!("  {}: rounds: {each}", human(started.elapsed()));
        }
    }
    drop(reference);
    outcome.take(&sites, &watches);
    let files = Files {
        name: "detect",
        markdown: outcome.markdown(),
        json: outcome.json(),
        svg: None,
    };
    files.finish(target, options.given.bless)
}

fn reference(ground: &Ground<'_>) -> Result<Fickle> {
    let name = ("reference", None);
    Fickle::start(
        ground.arena,
        ground.programs,
        ground.folder,
        name,
        &[configs::REFERENCE],
        site::STEADY,
    )
}

fn settle(watches: &mut [Watch]) -> Result<()> {
    let begun = Started::now();
    while begun.elapsed() < SETTLE {
        thread::sleep(Duration::from_millis(50));
        for watch in &mut *watches {
            // What is said of a start is no detection.
            watch.look(&mut [])?;
        }
    }
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
