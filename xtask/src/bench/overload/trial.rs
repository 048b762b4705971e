//! One checker on its processor: calm, under a load, and until it is as it was.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::super::rig::{Arena, Backend, Child, Program, Programs, Tail, hc_run};
use super::super::said::{Said, of_envoy, of_hc};
use super::configs;
use super::effect::{Calm, Effect};
use super::{Load, Options};
use crate::clock::Started;
use crate::process::{find, read};

/// How often what it says is read, and nginx is asked.
const LOOK: Duration = Duration::from_millis(100);
/// The span over which a rate is taken when it is asked whether all is normal again.
const WINDOW: usize = 5;
/// So much of the calm rate is normal.
const NORMAL: f64 = 0.95;
/// All must stay normal for so long; the time to normal is that until it began.
const STAYS: Duration = Duration::from_secs(2);
/// Longer than this is not waited for.
const PATIENCE: Duration = Duration::from_secs(25);

/// A checker.
pub(super) struct Subject {
    pub(super) title: &'static str,
    pub(super) program: Program,
}

pub(super) const SUBJECTS: [Subject; 2] = [
    Subject {
        title: "hc",
        program: Program::Hc,
    },
    Subject {
        title: "Envoy",
        program: Program::Envoy,
    },
];

/// A running checker.
pub(super) struct Trial<'a> {
    backend: Backend,
    child: Child,
    tail: Tail,
    program: Program,
    arena: &'a Arena,
    folder: &'a Path,
    down: BTreeSet<Ipv4Addr>,
    /// Called healthy at least once.
    well: BTreeSet<Ipv4Addr>,
    swept: bool,
    false_transitions: u64,
    /// The same, while it started.
    pub(super) at_start: u64,
    /// Each look at nginx is an answer as well.
    looks: u64,
}

impl<'a> Trial<'a> {
    /// Starts nginx and the checker, and waits until every target was asked.
    ///
    /// # Errors
    /// When that does not happen.
    pub(super) fn start(
        subject: &Subject,
        options: &Options,
        arena: &'a Arena,
        programs: &Programs,
        folder: &'a Path,
    ) -> Result<Self> {
        let program = programs.path(subject.program)?;
        let backend = Backend::start(arena, programs, folder, options.targets as usize)?;
        let times = [options.interval_ms, options.timeout_ms].map(Duration::from_millis);
        let name = subject.title.to_lowercase();
        let log = folder.join(format!("{name}.log"));
        let events = folder.join("envoy-events.log");
        let _ = fs::remove_file(&events);
        let write = |name: &str, text: String| {
            let file = folder.join(name);
            fs::write(&file, text)
                .with_context(|| format!("failed to write {}", file.display()))
                .map(|()| OsString::from(file))
        };
        let (arguments, published): (Vec<OsString>, _) = if subject.program == Program::Envoy {
            let text = configs::envoy(backend.targets(), times, &events);
            let mut arguments = vec!["-c".into(), write("envoy.json", text)?];
            let rest = "--concurrency 1 --disable-hot-restart --log-level error --file-flush-interval-msec 20";
            arguments.extend(rest.split(' ').map(OsString::from));
            (arguments, &events)
        } else {
            let file = write("hc.yaml", configs::hc(backend.urls(), times))?;
            (hc_run(file.as_ref()).map(ToOwned::to_owned).into(), &log)
        };
        let mut trial = Self {
            child: Child::start(arena.checker, program, arguments, &log)?,
            tail: Tail::new(published),
            backend,
            program: subject.program,
            arena,
            folder,
            down: BTreeSet::new(),
            well: BTreeSet::new(),
            swept: false,
            false_transitions: 0,
            at_start: 0,
            looks: 0,
        };
        let begun = Started::now();
        // A target that was never healthy cannot be called unhealthy.
        while !trial.all_are_well(options.targets as usize) {
            ensure!(
                begun.elapsed() < Duration::from_secs(40),
                "not all targets become healthy: {} do, {} are unhealthy",
                trial.well.len(),
                trial.down.len()
            );
            trial.child.must_run()?;
            thread::sleep(LOOK);
            trial.listen();
        }
        (trial.false_transitions, trial.at_start) = (0, trial.false_transitions);
        Ok(trial)
    }

    /// hc says when it has asked all; Envoy says of each that it is healthy.
    fn all_are_well(&self, targets: usize) -> bool {
        let all = match self.program {
            Program::Envoy => self.well.len() == targets,
            _ => self.swept,
        };
        all && self.down.is_empty()
    }

    /// # Errors
    /// When it, or nginx, has ended.
    pub(super) fn calm(&mut self) -> Result<Calm> {
        thread::sleep(Duration::from_secs(2));
        let (begun, answers, cpu) = (Started::now(), self.answers()?, self.child.usage()?.cpu);
        thread::sleep(Duration::from_secs(6));
        let (took, cpu) = (begun.elapsed(), self.child.usage()?.cpu - cpu);
        let answers = (self.answers()? - answers).max(1) as f64;
        Ok(Calm {
            rate: answers / took.as_secs_f64(),
            cpu_us: cpu.as_secs_f64() * 1e6 / answers,
        })
    }

    /// # Errors
    /// When something ends, or the load cannot be made.
    pub(super) fn under(&mut self, load: Load, time: Duration, calm: &Calm) -> Result<Effect> {
        self.listen();
        let before = self.false_transitions;
        let (begun, answers, cpu) = (Started::now(), self.answers()?, self.child.usage()?.cpu);
        let time = match load {
            Load::Stop(time) => time,
            Load::Loops(_) | Load::Idle => time,
        };
        let loops = match load {
            Load::Loops(many) => self.loops(many)?,
            Load::Idle => {
                let loops = self.loops(1)?;
                self.class("-i")?;
                loops
            }
            Load::Stop(_) => {
                self.signal("STOP")?;
                Vec::new()
            }
        };
        while begun.elapsed() < time {
            thread::sleep(LOOK);
            self.listen();
        }
        let took = begun.elapsed().as_secs_f64();
        let answers = (self.answers()? - answers) as f64;
        let used = (self.child.usage()?.cpu - cpu).as_secs_f64();
        drop(loops);
        match load {
            Load::Idle => self.class("-o")?,
            Load::Stop(_) => self.signal("CONT")?,
            Load::Loops(_) => {}
        }
        let could = used.max(load.share() * took) * 1e6 / calm.cpu_us;
        let possible = could.min(calm.rate * took);
        let to_normal = self.normal_again(calm)?;
        Ok(Effect {
            false_transitions: self.false_transitions - before,
            rate: answers / took,
            share: used / took,
            of_possible: (!matches!(load, Load::Stop(_))).then(|| answers / possible.max(1.0)),
            to_normal: to_normal.map(|it| it.as_secs_f64()),
            left: self.down.len(),
        })
    }

    /// Until the calm rate is back and nobody is called unhealthy, and that stays so.
    fn normal_again(&mut self, calm: &Calm) -> Result<Option<Duration>> {
        let begun = Started::now();
        let mut seen = vec![(Duration::ZERO, self.answers()?)];
        let mut since = None;
        loop {
            thread::sleep(LOOK);
            self.listen();
            let (now, answers) = (begun.elapsed(), self.answers()?);
            let (then, before) = seen[seen.len().saturating_sub(WINDOW)];
            seen.push((now, answers));
            let rate = (answers - before) as f64 / (now - then).as_secs_f64();
            if rate >= NORMAL * calm.rate && self.down.is_empty() {
                // The window began before it was normal, or with it.
                let began = *since.get_or_insert(then);
                if now - began >= STAYS {
                    return Ok(Some(began));
                }
            } else {
                since = None;
            }
            if now > PATIENCE {
                return Ok(None);
            }
        }
    }

    fn loops(&self, many: u32) -> Result<Vec<Child>> {
        let shell = find("sh").context("no shell")?;
        let log = self.folder.join("loop.log");
        let one = |_| {
            let arguments = ["-c", "while :; do :; done"];
            Child::start(self.arena.checker, &shell, arguments, &log)
        };
        (0..many).map(one).collect()
    }

    /// The scheduler's class of all its threads.
    fn class(&self, class: &str) -> Result<()> {
        let id = self.child.id().to_string();
        read(Command::new("chrt").args(["-a", class, "-p", "0", &id])).map(drop)
    }

    fn signal(&self, name: &str) -> Result<()> {
        let id = self.child.id().to_string();
        read(Command::new("kill").args(["-s", name, &id])).map(drop)
    }

    fn answers(&mut self) -> Result<u64> {
        self.looks += 1;
        let counted = self.backend.counted()?.requests;
        Ok(counted.saturating_sub(self.looks))
    }

    fn listen(&mut self) {
        for line in self.tail.lines() {
            let said = match self.program {
                Program::Envoy => of_envoy(&line),
                _ => of_hc(&line),
            };
            match said {
                Said::Unwell(address) => {
                    self.false_transitions += 1;
                    self.down.insert(address);
                }
                Said::Well(address) => {
                    self.down.remove(&address);
                    self.well.insert(address);
                }
                Said::Swept => self.swept = true,
                // Overload is what this is about.
                Said::Alarm | Said::Nothing => {}
            }
        }
    }
}
