//! The other verbs as scripts meet them.

mod common;

use common::{Ran, expect, folder, hc, run};
use hc_testkit::server::{Server, closed_port, http};

#[tokio::test(flavor = "multi_thread")]
async fn wait_tells_changes_of_reason_and_becomes_the_command() {
    let server = Server::start(|nth, _| match nth {
        0..3 => http::answer("503 Busy", ""),
        3..5 => http::answer("500 Oops", ""),
        _ => http::ok(),
    })
    .await;
    let url = server.url("/");
    let ran = expect(
        7,
        &[
            "wait",
            "--interval",
            "5ms",
            &url,
            "--",
            "sh",
            "-c",
            "echo ran; exit 7",
        ],
    );
    assert_eq!(ran.stdout, "ran\n");
    let told: Vec<_> = ran.stderr.lines().collect();
    assert_eq!(told.len(), 3, "{ran:?}");
    assert!(
        told[0].ends_with("found 503") && told[1].ends_with("found 500"),
        "{ran:?}"
    );
    assert!(told[2].ends_with("healthy"), "{ran:?}");
    expect(0, &["wait", "--passes", "3", "--interval", "1ms", &url]);
    assert_eq!(server.requests(), 6 + 3);
    expect(127, &["wait", &url, "--", "./no-such-program"]);
    expect(126, &["wait", &url, "--", "/"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wait_ends_with_the_reason() {
    let closed = closed_port().await.to_string();
    let ran = expect(
        1,
        &[
            "wait",
            "--timeout",
            "50ms",
            "--interval",
            "10ms",
            &closed,
            "--",
            "echo",
            "no",
        ],
    );
    assert_eq!(ran.stdout, "");
    assert!(
        ran.stderr
            .lines()
            .last()
            .unwrap()
            .contains("refused in connect: "),
        "{ran:?}"
    );
    let ran = expect(1, &["wait", "--timeout", "0s", &closed]);
    assert!(ran.stdout.starts_with("not healthy after "), "{ran:?}");
    let local = [
        "wait",
        "--timeout",
        "30ms",
        "--connect",
        "255.255.255.255:9",
        "http://h.test/",
    ];
    expect(3, &local);
    expect(2, &["wait"]);
    expect(2, &["wait", "tcp://x"]);
}

#[test]
fn init_writes_once_and_what_it_writes_is_right() {
    let folder = folder("init");
    let hc_in = |args: &[&str]| -> Ran {
        hc().current_dir(&folder)
            .args(args)
            .output()
            .unwrap()
            .into()
    };
    assert_eq!(hc_in(&["init", "localhost:8080/health", ":9090"]).code, 0);
    let ran = hc_in(&["validate"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "hc.yaml: ok, 2 targets, 0 groups, profile medium\n")
    );
    std::fs::write(folder.join("hc.yaml"), "targets: []\n").unwrap();
    assert_eq!(hc_in(&["init"]).code, 2);
    assert_eq!(
        std::fs::read_to_string(folder.join("hc.yaml")).unwrap(),
        "targets: []\n"
    );
    assert_eq!(hc_in(&["init", "--force"]).code, 0);
    assert_eq!(hc_in(&["init", "-o", "-", "tcp://x"]).code, 2);
    let printed = hc_in(&["init", "-o", "-"]);
    assert!(printed.stdout.contains("targets:"), "{printed:?}");
    let shown = hc_in(&["config", "show"]);
    assert!(shown.stdout.contains("profile: medium"), "{shown:?}");
    assert_eq!(hc_in(&["config", "show", "no-such-name"]).code, 2);
}

#[test]
fn validate_tells_all_at_once() {
    let folder = folder("validate");
    let path = folder.join("hc.yaml");
    std::fs::write(
        &path,
        "version: 1\ndefaults: { intervall: 5s, timeout: 2 }\n",
    )
    .unwrap();
    let path = path.to_str().unwrap();
    let ran = expect(2, &["validate", path]);
    assert!(
        ran.stdout
            .contains("error[unknown-key]: unknown key `intervall` in `defaults`"),
        "{ran:?}"
    );
    assert!(ran.stdout.contains("error[bad-duration]"), "{ran:?}");
    assert!(
        ran.stdout.ends_with(&format!("2 errors in {path}\n")),
        "{ran:?}"
    );
    let ran = expect(2, &["validate", "--json", path]);
    assert_eq!(ran.stdout.lines().count(), 2, "{ran:?}");
    expect(
        2,
        &["validate", folder.join("missing.yaml").to_str().unwrap()],
    );
    expect(2, &["plan", path]);
    expect(2, &["check", "-c", path]);
}

#[test]
fn plan_counts_without_asking() {
    let folder = folder("plan");
    let path = folder.join("hc.yaml");
    let urls: Vec<_> = (0..200)
        .map(|n| format!("\"http://10.0.0.{n}/\""))
        .collect();
    std::fs::write(
        &path,
        format!("instance: w\ntargets: [{}]\n", urls.join(", ")),
    )
    .unwrap();
    let path = path.to_str().unwrap();
    let ran = expect(0, &["plan", path]);
    assert!(
        ran.stdout
            .starts_with("200 targets, profile medium   40.0 checks/s"),
        "{ran:?}"
    );
    assert!(ran.stdout.contains("`profile: large`"), "{ran:?}");
    assert_eq!(ran.stdout, run(&["plan", path]).stdout, "the same twice");
    let ran = expect(0, &["plan", "--json", path]);
    let plan: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(plan["targets"], 200);
    assert_eq!(plan["policies"][0]["dies_worst_ms"], 6500.0);
}

#[test]
fn help_pages_and_completions() {
    for verb in [
        "check",
        "wait",
        "run",
        "status",
        "events",
        "top",
        "validate",
        "plan",
        "demo",
        "init",
        "schema",
        "completions",
        "man",
    ] {
        let ran = expect(0, &[verb, "--help"]);
        assert!(ran.stdout.contains("Example"), "{verb}: {ran:?}");
        let page = expect(0, &["man", verb]);
        assert!(page.stdout.contains(".TH"), "{verb}");
    }
    assert!(expect(0, &["man"]).stdout.contains(".TH hc 1"));
    expect(2, &["man", "no-such-verb"]);
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            expect(0, &["completions", shell]).stdout.contains("hc"),
            "{shell}"
        );
    }
    let schema: serde_json::Value = serde_json::from_str(&expect(0, &["schema"]).stdout).unwrap();
    assert!(schema["properties"]["targets"].is_object());
    expect(2, &[]);
    expect(0, &["--version"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn colour_is_asked_for_or_not_there() {
    let good = Server::always(http::ok()).await;
    let url = good.url("/");
    let closed = closed_port().await.to_string();
    let plain = run(&["check", &url]);
    assert!(!plain.stdout.contains('\u{1b}'));
    let ran = expect(2, &["--color", "always", "check", "tcp://x"]);
    assert!(ran.stderr.contains('\u{1b}'), "{ran:?}");
    let ran: Ran = hc()
        .env("FORCE_COLOR", "1")
        .args(["check", "tcp://x"])
        .output()
        .unwrap()
        .into();
    assert!(ran.stderr.contains('\u{1b}'), "{ran:?}");
    // Ctrl-C and quick ends leave no progress behind in a pipe.
    let ran = expect(1, &["check", &closed]);
    assert!(!ran.stderr.contains('\r'), "{ran:?}");
}
