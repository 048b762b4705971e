//! `hc run` as a process: what its signals and its machine do to it.

mod common;

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use common::{folder, hc, hc_with_files};
use hc_testkit::server::{Server, http};

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &pid]).status();
    assert!(sent.expect("`kill` is there").success());
}

/// The config is read again from a disk that does not answer: SIGTERM still ends the process.
#[test]
fn a_reload_that_hangs_does_not_hold_up_the_end() {
    let config = folder("reload_hangs").join("hc.yaml");
    std::fs::write(
        &config,
        "targets: [{ url: http://127.0.0.1:1/, paused: true }]",
    )
    .unwrap();
    let mut child = hc()
        .args(["run", "-c"])
        .arg(&config)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    // After this line the signals are heard.
    log.read_line(&mut line).unwrap();
    assert!(line.contains("INFO start"), "{line}");

    std::fs::remove_file(&config).unwrap();
    let made = Command::new("mkfifo").arg(&config).status();
    assert!(made.unwrap().success());
    signal(&child, "HUP");
    // It opens when hc has opened the other end, and then nothing comes.
    let silent = OpenOptions::new().write(true).open(&config).unwrap();
    signal(&child, "TERM");
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("INFO stopped signal=SIGTERM"), "{rest}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    drop(silent);
}

/// More targets than open files: all are asked, and some keep no connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_fleet_larger_than_the_limit_of_open_files_is_asked() {
    let server = Server::always(http::ok()).await;
    let mut text =
        "defaults: { interval: 1s }\nlimits: { per_host: 100 }\ncontrol: none\ntargets:\n"
            .to_owned();
    for n in 0..200 {
        text += &format!("  - {}\n", server.url(&format!("/{n}")));
    }
    let config = folder("few_files").join("hc.yaml");
    std::fs::write(&config, text).unwrap();
    let mut child = hc_with_files(128)
        .args(["run", "-c"])
        .arg(&config)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let log = BufReader::new(child.stdout.take().unwrap());
    let mut lines = log.lines().map(Result::unwrap);
    assert!(
        lines.any(|line| line.contains("WARN open_files in_flight=32 wanted=100 not_kept=168"))
    );
    let sweep = lines.find(|line| line.contains("first_sweep")).unwrap();
    assert!(sweep.contains("healthy=200 "), "{sweep}");
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
