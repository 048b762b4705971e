//! `cargo xtask bench peers`: the same work for hc, other health checkers, and bare loops as the floor, in one run.
//!
//! Each round runs every checker once, one after another: figures of one machine move by a fifth between runs, ratios
//! within a round hold. This file has the order of things; `checkers` knows whom to start and how, `measure` what one run
//! gives, `outcome` what all runs give, `table` and `plot` how it is shown.

mod checkers;
mod configs;
mod drive;
mod goals;
mod measure;
mod outcome;
mod plot;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;

use self::checkers::{CHECKERS, Checker};
use self::measure::{Course, Load, Sample, measure};
use self::outcome::{Contender, Outcome};
use super::files::Files;
use super::given::Given;
use super::report::Setting;
use super::rig::{Arena, Program, Programs, enter, obtain};
use crate::clock::{Started, human};
use crate::workspace::Workspace;

/// Fails this often in a row, and a checker is left out of the load's other rounds.
const PATIENCE: u32 = 2;

/// hc beside other health checkers, on nginx over loopback
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo xtask bench peers", no_binary_name = true)]
struct Options {
    /// Rounds; each runs every checker once
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How long a run is measured
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Before that, after every target was asked once
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(0..=600))]
    warm: u64,
    /// Targets, each load in turn
    #[arg(long, value_delimiter = ',', default_values_t = [9_000_usize, 1_000])]
    targets: Vec<usize>,
    /// How often each target is asked, in milliseconds
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    interval_ms: u64,
    /// These checkers alone, with commas; `list` lists them
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// One round of three seconds
    #[arg(long)]
    quick: bool,
    /// One more hc beside it, in the same rounds: the one before a change, say
    #[arg(long, value_name = "FILE")]
    other: Option<PathBuf>,
    #[command(flatten)]
    given: Given,
}

pub(super) fn run(extra: &[String]) -> Result<()> {
    let mut options = Options::parse_from(extra);
    if options.only.iter().any(|key| key == "list") {
        for checker in &CHECKERS {
            println!("  {:<16} {}", checker.key, checker.about);
        }
        return Ok(());
    }
    if options.quick {
        (options.rounds, options.seconds, options.warm) = (1, 3, 1);
    }
    let mut chosen = chosen(&options.only)?;
    chosen.retain(|checker| options.other.is_some() || checker.program != Program::OtherHc);
    let target = Workspace::load()?.target;
    enter(
        || {
            let mut wanted = vec![Program::Nginx];
            for program in chosen.iter().map(|checker| checker.program) {
                if !wanted.contains(&program) {
                    wanted.push(program);
                }
            }
            let given = [options.given.hc.as_deref(), options.other.as_deref()];
            let programs = obtain(&wanted, &target, given);
            programs.get(Program::Nginx)?;
            measure::counters();
            Ok(programs)
        },
        |arena, programs| rounds(&options, &chosen, arena, programs, &target),
    )
}

fn chosen(only: &[String]) -> Result<Vec<&'static Checker>> {
    for key in only {
        if !CHECKERS.iter().any(|checker| checker.key == key) {
            bail!("no checker `{key}`; `--only list` lists them");
        }
    }
    let is_chosen = |checker: &&Checker| only.is_empty() || only.iter().any(|it| it == checker.key);
    Ok(CHECKERS.iter().filter(is_chosen).collect())
}

fn rounds(
    options: &Options,
    chosen: &[&'static Checker],
    arena: &Arena,
    programs: &Programs,
    target: &Path,
) -> Result<()> {
    let started = Started::now();
    let folder = target.join("bench/peers");
    fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let mut outcome = Outcome::new(Setting::read(), options.seconds, options.interval_ms);
    outcome.hc_was_given = options.given.hc.is_some();
    let mut able = Vec::new();
    for &checker in chosen {
        match checker.prepared(programs, &folder) {
            Ok(prepared) => able.push((checker, prepared)),
            Err(why) => outcome.miss(checker, &format!("{why:#}")),
        }
    }
    let course = |targets: usize, rounds_left: u32| Course {
        load: Load {
            targets,
            interval: Duration::from_millis(options.interval_ms),
        },
        warm: Duration::from_secs(options.warm),
        span: Duration::from_secs(options.seconds),
        count_syscalls: rounds_left == 0,
    };
    // Starting, the first turn and counting system calls take about three seconds more.
    let each = options.warm + options.seconds + 3;
    let runs = u64::from(options.rounds) * (able.len() * options.targets.len()) as u64;
    let about = Duration::from_secs(runs * each + 4 * able.len() as u64);
    eprintln!("  about {}; first each with one target", human(about));
    // What a checker of one target has resident is no target's.
    let mut alone = Vec::new();
    for (checker, prepared) in &able {
        let course = Course {
            warm: Duration::from_secs(1),
            span: Duration::from_secs(1),
            ..course(1, 1)
        };
        let sample = measure(checker, prepared, &course, arena, programs, &folder);
        alone.push(sample.map(|sample| sample.rss_kib).ok());
    }
    for &targets in &options.targets {
        let mut contenders: Vec<_> = able
            .iter()
            .zip(&alone)
            .filter(|((checker, _), _)| targets <= checker.most)
            .map(|((checker, prepared), alone)| {
                (prepared, Contender::new(checker, prepared, *alone))
            })
            .collect();
        for round in 0..options.rounds {
            // Each round begins with another one: whatever wears off within a round is spread over all.
            let turned = (round as usize) % contenders.len().max(1);
            let (late, early) = contenders.split_at_mut(turned);
            for (prepared, contender) in early.iter_mut().chain(late) {
                if contender.failed_in_a_row >= PATIENCE {
                    contender.pass();
                    continue;
                }
                let course = course(targets, options.rounds - 1 - round);
                let checker = contender.checker;
                let sample = measure(checker, prepared, &course, arena, programs, &folder);
                tell(targets, round + 1, options.rounds, &prepared.title, &sample);
                contender.take(sample);
            }
        }
        let contenders = contenders.into_iter().map(|(_, contender)| contender);
        outcome.add(targets, contenders.collect());
    }
    eprintln!("  took {}", human(started.elapsed()));
    let files = Files {
        name: "peers",
        markdown: table::markdown(&outcome),
        json: outcome.json(),
        svg: Some(plot::svg(&outcome)),
    };
    files.finish(target, options.given.bless)
}

fn tell(targets: usize, round: u32, of: u32, title: &str, sample: &Result<Sample>) {
    let said = match sample {
        Ok(sample) => format!("{:6.1} us a check", sample.cpu_us),
        Err(why) => format!("failed: {why:#}"),
    };
    eprintln!("  {targets} targets, round {round} of {of}: {title:<26} {said}");
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{CHECKERS, Options, chosen};

    #[test]
    fn the_options_are_consistent() {
        Options::command().debug_assert();
        let options = Options::parse_from(["--targets", "100,20", "--only", "hc,envoy"]);
        assert_eq!(options.targets, [100, 20]);
        assert_eq!(chosen(&options.only).unwrap().len(), 2);
        assert_eq!(chosen(&[]).unwrap().len(), CHECKERS.len());
        assert!(CHECKERS.iter().any(|checker| checker.key == "hc-other"));
        assert!(chosen(&["envoi".to_owned()]).is_err());
    }
}
