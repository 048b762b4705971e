//! One hc, the fleet that it asks, and those who look in.

use std::fmt;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::super::report::median;
use super::super::rig::{Arena, Backend, Child, Fickle, Manner, Program, Programs, Tail};
use super::lookers::{Gotten, Look, Lookers};
use crate::clock::Started;

/// The first of those that come and go, and how many they are: without them there are no events to read.
const FIRST: u32 = 0x7f64_0001;
const FICKLE: u32 = 100;
/// How long they stay, and how long they are away.
const TURN: Duration = Duration::from_secs(4);

/// Where it is played.
pub(super) struct Stage<'a> {
    pub(super) arena: &'a Arena,
    pub(super) programs: &'a Programs,
    pub(super) folder: &'a Path,
    pub(super) targets: usize,
    pub(super) seconds: u64,
}

/// What one play showed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Processor time of hc, in milliseconds a second.
    pub(super) cpu_ms: f64,
    pub(super) checks: f64,
    pub(super) rss_kib: f64,
    /// From the first to the last second.
    pub(super) grown_kib: f64,
    /// The middle one of the seconds' p99.
    pub(super) late_p99_ms: f64,
    /// Answers or events, a second.
    pub(super) looks: f64,
    /// Bytes of one.
    pub(super) bytes: f64,
    /// From asking to the last byte.
    pub(super) took_ms: f64,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.0} ms of processor time a second, {:.0} checks/s, {:.1} MiB, late p99 {:.1} ms, {:.1} looks/s",
            self.cpu_ms,
            self.checks,
            self.rss_kib / 1024.0,
            self.late_p99_ms,
            self.looks
        )
    }
}

impl Stage<'_> {
    /// # Errors
    /// When something does not start, not all targets are asked, or somebody who looks is not answered.
    pub(super) fn play(&self, look: &Look) -> Result<Seen> {
        let backend = Backend::start(self.arena, self.programs, self.folder, self.targets)?;
        let mut fickle = Some(self.fickle(None)?);
        let port = fickle.as_ref().map_or(0, |it| it.port);
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let control = self.folder.join("control.sock");
        let (mut hc, mut log) = self.hc(*look, &backend, port, (address, &control))?;
        let begun = Started::now();
        let mut asked = 1;
        while backend.counted()?.requests < (self.targets + asked) as u64 {
            asked += 1;
            hc.must_run()?;
            ensure!(
                begun.elapsed() < Duration::from_secs(60),
                "not all targets were asked"
            );
            thread::sleep(Duration::from_millis(100));
        }
        let program = self.programs.path(Program::Hc)?;
        let to = (address, control.as_path());
        let lookers = Lookers::start(*look, self.arena, to, (program, self.folder))?;
        thread::sleep(Duration::from_secs(3));
        log.lines();
        let (begun, used, answers) = (Started::now(), hc.usage()?, backend.counted()?.requests);
        let before = lookers.gotten()?;
        let end = Duration::from_secs(self.seconds);
        while begun.elapsed() < end {
            thread::sleep(TURN.min(end.saturating_sub(begun.elapsed())));
            // They come and they go, but not while what they did is read.
            fickle = match fickle.take() {
                Some(_) => None,
                None => Some(self.fickle(Some(port))?),
            };
        }
        let (used_then, answers_then) = (hc.usage()?, backend.counted()?.requests);
        let (took, got) = (begun.elapsed().as_secs_f64(), lookers.gotten()?);
        let late: Vec<_> = log.lines().iter().filter_map(|it| late_p99(it)).collect();
        let of = |pick: fn(Gotten) -> f64| pick(got) - pick(before);
        let looks = of(|it| it.count as f64);
        let each = looks.max(1.0);
        Ok(Seen {
            cpu_ms: (used_then.cpu - used.cpu).as_secs_f64() * 1e3 / took,
            checks: answers_then.saturating_sub(answers + 1) as f64 / took,
            rss_kib: used_then.rss_kib as f64,
            grown_kib: used_then.rss_kib as f64 - used.rss_kib as f64,
            late_p99_ms: median(&late).context("hc told no lateness")?,
            looks: looks / took,
            bytes: of(|it| it.bytes as f64) / each,
            took_ms: of(|it| it.time.as_secs_f64()) * 1e3 / each,
        })
    }

    fn fickle(&self, port: Option<u16>) -> Result<Fickle> {
        let manner = Manner {
            closes: 0,
            interval: Duration::from_secs(1),
            seed: 0,
        };
        let addresses: Vec<_> = addresses().collect();
        let (arena, programs) = (self.arena, self.programs);
        Fickle::start(
            arena,
            programs,
            self.folder,
            ("fickle", port),
            &addresses,
            manner,
        )
    }

    fn hc(
        &self,
        look: Look,
        backend: &Backend,
        port: u16,
        (address, control): (SocketAddr, &Path),
    ) -> Result<(Child, Tail)> {
        let (listen, control) = match look {
            Look::Blind => (String::new(), "none".into()),
            Look::Control | Look::Top => (String::new(), control.display().to_string()),
            _ => (format!("listen: [\"{address}\"]\n"), "none".to_owned()),
        };
        let per_target = match look {
            Look::Scrape { full: true } => "full",
            _ => "basic",
        };
        let mut text = format!(
            "defaults: {{ interval: 1s, timeout: 900ms, rise: 2, fall: 3 }}
limits: {{ in_flight: 1000 }}
log: {{ summary: 1s }}
state: none
control: {control}
metrics: {{ per_target: {per_target} }}
{listen}targets:
"
        );
        let fickle = addresses().map(|it| format!("http://{it}:{port}/health"));
        for url in backend.urls().chain(fickle) {
            text += &format!("  - \"{url}\"\n");
        }
        let file = self.folder.join("hc.yaml");
        fs::write(&file, text).with_context(|| format!("failed to write {}", file.display()))?;
        let log = self.folder.join("hc.log");
        let arguments = ["run".as_ref(), "-c".as_ref(), file.as_os_str()];
        let program = self.programs.path(Program::Hc)?;
        let hc = Child::start(self.arena.checker, program, arguments, &log)?;
        Ok((hc, Tail::new(&log)))
    }
}

fn addresses() -> impl Iterator<Item = Ipv4Addr> {
    (FIRST..FIRST + FICKLE).map(Ipv4Addr::from)
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}

fn late_p99(line: &str) -> Option<f64> {
    let mut words = line.split_whitespace();
    words.find_map(|word| word.strip_prefix("late_p99_ms=")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::late_p99;

    #[test]
    fn lateness_is_read_from_summaries() {
        let line = "x INFO summary healthy=4 late_p99_ms=7.5 opened=1";
        assert_eq!(late_p99(line), Some(7.5));
        assert_eq!(late_p99("x INFO start"), None);
    }
}
