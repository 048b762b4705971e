//! `hc run` as it is looked into: where it listens, its control socket, and what becomes of them.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use common::running::Run;
use common::{folder, hc};

fn get(mut stream: impl Read + Write, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn ask(socket: &Path, path: &str) -> String {
    get(UnixStream::connect(socket).unwrap(), path)
}

const NOBODY: &str = "http://127.0.0.1:1/";

#[test]
fn it_listens_where_it_was_told_and_on_its_control_socket() {
    let runtime = folder("window_runtime");
    let socket = runtime.join("hc.sock");
    let unix = format!("unix:{}", socket.display());
    let mut run = Run::start(
        &runtime,
        &["--listen", "127.0.0.1:0", "--listen", &unix, NOBODY],
    );
    let start = run.line("INFO start");
    let listen = start.split("listen=").nth(1).unwrap();
    let (tcp, rest) = listen.split_once(',').unwrap();
    assert_eq!(rest, unix);
    let answer = get(std::net::TcpStream::connect(tcp).unwrap(), "/healthz");
    assert!(answer.ends_with("\r\n\r\nok\n"), "{answer}");
    assert!(ask(&socket, "/api/v1/fleet").contains("\"targets\":1"));
    assert_eq!(
        fs::metadata(&socket).unwrap().permissions().mode() & 0o777,
        0o660
    );

    let control = runtime.join("hc/control.sock");
    assert_eq!(
        fs::metadata(&control).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        fs::metadata(runtime.join("hc"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o700
    );
    run.line("first_sweep");
    let targets = ask(&control, "/api/v1/targets");
    assert!(targets.contains("\"kind\":\"refused\""), "{targets}");
    assert!(ask(&control, "/metrics").contains("hc_sink_dropped_samples_total{sink=\"log\"} 0\n"));
    assert_eq!(run.stop("TERM"), 0);
    assert!(!control.exists() && !socket.exists());
}

#[test]
fn nothing_listens_unless_it_is_told_to() {
    let runtime = folder("window_silent");
    let config = runtime.join("hc.yaml");
    fs::write(&config, format!("control: none\ntargets: [{NOBODY}]\n")).unwrap();
    let mut run = Run::start(&runtime, &["-c", config.to_str().unwrap()]);
    assert!(!run.line("INFO start").contains("listen="));
    assert!(!runtime.join("hc").exists());
    assert_eq!(run.stop("TERM"), 0);
}

#[test]
fn an_address_that_cannot_be_had_is_one_error_and_the_end() {
    let runtime = folder("window_taken");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let file = runtime.join("file");
    fs::write(&file, "precious").unwrap();
    let unix = format!("unix:{}", file.display());
    let nowhere = format!("unix:{}", runtime.join("none/hc.sock").display());
    for address in [&*at, &unix, &nowhere] {
        let ran = hc()
            .env("XDG_RUNTIME_DIR", &runtime)
            .args(["run", "--listen", address, NOBODY])
            .output()
            .unwrap();
        let log = String::from_utf8(ran.stdout).unwrap();
        assert_eq!(
            (ran.status.code(), log.lines().count()),
            (Some(1), 1),
            "{log}"
        );
        assert!(
            log.contains("ERROR failed")
                && log.contains(&format!("failed to listen on {address}: ")),
            "{log}"
        );
    }
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    let ran = common::expect(2, &["run", "--listen", ":80", NOBODY]);
    assert!(
        ran.stderr.contains("write `127.0.0.1:80`"),
        "{}",
        ran.stderr
    );
}

/// The second one of a user says so and takes a name of its own; what a killed one left behind is taken over.
#[test]
fn control_sockets_of_the_living_stay_and_of_the_dead_go() {
    let runtime = folder("window_two");
    let usual = runtime.join("hc/control.sock");
    let mut first = Run::start(&runtime, &[NOBODY]);
    first.line("INFO start");
    let mut second = Run::start(&runtime, &[NOBODY]);
    let warning = second.line("WARN control");
    let own = runtime.join(format!("hc/control-{}.sock", second.child.id()));
    assert!(warning.contains(&own.display().to_string()), "{warning}");
    assert!(ask(&own, "/healthz").ends_with("ok\n") && ask(&usual, "/healthz").ends_with("ok\n"));

    let explicit = runtime.join("hc.yaml");
    fs::write(
        &explicit,
        format!("control: hc/control.sock\ntargets: [{NOBODY}]\n"),
    )
    .unwrap();
    let ran = common::hc()
        .args(["run", "-c"])
        .arg(&explicit)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert_eq!(ran.status.code(), Some(1), "{log}");
    assert!(log.contains("another process listens there"), "{log}");

    first.child.kill().unwrap();
    first.child.wait().unwrap();
    assert!(usual.exists(), "kill -9 leaves it");
    let mut third = Run::start(&runtime, &[NOBODY]);
    third.line("INFO start");
    assert!(ask(&usual, "/healthz").ends_with("ok\n"));
    assert_eq!(second.stop("TERM"), 0);
    assert_eq!(third.stop("INT"), 130);
    assert_eq!(fs::read_dir(runtime.join("hc")).unwrap().count(), 0);
}

#[test]
fn a_directory_that_is_not_ours_alone_is_warned_of_and_not_used() {
    let runtime = folder("window_open");
    fs::create_dir(runtime.join("hc")).unwrap();
    fs::set_permissions(runtime.join("hc"), fs::Permissions::from_mode(0o777)).unwrap();
    let mut run = Run::start(&runtime, &[NOBODY]);
    assert!(
        run.line("WARN control")
            .contains("not a directory that this user alone may write to")
    );
    assert_eq!(fs::read_dir(runtime.join("hc")).unwrap().count(), 0);
    assert_eq!(run.stop("TERM"), 0);
}

/// As systemd starts it with `RuntimeDirectory=hc`: others may look into that directory, and nothing else.
#[test]
fn a_service_has_its_control_socket_in_the_directory_that_was_made_for_it() {
    let runtime = folder("window_service");
    let service = runtime.join("run-hc");
    fs::create_dir(&service).unwrap();
    fs::set_permissions(&service, fs::Permissions::from_mode(0o755)).unwrap();
    let mut named = service.clone().into_os_string();
    named.push(":/run/another");
    let mut run = Run::start_with(&runtime, &[("RUNTIME_DIRECTORY", named)], &[NOBODY]);
    run.line("INFO start");
    let control = service.join("control.sock");
    assert_eq!(
        fs::metadata(&control).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(ask(&control, "/healthz").ends_with("ok\n"));
    assert!(!runtime.join("hc").exists());
    assert_eq!(run.stop("TERM"), 0);
}

/// A reload changes what is shown; where it is shown takes a restart.
#[test]
fn a_reload_is_seen() {
    let runtime = folder("window_reload");
    let config = runtime.join("hc.yaml");
    let write = |text: &str| fs::write(&config, text).unwrap();
    write(
        "targets: [{ name: a, url: \"http://u:geheim@127.0.0.1:1/\", paused: true, http: { headers: { x: geheim } } }]",
    );
    let mut run = Run::start(&runtime, &["-c", config.to_str().unwrap()]);
    run.line("first_sweep");
    let control: PathBuf = runtime.join("hc/control.sock");
    let uid = hc_app::uid("a");
    let detail = ask(&control, &format!("/api/v1/targets/{uid}"));
    assert!(
        detail.contains("\"***\\\"") || detail.contains("***"),
        "{detail}"
    );
    for path in [
        format!("/api/v1/targets/{uid}"),
        "/api/v1/config".into(),
        "/api/v1/targets".into(),
        "/metrics".into(),
    ] {
        assert!(!ask(&control, &path).contains("geheim"), "{path}");
    }
    write(
        "listen: [\"127.0.0.1:0\"]\ntargets: [{ name: b, url: \"http://127.0.0.1:1/\", paused: true }]",
    );
    let hang_up = |run: &Run| run.signal("HUP");
    hang_up(&run);
    assert!(run.line("INFO reload").contains("restart_only=listen"));
    let page = ask(&control, "/api/v1/targets");
    assert!(
        page.contains("\"name\":\"b\"") && page.contains("\"matched\":1"),
        "{page}"
    );
    assert!(ask(&control, "/metrics").contains("hc_config_reloads_total{result=\"success\"} 1\n"));
    write("targets: [");
    hang_up(&run);
    run.line("reload_failed");
    let metrics = ask(&control, "/metrics");
    assert!(
        metrics.contains("hc_config_last_reload_successful 0\n"),
        "{metrics}"
    );
    assert_eq!(run.stop("TERM"), 0);
}
