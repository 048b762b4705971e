//! What a config means: defaults, precedence, merging, variables, names, and what a reload changes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hc_config::*;
use hc_core::{BasisPoints, Flap, Kind, Start, Unsteady};
use hc_http::expect::Expect;
use hc_http::{Auth, Dial, HttpSpec, IpFamily, Secret, TransportKind, Url};

fn env(name: &str) -> Option<String> {
    match name {
        "TOKEN" => Some("hunter2".to_owned()),
        "PORT" => Some("81".to_owned()),
        "RISE" => Some("7".to_owned()),
        _ => None,
    }
}

#[track_caller]
fn read_with(text: &str, overrides: &Overrides) -> Config {
    let files: BTreeMap<PathBuf, Vec<u8>> =
        BTreeMap::from([("token".into(), b"s3cret\n".to_vec())]);
    let source = Source::Text {
        name: "hc.yaml".to_owned(),
        text: text.to_owned(),
    };
    load_with(&source, overrides, &EnvFn(env), &files)
        .unwrap_or_else(|errors| panic!("{}", errors.render(false)))
}

#[track_caller]
fn read(text: &str) -> Config {
    read_with(text, &Overrides::new())
}

fn http(target: &TargetSpec) -> &HttpSpec {
    match &target.probe {
        ProbeSpec::Http(http) => http,
        _ => unreachable!("only http is built"),
    }
}

/// The block of the reference, with every key at its default.
const FULL: &str = r#"
version: 1
include: []
profile: medium
labels: {}
defaults:
  interval: 5s
  timeout: 2s
  rise: 2
  fall: 3
  start: first
  fast_interval: 500ms
  min_interval: auto
  max_interval: 2x
  backoff: 2
  jitter: 10%
  weight: {}
  flap: { high: 20%, low: 5% }
  unsteady: { failures: 6, until: 2, of: 20, verdict: degraded }
  paused: false
  labels: {}
  transport: auto
  connect: none
  ip: any
  keep_alive: 90s
  reconnect_every: 20
  max_body: 64KiB
  max_headers: 16KiB
  proxy: none
  http:
    method: GET
    headers: {}
    host: none
    body: none
    auth: none
    version: auto
    redirects: 0
    decompress: false
  tls:
    roots: system
    ca: []
    client: none
    server_name: none
    min_version: 1.2
    insecure: false
  expect:
    status: 200-299
    headers: {}
    body: {}
    latency: {}
    certificate: { degraded: 14d, failing: 0s }
targets:
  - http://10.0.0.7/health
  - { name: api-1, url: "http://127.0.0.1:8081/health", fall: 5 }
groups:
  - { name: edge, interval: 1s, targets: ["https://127.0.1.1:8443/"] }
limits:
  in_flight: 100
  per_host: 16
  slot: 10ms
  threads: 1
overload: { max_lateness: 25% }
isolate:
  targets: 20
  min_hosts: 5
  reference: []
log: { format: text, level: info, summary: 1m, burst: 100 }
shutdown: { grace: 5s }
listen: []
allowed_hosts: []
control: auto
state: { file: auto, max_age: 5m, every: 30s }
metrics: { per_target: basic, labels: [] }
x-any: {}
"#;

#[test]
fn the_full_block_means_the_same_as_its_targets_alone() {
    let targets = "targets:
  - http://10.0.0.7/health
  - { name: api-1, url: \"http://127.0.0.1:8081/health\", fall: 5 }
groups:
  - { name: edge, interval: 1s, targets: [\"https://127.0.1.1:8443/\"] }
";
    let (full, alone) = (read(FULL), read(targets));
    assert_eq!(full, alone);
}

#[test]
fn every_default() {
    let config = read("targets: [\"http://a/\"]");
    assert_eq!(
        (config.instance.as_deref(), config.profile),
        (None, Profile::Medium)
    );
    let limits = Limits {
        in_flight: 100,
        per_host: 16,
        slot: Duration::from_millis(10),
        threads: 1,
    };
    assert_eq!(config.limits, limits);
    assert_eq!(config.overload.max_lateness, BasisPoints::percent(25));
    assert_eq!(
        config.isolate,
        Some(Isolate {
            targets: 20,
            min_hosts: 5,
            reference: Vec::new()
        })
    );
    let log = Log {
        format: LogFormat::Text,
        level: LogLevel::Info,
        summary: Some(Duration::from_secs(60)),
        burst: 100,
    };
    assert_eq!(config.log, log);
    assert_eq!(config.shutdown.grace, Duration::from_secs(5));
    let state = State {
        file: StateFile::Auto,
        max_age: Duration::from_secs(300),
        every: Duration::from_secs(30),
    };
    assert_eq!(config.state, Some(state));
    let target = &config.targets[0];
    assert_eq!(*target.policy, hc_core::Policy::default());
    let policy = &target.policy;
    assert_eq!(policy.interval(), Duration::from_secs(5));
    assert_eq!(policy.timeout(), Duration::from_secs(2));
    assert_eq!(
        (policy.rise(), policy.fall(), policy.start()),
        (2, 3, Start::First)
    );
    assert_eq!(policy.fast_interval(), Duration::from_millis(500));
    assert_eq!(policy.min_interval(), Duration::from_millis(500));
    assert_eq!(policy.max_interval(), Duration::from_secs(10));
    assert_eq!(
        (policy.backoff(), policy.jitter()),
        (2.0, BasisPoints::percent(10))
    );
    assert_eq!(policy.flap(), Some(Flap::default()));
    assert_eq!(policy.unsteady(), Some(Unsteady::default()));
    assert_eq!(
        *http(target),
        HttpSpec::new(Url::parse("http://a/").unwrap())
    );
    assert_eq!(
        (target.paused, target.group.as_deref(), target.host.as_str()),
        (false, None, "a")
    );
    assert!(target.labels.is_empty() && config.warnings.is_empty());
}

#[test]
fn profiles() {
    for (profile, interval, fast, max, in_flight, per_host) in [
        ("small", 5_000, 500, 5_000, 10, 10),
        ("medium", 5_000, 500, 10_000, 100, 16),
        ("large", 10_000, 1_000, 30_000, 1_000, 16),
    ] {
        let config = read(&format!(
            "profile: {profile}\ntargets: [a, {{ url: b, interval: 100ms, timeout: 50ms }}]"
        ));
        let policy = &config.targets[0].policy;
        let ms = Duration::from_millis;
        assert_eq!(
            (
                policy.interval(),
                policy.fast_interval(),
                policy.max_interval()
            ),
            (ms(interval), ms(fast), ms(max))
        );
        assert_eq!(
            (config.limits.in_flight, config.limits.per_host),
            (in_flight, per_host)
        );
        // What nobody wrote gives way.
        assert_eq!(config.targets[1].policy.fast_interval(), ms(100));
    }
}

#[test]
fn the_order_of_layers() {
    let text = "
defaults: { fall: 4, rise: 4, timeout: 1s }
targets: [a, { url: b, fall: 6 }, { url: c, rise: null }]
groups: [{ name: g, fall: 5, targets: [d, { url: e, fall: 6 }, { url: f, fall: null }] }]";
    let overrides =
        Overrides::new()
            .set("--fall", "fall", "9")
            .set("--log-format", "log.format", "json");
    let config = read_with(text, &overrides);
    let of = |name: &str| config.targets.iter().find(|t| t.host == name).unwrap();
    assert_eq!(of("a").policy.fall(), 9);
    assert_eq!(of("b").policy.fall(), 6);
    assert_eq!(of("c").policy.rise(), 2);
    assert_eq!(of("d").policy.fall(), 5);
    assert_eq!(of("e").policy.fall(), 6);
    assert_eq!(of("f").policy.fall(), 3);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(of("d").group.as_deref(), Some("g"));
    assert_eq!(config.groups, ["g"]);
}

#[test]
fn maps_merge_and_the_rest_replaces() {
    let config = read(
        "
labels: { team: x, zone: a }
defaults:
  labels: { zone: b }
  weight: { tls: 2 }
  flap: { high: 30% }
  expect: { status: [200, 204], headers: { X-A: { is: a } } }
  http: { headers: { X-One: \"1\", X-Two: \"2\" }, auth: { basic: { user: u, password: p } } }
targets:
  - url: a
    labels: { app: y, team: null }
    weight: { reset: 3 }
    flap: { low: 1% }
    expect: { status: 3xx, headers: { x-a: { contains: b } } }
    http: { headers: { x-one: \"3\", X-TWO: null }, auth: { bearer: t } }
  - { url: b, flap: none, http: { auth: none } }
  - { url: c, http: null, labels: null }
",
    );
    let a = &config.targets[0];
    // `null` removes what `defaults` and groups say; the labels of the top level are under all.
    assert_eq!(
        a.labels.iter().collect::<Vec<_>>(),
        [("app", "y"), ("team", "x"), ("zone", "b")]
    );
    assert_eq!(
        (a.policy.weight(Kind::Tls), a.policy.weight(Kind::Reset)),
        (2, 3)
    );
    assert_eq!(
        a.policy.flap(),
        Some(Flap {
            high: BasisPoints::percent(30),
            low: BasisPoints::percent(1)
        })
    );
    assert_eq!(http(a).expect.status.to_string(), "300-399");
    assert_eq!(http(a).expect.headers.len(), 1);
    assert_eq!(
        http(a).headers,
        [("x-one".parse().unwrap(), Secret::new("3"))]
    );
    assert_eq!(http(a).auth, Some(Auth::Bearer(Secret::new("t"))));
    let b = &config.targets[1];
    assert_eq!((b.policy.flap(), &http(b).auth), (None, &None));
    assert_eq!(
        (
            http(&config.targets[2]).headers.len(),
            config.targets[2].labels.get("zone")
        ),
        (0, Some("a"))
    );
}

#[test]
fn anchors_and_merge_keys() {
    let config = read(
        "
x-base: &base { fall: 7, expect: { status: 204 } }
targets:
  - { url: a, <<: *base }
  - { <<: *base, url: b, fall: 8 }
  - { url: c, <<: [{ fall: 1 }, *base] }
",
    );
    let falls: Vec<u8> = config.targets.iter().map(|t| t.policy.fall()).collect();
    assert_eq!(falls, [7, 8, 1]);
    assert!(
        config
            .targets
            .iter()
            .all(|t| http(t).expect.status.to_string() == "204")
    );
}

#[test]
fn variables_and_secrets() {
    let config = read("
targets:
  - url: \"http://a:${PORT}/x?key=${TOKEN}&b=$5\"
    rise: ${RISE}
    fall: ${FALL:-8}
    http: { headers: { A: \"Bearer ${TOKEN}\", B: { file: token }, C: { env: TOKEN }, D: \"pa$$${PORT}\" } }
  - { url: \"http://u:p%40ss@b/\", name: b }
");
    let a = &config.targets[0];
    assert_eq!(
        (a.url.as_str(), a.name.as_str()),
        ("http://a:81/x?key=***&b=$5", "http://a:81/x")
    );
    assert_eq!((a.policy.rise(), a.policy.fall()), (7, 8));
    assert_eq!(http(a).url.as_str(), "http://a:81/x?key=hunter2&b=$5");
    let values: Vec<&str> = http(a).headers.iter().map(|(_, v)| v.expose()).collect();
    assert_eq!(values, ["Bearer hunter2", "s3cret", "hunter2", "pa$81"]);
    let auth = Auth::Basic {
        user: Secret::new("u"),
        password: Secret::new("p@ss"),
    };
    assert_eq!(
        (
            config.targets[1].url.as_str(),
            &http(&config.targets[1]).auth
        ),
        ("http://b/", &Some(auth))
    );
    let shown = format!("{config:?} {:?}", show(&config, Some("http://a:81/x")));
    assert!(
        !shown.contains("hunter2")
            && !shown.contains("s3cret")
            && !shown.contains("p@ss")
            && !shown.contains("p%40"),
        "{shown}"
    );
}

#[test]
fn http_keys() {
    let config = read("
targets:
  - url: https://a/
    connect: 10.0.0.7
    ip: 4
    keep_alive: 0s
    reconnect_every: 1
    max_body: 0B
    proxy: \"http://u:p@proxy:3128\"
    tls: { insecure: true, min_version: 1.3, server_name: x.test }
    expect: { body: { json: { $.up: true, $.n: 5, $.t: \"5\" } }, certificate: { degraded: 7d }, latency: { degraded: 300ms } }
");
    let target = &config.targets[0];
    let spec = http(target);
    assert_eq!(
        spec.connect,
        Some(Dial::Address("10.0.0.7:443".parse().unwrap()))
    );
    assert_eq!(
        (
            spec.ip,
            spec.keep_alive,
            spec.reconnect_every,
            spec.max_body
        ),
        (IpFamily::V4, Duration::ZERO, Some(1), 0)
    );
    assert_eq!(
        spec.proxy.as_ref().unwrap().url.as_str(),
        "http://u:p@proxy:3128/"
    );
    assert!(spec.tls.insecure && target.host == "10.0.0.7");
    let values: Vec<String> = spec
        .expect
        .body
        .json
        .iter()
        .map(|j| j.value.to_string())
        .collect();
    assert_eq!(values, ["true", "5", "\"5\""]);
    assert_ne!(spec.expect, Expect::default());
    let codes: Vec<&str> = config.warnings.iter().map(|w| w.code).collect();
    assert_eq!(codes, ["insecure"]);
}

#[test]
fn equal_policies_are_shared_and_long_timeouts_warned_of() {
    let config = read("targets: [a, b, { url: c, interval: 1s }, { url: d, interval: 1s }]");
    assert!(Arc::ptr_eq(
        &config.targets[0].policy,
        &config.targets[1].policy
    ));
    assert!(Arc::ptr_eq(
        &config.targets[2].policy,
        &config.targets[3].policy
    ));
    assert_eq!(
        config.warnings.iter().map(|w| w.code).collect::<Vec<_>>(),
        ["timeout-over-interval"; 2]
    );
}

#[test]
fn what_a_reload_changes() {
    let old = read(
        "instance: a\ntargets: [a, b, { url: c, name: c }, { url: d, name: d }, e, { url: f, labels: { x: y } }]",
    );
    let new = read(
        "instance: b\ntargets: [e, { url: b, fall: 9 }, { url: c/x, name: c }, { url: d, name: d, max_body: 1KiB }, { url: f, paused: true }, g]",
    );
    let diff = diff(&old, &new);
    assert_eq!(
        (diff.added.as_slice(), diff.removed.as_slice()),
        (&["http://g/".to_owned()][..], &["http://a/".to_owned()][..])
    );
    let replaced: Vec<(&str, bool)> = diff
        .replaced
        .iter()
        .map(|r| (r.name.as_str(), r.identity_changed))
        .collect();
    assert_eq!(replaced, [("c", true), ("d", false)]);
    assert_eq!(
        (diff.policy_changed.as_slice(), diff.kept.as_slice()),
        (&["http://b/".to_owned()][..], &["http://e/".to_owned()][..])
    );
    assert_eq!(
        (diff.moved.len(), diff.paused_changed.len(), diff.changed()),
        (2, 1, 4)
    );
    assert_eq!(diff.restart_only, ["instance"]);
    assert_eq!(hc_config::diff(&old, &old.clone()).changed(), 0);
}

#[test]
fn each_value_tells_its_origin() {
    let text = "defaults:\n  fall: 4\ngroups:\n  - name: edge\n    interval: 3s\n    targets: [{ url: a, name: a, http: { headers: { X-A: secret } } }]\n";
    let config = read_with(text, &Overrides::new().set("--rise", "rise", "5"));
    let text = render_shown(&show(&config, Some("a")).unwrap());
    for line in [
        "interval: 3s                      # group edge hc.yaml:5:15",
        "fall: 4                           # defaults hc.yaml:2:9",
        "rise: 5                           # flag --rise",
        "fast_interval: 500ms              # profile medium",
        "timeout: 2s                       # built-in",
        "    x-a: \"***\"                    # target hc.yaml:6:58",
    ] {
        let words: Vec<&str> = line.split_whitespace().collect();
        let found = text
            .lines()
            .any(|l| l.split_whitespace().collect::<Vec<_>>() == words);
        assert!(found, "{line}\n{text}");
    }
    assert!(show(&config, Some("nobody")).is_none());
    assert!(
        show(&config, None)
            .unwrap()
            .iter()
            .any(|s| s.path() == "limits.in_flight" && s.origin == Origin::Profile("medium"))
    );
}

#[test]
fn urls_alone_and_flags() {
    let overrides = Overrides::new()
        .set("--timeout", "timeout", "7s")
        .set("--expect-status", "expect.status", "200,301")
        .header("--header", "X-A", "v");
    let config = from_urls([":8080", "[::1]:443/x"], &overrides).unwrap();
    assert_eq!(config.targets[0].policy.timeout(), Duration::from_secs(7));
    assert_eq!(
        http(&config.targets[0]).expect.status.to_string(),
        "200, 301"
    );
    assert_eq!(
        (
            config.targets[1].url.as_str(),
            config.targets[1].host.as_str()
        ),
        ("https://[::1]/x", "::1")
    );
    let errors = from_urls(
        ["tcp://a"],
        &Overrides::new().set("--timeout", "timeout", "7"),
    )
    .unwrap_err();
    let found: Vec<(&str, &str)> = errors
        .errors
        .iter()
        .map(|e| (e.file.as_str(), e.code))
        .collect();
    assert_eq!(
        found,
        [("--timeout", "bad-duration"), ("tcp://a", "not-yet")]
    );
}

#[test]
fn the_example_is_right_as_it_stands() {
    let config = load_str("hc.yaml", &example()).unwrap();
    assert_eq!((config.targets.len(), config.warnings.len()), (2, 0));
    let config = load_str(
        "hc.yaml",
        &init(&["localhost:8080", "http://a/?b=$c&d=${e}"]),
    )
    .unwrap();
    assert_eq!(config.targets[1].url, "http://a/?b=$c&d=${e}");
}

#[test]
fn what_a_machine_at_its_limit_may_set() {
    let text = "limits: { threads: 64 }
defaults: { interval: 1s, min_interval: 100ms }
targets:
  - { name: a, url: a, transport: pooled }
  - { name: b, url: b, transport: dedicated, min_interval: auto }
  - { name: c, url: c, interval: 50ms, min_interval: 50ms }
";
    let config = read(text);
    assert_eq!(config.limits.threads, 64);
    let of = |at: usize| {
        let target = &config.targets[at];
        (http(target).transport, target.policy.min_interval())
    };
    let ms = Duration::from_millis;
    assert_eq!(of(0), (TransportKind::Pooled, ms(100)));
    assert_eq!(of(1), (TransportKind::Dedicated, ms(500)));
    // A fast interval that nobody wrote gives way to the interval.
    assert_eq!(of(2), (TransportKind::Auto, ms(50)));
}

#[test]
fn what_is_shown_of_a_run() {
    use hc_config::{Control, PerTarget};
    let text = r#"
listen: ["127.0.0.1:7740", "[::1]:0", "localhost:80", "unix:/run/hc.sock"]
allowed_hosts: [hc.example]
control: none
metrics: { per_target: none, labels: [zone] }
targets: [a]
"#;
    let config = load_str("hc.yaml", text).unwrap();
    assert_eq!(config.listen.len(), 4);
    assert_eq!(config.allowed_hosts, ["hc.example"]);
    assert_eq!(config.control, Control::Off);
    assert_eq!(config.metrics.per_target, PerTarget::Off);
    assert_eq!(config.metrics.labels, ["zone"]);

    let flags = ["unix:/run/x.sock".to_owned(), ":1".to_owned()];
    let overrides = Overrides::new().list("--listen", "listen", &flags[..1]);
    let other = from_urls(["a"], &overrides).unwrap();
    assert_eq!(other.listen, flags[..1]);
    assert_eq!(other.control, Control::Auto);
    let overrides = Overrides::new().list("--listen", "listen", &flags);
    let errors = from_urls(["a"], &overrides).unwrap_err();
    assert_eq!(errors.errors[0].code, "bad-listen");
    assert_eq!(errors.errors[0].file, "--listen");

    let changed = hc_config::diff(&config, &other);
    assert_eq!(changed.restart_only, ["listen", "control"]);
    let path = load_str("hc.yaml", "control: run/hc.sock\ntargets: [a]").unwrap();
    assert!(matches!(&path.control, Control::At(path) if path.ends_with("run/hc.sock")));
}

#[test]
fn where_health_outlives_a_restart() {
    let of = |text: &str| load_str("hc.yaml", &format!("{text}\ntargets: [a]")).unwrap();
    assert_eq!(of("state: none").state, None);
    let state = of("state: { file: x/hc.state, every: 1s, max_age: 0s }").state;
    let state = state.unwrap();
    assert!(matches!(&state.file, StateFile::At(path) if path.ends_with("x/hc.state")));
    assert_eq!(
        (state.every, state.max_age),
        (Duration::from_secs(1), Duration::ZERO)
    );
    let changed = hc_config::diff(&of("state: none"), &of("state: {}"));
    assert_eq!(changed.restart_only, ["state"]);

    // A flag beats what a file says, and leaves the rest of it.
    let flag = |path: &str, value: &str| {
        let overrides = Overrides::new().set("--state", path, value);
        move |text: &str| {
            let source = Source::Text {
                name: "hc.yaml".to_owned(),
                text: format!("{text}\ntargets: [a]"),
            };
            let config = hc_config::load_with(&source, &overrides, &ProcessEnv, &Disk);
            config.unwrap().state
        }
    };
    assert_eq!(flag("state", "none")("state: { max_age: 1m }"), None);
    let at = |max_age| State {
        file: StateFile::At("y".into()),
        max_age: Duration::from_secs(max_age),
        every: Duration::from_secs(30),
    };
    let to_file = flag("state.file", "y");
    assert_eq!(to_file("state: none"), Some(at(300)));
    assert_eq!(to_file("state: { max_age: 1m, file: z }"), Some(at(60)));
}

#[test]
fn what_is_kept_to_be_shown_is_what_the_config_shows() {
    let text = r#"
labels: { site: x }
defaults: { interval: 7s }
groups:
  - { name: g, fall: 5, targets: [ "https://b/", { url: "http://u:p@c/", rise: 4 } ] }
targets: [a]
"#;
    let config = load_str("hc.yaml", text).unwrap();
    let kept = config.effective();
    for target in &config.targets {
        assert_eq!(
            kept.target(&target.name),
            hc_config::show(&config, Some(&target.name))
        );
        assert_eq!(kept.url(&target.name).as_deref(), Some(target.url.as_str()));
    }
    assert_eq!(Some(kept.process()), hc_config::show(&config, None));
    assert_eq!(kept.target("nobody"), None);
    assert_eq!(kept.url("nobody"), None);
}
