//! The programs that a benchmark runs: each found, or missing for a reason that is told.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};

/// A program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Program {
    Nginx,
    Hc,
    /// One more, to compare two.
    OtherHc,
    Envoy,
    Haproxy,
    Blackbox,
    GoChecker,
    Pingora,
    Floor,
    Fickle,
    Simulation,
    Suspects,
    Memory,
    Openssl,
    Curl,
    Wrk,
}

impl Program {
    const ALL: [Self; 16] = [
        Self::Nginx,
        Self::Hc,
        Self::OtherHc,
        Self::Envoy,
        Self::Haproxy,
        Self::Blackbox,
        Self::GoChecker,
        Self::Pingora,
        Self::Floor,
        Self::Fickle,
        Self::Simulation,
        Self::Suspects,
        Self::Memory,
        Self::Openssl,
        Self::Curl,
        Self::Wrk,
    ];

    /// As messages and files call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Hc => "hc",
            Self::OtherHc => "other hc",
            Self::Envoy => "Envoy",
            Self::Haproxy => "HAProxy",
            Self::Blackbox => "blackbox_exporter",
            Self::GoChecker => "Go checker",
            Self::Pingora => "Pingora check",
            Self::Floor => "floor",
            Self::Fickle => "fickle",
            Self::Simulation => "simulation",
            Self::Suspects => "suspects",
            Self::Memory => "memory",
            Self::Openssl => "openssl",
            Self::Curl => "curl",
            Self::Wrk => "wrk",
        }
    }
}

/// Where it lies, and what it says of its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) version: String,
}

/// What became of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Programs(BTreeMap<Program, Result<Found, String>>);

impl Programs {
    /// Notes what became of one.
    pub(crate) fn put(&mut self, program: Program, found: Result<Found>) {
        let found = found.map_err(|error| format!("{error:#}"));
        if let Err(why) = &found {
            eprintln!("  without {}: {why}", program.name());
        }
        self.0.insert(program, found);
    }

    /// # Errors
    /// Why it is missing.
    pub(crate) fn get(&self, program: Program) -> Result<&Found> {
        match self.0.get(&program) {
            Some(Ok(found)) => Ok(found),
            Some(Err(why)) => Err(anyhow!("{why}")),
            None => Err(anyhow!("{} was not prepared", program.name())),
        }
    }

    /// # Errors
    /// Why it is missing.
    pub(crate) fn path(&self, program: Program) -> Result<&Path> {
        Ok(&self.get(program)?.path)
    }

    /// For [`from_json`](Self::from_json).
    pub(crate) fn to_json(&self) -> String {
        let each = self.0.iter().map(|(program, found)| {
            let found = match found {
                Ok(found) => json!({"path": found.path, "version": found.version}),
                Err(why) => json!({"missing": why}),
            };
            (program.name().to_owned(), found)
        });
        Value::Object(each.collect()).to_string()
    }

    /// # Errors
    /// When the text is not of [`to_json`](Self::to_json).
    pub(crate) fn from_json(text: &str) -> Result<Self> {
        let value: Value =
            serde_json::from_str(text).context("failed to read what was prepared")?;
        let mut programs = Self::default();
        for program in Program::ALL {
            let entry = &value[program.name()];
            let text = |key: &str| entry[key].as_str().map(ToOwned::to_owned);
            let found = match (text("path"), text("missing")) {
                (Some(path), _) => Ok(Found {
                    path: path.into(),
                    version: text("version").unwrap_or_default(),
                }),
                (None, Some(why)) => Err(why),
                (None, None) => continue,
            };
            programs.0.insert(program, found);
        }
        Ok(programs)
    }
}

/// How `hc run` is started on that config: without the state of an earlier run, whose targets would be known already.
pub(crate) fn hc_run(config: &Path) -> [&OsStr; 5] {
    let words = ["run", "--state", "none", "-c"].map(OsStr::new);
    let [run, state, none, file] = words;
    [run, state, none, file, config.as_os_str()]
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::{Found, Program, Programs};

    #[test]
    fn what_was_prepared_reaches_the_inside() {
        let mut programs = Programs::default();
        let found = Found {
            path: "/usr/sbin/nginx".into(),
            version: "1.22".into(),
        };
        programs.put(Program::Nginx, Ok(found));
        programs.put(Program::Wrk, Err(anyhow!("no").context("not to be had")));
        let there = Programs::from_json(&programs.to_json()).unwrap();
        assert_eq!(there, programs);
        assert!(there.path(Program::Nginx).is_ok());
        let why = there.get(Program::Wrk).unwrap_err().to_string();
        assert_eq!(why, "not to be had: no");
        assert!(there.get(Program::Hc).is_err());
    }
}
