//! A real Prometheus scrapes it, and its query API tells the same trouble.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Answer, Site};

/// A Prometheus of the test's own; it ends with the test.
struct Prometheus {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself; its folder goes with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    fn start(at: std::net::SocketAddr, protocols: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("prometheus.yml");
        let text = format!(
            "scrape_configs:\n  - job_name: hc\n    scrape_interval: 200ms\n    scrape_timeout: 200ms\n{protocols}    static_configs: [{{ targets: [\"{at}\"] }}]\n"
        );
        std::fs::write(&config, text).unwrap();
        // Free a moment ago: the next one to ask is Prometheus.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .expect("prometheus is there: cargo xtask test --only packages");
        Self {
            child,
            port,
            folder,
        }
    }

    /// What a query finds; nothing while it is not up.
    async fn query(&self, query: &str) -> Option<Vec<Value>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.ok()?;
        let query = url::form_urlencoded::byte_serialize(query.as_bytes()).collect::<String>();
        let request =
            format!("GET /api/v1/query?query={query} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.ok()?;
        let answer: Value = serde_json::from_str(&Answer::of(&bytes).body).ok()?;
        Some(answer["data"]["result"].as_array()?.clone())
    }

    /// Asks until something is found: Prometheus scrapes in its own time.
    async fn wait_for(&self, query: &str) -> Vec<Value> {
        for _ in 0..600 {
            match self.query(query).await {
                Some(found) if !found.is_empty() => return found,
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        let log = std::fs::read_to_string(self.folder.path().join("log"));
        panic!("{query} finds nothing: {}", log.unwrap_or_default());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_tells_the_same_trouble() {
    let site = Site::of(&["a", "b"]).await;
    site.check("b", 1).await;
    let prometheus = Prometheus::start(site.at, "");
    let down = prometheus.wait_for("hc_target_healthy==0").await;
    assert_eq!(down.len(), 1);
    assert_eq!(down[0]["metric"]["target"], "b");
    let why = prometheus.wait_for("hc_target_failure_info").await;
    assert_eq!(why[0]["metric"]["kind"], "refused");
    assert_eq!(prometheus.wait_for("up==1").await.len(), 1);
    let late = prometheus
        .wait_for("hc_scheduler_lateness_seconds_count")
        .await;
    assert_eq!(late[0]["value"][1], "3");

    for expression in dashboard() {
        assert!(
            prometheus.query(&expression).await.is_some(),
            "{expression}"
        );
    }

    site.monitor.remove(["b".into()]).await.unwrap();
    for _ in 0..600 {
        // Gone at the next scrape: Prometheus marks it stale.
        if prometheus
            .query("hc_target_healthy==0")
            .await
            .is_some_and(|found| found.is_empty())
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("a removed target's series are still there");
}

/// Every expression of the dashboard, with what Grafana would put in.
fn dashboard() -> Vec<String> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/ops/hc.dashboard.json"
    );
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let expressions: Vec<String> = targets
        .map(|target| {
            let text = target["expr"].as_str().unwrap();
            text.replace("$__rate_interval", "1m")
                .replace("$instance", ".*")
                .replace("$group", ".*")
        })
        .collect();
    assert!(expressions.len() > 15);
    expressions
}
