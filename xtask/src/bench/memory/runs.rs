//! One fleet, plain or over TLS: looked at from within by hc-app's example `memory`, and from outside as `hc run`.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::super::rig::{Arena, Backend, CERTIFIED, Certificate, Child, Program, Programs, hc_run};
use super::stage::Said;
use crate::clock::Started;

/// Long enough that thousands of handshakes, one for each check where no connection is kept, are no load.
pub(super) const INTERVAL: Duration = Duration::from_secs(10);
/// For an example or an hc to ask all targets three times.
const PATIENCE: Duration = Duration::from_secs(120);

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

/// What a fleet of one size holds, part by part.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    /// With its connections.
    pub(super) kept: Said,
    /// With `keep_alive: 0s`, so that no connection stays.
    pub(super) unkept: Said,
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
    /// When something does not start, or not every target is found healthy and kept.
    pub(super) fn parts(&self, wire: Wire, count: usize) -> Result<Parts> {
        let backend = self.backend(wire, count)?;
        let of = || format!("{count} targets, {}", wire.name());
        let kept = self.config(&backend, wire, "90s")?;
        let opened = backend.counted()?.connections;
        let said = self.example(&kept).with_context(of)?;
        all_were_kept(backend.counted()?.connections - opened, count).with_context(of)?;
        let unkept = self.config(&backend, wire, "0s")?;
        Ok(Parts {
            kept: said,
            unkept: self.example(&unkept).with_context(of)?,
        })
    }

    /// What `hc run` has resident, in KiB, once it has asked every target three times.
    ///
    /// # Errors
    /// When something does not start, or not every target is asked and kept.
    pub(super) fn hc(&self, wire: Wire, count: usize) -> Result<f64> {
        let backend = self.backend(wire, count)?;
        let config = self.config(&backend, wire, "90s")?;
        let resident = self.resident(&backend, &config, count);
        resident.with_context(|| format!("{count} targets, {}", wire.name()))
    }

    fn backend(&self, wire: Wire, count: usize) -> Result<Backend> {
        let certificate = self.certificate(wire);
        Backend::start_over(self.arena, self.programs, self.folder, count, certificate)
    }

    fn certificate(&self, wire: Wire) -> Option<&Certificate> {
        (wire == Wire::Tls).then_some(self.certificate)
    }

    fn config(&self, backend: &Backend, wire: Wire, keep_alive: &str) -> Result<PathBuf> {
        let file = self.folder.join("hc.yaml");
        let text = config(backend.urls(), keep_alive, self.certificate(wire));
        fs::write(&file, text).with_context(|| format!("failed to write {}", file.display()))?;
        Ok(file)
    }

    fn example(&self, config: &Path) -> Result<Said> {
        let program = self.programs.path(Program::Memory)?;
        let log = self.folder.join("example.log");
        let child = Child::start(self.arena.checker, program, [config], &log)?;
        let said = child.finish(PATIENCE);
        Said::read(&said.context("the example `memory`")?)
    }

    fn resident(&self, backend: &Backend, config: &Path, count: usize) -> Result<f64> {
        let before = backend.counted()?;
        let program = self.programs.path(Program::Hc)?;
        let log = self.folder.join("hc.log");
        let arguments = hc_run(config);
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

fn config(
    urls: impl Iterator<Item = String>,
    keep_alive: &str,
    certificate: Option<&Certificate>,
) -> String {
    let tls = certificate.map_or_else(String::new, |it| {
        let authority = it.authority.display();
        format!("\n  tls: {{ roots: none, ca: [\"{authority}\"], server_name: {CERTIFIED} }}")
    });
    let mut text = format!(
        "control: none
defaults:
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
        let urls = || ["https://127.77.0.1:4/health".to_owned()].into_iter();
        let certificate = Certificate {
            authority: "/x/a.pem".into(),
            shown: "/x/s.pem".into(),
            key: "/x/s.key".into(),
            bytes: 1,
        };
        let text = config(urls(), "90s", Some(&certificate));
        let expected = "  keep_alive: 90s\n  tls: { roots: none, ca: [\"/x/a.pem\"], server_name: bench.test }\n";
        assert!(text.contains(expected), "{text}");
        assert!(text.ends_with("  - \"https://127.77.0.1:4/health\"\n"));
        assert!(!config(urls(), "0s", None).contains("tls:"));
    }
}
