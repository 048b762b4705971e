//! What is exported, and what is not any more.

use std::io::Write as _;
use std::process::{Command, Stdio};

use hc_server::{MetricsSettings, PerTarget};

use crate::support::{Site, Switch};

async fn scrape(site: &Site) -> String {
    let answer = site.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    answer.body
}

#[track_caller]
fn has(text: &str, line: &str) {
    assert!(
        text.lines().any(|known| known == line),
        "{line} is not in:\n{text}"
    );
}

/// What Prometheus's own tool says to it: nothing, if all is well.
fn promtool(arguments: &[&str], input: &str) {
    let mut child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is there: cargo xtask test --only packages");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let ran = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && said.trim().is_empty(), "{said}");
}

#[tokio::test]
async fn series_follow_the_targets() {
    let site = Site::of(&["a", "b"]).await;
    let settings = MetricsSettings {
        labels: vec!["zone".into(), "nothing".into()],
        ..Default::default()
    };
    site.metrics(settings);
    site.add(Switch::default().target("c\"} 1\n\\").with_group("edge"))
        .await;
    site.check("b", 1).await;
    site.check("b", 1).await;
    let text = scrape(&site).await;
    has(
        &text,
        r#"hc_target_healthy{group="",target="a",zone="a"} 1"#,
    );
    has(
        &text,
        r#"hc_target_healthy{group="edge",target="c\"} 1\n\\",zone="a"} 1"#,
    );
    has(
        &text,
        r#"hc_target_state{group="",target="b",zone="a",state="unhealthy"} 1"#,
    );
    has(
        &text,
        r#"hc_target_failure_info{target="b",zone="a",kind="refused",code="",phase="connect",blame="target"} 1"#,
    );
    has(&text, r#"hc_target_failures_total{target="b",zone="a"} 2"#);
    has(
        &text,
        r#"hc_target_transitions_total{target="b",zone="a"} 2"#,
    );
    has(&text, r#"hc_targets{group="",state="unhealthy"} 1"#);
    has(&text, r#"hc_targets{group="edge",state="unhealthy"} 0"#);
    has(
        &text,
        r#"hc_checks_total{group="",probe="http",result="failure"} 2"#,
    );
    has(
        &text,
        r#"hc_check_failures_total{group="",kind="refused",phase="connect",blame="target"} 2"#,
    );
    has(&text, r#"hc_check_duration_seconds_count{group=""} 4"#);
    has(&text, r#"hc_build_info{version="0.1.0",revision=""} 1"#);
    has(&text, "hc_isolated 0");
    promtool(&["check", "metrics"], &text);

    site.monitor
        .remove(["b".into(), "c\"} 1\n\\".into()])
        .await
        .unwrap();
    let text = scrape(&site).await;
    assert!(!text.contains("target=\"b\""), "{text}");
    // The ledger hears of it on a task of its own.
    let mut tries = 0;
    while scrape(&site).await.contains("group=\"edge\"") {
        tries += 1;
        assert!(tries < 1_000, "the group is still there");
        tokio::task::yield_now().await;
    }
    site.check("a", 0).await;
    let text = scrape(&site).await;
    assert!(!text.contains("hc_target_failure_info{"), "{text}");
    has(
        &text,
        r#"hc_checks_total{group="",probe="http",result="failure"} 2"#,
    );
}

#[tokio::test]
async fn a_target_has_as_many_series_as_was_asked_for() {
    let site = Site::of(&["a"]).await;
    let count = |text: &str| {
        text.lines()
            .filter(|line| line.contains("target=\"a\""))
            .count()
    };
    assert_eq!(count(&scrape(&site).await), 8);
    let full = MetricsSettings {
        per_target: PerTarget::Full,
        ..Default::default()
    };
    site.metrics(full);
    site.check("a", 0).await;
    let text = scrape(&site).await;
    has(
        &text,
        r#"hc_check_duration_seconds_count{group="",target="a"} 1"#,
    );
    assert!(
        !text.contains(r#"hc_check_duration_seconds_count{group=""}"#),
        "no check is in two series"
    );
    promtool(&["check", "metrics"], &text);
    site.metrics(MetricsSettings {
        per_target: PerTarget::None,
        ..Default::default()
    });
    let text = scrape(&site).await;
    assert_eq!(count(&text), 0);
    has(&text, r#"hc_targets{group="",state="healthy"} 1"#);
    promtool(&["check", "metrics"], &text);
}

#[tokio::test]
async fn reloads_and_open_metrics() {
    let site = Site::of(&["a"]).await;
    site.server.reloaded(true);
    site.server.reloaded(false);
    let text = scrape(&site).await;
    has(&text, r#"hc_config_reloads_total{result="success"} 1"#);
    has(&text, r#"hc_config_reloads_total{result="failure"} 1"#);
    has(&text, "hc_config_last_reload_successful 0");
    let open = site
        .ask(
            "/metrics",
            "Accept: application/openmetrics-text;version=1.0.0\r\n",
        )
        .await;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(open.header("content-type"), Some(kind));
    assert!(open.body.ends_with("# EOF\n"));
    has(&open.body, "# TYPE hc_checks counter");
    has(&open.body, "# UNIT hc_check_duration_seconds seconds");
    has(&open.body, "# TYPE hc_build info");
    has(
        &open.body,
        "hc_build_info{version=\"0.1.0\",revision=\"\"} 1",
    );
    assert!(
        !open.body.contains("# TYPE hc_checks_total"),
        "{}",
        open.body
    );
}

/// The rules that are handed out hold what their tests say.
#[test]
fn the_alert_rules_are_right() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/ops");
    let ran = |arguments: &[&str]| {
        let ran = Command::new("promtool")
            .args(arguments)
            .current_dir(folder)
            .output();
        let ran = ran.expect("promtool is there: cargo xtask test --only packages");
        let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{said}");
    };
    ran(&["check", "rules", "hc.rules.yml"]);
    ran(&["test", "rules", "hc.rules.test.yml"]);
}

/// Every series is in the reference, and nothing else is.
#[tokio::test]
async fn the_reference_names_every_series() {
    let site = Site::of(&["a"]).await;
    let text = scrape(&site).await;
    let heads = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut served: Vec<&str> = heads.filter_map(|head| head.split(' ').next()).collect();
    let page = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/src/reference/metrics.md"
    );
    let page = std::fs::read_to_string(page).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut told: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    served.sort_unstable();
    told.sort_unstable();
    assert_eq!(served, told);
}
