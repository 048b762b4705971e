//! `cargo xtask bench soak`: an hour of thousands of healthy targets whose server closes kept connections at random: idle
//! ones, with a FIN or a reset, at any moment and at that of the next request. No target may ever be called unhealthy.
//!
//! This file has the order of things; `record` what was seen, and what must hold of it; `page` shows it.

mod page;
mod record;

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use self::record::{Minute, Record};
use super::files::Files;
use super::given::Given;
use super::report::Setting;
use super::rig::{Arena, Child, Fickle, Manner, Program, Programs, Tail, enter, hc_run, obtain};
use crate::clock::Started;
use crate::process::read;
use crate::workspace::Workspace;

/// The first target's address; the others follow it.
const FIRST: u32 = 0x7f4d_0001;
/// How long the first turn may take.
const SWEEP: Duration = Duration::from_secs(60);

/// hc on targets that close kept connections at random
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo xtask bench soak", no_binary_name = true)]
struct Options {
    /// How long
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    minutes: u64,
    /// Targets
    #[arg(long, default_value_t = 9_000, value_parser = clap::value_parser!(u32).range(1..=18_000))]
    targets: u32,
    /// How often each is asked, in milliseconds
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    interval_ms: u64,
    /// So many of a thousand answers are followed by a close
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    closes: u32,
    /// Of the closes' kinds and times
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// hc's and the backend's niceness: lower ones are for a busy machine, where a starved backend would be a slow one
    #[arg(long, default_value_t = -10, allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(-20..=19))]
    nice: i32,
    #[command(flatten)]
    given: Given,
}

pub(super) fn run(extra: &[String]) -> Result<()> {
    let options = Options::parse_from(extra);
    let target = Workspace::load()?.target;
    enter(
        || {
            let wanted = [Program::Hc, Program::Fickle];
            let programs = obtain(&wanted, &target, [options.given.hc.as_deref(), None]);
            programs.get(Program::Hc)?;
            programs.get(Program::Fickle)?;
            Ok(programs)
        },
        |arena, programs| soak(&options, arena, programs, &target),
    )
}

fn soak(options: &Options, arena: &Arena, programs: &Programs, target: &Path) -> Result<()> {
    be_nice(options.nice);
    let folder = target.join("bench/soak");
    fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let interval = Duration::from_millis(options.interval_ms);
    let last = FIRST + options.targets;
    let addresses: Vec<_> = (FIRST..last).map(Ipv4Addr::from).collect();
    let manner = Manner {
        closes: options.closes,
        interval,
        seed: options.seed,
    };
    let backend = ("fickle", None);
    let fickle = Fickle::start(arena, programs, &folder, backend, &addresses, manner)?;
    let config = folder.join("hc.yaml");
    fs::write(&config, text(&addresses, fickle.port, options))
        .with_context(|| format!("failed to write {}", config.display()))?;
    let arguments = hc_run(&config);
    let log = folder.join("hc.log");
    let mut hc = Child::start(arena.checker, programs.path(Program::Hc)?, arguments, &log)?;
    let mut record = Record::new(
        Setting::read(),
        options,
        &programs.get(Program::Hc)?.version,
    );
    let mut tail = Tail::new(&log);
    let begun = Started::now();
    while !record.swept() {
        thread::sleep(Duration::from_millis(100));
        hc.must_run()?;
        tail.lines().iter().for_each(|line| record.hear(line));
        ensure!(begun.elapsed() < SWEEP, "no first sweep in {SWEEP:?}");
    }
    eprintln!(
        "  {} targets asked once; {} minutes",
        options.targets, options.minutes
    );
    let begun = Started::now();
    record.minutes.push(minute(&mut hc, &fickle)?);
    for number in 1..=options.minutes {
        while begun.elapsed() < Duration::from_secs(60 * number) {
            thread::sleep(Duration::from_millis(200));
            hc.must_run()?;
        }
        tail.lines().iter().for_each(|line| record.hear(line));
        record.minutes.push(minute(&mut hc, &fickle)?);
        eprintln!("  {}", record.progress());
        // What an hour has shown until now is not to be lost with its last minute.
        files(&record).write(target, false)?;
    }
    drop(hc);
    files(&record).finish(target, options.given.bless)?;
    record.judge()
}

/// A network namespace's arena puts its session ahead; that is for measuring short times.
fn be_nice(nice: i32) {
    let pid = std::process::id();
    // Where either is not permitted, things stay as they were: nothing here depends on it.
    let _ = fs::write(format!("/proc/{pid}/autogroup"), nice.to_string());
    let (nice, pid) = (nice.to_string(), pid.to_string());
    let _ = read(Command::new("renice").args(["-n", &nice, "-p", &pid]));
}

fn text(addresses: &[Ipv4Addr], port: u16, options: &Options) -> String {
    let interval = options.interval_ms;
    let mut text = format!(
        "defaults: {{ interval: {interval}ms, timeout: {}ms, rise: 2, fall: 3 }}
limits: {{ in_flight: 1000 }}
log: {{ format: json, summary: 10s, burst: 100000 }}
control: none
targets:
",
        interval * 9 / 10
    );
    for address in addresses {
        text += &format!("  - \"http://{address}:{port}/health\"\n");
    }
    text
}

fn minute(hc: &mut Child, fickle: &Fickle) -> Result<Minute> {
    let usage = hc.usage()?;
    let counted = fickle.tell("count")?;
    let entries =
        |of: &str| fs::read_dir(format!("/proc/{}/{of}", hc.id())).map_or(0, Iterator::count);
    Ok(Minute {
        cpu: usage.cpu,
        rss_kib: usage.rss_kib,
        threads: entries("task"),
        files: entries("fd"),
        counted,
    })
}

fn files(record: &Record) -> Files {
    Files {
        name: "soak",
        markdown: record.markdown(),
        json: record.json(),
        svg: None,
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Options, text};

    #[test]
    fn every_target_is_in_the_config() {
        Options::command().debug_assert();
        let options = Options::parse_from(["--nice", "-5"]);
        let text = text(&["127.77.0.1".parse().unwrap()], 81, &options);
        assert!(text.contains("interval: 1000ms, timeout: 900ms"), "{text}");
        assert!(text.ends_with("  - \"http://127.77.0.1:81/health\"\n"));
    }
}
