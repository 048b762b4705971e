//! Runs the binary.
#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod pty;
pub(crate) mod running;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The binary, free of what the environment of a test says about colours and configs.
pub(crate) fn hc() -> Command {
    clean(Command::new(env!("CARGO_BIN_EXE_hc")))
}

/// The binary under a limit of open files.
pub(crate) fn hc_with_files(limit: u32) -> Command {
    let mut command = Command::new("sh");
    let script = format!("ulimit -n {limit} && exec \"$0\" \"$@\"");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_hc")]);
    clean(command)
}

fn clean(mut command: Command) -> Command {
    for name in [
        "NO_COLOR",
        "FORCE_COLOR",
        "HC_CONFIG",
        "HC_URL",
        "COLUMNS",
        "LINES",
        "XDG_CONFIG_HOME",
        "HOME",
        "RUNTIME_DIRECTORY",
        "NOTIFY_SOCKET",
        "JOURNAL_STREAM",
        "WATCHDOG_USEC",
        "WATCHDOG_PID",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        "OTEL_SDK_DISABLED",
        "STATE_DIRECTORY",
    ] {
        command.env_remove(name);
    }
    // Control sockets of tests lie beside none of the user's own.
    command.env("XDG_RUNTIME_DIR", folder_of("runtime"));
    command.env("TMPDIR", folder_of("temporary"));
    // And no test goes on where another one was.
    static COMMANDS: AtomicUsize = AtomicUsize::new(0);
    let nth = COMMANDS.fetch_add(1, Ordering::Relaxed);
    let state = format!("state/{}-{nth}", std::process::id());
    command.env("XDG_STATE_HOME", folder_of("state").with_file_name(state));
    command.stdin(Stdio::null());
    command
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("no signal ended it"),
            stdout: String::from_utf8(output.stdout).expect("it writes UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("it writes UTF-8"),
        }
    }
}

/// Runs `hc ARGS` to its end.
pub(crate) fn run(args: &[&str]) -> Ran {
    hc().args(args).output().expect("it starts").into()
}

/// The same with the exit code checked.
#[track_caller]
pub(crate) fn expect(code: i32, args: &[&str]) -> Ran {
    let ran = run(args);
    assert_eq!(ran.code, code, "hc {args:?}: {ran:#?}");
    ran
}

/// A folder that tests share.
fn folder_of(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

/// A folder of a test's own.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    // It is not there the first time.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}
