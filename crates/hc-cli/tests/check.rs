//! `hc check` as people and scripts meet it: exit codes, forms of output, limits.

mod common;

use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

use common::{Ran, expect, folder, hc, hc_with_files, run};
use hc_testkit::server::{Act, Server, closed_port, http};
use serde_json::Value;

fn lines(ran: &Ran) -> Vec<Value> {
    let parsed = ran.stdout.lines().map(serde_json::from_str);
    parsed.collect::<Result<_, _>>().expect("each line is JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_follow_the_table() {
    let good = Server::always(http::ok()).await;
    let bad = Server::always(http::answer("503 Busy", "")).await;
    let (good, bad) = (good.url("/"), bad.url("/"));
    expect(0, &["check", &good]);
    expect(1, &["check", &good, &bad]);
    expect(0, &["check", &bad, "--expect-status", "503"]);
    expect(0, &["check", &bad, "--expect-status", "200,5xx"]);
    expect(2, &["check"]);
    expect(2, &["check", "tcp://host:1"]);
    expect(2, &["check", &good, "--timeout", "5"]);
    expect(2, &["check", &good, "--no-such-flag"]);
    expect(2, &["check", &good, "--header", "no colon"]);
    // This machine says no: that is no fault of the target.
    let local = ["check", &good, "--connect", "255.255.255.255:9"];
    expect(3, &local);
    let nagios = |args: &[&str]| {
        let mut all = vec!["check", "--nagios"];
        all.extend(args);
        run(&all)
    };
    assert_eq!(nagios(&[&good]).code, 0);
    assert_eq!(nagios(&[&bad]).code, 2);
    assert_eq!(nagios(&local[1..]).code, 3);
    let usage = nagios(&["--no-such-flag"]);
    assert_eq!(usage.code, 3);
    assert!(usage.stdout.starts_with("HC UNKNOWN - "), "{usage:?}");
    assert_eq!(nagios(&["tcp://x"]).code, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn degraded_is_healthy_unless_strict() {
    let slow =
        Server::always([vec![Act::Pause(Duration::from_millis(30))], http::ok()].concat()).await;
    let folder = folder("degraded");
    let path = folder.join("hc.yaml");
    let url = slow.url("/");
    let text = format!(
        "targets: [{{ name: slow, url: \"{url}\", expect: {{ latency: {{ degraded: 5ms }} }} }}]\n"
    );
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    let ran = expect(0, &["check", "-c", path, "--json"]);
    assert_eq!(lines(&ran)[0]["result"], "degraded");
    expect(1, &["check", "-c", path, "--strict"]);
    let ran = expect(1, &["check", "-c", path, "--nagios"]);
    assert!(
        ran.stdout
            .starts_with("HC WARNING - slow: latency: wanted "),
        "{ran:?}"
    );
    assert!(ran.stdout.contains("s;0.005;;0\n"), "{ran:?}");
    let ran = expect(0, &["check", "-c", path, "slow"]);
    assert!(
        ran.stdout.starts_with("warn\tunexpected\treceive\t"),
        "{ran:?}"
    );
    expect(2, &["check", "-c", path, "no-such-name"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_a_pipe_are_in_the_order_of_the_input() {
    let slow =
        Server::always([vec![Act::Pause(Duration::from_millis(80))], http::ok()].concat()).await;
    let good = Server::always(http::ok()).await;
    let closed = closed_port().await.to_string();
    let ran = expect(1, &["check", &slow.url("/a"), &closed, &good.url("/b?q=1")]);
    let rows: Vec<Vec<&str>> = ran
        .stdout
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    assert_eq!(rows.len(), 3, "{ran:?}");
    assert!(rows.iter().all(|row| row.len() == 6), "{ran:?}");
    assert_eq!((rows[0][0], rows[0][4]), ("ok", slow.url("/a").as_str()));
    assert_eq!(rows[1][..3], ["FAIL", "refused", "connect"]);
    assert_eq!(rows[1][4], format!("http://{closed}/"));
    assert_eq!(rows[1][5], format!("{closed} refused the connection"));
    assert_eq!(rows[2][4], good.url("/b?q=1"));
    assert_eq!(ran.stderr, "2 of 3 healthy; 1 refused\n");
    let ran = expect(1, &["check", "-q", &slow.url("/a"), &closed]);
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
    assert_eq!(ran.stderr, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_says_what_is_known_and_nothing_else() {
    let bad = Server::always(http::answer("503 Busy", "later")).await;
    let ran = expect(1, &["check", "--json", &bad.url("/")]);
    let line = &lines(&ran)[0];
    assert_eq!(line["schema"], "hc.check/1");
    assert_eq!(line["result"], "failure");
    assert_eq!(line["kind"], "unexpected");
    assert_eq!(line["code"], "status");
    assert_eq!(line["phase"], "wait");
    assert_eq!(line["blame"], "target");
    assert_eq!(line["message"], "status: wanted 200-299, found 503");
    assert_eq!(
        (&line["wanted"], &line["found"]),
        (&"200-299".into(), &"503".into())
    );
    assert_eq!(line["address"], bad.address().to_string());
    assert_eq!(line["connection"], "new");
    assert_eq!(line["retried"], false);
    assert_eq!(
        line["http"],
        serde_json::json!({ "status": 503, "version": "1.1", "body_bytes": 5 })
    );
    let phases = line["phases_ms"].as_object().unwrap();
    let names: Vec<_> = phases.keys().map(String::as_str).collect();
    assert!(
        !names.contains(&"resolve") && !names.contains(&"tls"),
        "{names:?}"
    );
    assert!(
        line.get("tls").is_none() && line.get("facts").is_none(),
        "{line}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_from_files_and_standard_input() {
    let good = Server::always(http::ok()).await;
    let folder = folder("lists");
    let path = folder.join("urls.txt");
    std::fs::write(
        &path,
        format!("# all\n{}\n\n{} # twice\n", good.url("/a"), good.url("/b")),
    )
    .unwrap();
    let ran = expect(
        0,
        &["check", "-f", path.to_str().unwrap(), &good.url("/first")],
    );
    assert_eq!(ran.stdout.lines().count(), 3, "{ran:?}");
    let ran: Ran = hc()
        .args(["check", "-f", "-"])
        .stdin(std::fs::File::open(&path).unwrap())
        .output()
        .unwrap()
        .into();
    assert_eq!((ran.code, ran.stdout.lines().count()), (0, 2), "{ran:?}");
    expect(
        2,
        &["check", "-f", folder.join("missing").to_str().unwrap()],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_names_its_phase_and_keeps_its_evidence() {
    let silent = Server::always([Act::Hang]).await;
    let ran = expect(
        1,
        &["check", "--json", "--timeout", "100ms", &silent.url("/")],
    );
    let line = &lines(&ran)[0];
    assert_eq!(
        (&line["kind"], &line["phase"]),
        (&"timeout".into(), &"wait".into())
    );
    assert_eq!(line["message"], "no answer within 100 ms");
    assert_eq!(line["address"], silent.address().to_string());
    assert!(line["phases_ms"]["wait"].as_f64().unwrap() > 50.0, "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_prints_what_is_known() {
    let good = Server::always(http::ok()).await;
    let silent = Server::always([Act::Hang]).await;
    let urls = [silent.url("/"), good.url("/")];
    let child = hc()
        .args(["check", "--timeout", "60s", &urls[0], &urls[1]])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while silent.requests() == 0 || good.requests() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The answer is on its way; reading it takes a moment.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert_eq!(ran.code, 130, "{ran:?}");
    assert!(ran.stdout.starts_with("ok\t"), "{ran:?}");
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
    assert!(
        ran.stderr.contains("1 of 2 healthy; 1 not asked"),
        "{ran:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_pipe_ends_quietly() {
    let good = Server::always(http::ok()).await;
    let urls: Vec<String> = (0..3_000).map(|n| good.url(&format!("/{n}"))).collect();
    let folder = folder("pipe");
    let path = folder.join("urls");
    std::fs::write(&path, urls.join("\n")).unwrap();
    let mut child = hc()
        .args(["check", "-q", "-v"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // -q and -v contradict each other: said, not crashed.
    assert_eq!(child.wait().unwrap().code(), Some(2));
    let mut child = hc()
        .args(["check", "-f", path.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 3];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"ok\t");
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    assert!(good.requests() < 3_000, "it goes on for nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_urls_fit_into_1024_open_files() {
    let good = Server::always(http::ok()).await;
    let urls: Vec<String> = (0..10_000).map(|n| good.url(&format!("/{n}"))).collect();
    let folder = folder("many");
    let path = folder.join("urls");
    std::fs::write(&path, urls.join("\n")).unwrap();
    let ran: Ran = hc_with_files(1024)
        .args(["check", "--parallel", "300", "-f", path.to_str().unwrap()])
        .output()
        .unwrap()
        .into();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let shown: Vec<_> = ran
        .stdout
        .lines()
        .filter_map(|line| line.split('\t').nth(4))
        .collect();
    assert_eq!(shown, urls);
    // Few files: fewer at once, and that is said.
    std::fs::write(&path, urls[..300].join("\n")).unwrap();
    let ran: Ran = hc_with_files(100)
        .args(["check", "--parallel", "2000", "-f", path.to_str().unwrap()])
        .output()
        .unwrap()
        .into();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stderr.contains("checks at once instead of 300"),
        "{}",
        ran.stderr
    );
}
