//! `hc run` over a restart, also over one that nobody asked for.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use common::{folder, hc};

/// A run whose log is read line by line; killed at the end of a test that failed.
struct Run {
    child: Child,
    log: Lines<BufReader<ChildStdout>>,
    told: Vec<String>,
}

impl Drop for Run {
    fn drop(&mut self) {
        // It has ended by itself in a test that passed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Run {
    /// Starts `hc run` with all directories of its user in that folder.
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = hc()
            .env("XDG_RUNTIME_DIR", folder)
            .env("XDG_STATE_HOME", folder.join("state"))
            .arg("run")
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stdout.take().unwrap()).lines();
        let told = Vec::new();
        Self { child, log, told }
    }

    /// The first line that says so, which may have been told already.
    fn line(&mut self, wanted: &str) -> String {
        let says_so = |line: &&String| line.contains(wanted);
        if let Some(line) = self.told.iter().find(says_so) {
            return line.clone();
        }
        for line in self.log.by_ref() {
            let line = line.unwrap();
            self.told.push(line.clone());
            if line.contains(wanted) {
                return line;
            }
            // A minute is over.
            assert!(!line.contains("INFO summary"), "{wanted}: {:#?}", self.told);
        }
        panic!("{wanted} is not in {:#?}", self.told);
    }

    fn has_told(&self, what: &str) -> bool {
        self.told.iter().any(|line| line.contains(what))
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Stops it, and what it told.
    fn stop(mut self) -> Vec<String> {
        self.signal("TERM");
        self.line("INFO stopped");
        assert!(self.child.wait().unwrap().success());
        std::mem::take(&mut self.told)
    }
}

fn ask(socket: &Path, path: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn write(folder: &Path, text: &str) -> PathBuf {
    let config = folder.join("hc.yaml");
    fs::write(&config, text).unwrap();
    config
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_restart_forgets_nothing_and_says_nothing_anew() {
    let folder = folder("state_restart");
    let dead = closed_port();
    let text = format!("targets: [{{ name: a, url: \"http://127.0.0.1:{dead}/\" }}]");
    let config = write(&folder, &text);
    let config = config.to_str().unwrap();
    let mut run = Run::start(&folder, &["-c", config]);
    run.line("WARN transition target=a from=unknown to=unhealthy");
    run.line("first_sweep");
    assert!(!run.has_told("restored") && !run.has_told(" state "));
    run.stop();
    let state = folder.join("state/hc");
    let kept = files(&state);
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(kept[0].starts_with("hc-") && kept[0].ends_with(".state"));
    assert_eq!(kept[1], format!("{}.lock", kept[0]));
    for (path, mode) in [(state.join(&kept[0]), 0o600), (state.clone(), 0o700)] {
        let found = fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode);
    }

    let mut run = Run::start(&folder, &["-c", config]);
    let restored = run.line("INFO restored");
    assert!(restored.contains("targets=1 of=1 age="), "{restored}");
    let sweep = run.line("first_sweep");
    assert!(
        sweep.contains("healthy=0 degraded=0 unhealthy=1 took="),
        "{sweep}"
    );
    let told = run.stop();
    assert!(
        !told.iter().any(|line| line.contains("transition")),
        "{told:#?}"
    );

    // Nothing is read, nothing is written.
    let before = fs::read(state.join(&kept[0])).unwrap();
    let mut run = Run::start(&folder, &["--state", "none", "-c", config]);
    run.line("to=unhealthy");
    run.line("first_sweep");
    assert!(!run.has_told("restored"));
    run.stop();
    assert_eq!(fs::read(state.join(&kept[0])).unwrap(), before);
}

/// Before its first check a restored target says what it was, since when, and that this is what was known before.
#[test]
fn what_is_restored_is_marked_until_it_is_asked() {
    let folder = folder("state_marked");
    let (dead, file) = (closed_port(), folder.join("hc.state"));
    // Asked once, and then not for a day.
    let text = format!(
        "state: {{ file: hc.state }}\ndefaults: {{ interval: 1h, max_interval: 1h }}\n\
         targets: [{{ name: a, url: \"http://127.0.0.1:{dead}/\", paused: PAUSED }}]"
    );
    let paused = |paused: &str| text.replace("PAUSED", paused);
    let config = write(&folder, &paused("false"));
    let config = config.to_str().unwrap();
    let control = folder.join("hc/control.sock");
    let targets = |run: &mut Run| {
        run.line("INFO start");
        ask(&control, "/api/v1/targets")
    };
    let since = |page: &str| -> jiff::Timestamp {
        let since = page.split("\"since\":\"").nth(1).unwrap();
        since.split('"').next().unwrap().parse().unwrap()
    };
    let mut run = Run::start(&folder, &["-c", config]);
    run.line("first_sweep");
    let page = targets_now(&control);
    assert!(page.contains("\"restored\":false"), "{page}");
    let known = since(&page);
    let series = |text: &str| -> f64 {
        let wanted = "hc_target_status_since_timestamp_seconds{target=\"a\"";
        let line = text.lines().find(|line| line.starts_with(wanted));
        line.unwrap().split(' ').nth(1).unwrap().parse().unwrap()
    };
    let series_then = series(&ask(&control, "/metrics"));
    run.stop();
    assert!(file.exists());

    write(&folder, &paused("true"));
    let mut run = Run::start(&folder, &["-c", config]);
    let page = targets(&mut run);
    assert!(page.contains("\"status\":\"unhealthy\""), "{page}");
    assert!(page.contains("\"restored\":true"), "{page}");
    // But for what two clocks drift apart.
    let apart = since(&page).duration_since(known).abs();
    assert!(apart < jiff::SignedDuration::from_millis(200), "{page}");
    assert!(page.contains("\"failures\":1"), "{page}");
    let apart = series(&ask(&control, "/metrics")) - series_then;
    assert!(apart.abs() < 0.2, "{apart}");
    let uid = hc_app::uid("a");
    let detail = ask(&control, &format!("/api/v1/targets/{uid}"));
    for part in [
        "\"kind\":\"refused\"",
        "\"recent\":\"x\"",
        "\"transitions\":[{\"schema\":\"hc.event/1\"",
        "\"failures\":[{\"schema\":\"hc.check/1\"",
    ] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    run.stop();
}

fn targets_now(control: &Path) -> String {
    ask(control, "/api/v1/targets")
}

/// Waits until a file is there: who writes it is asked for nothing, and its log does not tell.
fn there(path: &Path) {
    for _ in 0..3_000 {
        if path.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{} does not come", path.display());
}

/// An end that nobody announced costs nothing once all were asked, however long the next save is away.
#[test]
fn what_is_known_is_saved_as_soon_as_all_were_asked() {
    let folder = folder("state_early");
    let (dead, file) = (closed_port(), folder.join("hc.state"));
    let text = format!(
        "state: {{ file: hc.state, every: 1h }}\ntargets: [{{ name: a, url: \"http://127.0.0.1:{dead}/\" }}]"
    );
    let config = write(&folder, &text);
    let config = config.to_str().unwrap();
    let mut run = Run::start(&folder, &["-c", config]);
    run.line("first_sweep");
    there(&file);
    drop(run);
    let mut run = Run::start(&folder, &["-c", config]);
    run.line("restored targets=1 of=1");
    run.stop();
}

#[test]
fn a_damaged_file_is_said_and_set_aside_and_the_run_goes_on() {
    let folder = folder("state_damaged");
    let config = write(
        &folder,
        "targets: [{ name: a, url: \"http://127.0.0.1:1/\" }]",
    );
    let config = config.to_str().unwrap();
    let file = folder.join("my.state");
    let named = file.to_str().unwrap();
    fs::write(&file, "precious").unwrap();
    let mut run = Run::start(&folder, &["--state", named, "-c", config]);
    let warning = run.line("WARN state");
    assert!(warning.contains("it is damaged"), "{warning}");
    run.line("first_sweep");
    run.stop();
    let aside = folder.join("my.state.damaged");
    assert_eq!(fs::read(aside).unwrap(), b"precious");
    let mut run = Run::start(&folder, &["--state", named, "-c", config]);
    run.line("restored targets=1 of=1");
    run.stop();
}

#[test]
fn a_file_that_cannot_be_had_is_one_error_and_the_end() {
    let folder = folder("state_refused");
    let nowhere = folder.join("none/hc.state");
    for (file, why) in [
        (folder.as_path(), "there is a directory, not a file"),
        (&nowhere, "No such file or directory"),
        (Path::new("/dev/null"), "there is a device, not a file"),
    ] {
        let ran = hc()
            .env("XDG_RUNTIME_DIR", &folder)
            .args([
                "run",
                "--state",
                file.to_str().unwrap(),
                "http://127.0.0.1:1/",
            ])
            .output()
            .unwrap();
        let log = String::from_utf8(ran.stdout).unwrap();
        assert_eq!(ran.status.code(), Some(1), "{log}");
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.contains("ERROR failed") && log.contains(why), "{log}");
        let wanted = format!("failed to keep state in {}: ", file.display());
        assert!(log.contains(&wanted), "{log}");
    }
}

/// The second one leaves the first one's file alone: by default it says so and keeps none.
#[test]
fn two_processes_do_not_share_a_file() {
    let folder = folder("state_two");
    let config = write(
        &folder,
        "state: { every: 1h }\ntargets: [{ name: a, url: \"http://127.0.0.1:1/\" }]",
    );
    let config = config.to_str().unwrap();
    let mut first = Run::start(&folder, &["-c", config]);
    first.line("first_sweep");
    let mut second = Run::start(&folder, &["-c", config]);
    let warning = second.line("WARN state");
    let process = first.child.id();
    assert!(
        warning.contains(&format!("process {process} keeps its state there")),
        "{warning}"
    );
    second.line("first_sweep");
    let state = folder.join("state/hc");
    let locks = files(&state);
    let lock = locks.iter().find(|name| name.ends_with(".lock")).unwrap();
    let kept = state.join(lock.strip_suffix(".lock").unwrap());
    // The first one has saved, and does not do so again while the second one ends.
    there(&kept);
    fs::remove_file(&kept).unwrap();
    second.stop();
    assert!(!files(&state).iter().any(|name| name.ends_with(".state")));
    first.stop();
    assert!(files(&state).iter().any(|name| name.ends_with(".state")));
}

#[test]
fn a_directory_of_others_is_warned_of_and_not_used() {
    let folder = folder("state_open");
    let config = write(
        &folder,
        "targets: [{ name: a, url: \"http://127.0.0.1:1/\" }]",
    );
    let state = folder.join("state/hc");
    fs::create_dir_all(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o777)).unwrap();
    let mut run = Run::start(&folder, &["-c", config.to_str().unwrap()]);
    let warning = run.line("WARN state");
    assert!(warning.contains("others may write there"), "{warning}");
    run.line("first_sweep");
    run.stop();
    assert_eq!(files(&state), [""; 0]);
}

/// Killed at any moment, in the midst of writing too, it leaves a whole file: the one before or the new one.
#[test]
fn kill_at_any_moment_leaves_a_whole_file() {
    const TARGETS: usize = 2_000;
    let folder = folder("state_killed");
    let mut text = "state: { file: hc.state, every: 1s }\ntargets:\n".to_owned();
    // One is asked, so that there is something to restore; the others make the file long.
    for n in 0..TARGETS {
        let paused = n > 0;
        let line =
            format!("  - {{ name: t{n}, url: \"http://127.0.0.1:1/{n}\", paused: {paused} }}\n");
        text.push_str(&line);
    }
    let config = write(&folder, &text);
    let config = config.to_str().unwrap();
    let mut run = Run::start(&folder, &["-c", config]);
    run.line("first_sweep");
    run.stop();
    let all = format!("restored targets=1 of={TARGETS}");
    let mut in_the_midst = 0;
    for round in 0..30 {
        let mut run = Run::start(&folder, &["-c", config]);
        run.line(&all);
        assert!(!run.has_told("WARN"), "{round}: {:#?}", run.told);
        // It writes now. This waits for nothing: each round strikes at another moment of it.
        run.signal("TERM");
        std::thread::sleep(Duration::from_micros(500 * round));
        run.child.kill().unwrap();
        run.child.wait().unwrap();
        in_the_midst += usize::from(folder.join("hc.state.new").exists());
    }
    assert!(in_the_midst > 0, "it was never struck while it wrote");
    let mut run = Run::start(&folder, &["-c", config]);
    run.line(&all);
    run.stop();
    let kept = files(&folder);
    assert!(!kept.iter().any(|name| name.ends_with(".new")), "{kept:?}");
}
