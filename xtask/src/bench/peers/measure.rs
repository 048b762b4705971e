//! One run of one checker: nginx fresh, the checker fresh, every target asked once, warmed up, then measured.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::super::rig::{Arena, Backend, Child, Programs};
use super::checkers::{Checker, Prepared, Start};
use crate::clock::Started;
use crate::packages::{self, Need};
use crate::process::find;

/// Every target must have been asked within so long.
const FIRST: Duration = Duration::from_secs(40);
/// How long calls of the system are counted, after the time was measured: counting costs time.
const COUNTING: u32 = 2;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) targets: usize,
    pub(super) interval: Duration,
}

/// How a run goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    pub(super) load: Load,
    pub(super) warm: Duration,
    pub(super) span: Duration,
    pub(super) count_syscalls: bool,
}

/// What a run gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    /// User and system time of the process per answer, in microseconds.
    pub(super) cpu_us: f64,
    /// Answers a second.
    pub(super) rate: f64,
    /// Connections opened per hundred answers.
    pub(super) opened_percent: f64,
    pub(super) rss_kib: f64,
    /// As the checker itself says.
    pub(super) late_p99_ms: Option<f64>,
    pub(super) syscalls: Option<f64>,
    /// nginx's time per answer: what a busier checker costs the other side.
    pub(super) nginx_us: f64,
}

impl Sample {
    pub(super) fn json(&self) -> Value {
        json!({
            "cpu_us_per_check": self.cpu_us,
            "answers_per_second": self.rate,
            "connections_per_hundred_checks": self.opened_percent,
            "rss_kib": self.rss_kib,
            "late_p99_ms": self.late_p99_ms,
            "syscalls_per_check": self.syscalls,
            "nginx_us_per_answer": self.nginx_us,
        })
    }
}

/// Runs it.
///
/// # Errors
/// When something does not start, ends early, or does not ask every target.
pub(super) fn measure(
    checker: &Checker,
    prepared: &Prepared,
    course: &Course,
    arena: &Arena,
    programs: &Programs,
    folder: &Path,
) -> Result<Sample> {
    let mut backend = Backend::start(arena, programs, folder, course.load.targets)?;
    let start = checker.start(prepared, &backend, &course.load, folder)?;
    let Start {
        program,
        arguments,
        mut driver,
    } = start;
    let log = folder.join(format!("{}.log", checker.key));
    let mut child = Child::start(arena.checker, &program, arguments, &log)?;
    if let Some(driver) = &mut driver {
        driver.begin();
    }
    await_first(&mut child, &backend, course.load.targets)?;
    thread::sleep(course.warm);
    let begun = Started::now();
    let (used, served, nginx) = (child.usage()?, backend.counted()?, backend.cpu()?);
    thread::sleep(course.span);
    let (used_then, served_then, nginx_then) = (child.usage()?, backend.counted()?, backend.cpu()?);
    let wall = begun.elapsed();
    backend.nothing_strange()?;
    // To ask nginx is an answer and a connection too.
    let answers = (served_then.requests - served.requests).saturating_sub(1) as f64;
    let opened = (served_then.connections - served.connections).saturating_sub(1) as f64;
    if answers < 1.0 {
        bail!("nothing was asked in {} s", course.span.as_secs());
    }
    let each = |before: Duration, after: Duration| (after - before).as_secs_f64() * 1e6 / answers;
    let rate = answers / wall.as_secs_f64();
    let calls = course.count_syscalls.then(|| syscalls(child.id(), folder));
    let sample = Sample {
        cpu_us: each(used.cpu, used_then.cpu),
        rate,
        opened_percent: 100.0 * opened / answers,
        rss_kib: used_then.rss_kib as f64,
        late_p99_ms: late_p99(&child.said()),
        syscalls: calls
            .flatten()
            .map(|calls| calls / f64::from(COUNTING) / rate),
        nginx_us: each(nginx, nginx_then),
    };
    // nginx first, and the checker at once: what either says of the other's end is nobody's matter.
    drop(driver);
    drop(child);
    Ok(sample)
}

fn await_first(child: &mut Child, backend: &Backend, targets: usize) -> Result<()> {
    let (begun, mut looks) = (Started::now(), 0);
    loop {
        child.must_run()?;
        // Each look is a request as well.
        looks += 1;
        let asked = backend.counted()?.requests.saturating_sub(looks + 1);
        if asked >= targets as u64 {
            return Ok(());
        }
        if begun.elapsed() > FIRST {
            let said = child.said();
            let last = said.lines().last().unwrap_or_default().to_owned();
            return Err(anyhow::anyhow!("{last}"))
                .with_context(|| format!("only {asked} of {targets} targets asked in {FIRST:?}"));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The last `late_p99_ms=` of a log: hc's summaries have it, and the floor's lines.
fn late_p99(said: &str) -> Option<f64> {
    let (_, after) = said.rsplit_once("late_p99_ms=")?;
    after.split_whitespace().next()?.parse().ok()
}

/// Sees to it that there is something to count system calls with; without, they are not counted.
pub(super) fn counters() {
    const NEED: Need = Need {
        program: "strace",
        packages: &["strace"],
        why: "counting system calls, for want of perf",
    };
    if find("perf").is_none()
        && let Err(why) = packages::obtain(&NEED)
    {
        eprintln!("  system calls are not counted: {why:#}");
    }
}

/// System calls within [`COUNTING`] seconds: by perf, which barely disturbs, else by strace.
fn syscalls(process: u32, folder: &Path) -> Option<f64> {
    let (pid, seconds) = (process.to_string(), COUNTING.to_string());
    let file = folder.join("syscalls.txt");
    // A file of the last run would be taken for this one's.
    let _ = std::fs::remove_file(&file);
    let quiet = |command: &mut Command| {
        let null = std::process::Stdio::null;
        let done = command.stdin(null()).stdout(null()).stderr(null()).status();
        done.is_ok().then(|| std::fs::read_to_string(&file).ok())?
    };
    if let Some(perf) = find("perf") {
        let mut command = Command::new(perf);
        command.args(["stat", "-x,", "-e", "raw_syscalls:sys_enter", "-o"]);
        command
            .arg(&file)
            .args(["-p", &pid, "--", "sleep", &seconds]);
        if let Some(count) = quiet(&mut command).as_deref().and_then(of_perf) {
            return Some(count);
        }
    }
    let strace = find("strace")?;
    let mut command = Command::new("timeout");
    command.args(["-s", "INT", &seconds]).arg(strace);
    command
        .args(["-c", "-f", "-o"])
        .arg(&file)
        .args(["-p", &pid]);
    quiet(&mut command).as_deref().and_then(of_strace)
}

fn of_perf(text: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.contains("raw_syscalls"))?;
    line.split(',').next()?.parse().ok()
}

/// `% time, seconds, usecs/call, calls, [errors,] total`.
fn of_strace(text: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.ends_with(" total"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{late_p99, of_perf, of_strace};

    #[test]
    fn what_tools_say() {
        let perf = "# started on\n\n707876,,raw_syscalls:sys_enter,501642004,100.00,,\n";
        assert_eq!(of_perf(perf), Some(707_876.0));
        assert_eq!(
            of_perf("<not counted>,,raw_syscalls:sys_enter,0,100.00,,\n"),
            None
        );
        let strace = "------ ---\n100.00    0.088611          18      4921       123 total\n";
        assert_eq!(of_strace(strace), Some(4_921.0));
        assert_eq!(
            late_p99("a late_p99_ms=3.0 b\nc late_p99_ms=8.1 opened=2\n"),
            Some(8.1)
        );
        assert_eq!(late_p99("nothing"), None);
    }
}
