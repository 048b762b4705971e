//! Cargo tools that the verbs need, installed once into `target/tools`, never into the user's own folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::process::{cargo, find, run};

/// A tool from the registry.
pub(crate) struct Tool {
    /// Crate and program have this name.
    name: &'static str,
    /// A requirement on its version: what its configuration here was written for.
    version: &'static str,
    /// For `cargo install`.
    flags: &'static [&'static str],
}

/// Licences, bans, sources, advisories. Unoptimised: it is built in a third of the time (46 s on two cores, where a
/// release build takes over two minutes), and runs for a second or two either way.
pub(crate) const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    version: "^0.20",
    flags: &["--debug"],
};
/// The book. Without its server and its search, both heavy to build.
pub(crate) const MDBOOK: Tool = Tool {
    name: "mdbook",
    version: "^0.5",
    flags: &["--debug", "--no-default-features"],
};
/// Debian packages.
pub(crate) const CARGO_DEB: Tool = Tool {
    name: "cargo-deb",
    version: "^3",
    flags: &["--debug"],
};

impl Tool {
    /// Its program: the user's own if there is one, else ours, installed if need be.
    ///
    /// # Errors
    /// When it cannot be installed; tells how to do it by hand.
    pub(crate) fn ensure(&self, target: &Path) -> Result<PathBuf> {
        let ours = target.join("tools");
        let program = ours.join("bin").join(self.name);
        if program.is_file() {
            return Ok(program);
        }
        if let Some(program) = find(self.name) {
            return Ok(program);
        }
        eprintln!(
            "  {} is missing; installing it into {}",
            self.name,
            ours.display()
        );
        let mut command = cargo(&[
            "install",
            self.name,
            "--version",
            self.version,
            "--locked",
            "--quiet",
        ]);
        command
            .args(self.flags)
            .arg("--root")
            .arg(&ours)
            .arg("--target-dir")
            .arg(ours.join("build"));
        command.env("CARGO_PROFILE_DEV_DEBUG", "0");
        // Flags meant for hc (a loom cfg, warnings as errors) are not for tools.
        command.env_remove("RUSTFLAGS");
        run(&mut command).with_context(|| {
            format!(
                "failed to install {0}; by hand: cargo install {0} --locked",
                self.name
            )
        })?;
        // What was built is of no more use, and large. A failure to remove it costs space, nothing else.
        drop(std::fs::remove_dir_all(ours.join("build")));
        Ok(program)
    }
}
