//! A program started on one processor, with as many open files as the system permits, and what it has used so far.
//! It ends when it is dropped, and when xtask does, however that ends.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::clock::Started;

/// A running program.
pub(crate) struct Child {
    process: std::process::Child,
    /// What it has said.
    pub(crate) log: PathBuf,
}

/// What a process has used since it began, and holds now.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// User and system time of all its threads.
    pub(crate) cpu: Duration,
    /// Resident memory.
    pub(crate) rss_kib: u64,
}

impl Child {
    /// Starts it.
    ///
    /// # Errors
    /// When it, or what pins it (taskset and setpriv of util-linux), cannot be started.
    pub(crate) fn start<I: AsRef<std::ffi::OsStr>>(
        processor: u32,
        program: &Path,
        arguments: impl IntoIterator<Item = I>,
        log: &Path,
    ) -> Result<Self> {
        let output =
            File::create(log).with_context(|| format!("failed to make {}", log.display()))?;
        let errors = output.try_clone().context("failed to share a log")?;
        // Each of these becomes the next: the process id stays, and is the program's own.
        let script = r#"ulimit -n "$(ulimit -Hn)"; exec taskset -c "$@""#;
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--", "sh", "-c", script, "sh"])
            .arg(processor.to_string())
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        let process = command
            .spawn()
            .with_context(|| format!("failed to start {}", program.display()))?;
        Ok(Self {
            process,
            log: log.to_owned(),
        })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Everything it has said.
    pub(crate) fn said(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// # Errors
    /// When it has ended: with its last words.
    pub(crate) fn must_run(&mut self) -> Result<()> {
        match self.process.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => bail!("it ended with {status}: {}", last_words(&self.said())),
            Err(error) => Err(error).context("failed to ask for a program's status"),
        }
    }

    /// Waits for its end, and gives everything it has said.
    ///
    /// # Errors
    /// When it takes longer, or does not end with 0: with its last words.
    pub(crate) fn finish(mut self, within: Duration) -> Result<String> {
        let begun = Started::now();
        while begun.elapsed() < within {
            let status = self.process.try_wait();
            match status.context("failed to ask for a program's status")? {
                Some(status) if status.success() => return Ok(self.said()),
                Some(_) => self.must_run()?,
                None => thread::sleep(Duration::from_millis(50)),
            }
        }
        bail!(
            "it did not end within {} s: {}",
            within.as_secs(),
            last_words(&self.said())
        )
    }

    /// What it has used.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) fn usage(&mut self) -> Result<Usage> {
        self.must_run()?;
        let process = PathBuf::from(format!("/proc/{}", self.id()));
        let status = fs::read_to_string(process.join("status")).unwrap_or_default();
        Ok(Usage {
            cpu: cpu(&process).context("failed to read a process's time")?,
            rss_kib: field(&status, "VmRSS:").unwrap_or_default(),
        })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Both fail only for a process that has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// To the nanosecond from the scheduler's own account where the kernel has one, else in hundredths of a second.
fn cpu(process: &Path) -> Option<Duration> {
    let tasks = fs::read_dir(process.join("task")).ok()?;
    let of_task = |task: fs::DirEntry| {
        let account = fs::read_to_string(task.path().join("schedstat")).ok()?;
        account.split(' ').next()?.parse::<u64>().ok()
    };
    let exact: u64 = tasks.flatten().filter_map(of_task).sum();
    if exact > 0 {
        return Some(Duration::from_nanos(exact));
    }
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    ticks(&stat).map(|ticks| Duration::from_millis(10 * ticks))
}

/// User and system time in ticks, of which Linux shows 100 a second: fields 14 and 15, counted from 1; the second, the
/// name, may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(14 - 3);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

fn field(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The end of a log, short enough for an error.
fn last_words(said: &str) -> String {
    let lines: Vec<_> = said.lines().rev().take(3).collect();
    let joined = lines.into_iter().rev().collect::<Vec<_>>().join(" / ");
    let skip = joined.chars().count().saturating_sub(300);
    joined.chars().skip(skip).collect()
}

#[cfg(test)]
mod tests {
    use super::{field, last_words, ticks};

    #[test]
    fn the_kernel_s_tables_are_read() {
        let stat = "7 (a) b) R 1 2 3 4 5 6 7 8 9 10 12 75 0 0 20 0 1";
        assert_eq!(ticks(stat), Some(87));
        assert_eq!(ticks("7 a R"), None);
        assert_eq!(
            field("VmPeak:\t 9 kB\nVmRSS:\t  123 kB\n", "VmRSS:"),
            Some(123)
        );
    }

    #[test]
    fn last_words_are_short() {
        assert_eq!(last_words("1\n2\n3\n4\n"), "2 / 3 / 4");
        assert_eq!(last_words(&"x".repeat(1_000)).len(), 300);
    }
}
