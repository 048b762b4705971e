//! A `hc run` beside a test.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::hc;

/// A run whose log is read line by line; killed at the end of a test that failed.
pub(crate) struct Run {
    pub(crate) child: Child,
    log: Lines<BufReader<ChildStdout>>,
    runtime: PathBuf,
}

impl Drop for Run {
    fn drop(&mut self) {
        // It has ended by itself in a test that passed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Run {
    /// Starts `hc run` with a runtime directory of its own.
    pub(crate) fn start(runtime: &Path, arguments: &[&str]) -> Self {
        Self::start_with(runtime, &[], arguments)
    }

    /// The same with more in its environment.
    pub(crate) fn start_with(
        runtime: &Path,
        environment: &[(&str, std::ffi::OsString)],
        arguments: &[&str],
    ) -> Self {
        let mut child = hc()
            .env("XDG_RUNTIME_DIR", runtime)
            .envs(environment.iter().cloned())
            .arg("run")
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let log = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let runtime = runtime.to_owned();
        Self {
            child,
            log,
            runtime,
        }
    }

    /// The next line that says so.
    pub(crate) fn line(&mut self, wanted: &str) -> String {
        let mut all = Vec::new();
        for line in self.log.by_ref() {
            let line = line.expect("it writes UTF-8");
            if line.contains(wanted) {
                return line;
            }
            all.push(line);
        }
        panic!("{wanted} is not in {all:#?}");
    }

    /// A verb that looks into it.
    pub(crate) fn look(&self, arguments: &[&str]) -> Command {
        look(&self.runtime, arguments)
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: &str) {
        send(self.child.id(), signal);
    }

    /// Ends it; its exit code.
    pub(crate) fn stop(mut self, signal: &str) -> i32 {
        self.signal(signal);
        self.line("INFO stopped");
        let ended = self.child.wait().expect("it ends");
        ended.code().expect("no signal ended it")
    }
}

/// A verb that looks for what runs under that runtime directory.
pub(crate) fn look(runtime: &Path, arguments: &[&str]) -> Command {
    let mut command = hc();
    command.env("XDG_RUNTIME_DIR", runtime).args(arguments);
    command
}

/// Sends a signal to a process.
pub(crate) fn send(process: u32, signal: &str) {
    let sent = Command::new("kill")
        .args(["-s", signal, &process.to_string()])
        .status();
    assert!(sent.expect("there is kill").success());
}
