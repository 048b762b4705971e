//! Each checker, running, and when it publishes what of which target.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};

use super::super::rig::{Child, Program, Tail};
use super::super::said::{Said, of_envoy, of_haproxy, of_hc, of_suspects};
use super::configs;
use super::site::{Ground, Site};

/// A checker.
#[derive(Debug)]
pub(super) struct Checker {
    pub(super) key: &'static str,
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    program: Program,
}

/// In the order of the table.
pub(super) const CHECKERS: [Checker; 5] = [
    Checker {
        key: "hc",
        title: "hc",
        about: "defaults: `fast_interval: 500ms`, each 20th check on a new connection; its log, in JSON",
        program: Program::Hc,
    },
    Checker {
        key: "hc-10ms",
        title: "hc, fast_interval 10ms",
        about: "the same, asking a target that failed after 10 ms",
        program: Program::Hc,
    },
    Checker {
        key: "hc-suspect",
        title: "hc, suspect",
        about: "defaults; the first failed check, which makes a target suspect, as an embedder's observer hears of it",
        program: Program::Suspects,
    },
    Checker {
        key: "haproxy",
        title: "HAProxy",
        about: "`fastinter 500ms`, a connection per check; its log",
        program: Program::Haproxy,
    },
    Checker {
        key: "envoy",
        title: "Envoy",
        about: "edge intervals of 500 ms, connections reused; its log of health check events, written every 2 ms",
        program: Program::Envoy,
    },
];

/// A running checker.
pub(super) struct Watch {
    pub(super) checker: &'static Checker,
    pub(super) version: String,
    child: Child,
    tail: Tail,
    down: BTreeSet<Ipv4Addr>,
    /// Called unhealthy without a fault.
    pub(super) wrongly: u32,
    /// Isolation, overload: nothing of the kind is expected.
    pub(super) alarms: Vec<String>,
}

impl Watch {
    /// Starts it on all sites' targets.
    ///
    /// # Errors
    /// When it is missing, or cannot be started.
    pub(super) fn start(
        checker: &'static Checker,
        ground: &Ground<'_>,
        sites: &[Site],
        reference: u16,
    ) -> Result<Self> {
        let found = ground.programs.get(checker.program)?;
        let of_site = |site: &Site| {
            let port = site.port;
            let each = site.addresses.clone().into_iter();
            each.map(move |address| SocketAddr::from((address, port)))
        };
        let targets: Vec<_> = sites.iter().flat_map(of_site).collect();
        let log = ground.folder.join(format!("{}.log", checker.key));
        let events = ground.folder.join("envoy-events.log");
        let (text, published) = match checker.key {
            "envoy" => (configs::envoy(&targets, &events), &events),
            "haproxy" => (configs::haproxy(&targets, ground.folder), &log),
            "hc-10ms" => (configs::hc(&targets, reference, 10), &log),
            _ => (configs::hc(&targets, reference, 500), &log),
        };
        let ending = if checker.key == "envoy" {
            "json"
        } else {
            "conf"
        };
        let file = ground.folder.join(format!("{}.{ending}", checker.key));
        fs::write(&file, text).with_context(|| format!("failed to write {}", file.display()))?;
        // An earlier run's would be read.
        let _ = fs::remove_file(&events);
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        let (mut arguments, after) = match checker.program {
            Program::Envoy => (
                words("-c"),
                words(
                    "--concurrency 1 --disable-hot-restart --log-level error --file-flush-interval-msec 2",
                ),
            ),
            Program::Haproxy => (words("-db -f"), Vec::new()),
            Program::Suspects => (Vec::new(), Vec::new()),
            _ => (words("run -c"), Vec::new()),
        };
        arguments.push(file.into());
        arguments.extend(after);
        let tail = Tail::new(published);
        Ok(Self {
            checker,
            version: found.version.clone(),
            child: Child::start(ground.arena.checker, &found.path, arguments, &log)?,
            tail,
            down: BTreeSet::new(),
            wrongly: 0,
            alarms: Vec::new(),
        })
    }

    /// Reads what it has said since the last look, and tells the sites.
    ///
    /// # Errors
    /// When it has ended.
    pub(super) fn look(&mut self, sites: &mut [Site]) -> Result<()> {
        let lines = self.tail.lines();
        if lines.is_empty() {
            return self.child.must_run().context(self.checker.title);
        }
        for line in lines {
            let said = match self.checker.program {
                Program::Hc => of_hc(&line),
                Program::Suspects => of_suspects(&line),
                Program::Envoy => of_envoy(&line),
                _ => of_haproxy(&line),
            };
            match said {
                Said::Well(address) => {
                    self.down.remove(&address);
                }
                Said::Unwell(address) => {
                    self.down.insert(address);
                    let mut of = sites.iter_mut();
                    let site = of.find(|site| site.addresses.contains(&address));
                    if site.is_some_and(|site| !site.hear(self.checker.key, address)) {
                        self.wrongly += 1;
                    }
                }
                Said::Alarm => self.alarms.push(line),
                Said::Swept | Said::Nothing => {}
            }
        }
        Ok(())
    }

    pub(super) fn calls_well(&self, addresses: &[Ipv4Addr]) -> bool {
        !addresses.iter().any(|address| self.down.contains(address))
    }
}
