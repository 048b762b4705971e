//! `hc status` and `hc events` against a real `hc run`, and against what is none.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::pty::Pty;
use common::running::{Run, look, send};
use common::{Ran, folder, hc};
use hc_testkit::server::{Act, Server, http};

const NOBODY: &str = "http://127.0.0.1:1/";

fn ran(command: &mut Command) -> Ran {
    command.output().unwrap().into()
}

/// A fleet of one that is well and one that refuses, after both were judged.
async fn mixed(name: &str) -> (Run, Server) {
    let good = Server::always(http::ok()).await;
    let runtime = folder(name);
    let config = runtime.join("hc.yaml");
    let url = good.url("/");
    let text = format!(
        "instance: web1\ndefaults: {{ interval: 1h }}\ntargets:\n  - {{ name: shop, url: \"{url}\" }}\n  \
         - {{ name: api-1, url: \"{NOBODY}\", labels: {{ zone: a }} }}\n"
    );
    fs::write(&config, text).unwrap();
    let mut run = Run::start(&runtime, &["-c", config.to_str().unwrap()]);
    run.line("first_sweep");
    (run, good)
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_the_trouble_and_the_exit_code() {
    let (run, _good) = mixed("look_status").await;
    let told = ran(&mut run.look(&["status"]));
    let lines: Vec<Vec<&str>> = told
        .stdout
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    assert_eq!((told.code, lines.len()), (1, 2), "{told:?}");
    assert_eq!(lines[0][..4], ["unhealthy", "-", "refused", "connect"]);
    assert_eq!(
        lines[0][5..],
        ["api-1", "127.0.0.1:1 refused the connection"]
    );
    assert_eq!(lines[1][..4], ["healthy", "-", "-", "-"]);
    assert_eq!(
        ran(&mut run.look(&["status", "-q"])).stdout.lines().count(),
        1
    );

    let one = ran(&mut run.look(&["status", "shop"]));
    assert_eq!((one.code, one.stdout.lines().count()), (0, 1), "{one:?}");
    let one = ran(&mut run.look(&["status", "api-1", "--json"]));
    let json: serde_json::Value = serde_json::from_str(&one.stdout).unwrap();
    assert_eq!((one.code, &json["schema"]), (1, &"hc.target/1".into()));
    assert_eq!(json["failures"][0]["kind"], "refused");
    assert!(json["policy"].is_array() && json["labels"]["zone"] == "a");
    let none = ran(&mut run.look(&["status", "api"]));
    assert_eq!(none.code, 2, "{none:?}");
    assert_eq!(
        none.stderr,
        "hc: no target is called `api`; did you mean api-1?\n"
    );

    let json = ran(&mut run.look(&["status", "--json"]));
    assert!(
        json.stdout
            .lines()
            .all(|line| line.starts_with("{\"schema\":\"hc.target/1\""))
    );
    let top = ran(&mut run.look(&["top", "--json"]));
    assert_eq!((top.code, top.stdout.lines().count()), (1, 2), "{top:?}");

    // On a terminal it is a table.
    let mut screen = Pty::start(&run.look(&["status"]), 80, 24);
    let text = screen.has("healthy    shop");
    assert!(text.starts_with("hc web1 up "), "{text}");
    let rows: Vec<_> = text.lines().collect();
    assert!(
        rows[1].starts_with("STATUS     TARGET FOR ") && rows[1].ends_with("NEXT"),
        "{text}"
    );
    assert!(rows[2].starts_with("unhealthy  api-1 "), "{text}");
    assert!(rows.iter().all(|row| row.chars().count() <= 80), "{text}");
    assert_eq!(screen.end().0.code(), Some(1));
    let mut screen = Pty::start(&run.look(&["status", "api-1"]), 80, 24);
    let text = screen.has("failed checks");
    assert!(
        text.contains("unknown -> unhealthy") && text.contains("zone=a"),
        "{text}"
    );
    assert_eq!(run.stop("TERM"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_well_is_0_and_a_closed_pipe_ends_quietly() {
    let good = Server::always(http::ok()).await;
    let runtime = folder("look_well");
    let urls: Vec<String> = (0..30).map(|n| good.url(&format!("/{n}"))).collect();
    let mut arguments: Vec<&str> = urls.iter().map(String::as_str).collect();
    arguments.extend(["--listen", "127.0.0.1:0"]);
    let mut run = Run::start(&runtime, &arguments);
    let start = run.line("INFO start");
    let listen = start.split("listen=").nth(1).unwrap();
    run.line("first_sweep");
    let elsewhere = folder("look_elsewhere");
    for url in [listen.to_owned(), format!("http://{listen}/")] {
        let told = ran(&mut look(&elsewhere, &["status", "--url", &url]));
        assert_eq!(
            (told.code, told.stdout.lines().count()),
            (0, 30),
            "{told:?}"
        );
        let told = ran(look(&elsewhere, &["status"]).env("HC_URL", &url));
        assert_eq!(told.code, 0, "{told:?}");
    }
    let socket = runtime.join("hc/control.sock");
    let unix = format!("unix:{}", socket.display());
    assert_eq!(
        ran(&mut look(&elsewhere, &["status", "--url", &unix])).code,
        0
    );

    let mut child = run
        .look(&["status"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let told: Ran = child.wait_with_output().unwrap().into();
    assert_eq!((told.code, told.stderr.as_str()), (0, ""));

    // The rest of those that are well is counted, not shown.
    let mut screen = Pty::start(&run.look(&["status"]), 60, 10);
    screen.has("and 24 more that are well or paused (-v shows all)");
    let mut screen = Pty::start(&run.look(&["status", "-v"]), 60, 40);
    let text = screen.shows(|text| text.matches("healthy    http").count() == 30);
    assert!(!text.contains("more"), "{text}");
    // A terminal of one column, and one that is none.
    for columns in [1, 2, 7] {
        let mut screen = Pty::start(&run.look(&["status"]), columns, 40);
        screen.shows(|text| !text.trim().is_empty());
        assert_eq!(screen.end().0.code(), Some(0));
    }
    assert_eq!(run.stop("TERM"), 0);
}

#[test]
fn who_is_away_is_one_message_and_3() {
    let runtime = folder("look_away");
    for verb in ["status", "events", "top"] {
        let told = ran(&mut look(&runtime, &[verb]));
        assert_eq!((told.code, told.stderr.lines().count()), (3, 1), "{told:?}");
        let socket = runtime.join("hc").display().to_string();
        assert!(
            told.stderr.contains("hc is away: no control socket in")
                && told.stderr.contains(&socket),
            "{told:?}"
        );
        assert!(told.stderr.contains("hc run"), "{told:?}");
    }
    // What kill -9 leaves behind.
    let mut run = Run::start(&runtime, &[NOBODY]);
    run.line("INFO start");
    run.child.kill().unwrap();
    run.child.wait().unwrap();
    let told = ran(&mut run.look(&["status"]));
    assert!(
        told.code == 3 && told.stderr.contains("was left by one that is gone"),
        "{told:?}"
    );

    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let told = ran(&mut look(&runtime, &["status", "--url", &closed]));
    assert!(
        told.code == 3 && told.stderr.contains("nobody listens there"),
        "{told:?}"
    );
    let told = ran(&mut look(
        &runtime,
        &["status", "--url", "unix:/none/hc.sock"],
    ));
    assert!(
        told.code == 3 && told.stderr.contains("no such socket"),
        "{told:?}"
    );
    for wrong in [
        "https://h/",
        "ftp://h/",
        "unix:x",
        "http://u:geheim@h/",
        ":99999",
    ] {
        for verb in ["status", "events", "top"] {
            let told = ran(&mut look(&runtime, &[verb, "--url", wrong]));
            assert_eq!((told.code, told.stderr.lines().count()), (2, 1), "{told:?}");
            assert!(!told.stderr.contains("geheim"), "{told:?}");
        }
    }
}

/// Several of one user: the first is asked, and the others are named.
#[test]
fn of_several_the_first_is_asked_and_it_says_so() {
    let runtime = folder("look_two");
    let mut first = Run::start(&runtime, &["--instance", "one", NOBODY]);
    first.line("INFO start");
    let mut second = Run::start(&runtime, &["--instance", "two", NOBODY]);
    second.line("INFO start");
    let told = ran(&mut first.look(&["status", "--json"]));
    let other = format!("control-{}.sock", second.child.id());
    assert!(
        told.stderr.contains("2 hc run here") && told.stderr.contains(&other),
        "{told:?}"
    );
    assert_eq!(ran(&mut first.look(&["status", "-q"])).stderr, "");
    assert_eq!(first.stop("TERM"), 0);
    let told = ran(&mut second.look(&["status", "--json"]));
    assert_eq!(told.stderr, "", "one is left");
    assert_eq!(second.stop("TERM"), 0);
}

/// What answers may be anything.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_hc_is_said_to_be_none() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let json = |body: &str| {
        let length = body.len();
        vec![Act::text(&format!(
            "{head}content-length: {length}\r\n\r\n{body}"
        ))]
    };
    let endless = vec![
        Act::text(&format!("{head}\r\n\"")),
        Act::Repeat(vec![b'x'; 65_536]),
    ];
    let table = [
        (http::ok(), "and not with JSON"),
        (json("<html>"), "expected value"),
        (json("{}"), "missing field"),
        (json(&"[".repeat(100_000)), "not as hc answers"),
        (vec![Act::text("SSH-2.0-OpenSSH\r\n")], "speaks no HTTP/1.1"),
        (http::answer("502 Bad Gateway", "oops"), "hc is away"),
        (endless, "the answer is too long"),
    ];
    for (acts, wanted) in table {
        let server = Server::always(acts).await;
        for verb in ["status", "events"] {
            let told = ran(hc().args([verb, "--url", &server.url("/")]));
            assert_eq!(
                (told.code, told.stderr.lines().count()),
                (3, 1),
                "{wanted}: {told:?}"
            );
            assert!(told.stderr.contains(wanted), "{wanted}: {told:?}");
        }
    }
}

/// An hc that is stopped takes connections, and answers nothing.
#[test]
fn an_hc_that_hangs_is_given_up() {
    let runtime = folder("look_hangs");
    let mut run = Run::start(&runtime, &[NOBODY]);
    run.line("INFO start");
    run.signal("STOP");
    let told = ran(&mut run.look(&["status"]));
    assert!(
        told.code == 3 && told.stderr.contains("no answer within 5 s"),
        "{told:?}"
    );
    run.signal("CONT");
    assert_eq!(run.stop("TERM"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_the_lines_of_the_log() {
    let (mut run, _good) = mixed("look_events").await;
    let told = ran(&mut run.look(&["events"]));
    assert_eq!((told.code, told.stdout.lines().count()), (0, 1), "{told:?}");
    assert!(
        told.stdout
            .contains(" WARN transition target=api-1 from=unknown to=unhealthy "),
        "{told:?}"
    );
    assert!(
        told.stdout
            .ends_with("msg=\"127.0.0.1:1 refused the connection\"\n"),
        "{told:?}"
    );
    let all = ran(&mut run.look(&["events", "-v"]));
    assert!(all.stdout.contains("INFO added target=shop\n"), "{all:?}");
    assert!(
        all.stdout
            .contains("INFO transition target=shop from=unknown to=healthy"),
        "{all:?}"
    );
    let json = ran(&mut run.look(&["events", "--json", "--since", "1h"]));
    let mut json = json.stdout.lines();
    let gap = json.next().unwrap();
    assert!(gap.starts_with("{\"schema\":\"hc.event/1\","), "{gap}");
    let gap: serde_json::Value = serde_json::from_str(gap).unwrap();
    assert!(gap["event"] == "gap" && gap["time"].is_string(), "{gap}");
    let first = json.next().unwrap();
    assert!(
        first.starts_with("{\"schema\":\"hc.event/1\",\"id\":\""),
        "{first}"
    );
    assert_eq!(json.count() + 1, all.stdout.lines().count());
    // What a run before this one knew is not here, and that is said where it would have been told.
    for arguments in [&["events"][..], &["events", "-v", "--since", "1h"]] {
        let said = ran(&mut run.look(arguments)).stderr;
        assert!(said.starts_with("hc: hc runs since "), "{said}");
        assert!(said.ends_with("; what happened before is not known here\n"));
    }
    let none = ran(&mut run.look(&["events", "--since", "1ms"]));
    assert_eq!((&*none.stdout, &*none.stderr), ("", ""));

    // Following goes on over a restart, and says what is not known.
    let config = folder("look_events_config").join("hc.yaml");
    fs::copy(folder_file("look_events", "hc.yaml"), &config).unwrap();
    let mut follow = run
        .look(&["events", "-f", "-v"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let mut said = BufReader::new(follow.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    lines
        .find(|line| line.contains("target=api-1 from=unknown"))
        .unwrap();
    assert_eq!(run.stop("TERM"), 0);
    assert_eq!(
        said.next().unwrap(),
        "hc: hc is away: it has ended the stream; waiting for it"
    );
    let runtime = config.parent().unwrap().with_file_name("look_events");
    run = Run::start(&runtime, &["-c", config.to_str().unwrap()]);
    assert_eq!(said.next().unwrap(), "hc: hc is back");
    assert!(said.next().unwrap().contains("hc was restarted"));
    lines
        .find(|line| line.contains("INFO added target=api-1"))
        .unwrap();
    lines
        .find(|line| line.contains("from=unknown to=unhealthy"))
        .unwrap();
    // Ctrl-C ends it.
    send(follow.id(), "INT");
    assert_eq!(follow.wait().unwrap().code(), Some(130));

    // So does a reader that goes, though nothing happens.
    let mut follow = run
        .look(&["events", "-f"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(follow.stdout.take());
    assert_eq!(follow.wait().unwrap().code(), Some(0));
    assert_eq!(run.stop("TERM"), 0);
}

fn folder_file(folder: &str, file: &str) -> std::path::PathBuf {
    std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(folder)
        .join(file)
}

/// Who sees nothing on a terminal is told that there is something.
#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_is_well_says_that_it_has_events() {
    let good = Server::always(http::ok()).await;
    let runtime = folder("look_calm");
    let mut run = Run::start(&runtime, &[&good.url("/")]);
    run.line("first_sweep");
    for arguments in [&["events"][..], &["events", "-f"]] {
        let mut screen = Pty::start(&run.look(arguments), 100, 24);
        let text = screen.has("hc: nothing worth a line since ");
        assert!(
            text.contains("; -v shows all ") && text.contains(" events"),
            "{text}"
        );
    }
    assert_eq!(run.stop("TERM"), 0);
}

/// A stream that is none, one that never ends a line, and one with holes.
#[test]
fn streams_of_others_are_bounded_and_gaps_are_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let page = "{\"version\":7,\"items\":[],\"next_cursor\":\"a-7\"}";
    let server = std::thread::spawn(move || {
        for (nth, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            stream
                .set_read_timeout(Some(Duration::from_secs(30)))
                .unwrap();
            let mut head = [0; 2048];
            let read = stream.read(&mut head).unwrap();
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            let stream_head =
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
            let answer = match nth {
                0 => format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
                    page.len()
                ),
                1 => {
                    assert!(head.contains("last-event-id: a-7\r\n"), "{head}");
                    format!(
                        "{stream_head}event: gap\ndata: {{\"missed\":120,\"resync\":\"/x\"}}\n\nevent: transition\n\
                         data: {{\"schema\":\"hc.event/1\",\"id\":\"a-128\",\"time\":\"2026-11-24T14:02:11.020Z\",\
                         \"level\":\"warn\",\"event\":\"transition\",\"target\":\"a\\u001b[2J\"}}\n\n"
                    )
                }
                2 => {
                    assert!(head.contains("last-event-id: a-128\r\n"), "{head}");
                    format!("{stream_head}data: {}", "x".repeat(300_000))
                }
                _ => return,
            };
            // It may hang up on what is too much.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let mut follow = hc()
        .args(["events", "-f", "--url", &url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(follow.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let mut lines = BufReader::new(follow.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    assert_eq!(said.next().unwrap(), "hc: 120 events are missing here");
    let line = lines.next().unwrap();
    assert!(
        line.contains("target=\"a\\u{1b}[2J\"") || line.contains("target=a\\u{1b}[2J"),
        "{line}"
    );
    assert!(said.next().unwrap().contains("ended the stream"));
    assert_eq!(said.next().unwrap(), "hc: hc is back");
    assert!(said.next().unwrap().contains("an endless event"));
    send(follow.id(), "INT");
    assert_eq!(follow.wait().unwrap().code(), Some(130));
    // One more connection ends the server, if none came by then.
    drop(server);
}
