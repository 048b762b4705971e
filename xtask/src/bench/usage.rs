//! What a process uses, read from Linux's /proc: processor time, memory, threads, open files.
#![cfg_attr(
    not(test),
    expect(dead_code, reason = "for the first benchmark of a whole process")
)]

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// The kernel's unit of time in /proc/PID/stat is 1/100 s on every architecture that hc is built for (USER_HZ).
const TICKS_PER_SECOND: u32 = 100;

/// A process at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usage {
    /// User and system time since it began, all threads.
    pub(crate) cpu: Duration,
    /// Resident memory.
    pub(crate) rss_bytes: u64,
    /// The most it ever was.
    pub(crate) peak_rss_bytes: u64,
    pub(crate) threads: u64,
    pub(crate) open_files: u64,
}

impl Usage {
    /// Of a running process.
    ///
    /// # Errors
    /// When there is none of that id, or it belongs to somebody else.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let folder = format!("/proc/{pid}");
        let stat = fs::read_to_string(format!("{folder}/stat"))
            .with_context(|| format!("no process {pid}"))?;
        let status = fs::read_to_string(format!("{folder}/status"))?;
        let open_files = fs::read_dir(format!("{folder}/fd"))?.count() as u64;
        parse(&stat, &status, open_files)
            .with_context(|| format!("failed to read what process {pid} uses"))
    }
}

fn parse(stat: &str, status: &str, open_files: u64) -> Option<Usage> {
    // The program's name stands in parentheses and may hold any character; the fields after it are counted from 3.
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<_> = fields.split(' ').collect();
    let ticks =
        fields.get(14 - 3)?.parse::<u32>().ok()? + fields.get(15 - 3)?.parse::<u32>().ok()?;
    let value = |key: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    Some(Usage {
        cpu: Duration::from_secs(1) * ticks / TICKS_PER_SECOND,
        rss_bytes: value("VmRSS")? * 1024,
        peak_rss_bytes: value("VmHWM")? * 1024,
        threads: value("Threads")?,
        open_files,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Usage, parse};

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let stat =
            "42 (a) b (c)) S 1 42 42 0 -1 4194560 100 0 0 0 250 75 0 0 20 0 3 0 100 1000 200";
        let status = "Name:\ta\nVmHWM:\t   3000 kB\nVmRSS:\t   2000 kB\nThreads:\t3\n";
        assert_eq!(
            parse(stat, status, 9),
            Some(Usage {
                cpu: Duration::from_millis(3_250),
                rss_bytes: 2_048_000,
                peak_rss_bytes: 3_072_000,
                threads: 3,
                open_files: 9
            })
        );
        assert_eq!(parse("42 (x) S 1", status, 0), None);
    }

    #[test]
    fn this_process_uses_something() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(
            usage.rss_bytes > 100_000
                && usage.peak_rss_bytes >= usage.rss_bytes
                && usage.threads >= 1
        );
        assert!(usage.open_files >= 3);
        assert!(Usage::of(u32::MAX).is_err());
    }
}
