//! A config to begin with: commented, and right as it stands.

use crate::settings::yaml_text;

/// The file of `hc init` without URLs.
#[must_use]
pub fn example() -> String {
    init::<&str>(&[])
}

/// The file of `hc init URL...`: these targets, and what is most often changed. A user and a password are written as
/// they were given: the file is the user's own.
#[must_use]
pub fn init<U: AsRef<str>>(urls: &[U]) -> String {
    let mut targets = String::new();
    for url in urls {
        targets.push_str(&format!("  - {}\n", quoted_url(url.as_ref())));
    }
    if targets.is_empty() {
        targets.push_str(TARGETS);
    }
    format!("{HEAD}{targets}{TAIL}")
}

/// A `$` would begin a variable.
fn quoted_url(url: &str) -> String {
    yaml_text(&url.replace('$', "$$"))
}

const HEAD: &str = r#"# hc.yaml: whom to check, and how. `hc validate` checks this file, `hc config show` prints every value that holds.
# All keys: docs/src/reference/config.md, or `hc schema` for your editor.
version: 1
profile: medium  # small: under 10 targets, medium: 10 to 100, large: over 100

defaults:  # any of these may also stand in a group or a target
  interval: 5s  # start to start of two checks
  timeout: 2s  # of a whole check
  rise: 2  # passes in a row that turn an unhealthy target
  fall: 3  # failures in a row that turn a healthy one
  expect:
    status: 200-299
    # body: { contains: ok }
    # latency: { degraded: 300ms }
  # http:
  #   headers: { X-Probe: hc }
  #   auth: { bearer: { env: HC_TOKEN } }

targets:
"#;

const TARGETS: &str = r#"  - http://localhost:8080/health
  - { name: api-1, url: "http://127.0.0.1:8081/health", fall: 5 }
"#;

const TAIL: &str = r#"
# groups:  # targets with common settings
#   - name: edge
#     interval: 1s
#     targets: ["https://127.0.1.1:8443/"]

# include: [conf.d/*.yaml]  # more targets and groups
"#;
