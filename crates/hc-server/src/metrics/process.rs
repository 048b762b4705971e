//! What the kernel tells of this process, in the names that Prometheus's clients have agreed on.

use std::fs;

use rustix::param::{clock_ticks_per_second, page_size};

/// What is known; a field that could not be read is absent.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Process {
    pub(crate) user_seconds: Option<f64>,
    pub(crate) system_seconds: Option<f64>,
    pub(crate) resident_bytes: Option<u64>,
    pub(crate) virtual_bytes: Option<u64>,
    pub(crate) threads: Option<u64>,
    pub(crate) open_fds: Option<u64>,
    pub(crate) max_fds: Option<u64>,
}

impl Process {
    /// Processor time, the process's own and the kernel's for it.
    pub(crate) fn cpu_seconds(&self) -> Option<f64> {
        Some(self.user_seconds? + self.system_seconds?)
    }

    /// Reads `/proc/self`: some tens of microseconds, and one for each hundred open files.
    pub(crate) fn read() -> Self {
        let text =
            |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        let mut process = Self::of(&text("stat"), clock_ticks_per_second(), page_size() as u64);
        process.max_fds = max_files(&text("limits"));
        process.open_fds = fs::read_dir("/proc/self/fd")
            .ok()
            // One of them is this directory.
            .map(|files| (files.count() as u64).saturating_sub(1));
        process
    }

    /// By proc_pid_stat(5): fields are counted from behind the name, which may hold anything.
    fn of(stat: &str, ticks: u64, page: u64) -> Self {
        let Some((_, rest)) = stat.rsplit_once(')') else {
            return Self::default();
        };
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // The first one here is the third of the manual.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let seconds = |ticked: u64| ticked as f64 / ticks.max(1) as f64;
        Self {
            user_seconds: field(14).map(seconds),
            system_seconds: field(15).map(seconds),
            threads: field(20),
            virtual_bytes: field(23),
            resident_bytes: field(24).map(|pages| pages * page),
            ..Self::default()
        }
    }
}

fn max_files(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_the_manual() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 1234 4096000 300 18446744073709551615";
        let process = Process::of(stat, 100, 4096);
        assert_eq!(process.cpu_seconds(), Some(3.0));
        assert_eq!(process.threads, Some(9));
        assert_eq!(process.virtual_bytes, Some(4_096_000));
        assert_eq!(process.resident_bytes, Some(1_228_800));
        assert_eq!(Process::of("", 100, 4096), Process::default());
        let limits = "Limit  Soft  Hard  Units\nMax open files            1024                 4096                 files\n";
        assert_eq!(max_files(limits), Some(1024));
    }

    #[test]
    fn this_process_is_read() {
        let process = Process::read();
        assert!(process.resident_bytes > Some(1 << 20), "{process:?}");
        assert!(
            process.open_fds >= Some(3) && process.max_fds >= process.open_fds,
            "{process:?}"
        );
    }
}
