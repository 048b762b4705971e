//! One run of some targets: real ones, simulated ones, or real ones that all fail for a while.

use std::fmt;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::super::rig::{Arena, Backend, Child, Fickle, Manner, Program, Programs, Tail, hc_run};
use crate::clock::Started;

/// The first target of an outage.
const FIRST: u32 = 0x7f4d_0001;
/// How long all of them fail, and how long after that memory is looked at.
const OUTAGE: Duration = Duration::from_secs(10);
const AFTER: Duration = Duration::from_secs(30);
/// Of all simulated targets, in a second.
const RATE: usize = 100_000;

/// Where runs are made.
pub(super) struct Place<'a> {
    pub(super) arena: &'a Arena,
    pub(super) programs: &'a Programs,
    pub(super) folder: &'a Path,
    pub(super) seconds: u64,
}

/// What one number of targets gave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) targets: usize,
    /// Checks a second.
    pub(super) rate: f64,
    pub(super) cpu_us: f64,
    pub(super) rss_kib: f64,
    /// Beyond one target's process, each.
    pub(super) bytes_a_target: f64,
    pub(super) late_p99_ms: f64,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.0} checks/s, {:.2} us each, {:.0} bytes a target, late p99 {:.1} ms",
            self.rate, self.cpu_us, self.bytes_a_target, self.late_p99_ms
        )
    }
}

/// Resident memory of a fleet that failed as a whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub(super) targets: usize,
    pub(super) before_kib: u64,
    pub(super) peak_kib: u64,
    pub(super) after_kib: u64,
    /// hc noticed, which is what costs memory.
    pub(super) unhealthy: u64,
}

impl Place<'_> {
    /// # Errors
    /// When something does not start, or not all targets are asked.
    pub(super) fn real(&self, count: usize, alone_kib: f64) -> Result<Point> {
        let backend = Backend::start(self.arena, self.programs, self.folder, count)?;
        let (mut hc, mut log) = self.hc(backend.urls())?;
        let begun = Started::now();
        let mut looks = 1;
        while backend.counted()?.requests < (count + looks) as u64 {
            looks += 1;
            hc.must_run()?;
            ensure!(
                begun.elapsed() < Duration::from_secs(40),
                "not all {count} targets were asked"
            );
            thread::sleep(Duration::from_millis(50));
        }
        thread::sleep(Duration::from_secs(2));
        let (begun, used, answers) = (Started::now(), hc.usage()?, backend.counted()?.requests);
        log.lines();
        thread::sleep(Duration::from_secs(self.seconds));
        let (used_then, answers_then) = (hc.usage()?, backend.counted()?.requests);
        let took = begun.elapsed().as_secs_f64();
        let checks = answers_then.saturating_sub(answers + 1).max(1) as f64;
        let rss_kib = used_then.rss_kib as f64;
        Ok(Point {
            targets: count,
            rate: checks / took,
            cpu_us: (used_then.cpu - used.cpu).as_secs_f64() * 1e6 / checks,
            rss_kib,
            bytes_a_target: 1024.0 * (rss_kib - alone_kib) / count as f64,
            late_p99_ms: worst_late(&log.lines()),
        })
    }

    fn hc(&self, urls: impl Iterator<Item = String>) -> Result<(Child, Tail)> {
        let mut text = "defaults: { interval: 1s, timeout: 900ms, rise: 2, fall: 3 }
limits: { in_flight: 1000 }
log: { summary: 1s }
control: none
targets:
"
        .to_owned();
        for url in urls {
            text += &format!("  - \"{url}\"\n");
        }
        let file = self.folder.join("hc.yaml");
        fs::write(&file, text).with_context(|| format!("failed to write {}", file.display()))?;
        let log = self.folder.join("hc.log");
        let arguments = hc_run(&file);
        let program = self.programs.path(Program::Hc)?;
        let hc = Child::start(self.arena.checker, program, arguments, &log)?;
        Ok((hc, Tail::new(&log)))
    }

    /// # Errors
    /// When the simulation fails, or says something else than it did.
    pub(super) fn simulated(&self, count: usize) -> Result<Point> {
        let program = self.programs.path(Program::Simulation)?;
        let log = self.folder.join("simulation.log");
        let seconds = self.seconds.to_string();
        let arguments = ["ready", &count.to_string(), &RATE.to_string(), &seconds];
        let mut child = Child::start(self.arena.checker, program, arguments, &log)?;
        let begun = Started::now();
        let mut rss_kib = 0.0;
        loop {
            // It is over when it says its last line, or has ended.
            let said = child.said();
            if let Some(point) = simulated(&said, count, rss_kib) {
                return Ok(point);
            }
            match child.usage() {
                Ok(usage) => rss_kib = usage.rss_kib as f64,
                Err(why) => {
                    let said = child.said();
                    return simulated(&said, count, rss_kib)
                        .with_context(|| format!("the simulation gave nothing: {why:#}"));
                }
            }
            if begun.elapsed() > Duration::from_secs(120) {
                bail!("the simulation takes too long: {said}");
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// # Errors
    /// When something does not start, or hc does not notice.
    pub(super) fn outage(&self, count: usize) -> Result<Outage> {
        let last = FIRST + u32::try_from(count).context("too many targets")?;
        let addresses: Vec<_> = (FIRST..last).map(Ipv4Addr::from).collect();
        let manner = Manner {
            closes: 0,
            interval: Duration::from_secs(1),
            seed: 0,
        };
        let start = |port: Option<u16>| {
            let (arena, programs) = (self.arena, self.programs);
            Fickle::start(
                arena,
                programs,
                self.folder,
                ("fickle", port),
                &addresses,
                manner,
            )
        };
        let backend = start(None)?;
        let port = backend.port;
        let urls = addresses
            .iter()
            .map(|it| format!("http://{it}:{port}/health"));
        let (mut hc, mut log) = self.hc(urls)?;
        thread::sleep(Duration::from_secs(8));
        let before_kib = hc.usage()?.rss_kib;
        log.lines();
        drop(backend);
        let mut peak_kib = before_kib;
        let mut watch = |hc: &mut Child, time: Duration| -> Result<u64> {
            let begun = Started::now();
            loop {
                let rss_kib = hc.usage()?.rss_kib;
                peak_kib = peak_kib.max(rss_kib);
                if begun.elapsed() >= time {
                    return Ok(rss_kib);
                }
                thread::sleep(Duration::from_millis(50));
            }
        };
        watch(&mut hc, OUTAGE)?;
        let unhealthy = last_number(&log.lines(), "unhealthy=").unwrap_or_default();
        let _backend = start(Some(port))?;
        let after_kib = watch(&mut hc, AFTER)?;
        let healthy = last_number(&log.lines(), "healthy=").unwrap_or_default();
        ensure!(
            healthy == count as f64,
            "only {healthy} of {count} are healthy after the outage"
        );
        Ok(Outage {
            targets: count,
            before_kib,
            peak_kib,
            after_kib,
            unhealthy: unhealthy as u64,
        })
    }
}

/// Out of the simulation's lines, once it has said the last.
fn simulated(said: &str, targets: usize, rss_kib: f64) -> Option<Point> {
    let line = said.lines().find(|line| line.starts_with("ready: "))?;
    let number = |before: &str, text: &str| -> Option<f64> {
        let (_, after) = text.split_once(before)?;
        after.split_whitespace().next()?.parse().ok()
    };
    Some(Point {
        targets,
        rate: number("ready: ", line)?,
        cpu_us: number("checks/s, ", line)?,
        rss_kib,
        bytes_a_target: number("resident: ", said)?,
        late_p99_ms: number(" p99 ", line)?,
    })
}

fn worst_late(lines: &[String]) -> f64 {
    let each = lines.iter().filter_map(|line| number(line, "late_p99_ms="));
    each.fold(0.0, f64::max)
}

/// The last one of a key, at the beginning of a word.
fn last_number(lines: &[String], key: &str) -> Option<f64> {
    let mut lines = lines.iter().rev().filter(|line| line.contains(" summary "));
    lines.find_map(|line| number(line, key))
}

fn number(line: &str, key: &str) -> Option<f64> {
    let mut words = line.split_whitespace();
    words.find_map(|word| word.strip_prefix(key)?.parse().ok())
}

/// For the outcome's tests.
#[cfg(test)]
pub(super) fn made_up(targets: usize, cpu_us: f64) -> Point {
    Point {
        targets,
        rate: targets as f64,
        cpu_us,
        rss_kib: 9_000.0,
        bytes_a_target: 1_000.0,
        late_p99_ms: 12.0,
    }
}

#[cfg(test)]
mod tests {
    use super::{last_number, simulated, worst_late};

    #[test]
    fn what_the_simulation_says_is_read() {
        let said = "added 10 in 0.01 s, swept after 0.1 s\nresident: 311 bytes a target\n\
                    ready: 100003 checks/s, 0.92 us of processor a check, 9 % of a core, late p50 5.0 p99 10.2 max 11.0 ms, stretch 1.00\n";
        let point = simulated(said, 10, 5.0).unwrap();
        assert_eq!((point.rate, point.cpu_us), (100_003.0, 0.92));
        assert_eq!((point.bytes_a_target, point.late_p99_ms), (311.0, 10.2));
        assert!(simulated("resident: 3 bytes a target\n", 10, 5.0).is_none());
    }

    #[test]
    fn summaries_are_read_by_whole_keys() {
        let lines = [
            "x INFO summary healthy=1 unhealthy=5 late_p99_ms=8.1",
            "x INFO summary healthy=4 unhealthy=2 late_p99_ms=7.5",
        ]
        .map(ToOwned::to_owned);
        assert_eq!(last_number(&lines, "healthy="), Some(4.0));
        assert_eq!(last_number(&lines, "unhealthy="), Some(2.0));
        assert!((worst_late(&lines) - 8.1).abs() < 1e-9);
    }
}
