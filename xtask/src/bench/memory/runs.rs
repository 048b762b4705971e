//! One fleet, plain or over TLS: looked at from within by hc-app's example `memory`, and from outside as `hc run`.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::super::rig::{Arena, Backend, CERTIFIED, Certificate, Child, Program, Programs};
use super::stage::Said;
use crate::clock::Started;

/// Long enough that a target of thousands is never without its connection for want of processor time.
const INTERVAL: Duration = Duration::from_secs(5);
/// For an example or an hc to ask all targets three times.
const PATIENCE: Duration = Duration::from_secs(90);

/// What targets are asked over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Plain,
    Tls,
}

/// Where runs are made.
pub(super) struct Place<'a> {
    pub(super) arena: &'a Arena,
    pub(super) programs: &'a Programs,
    pub(super) folder: &'a Path,
    pub(super) certificate: &'a Certificate,
}

/// What a fleet of one size gave.
#[derive(Clone, Debug, Default)]
pub(super) struct Fleet {
    /// The parts of a service, one after the other, before a connection.
    pub(super) parts: Said,
    /// A service with its connections.
    pub(super) kept: Said,
    /// A service that keeps no connection.
    pub(super) unkept: Said,
    /// Resident in `hc run`.
    pub(super) hc_kib: f64,
}

impl Wire {
    /// As tables and files call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls => "TLS",
        }
    }
}

impl Place<'_> {
    /// # Errors
    /// When something does not start, or not every target is found healthy on a connection of its own.
    pub(super) fn fleet(&self, wire: Wire, count: usize) -> Result<Fleet> {
        let certificate = (wire == Wire::Tls).then_some(self.certificate);
        let backend =
            Backend::start_over(self.arena, self.programs, self.folder, count, certificate)?;
        let urls: Vec<_> = backend.urls().collect();
        let config = |keep_alive| config(&urls, keep_alive, certificate);
        let kept = self.write("kept.yaml", &config("90s"))?;
        let unkept = self.write("unkept.yaml", &config("0s"))?;
        let of = || format!("{} targets, {}", count, wire.name());
        let parts = self.example(&kept, "parts").with_context(of)?;
        let opened = backend.counted()?.connections;
        let whole = self.example(&kept, "whole").with_context(of)?;
        all_were_kept(backend.counted()?.connections - opened, count).with_context(of)?;
        Ok(Fleet {
            parts,
            kept: whole,
            unkept: self.example(&unkept, "whole").with_context(of)?,
            hc_kib: self.hc(&backend, &kept, count).with_context(of)?,
        })
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let file = self.folder.join(name);
        fs::write(&file, text).with_context(|| format!("failed to write {}", file.display()))?;
        Ok(file)
    }

    fn example(&self, config: &Path, mode: &str) -> Result<Said> {
        let program = self.programs.path(Program::Memory)?;
        let log = self.folder.join("example.log");
        let arguments = [config.as_os_str(), mode.as_ref()];
        let child = Child::start(self.arena.checker, program, arguments, &log)?;
        let said = child.finish(PATIENCE);
        Said::read(&said.context("the example `memory`")?)
    }

    /// What `hc run` has resident once it has asked every target three times.
    fn hc(&self, backend: &Backend, config: &Path, count: usize) -> Result<f64> {
        let before = backend.counted()?;
        let program = self.programs.path(Program::Hc)?;
        let log = self.folder.join("hc.log");
        let arguments = ["run".as_ref(), "-c".as_ref(), config.as_os_str()];
        let mut hc = Child::start(self.arena.checker, program, arguments, &log)?;
        let begun = Started::now();
        // Each look at the count is counted too.
        let mut looks = 1;
        while backend.counted()?.requests - before.requests < (3 * count + looks) as u64 {
            looks += 1;
            hc.must_run().context("hc run")?;
            ensure!(
                begun.elapsed() < PATIENCE,
                "hc did not ask all targets three times within {} s",
                PATIENCE.as_secs()
            );
            thread::sleep(Duration::from_millis(100));
        }
        let rss_kib = hc.usage()?.rss_kib;
        let opened = backend.counted()?.connections - before.connections;
        all_were_kept(opened.saturating_sub(looks as u64), count)?;
        Ok(rss_kib as f64)
    }
}

/// A connection opened for nearly each target once and not again: what is measured is kept.
fn all_were_kept(opened: u64, count: usize) -> Result<()> {
    let count = count as u64;
    // The look itself is one; and of the three checks of each, one in twenty reconnects by plan.
    let most = count + count / 4 + 2;
    ensure!(
        (count..=most).contains(&opened),
        "{opened} connections were opened for {count} targets: they were not kept"
    );
    Ok(())
}

fn config(urls: &[String], keep_alive: &str, certificate: Option<&Certificate>) -> String {
    let tls = certificate.map_or_else(String::new, |it| {
        let authority = it.authority.display();
        format!("\n  tls: {{ roots: none, ca: [\"{authority}\"], server_name: {CERTIFIED} }}")
    });
    let mut text = format!(
        "defaults:
  interval: {}s
  keep_alive: {keep_alive}{tls}
targets:
",
        INTERVAL.as_secs()
    );
    for url in urls {
        text += &format!("  - \"{url}\"\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Certificate, all_were_kept, config};

    #[test]
    fn a_fleet_that_reconnects_is_not_measured() {
        assert!(all_were_kept(2_001, 2_000).is_ok());
        assert!(all_were_kept(2, 1).is_ok());
        assert!(all_were_kept(1_999, 2_000).is_err());
        let error = all_were_kept(6_000, 2_000).unwrap_err().to_string();
        assert!(
            error.starts_with("6000 connections were opened for 2000"),
            "{error}"
        );
    }

    #[test]
    fn the_authority_is_the_only_one_that_is_trusted() {
        let urls = ["https://127.77.0.1:4/health".to_owned()];
        let certificate = Certificate {
            authority: "/x/a.pem".into(),
            shown: "/x/s.pem".into(),
            key: "/x/s.key".into(),
            bytes: 1,
        };
        let text = config(&urls, "90s", Some(&certificate));
        let expected = "  keep_alive: 90s\n  tls: { roots: none, ca: [\"/x/a.pem\"], server_name: bench.test }\n";
        assert!(text.contains(expected), "{text}");
        assert!(text.ends_with("  - \"https://127.77.0.1:4/health\"\n"));
        assert!(!config(&urls, "0s", None).contains("tls:"));
    }
}
