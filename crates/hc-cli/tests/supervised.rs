//! `hc run` under a service manager: what it is told, and when. The manager here is a socket of the test's own.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod common;

use std::fs;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{folder, hc};

/// How long a message is waited for before the test has failed.
const LONG: Duration = Duration::from_secs(30);

/// A manager and the process that it has started; the process ends with the test.
struct Managed {
    manager: UnixDatagram,
    child: Child,
}

impl Drop for Managed {
    fn drop(&mut self) {
        // It has ended by itself in a test that passed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Managed {
    /// Starts `hc run` with a socket at a path.
    fn start(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Self {
        let path = folder.join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let name = path.to_str().unwrap().to_owned();
        Self::start_with(manager, &name, folder, variables, arguments)
    }

    fn start_with(
        manager: UnixDatagram,
        name: &str,
        folder: &Path,
        variables: &[(&str, &str)],
        arguments: &[&str],
    ) -> Self {
        manager.set_read_timeout(Some(LONG)).unwrap();
        let child = hc()
            .env("XDG_RUNTIME_DIR", folder)
            .env("NOTIFY_SOCKET", name)
            .envs(variables.iter().copied())
            .arg("run")
            .args(arguments)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { manager, child }
    }

    /// The next message.
    fn message(&self) -> String {
        let mut buffer = [0; 4096];
        let read = self.manager.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..read].to_vec()).unwrap()
    }

    /// The next message that is more than a sign of life.
    fn news(&self) -> String {
        loop {
            let message = self.message();
            let is_pulse = message.starts_with("WATCHDOG=1\n") || message.starts_with("STATUS=");
            if !is_pulse {
                return message;
            }
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    fn end(mut self) {
        self.signal("TERM");
        let stopping = self.news();
        assert!(stopping.starts_with("STOPPING=1\n"), "{stopping}");
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

fn config(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("hc.yaml");
    fs::write(&path, text).unwrap();
    path
}

/// Of a message, the value of a line.
fn value<'a>(message: &'a str, key: &str) -> &'a str {
    let line = message.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.strip_prefix('='))
        .unwrap_or_else(|| panic!("no {key} in {message}"))
}

/// Microseconds on the clock that the manager compares with.
fn monotonic() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}

const NOBODY: &str = "{ url: http://127.0.0.1:1/, paused: true }";

#[test]
fn it_is_ready_when_it_answers_and_tells_of_each_reload_and_of_its_end() {
    let folder = folder("supervised");
    let path = config(&folder, &format!("targets: [{NOBODY}]"));
    let run = Managed::start(&folder, &[], &["-c", path.to_str().unwrap()]);

    let ready = run.message();
    assert_eq!(ready, "READY=1\nSTATUS=1 targets, watching");
    let control = folder.join("hc/control.sock");
    std::os::unix::net::UnixStream::connect(control).unwrap();
    let status = run.message();
    assert_eq!(
        status,
        "STATUS=1 targets: 0 healthy, 0 degraded, 0 unhealthy, 1 unknown, 1 paused"
    );

    for (text, refused) in [
        (format!("targets: [{NOBODY}]"), false),
        ("nonsense: [".into(), true),
    ] {
        config(&folder, &text);
        let before = monotonic();
        run.signal("HUP");
        let reloading = run.news();
        assert!(reloading.starts_with("RELOADING=1\n"), "{reloading}");
        // An earlier time would be one of a reload that the manager did not ask for.
        let told: i64 = value(&reloading, "MONOTONIC_USEC").parse().unwrap();
        assert!((before..=monotonic()).contains(&told), "{before} {told}");
        let ready = run.news();
        assert!(ready.starts_with("READY=1\n"), "{ready}");
        assert_eq!(
            value(&ready, "STATUS").contains("refused"),
            refused,
            "{ready}"
        );
    }

    run.signal("TERM");
    let stopping = run.news();
    assert!(stopping.starts_with("STOPPING=1\n"), "{stopping}");
    // The grace of the checks is 5 s.
    let more: u64 = value(&stopping, "EXTEND_TIMEOUT_USEC").parse().unwrap();
    assert!((5_000_000..30_000_000).contains(&more), "{more}");
}

#[test]
fn it_tells_that_it_lives_if_it_is_asked_to() {
    let folder = folder("supervised_watchdog");
    let path = config(&folder, &format!("targets: [{NOBODY}]"));
    let arguments = ["-c", path.to_str().unwrap()];
    let run = Managed::start(&folder, &[("WATCHDOG_USEC", "20000")], &arguments);
    assert!(run.message().starts_with("READY=1\n"));
    for _ in 0..5 {
        let pulse = run.message();
        assert!(
            pulse.starts_with("WATCHDOG=1\nSTATUS=1 targets: "),
            "{pulse}"
        );
    }
    run.end();
}

/// The watchdog waits for another process, as where a shell has started hc.
#[test]
fn a_watchdog_that_waits_for_another_process_is_not_answered() {
    let folder = folder("supervised_other");
    let path = config(&folder, &format!("targets: [{NOBODY}]"));
    let arguments = ["-c", path.to_str().unwrap()];
    let variables = [("WATCHDOG_USEC", "20000"), ("WATCHDOG_PID", "1")];
    let run = Managed::start(&folder, &variables, &arguments);
    assert!(run.message().starts_with("READY=1\n"));
    // Where it was meant, this first one would be a sign of life.
    let status = run.message();
    assert!(status.starts_with("STATUS="), "{status}");
    run.end();
}

#[test]
#[cfg(target_os = "linux")]
fn an_abstract_socket_is_found() {
    use std::os::linux::net::SocketAddrExt;
    let folder = folder("supervised_abstract");
    let name = format!("hc-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let manager = UnixDatagram::bind_addr(&address).unwrap();
    let path = config(&folder, &format!("targets: [{NOBODY}]"));
    let arguments = ["-c", path.to_str().unwrap()];
    let run = Managed::start_with(manager, &format!("@{name}"), &folder, &[], &arguments);
    assert!(run.message().starts_with("READY=1\n"));
    run.end();
}

/// A start that fails is never ready: the manager hears nothing but the end of the process.
#[test]
fn a_start_that_fails_is_not_ready() {
    let folder = folder("supervised_failing");
    let path = config(
        &folder,
        &format!("listen: [\"unix:/nowhere/hc.sock\"]\ntargets: [{NOBODY}]"),
    );
    let mut run = Managed::start(&folder, &[], &["-c", path.to_str().unwrap()]);
    assert_eq!(run.child.wait().unwrap().code(), Some(1));
    run.manager.set_nonblocking(true).unwrap();
    assert!(run.manager.recv(&mut [0; 64]).is_err());
}

/// The journal has times of its own, and takes the level out of the line; JOURNAL_STREAM names it by its file.
#[test]
fn the_journal_gets_priorities_and_no_times() {
    use std::os::unix::fs::MetadataExt;
    let folder = folder("supervised_journal");
    let path = folder.join("log");
    for is_named in [true, false] {
        let file = fs::File::create(&path).unwrap();
        let found = file.metadata().unwrap();
        let inode = found.ino() + u64::from(!is_named);
        let ran = hc()
            .env("JOURNAL_STREAM", format!("{}:{inode}", found.dev()))
            .args([
                "run",
                "--listen",
                "unix:/nowhere/hc.sock",
                "http://127.0.0.1:1/",
            ])
            .env("XDG_RUNTIME_DIR", &folder)
            .stdout(file)
            .status();
        assert_eq!(ran.unwrap().code(), Some(1));
        let log = fs::read_to_string(&path).unwrap();
        assert_eq!(log.starts_with("<3>ERROR failed msg="), is_named, "{log}");
        assert_eq!(log.contains("Z ERROR failed msg="), !is_named, "{log}");
    }
}

/// A manager that never reads its messages delays hc by a little, and keeps it from nothing.
#[test]
fn a_manager_that_does_not_listen_keeps_hc_from_nothing() {
    let folder = folder("supervised_deaf");
    let path = config(&folder, &format!("targets: [{NOBODY}]"));
    let manager = UnixDatagram::bind(folder.join("notify")).unwrap();
    let full = UnixDatagram::unbound().unwrap();
    full.set_nonblocking(true).unwrap();
    // Until its queue is full.
    while full.send_to(b"X=1", folder.join("notify")).is_ok() {}
    let mut child = hc()
        .env("XDG_RUNTIME_DIR", &folder)
        .env("NOTIFY_SOCKET", folder.join("notify"))
        .env("WATCHDOG_USEC", "1000")
        .args(["run", "-c", path.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut lines = std::io::BufRead::lines(lines).map(Result::unwrap);
    assert!(lines.any(|line| line.contains("WARN service_manager")));
    let sent = Command::new("kill").arg(child.id().to_string()).status();
    assert!(sent.unwrap().success());
    assert!(lines.any(|line| line.contains("INFO stopped")));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    drop(manager);
}

/// A manager that is gone, or a name that is none, costs a line of the log.
#[test]
fn a_manager_that_is_not_there_costs_a_line() {
    let folder = folder("supervised_gone");
    let gone = folder.join("gone");
    for name in [gone.to_str().unwrap(), "vsock:2:1"] {
        let path = config(&folder, &format!("targets: [{NOBODY}]"));
        let mut child = hc()
            .env("XDG_RUNTIME_DIR", &folder)
            .env("NOTIFY_SOCKET", name)
            .args(["run", "-c", path.to_str().unwrap()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines =
            std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
        let warning = lines.find(|line| line.as_ref().unwrap().contains("WARN service_manager"));
        assert!(
            warning
                .unwrap()
                .unwrap()
                .contains("failed to speak to NOTIFY_SOCKET")
        );
        let sent = Command::new("kill").arg(child.id().to_string()).status();
        assert!(sent.unwrap().success());
        let rest: Vec<_> = lines.map(Result::unwrap).collect();
        assert!(
            !rest.iter().any(|line| line.contains("service_manager")),
            "{rest:?}"
        );
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}
