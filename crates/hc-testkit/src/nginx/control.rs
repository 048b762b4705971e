//! What one does to processes and folders from outside: signals, workers, a folder of one's own. By the shell and /proc,
//! because the workspace has no unsafe code.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

/// How often, and how far apart, another process is asked whether it has got there: 10 s in all.
pub(super) const LOOKS: u32 = 1_000;
pub(super) const LOOK: Duration = Duration::from_millis(10);

/// A signal by what it does to nginx.
#[derive(Clone, Copy)]
pub(super) enum Signal {
    Reload,
    Freeze,
    Thaw,
    End,
    Kill,
}

impl Signal {
    fn flag(self) -> &'static str {
        match self {
            Self::Reload => "-HUP",
            Self::Freeze => "-STOP",
            Self::Thaw => "-CONT",
            Self::End => "-TERM",
            Self::Kill => "-KILL",
        }
    }
}

/// Sends it to each of them, through the shell's own `kill`: the program may be missing.
pub(super) fn signal(signal: Signal, processes: &[u32]) -> Result<()> {
    let mut command = Command::new("sh");
    command
        .args(["-c", "kill \"$@\"", "sh", signal.flag()])
        .args(processes.iter().map(ToString::to_string));
    let status = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::other(format!("kill {} failed", signal.flag())))
    }
}

/// The children of a process.
pub(super) fn workers_of(master: u32) -> Vec<u32> {
    let Ok(folders) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let processes =
        folders.filter_map(|folder| folder.ok()?.file_name().to_str()?.parse::<u32>().ok());
    processes
        .filter(|process| parent_of(*process) == Some(master))
        .collect()
}

/// False when it is gone, and when it has ended and nobody has asked how yet.
pub(super) fn is_running(process: u32) -> bool {
    stat(process).is_some_and(|fields| !fields.starts_with('Z'))
}

fn parent_of(process: u32) -> Option<u32> {
    stat(process)?.split(' ').nth(1)?.parse().ok()
}

/// What /proc tells after the name, which stands in parentheses and may hold anything: state, parent...
fn stat(process: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(") ").map(|(_, fields)| fields.to_owned())
}

/// A new folder under the system's temporary one, which nobody else can enter.
pub(super) fn scratch_folder() -> Result<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("hc-nginx-{}-{count}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            // Left over by an earlier process of this id.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// A program in PATH, or where Debian keeps its daemons.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

pub(super) fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    ids.and_then(|ids| ids.split_whitespace().nth(1)) == Some("0")
}

/// Looks until it is so.
pub(super) fn await_that(
    mut is_so: impl FnMut() -> bool,
    otherwise: impl FnOnce() -> String,
) -> Result<()> {
    for _ in 0..LOOKS {
        if is_so() {
            return Ok(());
        }
        thread::sleep(LOOK);
    }
    Err(Error::new(
        ErrorKind::TimedOut,
        format!("{} within 10 s", otherwise()),
    ))
}

/// A port that is free on all these addresses, and another one on 127.0.0.1.
pub(super) fn free_ports(addresses: &BTreeSet<Ipv4Addr>) -> Result<(u16, u16)> {
    let control = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let first = addresses.first().copied().unwrap_or(Ipv4Addr::LOCALHOST);
    let served = TcpListener::bind((first, 0))?;
    let port = served.local_addr()?.port();
    for address in addresses.iter().skip(1) {
        TcpListener::bind((*address, port))?;
    }
    Ok((port, control.local_addr()?.port()))
}
