//! Runs one of hc-app's example programs, built for release: xtask itself builds without our crates.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process::{cargo, read, run};
use crate::workspace::{Workspace, root};

/// A built example.
pub(super) struct Example {
    program: PathBuf,
    /// Where cargo puts what it builds.
    pub(super) target: PathBuf,
}

impl Example {
    /// Builds it.
    ///
    /// # Errors
    /// When cargo fails.
    pub(super) fn build(name: &str) -> Result<Self> {
        let mut build = cargo(&["build", "--release", "-p", "hc-app", "--example", name]);
        run(build.current_dir(root()))?;
        let target = Workspace::load()?.target;
        let program = target.join("release/examples").join(name);
        Ok(Self { program, target })
    }

    /// Runs it, and gives each line of its output.
    ///
    /// # Errors
    /// When it fails, or prints something else than JSON.
    pub(super) fn lines(&self, arguments: &[&str]) -> Result<Vec<Value>> {
        let text = self.text(arguments)?;
        let lines = text.lines().map(|line| {
            serde_json::from_str(line).with_context(|| format!("no JSON from the example: {line}"))
        });
        lines.collect()
    }

    /// Runs it, and gives its output.
    ///
    /// # Errors
    /// When it fails.
    pub(super) fn text(&self, arguments: &[&str]) -> Result<String> {
        let mut command = std::process::Command::new(&self.program);
        read(command.args(arguments))
    }
}

/// A number of an example's answer.
///
/// # Errors
/// When it is not there.
pub(super) fn number(line: &Value, key: &str) -> Result<f64> {
    line[key]
        .as_f64()
        .with_context(|| format!("no number `{key}` in {line}"))
}
