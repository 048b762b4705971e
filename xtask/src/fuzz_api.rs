//! `cargo xtask fuzz-api`: schemathesis against a running hc, by the API's own description.
//!
//! It comes from the Python package index into a virtual environment of its own, in the target folder. Tests do not need it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use clap::Args;

use crate::packages::{self, Need};
use crate::process::{cargo, run, within};
use crate::workspace::{Workspace, root};

/// What is fuzzed for how long.
#[derive(Args)]
pub(crate) struct Options {
    /// For how long
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// The first seed; by default a random one
    #[arg(long, value_name = "S")]
    seed: Option<String>,
}

/// Some targets pass and some fail, so that every part of an answer is there.
const CONFIG: &str = "\
control: none
defaults: { interval: 1s, timeout: 300ms }
targets:
  - { name: up, url: \"http://127.0.0.1:1/\", expect: { status: 200-299 }, labels: { zone: a } }
  - { name: \"odd <b>\\u00e9\", url: \"http://127.0.0.1:1/?x=y\" }
  - { name: paused, url: \"http://127.0.0.1:1/\", paused: true }
groups:
  - { name: edge, targets: [ \"http://127.0.0.1:2/\", \"http://127.0.0.1:3/\" ] }
";

/// A cursor is a text that only the server can have made, which no schema says: a random one is rightly refused.
const NOT_CHECKED: &str = "positive_data_acceptance";

/// Runs until the time is over, and says what was found.
///
/// # Errors
/// When something is found, or schemathesis cannot be installed.
pub(crate) fn run_all(options: &Options) -> Result<()> {
    let target = Workspace::load()?.target;
    let schemathesis = schemathesis(&target.join("peers/schemathesis"))?;
    let build = cargo(&["build", "-p", "hc-cli", "--bin", "hc"]);
    run(&mut within(build, root(), &[]))?;
    let config = target.join("fuzz-api.yaml");
    std::fs::write(&config, CONFIG).context("failed to write the config")?;
    let hc = Hc::start(&target.join("debug/hc"), &config)?;
    let mut command = Command::new(schemathesis);
    command
        .args(["run", "--continue-on-failure", "--request-timeout", "5"])
        .args(["--exclude-checks", NOT_CHECKED])
        .args(["--max-time", &options.seconds.to_string()]);
    if let Some(seed) = &options.seed {
        command.args(["--seed", seed]);
    }
    command.arg(format!("http://{}/api/v1/openapi.json", hc.listens));
    run(command.current_dir(&target))
}

/// A running hc; it ends with this.
struct Hc {
    child: Child,
    listens: String,
}

impl Hc {
    fn start(program: &Path, config: &Path) -> Result<Self> {
        let mut child = Command::new(program)
            .args(["run", "--state", "none", "--listen", "127.0.0.1:0", "-c"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("failed to start {}", program.display()))?;
        let out = child.stdout.take().context("its output is piped")?;
        let mut lines = BufReader::new(out).lines();
        let start = lines.next().context("hc ended before its first line")??;
        let listens = start.split("listen=").nth(1).unwrap_or_default().to_owned();
        // Read to its end, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, listens })
    }
}

impl Drop for Hc {
    fn drop(&mut self) {
        // It may have ended by itself, which schemathesis has told then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program, in a virtual environment at `place`.
fn schemathesis(place: &Path) -> Result<PathBuf> {
    let program = place.join("bin/schemathesis");
    if program.is_file() {
        return Ok(program);
    }
    let need = Need {
        program: "python3",
        packages: &["python3-venv"],
        why: "schemathesis's virtual environment",
    };
    let venv = |python: &Path| {
        let mut command = Command::new(python);
        run(command.args(["-m", "venv", "--clear"]).arg(place))
    };
    let python = packages::obtain(&need)?;
    if venv(&python).is_err() {
        // Debian parts `venv` from the interpreter; the package brings both.
        venv(&packages::install_anew(&need)?)?;
    }
    let mut pip = Command::new(place.join("bin/pip"));
    run(pip.args(["install", "-q", "schemathesis"]))
        .context("pip install schemathesis, from the Python package index")?;
    Ok(program)
}
