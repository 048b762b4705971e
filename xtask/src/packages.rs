//! What tests need beyond cargo: real servers from the system's packages. Installs them as root where apt-get is,
//! else names what to install. Tests themselves never install anything.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{find, run, within};
use crate::workspace::root;

/// A program that tests or benchmarks start, and the packages that hold it, the smallest first.
pub(crate) struct Need {
    pub(crate) program: &'static str,
    pub(crate) packages: &'static [&'static str],
    pub(crate) why: &'static str,
}

const NEEDS: [Need; 2] = [
    Need {
        program: "nginx",
        packages: &["nginx-light", "nginx"],
        why: "the tests against real backends",
    },
    // It brings promtool.
    Need {
        program: "prometheus",
        packages: &["prometheus"],
        why: "the tests of metrics and alert rules",
    },
];

/// Sees to it that every program is there.
///
/// # Errors
/// Names the packages that are missing and could not be installed.
pub(crate) fn ensure() -> Result<String> {
    let mut missing = Vec::new();
    for need in &NEEDS {
        if obtain(need).is_err() {
            missing.push(need);
        }
    }
    if missing.is_empty() {
        return Ok(NEEDS.map(|need| need.program).join(", "));
    }
    bail!("{}", instructions(&missing))
}

/// Where one program lies, after installing it as root if it is missing.
///
/// # Errors
/// Says how to install it.
pub(crate) fn obtain(need: &Need) -> Result<PathBuf> {
    match find(need.program) {
        Some(path) => Ok(path),
        None => install_anew(need),
    }
}

/// The same for a program that is there and lacks a part that the package brings.
///
/// # Errors
/// Says how to install it.
pub(crate) fn install_anew(need: &Need) -> Result<PathBuf> {
    if is_root() && find("apt-get").is_some() {
        install(need);
    }
    find(need.program).with_context(|| instructions(&[need]))
}

/// Tries the packages in turn; what came of it is seen by looking for the program again.
fn install(need: &Need) {
    eprintln!(
        "  {} is missing ({}); installing it",
        need.program, need.why
    );
    // The services of a package are not to start on a developer's machine: RUNLEVEL=1 makes Debian's invoke-rc.d leave them alone.
    let quiet = [("DEBIAN_FRONTEND", "noninteractive"), ("RUNLEVEL", "1")];
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments);
        run(&mut within(command, root(), &quiet))
    };
    if let Err(error) = apt(&["update", "-qq"]) {
        // Old lists may still do.
        eprintln!("  {error:#}");
    }
    for package in need.packages {
        match apt(&["install", "-y", "-qq", "--no-install-recommends", package]) {
            Ok(()) => return,
            Err(error) => eprintln!("  {error:#}"),
        }
    }
}

fn instructions(missing: &[&Need]) -> String {
    let packages: Vec<_> = missing.iter().map(|need| need.packages[0]).collect();
    let programs: Vec<_> = missing
        .iter()
        .map(|need| format!("{} (for {})", need.program, need.why))
        .collect();
    format!(
        "missing: {}; install with: sudo apt-get install {}",
        programs.join(", "),
        packages.join(" ")
    )
}

/// By the effective user id that Linux tells; false where it cannot be read.
fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| effective_uid(&status) == Some(0))
}

fn effective_uid(status: &str) -> Option<u32> {
    status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))?
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::{NEEDS, effective_uid, instructions};

    #[test]
    fn what_is_missing_is_named_with_the_command_that_installs_it() {
        let text = instructions(&[&NEEDS[0]]);
        assert_eq!(
            text,
            "missing: nginx (for the tests against real backends); install with: sudo apt-get install nginx-light"
        );
    }

    #[test]
    fn the_effective_user_is_the_second_number() {
        assert_eq!(effective_uid("Name:\tx\nUid:\t1000\t0\t0\t0\n"), Some(0));
        assert_eq!(effective_uid("Uid:\t0\t1000\t0\t0\n"), Some(1000));
        assert_eq!(effective_uid(""), None);
    }
}
