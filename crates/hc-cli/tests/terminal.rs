//! `hc check` on a terminal: the table, its colours, the line of progress.

mod common;

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::hc;
use hc_testkit::server::{Act, Server, closed_port, http};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Runs a command whose standard output, and error if asked for, is a terminal; what the terminal got, and the exit code.
fn on_a_terminal(command: &mut Command, with_stderr: bool) -> (String, i32) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
    grantpt(&ours).expect("it is ours");
    unlockpt(&ours).expect("it is ours");
    let name = ptsname(&ours, Vec::new()).expect("it has a name");
    let open = || -> File {
        let path = std::ffi::OsStr::from_bytes(name.as_bytes());
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .expect("it can be opened")
    };
    command.env("TERM", "xterm").stdout(open());
    match with_stderr {
        true => command.stderr(open()),
        false => command.stderr(Stdio::null()),
    };
    let mut child = command.spawn().expect("it starts");
    // Our copies of the other side are closed with the command, or reading would never end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let (mut ours, mut got) = (File::from(ours), Vec::new());
    // The end of a terminal is an error.
    let _ = ours.read_to_end(&mut got);
    let code = child
        .wait()
        .expect("it ends")
        .code()
        .expect("no signal ended it");
    (
        String::from_utf8(got)
            .expect("it writes UTF-8")
            .replace("\r\n", "\n"),
        code,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_a_table_in_colour() {
    let good = Server::always(http::ok()).await;
    let closed = closed_port().await.to_string();
    let args = ["check", &good.url("/"), &closed];
    let (text, code) = on_a_terminal(hc().args(args), false);
    assert_eq!(code, 1);
    assert!(
        text.contains("\u{1b}[32mok  \u{1b}[0m http://127.0.0.1:"),
        "{text:?}"
    );
    assert!(text.contains("\u{1b}[1;31mFAIL\u{1b}[0m "), "{text:?}");
    let (text, _) = on_a_terminal(hc().args(args).env("NO_COLOR", "1"), false);
    assert!(!text.contains('\u{1b}'), "{text:?}");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert!(
        lines[0].starts_with("     URL ")
            && lines[0].ends_with(" RESOLVE CONNECT    TLS   WAIT   RECV")
    );
    assert!(
        lines[1].starts_with("ok   http://") && lines[1].len() == lines[0].len(),
        "{text}"
    );
    assert!(
        lines[2].starts_with("FAIL http://") && lines[2].ends_with("      -      -      -"),
        "{text}"
    );
    assert_eq!(
        lines[3],
        format!("     refused in connect: {closed} refused the connection")
    );
    assert_eq!(lines[4], "1 of 2 healthy; 1 refused");
    // Docker and scripts set a terminal aside: -q is a line for what is not healthy.
    let (text, _) = on_a_terminal(hc().args(args).args(["-q", "--color", "never"]), false);
    let expected =
        format!("FAIL http://{closed}/  refused in connect: {closed} refused the connection\n");
    assert_eq!(text, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_runs_show_how_far_they_are_and_clear_it() {
    let slow =
        Server::always([vec![Act::Pause(Duration::from_millis(400))], http::ok()].concat()).await;
    let urls: Vec<String> = (0..4).map(|n| slow.url(&format!("/{n}"))).collect();
    let mut command = hc();
    command
        .args(["check", "--parallel", "1", "--color", "never"])
        .args(&urls);
    let (text, code) = on_a_terminal(&mut command, true);
    assert_eq!(code, 0);
    assert!(text.contains("\r[=>   ] 1/4  "), "{text:?}");
    let (_, table) = text.rsplit_once("\r\u{1b}[K").expect("it is cleared");
    assert!(
        table.starts_with("     URL ") && table.ends_with("4 of 4 healthy\n"),
        "{text:?}"
    );
    // A short run shows none.
    let (text, _) = on_a_terminal(hc().args(["check", "--color", "never", &urls[0]]), true);
    assert!(!text.contains('\r'), "{text:?}");
}
