//! Who is measured: each checker, the program it is, and how it is started for a load.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::super::rig::{Backend, Program, Programs, hc_run};
use super::configs::{self, Manner};
use super::drive::Driver;
use super::measure::Load;
use crate::process::capture;

/// A checker.
#[derive(Debug)]
pub(super) struct Checker {
    /// As `--only` has it.
    pub(super) key: &'static str,
    /// Its name in tables, before its version.
    pub(super) title: &'static str,
    /// What is particular about it.
    pub(super) about: &'static str,
    pub(super) program: Program,
    /// It is left out of loads with more targets.
    pub(super) most: usize,
}

/// All there are, in the order of each round: Envoy and the floors beside hc, since they are what it is compared with.
pub(super) const CHECKERS: [Checker; 15] = [
    Checker {
        key: "hc",
        title: "hc, dedicated",
        about: "`hc run`, its own transport, 10 ms slots, `control: none`",
        program: Program::Hc,
        most: usize::MAX,
    },
    Checker {
        key: "envoy",
        title: "Envoy",
        about: "active health checks of a static cluster, connections reused, one worker, no jitter: its default",
        program: Program::Envoy,
        most: usize::MAX,
    },
    Checker {
        key: "floor-woken",
        title: "floor, woken",
        about: "write and read over epoll, nothing else, woken by each answer",
        program: Program::Floor,
        most: usize::MAX,
    },
    Checker {
        key: "floor-harvested",
        title: "floor, harvested",
        about: "the same, epoll asked by the clock without waiting",
        program: Program::Floor,
        most: usize::MAX,
    },
    Checker {
        key: "hc-other",
        title: "other hc, dedicated",
        about: "the hc that `--other` names",
        program: Program::OtherHc,
        most: usize::MAX,
    },
    Checker {
        key: "hc-20ms",
        title: "hc, dedicated, 20 ms slots",
        about: "the same hc with `limits.slot: 20ms`",
        program: Program::Hc,
        most: 1_000,
    },
    Checker {
        key: "hc-kept",
        title: "hc, dedicated, never reconnecting",
        about: "the same hc with `reconnect_every: 10000`: what the planned reconnects cost, which nobody else makes",
        program: Program::Hc,
        most: usize::MAX,
    },
    Checker {
        key: "hc-seen",
        title: "hc, dedicated, seen",
        about: "the same hc with its control socket, as by default: what it costs to keep each target's past for `hc status` and the like",
        program: Program::Hc,
        most: usize::MAX,
    },
    Checker {
        key: "hc-pooled",
        title: "hc, pooled",
        about: "`hc run` over reqwest's pool",
        program: Program::Hc,
        most: usize::MAX,
    },
    Checker {
        key: "envoy-jitter",
        title: "Envoy, spread",
        about: "Envoy with `initial_jitter` of one interval, so that its checks come spread as hc's do",
        program: Program::Envoy,
        most: usize::MAX,
    },
    Checker {
        key: "pingora",
        title: "Pingora",
        about: "its load balancer's health check, connections reused with room for all, a round side by side",
        program: Program::Pingora,
        most: usize::MAX,
    },
    Checker {
        key: "go-pooled",
        title: "Go, pooled",
        about: "a goroutine per check, rounds awaited, pooled connections with room for all, bodies drained",
        program: Program::GoChecker,
        most: usize::MAX,
    },
    Checker {
        key: "go-plain",
        title: "Go, plain",
        about: "a goroutine per check and nobody waiting, bodies unread, so a connection per check",
        program: Program::GoChecker,
        most: usize::MAX,
    },
    Checker {
        key: "haproxy",
        title: "HAProxy",
        about: "`option httpchk`, one thread; it opens a connection per check",
        program: Program::Haproxy,
        most: usize::MAX,
    },
    Checker {
        key: "blackbox",
        title: "blackbox_exporter",
        about: "another unit of work: a loop asks it `/probe` for each target over kept connections, and it answers with metrics",
        program: Program::Blackbox,
        most: usize::MAX,
    },
];

/// A checker that can be started.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    /// With its version.
    pub(super) title: String,
    program: PathBuf,
    /// hc's.
    transport: &'static str,
}

/// How one is started for a load.
pub(super) struct Start {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    /// For one that does not ask by itself: made once it runs.
    pub(super) driver: Option<Driver>,
}

impl Checker {
    /// # Errors
    /// Why it cannot take part.
    pub(super) fn prepared(&self, programs: &Programs, folder: &Path) -> Result<Prepared> {
        let found = programs.get(self.program)?;
        let version = match self.program {
            Program::Hc | Program::OtherHc | Program::Floor => "",
            _ => &format!(" {}", found.version),
        };
        // "Envoy, spread" of 1.40 is "Envoy 1.40, spread".
        let (name, manner) = self
            .title
            .split_at(self.title.find(',').unwrap_or(self.title.len()));
        let mut prepared = Prepared {
            title: format!("{name}{version}{manner}"),
            program: found.path.clone(),
            transport: if self.key == "hc-pooled" {
                "pooled"
            } else {
                "dedicated"
            },
        };
        let is_ours = matches!(self.program, Program::Hc | Program::OtherHc);
        if is_ours && !understands(&prepared, folder)? {
            if self.key == "hc-pooled" {
                bail!("this hc has no `transport: pooled`");
            }
            prepared.transport = "auto";
            prepared.title = prepared.title.replace("dedicated", "auto");
        }
        Ok(prepared)
    }

    /// Writes what it reads, and says how to start it.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn start(
        &self,
        prepared: &Prepared,
        backend: &Backend,
        load: &Load,
        folder: &Path,
    ) -> Result<Start> {
        let config = |name: &str, text: String| {
            let file = folder.join(name);
            fs::write(&file, text)
                .with_context(|| format!("failed to write {}", file.display()))
                .map(|()| file)
        };
        let interval: OsString = load.interval.as_millis().to_string().into();
        let (list, mut driver) = (backend.list.clone(), None);
        let arguments: Vec<OsString> = match self.key {
            "hc" | "hc-other" | "hc-pooled" | "hc-20ms" | "hc-kept" | "hc-seen" => {
                let manner = Manner::of(self.key);
                let text = configs::hc(backend.urls(), load, prepared.transport, &manner);
                let file = config("hc.yaml", text)?;
                match self.key {
                    // It may be too old to know of state.
                    "hc-other" => vec!["run".into(), "-c".into(), file.into()],
                    _ => hc_run(&file).map(ToOwned::to_owned).into(),
                }
            }
            "envoy" | "envoy-jitter" => {
                let spread = self.key == "envoy-jitter";
                let text = configs::envoy(backend.targets(), load, spread);
                let file = config("envoy.json", text)?;
                let mut arguments = vec!["-c".into(), file.into()];
                let rest = "--concurrency 1 --disable-hot-restart --log-level error";
                arguments.extend(rest.split(' ').map(OsString::from));
                arguments
            }
            "haproxy" => {
                let text = configs::haproxy(backend.targets(), load, folder);
                vec![
                    "-db".into(),
                    "-f".into(),
                    config("haproxy.cfg", text)?.into(),
                ]
            }
            "blackbox" => {
                let file = config("blackbox.yaml", configs::BLACKBOX.to_owned())?;
                let made = Driver::new(backend.targets().collect(), load)?;
                let listen = format!("--web.listen-address={}", made.address());
                driver = Some(made);
                let file = format!("--config.file={}", file.display());
                vec![file.into(), listen.into(), "--log.level=error".into()]
            }
            "pingora" => vec![list.into(), interval],
            "floor-woken" => vec!["woken".into(), list.into(), interval, "10".into()],
            "floor-harvested" => vec!["harvested".into(), list.into(), interval, "10".into()],
            "go-plain" => vec!["plain".into(), list.into(), interval],
            "go-pooled" => vec!["pooled".into(), list.into(), interval],
            other => bail!("`{other}` cannot be started"),
        };
        Ok(Start {
            program: prepared.program.clone(),
            arguments,
            driver,
        })
    }
}

/// Whether this hc knows the transport: one under development may not yet.
fn understands(prepared: &Prepared, folder: &Path) -> Result<bool> {
    let file = folder.join("asked.yaml");
    let text = format!(
        "defaults: {{ transport: {} }}\ntargets: [\"http://127.0.0.1:1/\"]\n",
        prepared.transport
    );
    fs::write(&file, text).with_context(|| format!("failed to write {}", file.display()))?;
    let output = capture(Command::new(&prepared.program).arg("validate").arg(&file))?;
    Ok(output.passed)
}

#[cfg(test)]
mod tests {
    use super::CHECKERS;

    #[test]
    fn keys_are_unique() {
        for (index, checker) in CHECKERS.iter().enumerate() {
            let same = |other: &super::Checker| other.key == checker.key;
            assert!(!CHECKERS[index + 1..].iter().any(same), "{}", checker.key);
        }
    }
}
