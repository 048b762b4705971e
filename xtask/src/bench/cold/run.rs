//! One run of one asker: a fresh nginx, and bash's own `time` around the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::super::rig::{Arena, Backend, Child, Programs};
use super::askers::{Asker, CEILING_SECONDS, Manner};
use crate::clock::Started;
use crate::process::find;

/// Nobody is waited for longer.
const LONGEST: Duration = Duration::from_secs(60);
/// How often the program's memory is looked at.
const LOOK: Duration = Duration::from_millis(3);

/// What a run gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) wall_ms: f64,
    /// User and system time.
    pub(super) cpu_ms: f64,
    /// The most that was resident.
    pub(super) peak_mib: f64,
    pub(super) opened: f64,
}

impl Run {
    pub(super) fn json(self) -> Value {
        json!({
            "wall_ms": self.wall_ms,
            "cpu_ms": self.cpu_ms,
            "peak_mib": self.peak_mib,
            "connections": self.opened,
        })
    }
}

/// Runs it.
///
/// # Errors
/// When it fails, or nginx did not count one answer for each URL.
pub(super) fn run_once(
    asker: &Asker,
    urls: usize,
    parallel: u32,
    arena: &Arena,
    programs: &Programs,
    folder: &Path,
) -> Result<Run> {
    let backend = Backend::start(arena, programs, folder, urls)?;
    let arguments = asker.arguments(backend.urls(), parallel, folder)?;
    let bash = find("bash").context("bash is missing")?;
    let said = folder.join("said.txt");
    // bash tells real, user and system time of its child to the millisecond, wherever it runs.
    let script = format!("TIMEFORMAT='took %R %U %S'; time \"$@\" >{}", quoted(&said));
    let program = programs.path(asker.program)?;
    let mut all = vec!["-c".into(), script.into(), "bash".into(), program.into()];
    all.extend(arguments);
    let before = backend.counted()?;
    let mut child = Child::start(arena.checker, &bash, all, &folder.join("time.txt"))?;
    let (begun, mut peak_kib) = (Started::now(), 0);
    while child.must_run().is_ok() {
        peak_kib = peak(child.id()).unwrap_or_default().max(peak_kib);
        if begun.elapsed() > LONGEST {
            bail!("it ran for longer than {LONGEST:?}");
        }
        thread::sleep(LOOK);
    }
    let after = backend.counted()?;
    backend.nothing_strange()?;
    let text = child.said();
    let [wall, user, system] = took(&text).with_context(|| format!("no time in: {text}"))?;
    // To ask nginx is an answer and a connection too.
    let answers = (after.requests - before.requests).saturating_sub(1) as f64;
    let opened = (after.connections - before.connections).saturating_sub(1) as f64;
    let mut run = Run {
        wall_ms: wall * 1e3,
        cpu_ms: (user + system) * 1e3,
        peak_mib: peak_kib as f64 / 1024.0,
        opened,
    };
    if asker.manner == Manner::Ceiling {
        let share = urls as f64 / answers;
        run.wall_ms = f64::from(CEILING_SECONDS) * 1e3 * share;
        run.cpu_ms *= share;
        run.opened *= share;
    } else if answers as usize != urls {
        bail!(
            "{answers} answers for {urls} URLs; it said: {}",
            text.trim()
        );
    }
    Ok(run)
}

/// The most that bash's child has had resident so far; in KiB.
fn peak(bash: u32) -> Option<u64> {
    let children = fs::read_to_string(format!("/proc/{bash}/task/{bash}/children")).ok()?;
    let child = children.split_whitespace().next()?;
    let status = fs::read_to_string(PathBuf::from("/proc").join(child).join("status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Real, user and system seconds, of the line that bash wrote last.
fn took(text: &str) -> Option<[f64; 3]> {
    let (_, after) = text.rsplit_once("took ")?;
    let mut numbers = after.split_whitespace().map_while(|it| it.parse().ok());
    Some([numbers.next()?, numbers.next()?, numbers.next()?])
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::{quoted, took};

    #[test]
    fn what_bash_says() {
        assert_eq!(
            took("curl: (7)\ntook 1.250 0.100 0.050\n"),
            Some([1.25, 0.1, 0.05])
        );
        assert_eq!(took("nothing"), None);
        assert_eq!(quoted("/a'b".as_ref()), r"'/a'\''b'");
    }
}
