//! Where a benchmark runs: two processors, one for the checker and one for all else, and a network namespace that has
//! nothing but loopback in it, so that a server may listen on every address and still be reached by nobody.
//!
//! The namespace is entered by running xtask again inside of it, after everything that needs the network has been
//! fetched. Where namespaces are not permitted the benchmark runs in the open, and servers list their addresses.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::programs::Programs;
use crate::process::read;

/// Set within: what was prepared outside, as JSON.
const INSIDE: &str = "HC_BENCH_INSIDE";

/// Where this process is.
#[derive(Clone, Debug)]
pub(crate) struct Arena {
    /// Alone in a namespace: an address that is bound here is bound nowhere else.
    pub(crate) private: bool,
    /// The checker's processor.
    pub(crate) checker: u32,
    /// The processor of everything else.
    pub(crate) other: u32,
}

/// Runs `work` in an arena, with what `prepare` gives: the one inside, the other before, outside.
///
/// # Errors
/// Theirs; and when there are not two processors.
pub(crate) fn enter(
    prepare: impl FnOnce() -> Result<Programs>,
    work: impl FnOnce(&Arena, &Programs) -> Result<()>,
) -> Result<()> {
    if let Ok(prepared) = std::env::var(INSIDE) {
        let programs = Programs::from_json(&prepared)?;
        return work(&Arena::of_two_processors(true)?, &programs);
    }
    let programs = prepare()?;
    for namespace in ["-n", "-Urn"] {
        if permitted(namespace) {
            return again(namespace, &programs);
        }
    }
    eprintln!("  no network namespace is permitted here: servers list their loopback addresses");
    work(&Arena::of_two_processors(false)?, &programs)
}

impl Arena {
    fn of_two_processors(private: bool) -> Result<Self> {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let [checker, other] = first_two(&status)
            .context("two processors are needed: one for the checker, one for what answers it")?;
        // This process drives and samples: it must not take the checker's time.
        let pid = std::process::id().to_string();
        read(Command::new("taskset").args(["-a", "-p", "-c", &other.to_string(), &pid]))?;
        Ok(Self {
            private,
            checker,
            other,
        })
    }
}

/// The first two processors that this process may use.
fn first_two(status: &str) -> Option<[u32; 2]> {
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let mut all = list.trim().split(',').flat_map(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (first.parse::<u32>(), last.parse::<u32>()) {
            (Ok(first), Ok(last)) => first..last + 1,
            _ => 0..0,
        }
    });
    Some([all.next()?, all.next()?])
}

fn permitted(namespace: &str) -> bool {
    let mut unshare = Command::new("unshare");
    unshare.args([namespace, "ip", "link", "set", "lo", "up"]);
    unshare.stdin(Stdio::null()).stderr(Stdio::null());
    unshare.status().is_ok_and(|status| status.success())
}

/// What the first shell inside does. The session is put ahead of whatever else the machine does, where that is permitted:
/// others' work would otherwise show as timeouts and reconnects. Without groups of sessions it is a matter of niceness.
const SETTLE: &str = "ip link set lo up || exit
renice -n -15 -p $$ >/dev/null 2>&1
[ -w /proc/self/autogroup ] && echo -15 >/proc/self/autogroup
exec \"$@\"";

/// This program with these arguments, inside. It ends when this process does, however that ends.
fn again(namespace: &str, programs: &Programs) -> Result<()> {
    let this = std::env::current_exe().context("failed to find the running program")?;
    let mut command = Command::new("unshare");
    command
        .args([namespace, "setsid", "--wait", "setpriv", "--pdeathsig"])
        .args(["KILL", "--", "sh", "-c", SETTLE, "sh"])
        .arg(this)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, programs.to_json());
    let status = command
        .stdin(Stdio::null())
        .status()
        .context("failed to start unshare")?;
    if !status.success() {
        bail!("the benchmark in its namespace ended with {status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::first_two;

    #[test]
    fn the_first_two_processors() {
        let table = [
            ("Cpus_allowed_list:\t0-1\n", Some([0, 1])),
            ("Cpus_allowed_list:\t3,5-7\n", Some([3, 5])),
            ("Cpus_allowed_list:\t2-9\n", Some([2, 3])),
            ("Cpus_allowed_list:\t0\n", None),
            ("", None),
        ];
        for (status, expected) in table {
            assert_eq!(first_two(status), expected, "{status}");
        }
    }
}
