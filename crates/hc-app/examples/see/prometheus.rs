//! A real Prometheus that scrapes hc once a second, and its query API.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::ask;

/// It ends when this is dropped.
pub(crate) struct Prometheus {
    child: Child,
    port: u16,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    pub(crate) fn start(folder: &Path, scraped: u16) -> Self {
        let config = folder.join("prometheus.yml");
        let text = format!(
            "scrape_configs:\n  - job_name: hc\n    scrape_interval: 1s\n    scrape_timeout: 1s\n    \
             static_configs: [{{ targets: [\"127.0.0.1:{scraped}\"] }}]\n"
        );
        fs::write(&config, text).expect("the folder can be written");
        let data = folder.join("prometheus-data");
        // Of an earlier recording.
        let _ = fs::remove_dir_all(&data);
        let port = ask::free_port();
        let log =
            fs::File::create(folder.join("prometheus.log")).expect("the folder can be written");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("prometheus is there: the package is named so");
        Self { child, port }
    }

    fn result(&self, query: &str) -> Vec<Value> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let query: String = query
            .bytes()
            .map(|byte| match plain(byte) {
                true => char::from(byte).to_string(),
                false => format!("%{byte:02X}"),
            })
            .collect();
        let mut answer = ask::json(self.port, &format!("/api/v1/query?query={query}"));
        match answer["data"]["result"].take() {
            Value::Array(found) => found,
            _ => Vec::new(),
        }
    }

    /// The targets that it would alert about, by name.
    pub(crate) fn unhealthy(&self) -> Vec<String> {
        let found = self.result("hc_target_healthy == 0");
        let mut names: Vec<_> = found
            .iter()
            .filter_map(|it| it["metric"]["target"].as_str())
            .map(ToOwned::to_owned)
            .collect();
        names.sort();
        names
    }

    /// Each series that a query finds as Prometheus writes it, by target.
    pub(crate) fn query(&self, query: &str) -> String {
        let mut lines: Vec<_> = self
            .result(query)
            .iter()
            .map(|found| {
                let labels = found["metric"].as_object().into_iter().flatten();
                let labels = labels
                    .filter(|(name, _)| !matches!(name.as_str(), "__name__" | "job" | "instance"));
                let mut labels: Vec<_> = labels
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                // What is told of comes first.
                labels.sort_by_key(|label| (!label.starts_with("target="), label.clone()));
                let value = found["value"][1].as_str().unwrap_or_default();
                format!("{{{}}} {value}\n", labels.join(", "))
            })
            .collect();
        lines.sort();
        lines.concat()
    }
}
