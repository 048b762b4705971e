//! Every kind of mistake: its code, its place, its hint; and the form in which it is shown.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hc_config::{Config, ConfigErrors, EnvFn, Source, load};

fn read(text: &str) -> Result<Config, ConfigErrors> {
    let files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    let env = EnvFn(|name: &str| (name == "SET").then(|| "value".to_owned()));
    load(
        &Source::Text {
            name: "hc.yaml".to_owned(),
            text: text.to_owned(),
        },
        &env,
        &files,
    )
}

/// Checks code, line and column of all errors, in order.
#[track_caller]
fn check(text: &str, want: &[(&str, usize, usize)]) {
    let found: Vec<(&str, usize, usize)> = match read(text) {
        Ok(_) => Vec::new(),
        Err(ref errors) => errors
            .errors
            .iter()
            .map(|e| (e.code, e.line, e.column))
            .collect(),
    };
    assert_eq!(
        found,
        want,
        "{text}\n{}",
        read(text).map_or_else(|e| e.render(false), |_| String::new())
    );
}

#[track_caller]
fn hint(text: &str, want: &str) {
    let errors = read(text).expect_err(text);
    let hints: Vec<&str> = errors
        .errors
        .iter()
        .filter_map(|e| e.hint.as_deref())
        .collect();
    assert!(hints.contains(&want), "{text}: {hints:?}");
}

#[test]
fn the_form_of_the_reference() {
    let text = "targets: [\"http://a/\"]\ndefaults: { intervall: 5s, timeout: 2 }\n";
    let want = "\
error[unknown-key]: unknown key `intervall` in `defaults`
 --> hc.yaml:2:13
2 | defaults: { intervall: 5s, timeout: 2 }
  |             ^^^^^^^^^ did you mean `interval`?
error[bad-duration]: `defaults.timeout`: wanted a duration, found `2`
 --> hc.yaml:2:37
2 | defaults: { intervall: 5s, timeout: 2 }
  |                                     ^ write `2s`
2 errors in hc.yaml
";
    assert_eq!(read(text).unwrap_err().render(false), want);
}

#[test]
fn keys() {
    check("targts: []", &[("unknown-key", 1, 1)]);
    check("targets: [{ name: a }]", &[("missing-key", 1, 11)]);
    check("groups: [{ targets: [a] }]", &[("missing-key", 1, 10)]);
    check("targets: [a]\ntargets: [b]", &[("duplicate-key", 2, 1)]);
    check(
        "targets: [{ url: a, fall: 1, fall: 2 }]",
        &[("duplicate-key", 1, 30)],
    );
    check(
        "targets: [{ url: a, http: { headers: { X-A: b, x-a: c } } }]",
        &[("duplicate-key", 1, 48)],
    );
    check("timeout: 5s", &[("unknown-key", 1, 1)]);
    hint(
        "timeout: 5s",
        "it belongs in `defaults`, a group or a target",
    );
    hint("defaults: { url: a }", "it belongs in a target");
    hint(
        "threds: 1\nlimits: { thread: 1 }",
        "did you mean `threads`?",
    );
    check("x-any: { a: 1, b: yes }\ntargets: [a]", &[]);
    check("? [a, b]\n: c", &[("bad-key", 1, 3)]);
}

#[test]
fn names() {
    check(
        "targets:\n  - http://a/?x\n  - http://a/?y\n",
        &[("duplicate-name", 3, 5)],
    );
    hint(
        "targets:\n  - http://a/\n  - a\n",
        "the first is at hc.yaml:2:5; give one a `name` of its own",
    );
    check(
        "groups: [{ name: g, targets: [a] }, { name: g, targets: [b] }]",
        &[("duplicate-name", 1, 45)],
    );
    check(
        "targets: [a]\ngroups: [{ name: g, targets: [a] }]",
        &[("duplicate-name", 2, 31)],
    );
    let long = "x".repeat(201);
    check(
        &format!("targets: [{{ url: a, name: {long} }}]"),
        &[("bad-name", 1, 27)],
    );
    check(
        &format!("targets: [{{ url: a, name: {} }}]", &long[1..]),
        &[],
    );
    check(&format!("targets: [a/{long}]"), &[("bad-name", 1, 11)]);
    check(
        "targets: [{ url: a, name: \"a\\u0007\" }]",
        &[("bad-name", 1, 27)],
    );
    check("targets: [{ url: a, name: \"\" }]", &[("bad-name", 1, 27)]);
    check(
        "targets: [a]\nisolate: { reference: [b] }",
        &[("unknown-target", 2, 23)],
    );
}

#[test]
fn values_out_of_range_or_of_the_wrong_kind() {
    for (key, bad, code) in [
        ("interval", "9ms", "out-of-range"),
        ("interval", "25h", "out-of-range"),
        ("timeout", "0s", "out-of-range"),
        ("timeout", "5m1ms", "out-of-range"),
        ("timeout", "[5s]", "wrong-type"),
        ("rise", "0", "out-of-range"),
        ("fall", "101", "out-of-range"),
        ("fall", "99999999999999999999999999", "out-of-range"),
        ("fall", "1.0", "bad-number"),
        ("fall", "-1", "bad-number"),
        ("start", "last", "bad-choice"),
        ("backoff", "0.5", "out-of-range"),
        ("backoff", "11", "out-of-range"),
        ("backoff", ".inf", "bad-number"),
        ("jitter", "26%", "out-of-range"),
        ("jitter", "10", "bad-percent"),
        ("max_interval", "0.5x", "out-of-range"),
        ("weight", "{ tls: 0 }", "out-of-range"),
        ("weight", "{ tsl: 1 }", "unknown-key"),
        ("weight", "{ panicked: 2 }", "unknown-key"),
        ("flap", "off", "bad-value"),
        ("paused", "yes", "ambiguous-word"),
        ("paused", "1", "bad-boolean"),
        ("labels", "{ zone: no }", "ambiguous-word"),
        ("labels", "{ \"a b\": c }", "bad-label"),
        ("connect", "http://a/", "bad-address"),
        ("ip", "5", "bad-choice"),
        ("ip", "both", "not-yet"),
        ("keep_alive", "90", "bad-duration"),
        ("reconnect_every", "0", "out-of-range"),
        ("max_body", "17MiB", "out-of-range"),
        ("max_body", "64", "bad-size"),
        ("max_headers", "1B", "out-of-range"),
        ("proxy", "socks5://a/", "not-yet"),
        ("http", "{ method: get }", "bad-method"),
        ("http", "{ method: \"G T\" }", "bad-method"),
        ("http", "{ headers: { Host: a } }", "bad-header"),
        ("http", "{ headers: { A: \"b\\nc\" } }", "bad-header"),
        (
            "http",
            "{ auth: { basic: { user: a, password: b }, bearer: c } }",
            "wrong-type",
        ),
        (
            "http",
            "{ auth: { bearer: { env: NOPE } } }",
            "unset-variable",
        ),
        (
            "http",
            "{ auth: { bearer: { file: nope } } }",
            "unreadable-file",
        ),
        ("http", "{ version: 3 }", "bad-choice"),
        ("http", "{ redirects: 11 }", "out-of-range"),
        ("tls", "{ min_version: 1.1 }", "bad-choice"),
        ("tls", "{ ca: [nope.pem] }", "unreadable-file"),
        ("tls", "{ ca: nope.pem }", "wrong-type"),
        ("tls", "{ roots: none }", "contradiction"),
        ("expect", "{ status: 20 }", "bad-status"),
        ("expect", "{ status: [] }", "wrong-type"),
        ("expect", "{ status: [200, 6000] }", "bad-status"),
        ("expect", "{ headers: { A: b } }", "wrong-type"),
        (
            "expect",
            "{ headers: { A: { is: b, contains: c } } }",
            "wrong-type",
        ),
        (
            "expect",
            "{ headers: { A: { regex: \"(\" } } }",
            "bad-regex",
        ),
        ("expect", "{ body: { json: { db: 1 } } }", "bad-json-path"),
        (
            "expect",
            "{ latency: { degraded: 2s, failing: 1s } }",
            "contradiction",
        ),
        ("transport", "kept", "bad-choice"),
        ("min_interval", "1s", "contradiction"),
        ("min_interval", "0ms", "out-of-range"),
        ("tcp", "{}", "not-yet"),
        ("depends_on", "[]", "not-yet"),
        ("addresses", "all", "not-yet"),
        ("fast_interval", "6s", "contradiction"),
        ("max_interval", "1s", "contradiction"),
        ("flap", "{ low: 30% }", "contradiction"),
        ("unsteady", "{ until: 6 }", "contradiction"),
    ] {
        let text = format!("targets: [a]\ndefaults: {{ {key}: {bad} }}");
        let codes: Vec<&str> = read(&text).map_or_else(
            |e| e.errors.iter().map(|e| e.code).collect(),
            |_| Vec::new(),
        );
        assert_eq!(codes, [code], "{text}");
    }
    hint(
        "targets: [{ url: \"https://a\", transport: pooled, tls: { server_name: b } }]",
        "write `auto` or `dedicated`",
    );
    hint("defaults: { flap: off }", "write `none`");
    hint("state: /var/lib/x", "write `state: { file: PATH }`");
    hint("defaults: { paused: yes }", "write `true`");
    hint("defaults: { http: { method: get } }", "write `GET`");
}

#[test]
fn the_top_level() {
    for (text, code) in [
        ("version: 2", "bad-choice"),
        ("profile: huge", "bad-choice"),
        ("limits: { in_flight: 0 }", "out-of-range"),
        ("limits: { threads: 0 }", "out-of-range"),
        ("limits: { threads: 65 }", "out-of-range"),
        ("limits: { slot: 2s }", "out-of-range"),
        ("overload: { max_lateness: 0% }", "out-of-range"),
        ("isolate: { targets: 4 }", "out-of-range"),
        ("log: { format: xml }", "bad-choice"),
        ("listen: 127.0.0.1:7740", "wrong-type"),
        ("listen: [7740]", "bad-listen"),
        ("listen: [\":7740\"]", "bad-listen"),
        ("listen: [\"localhost\"]", "bad-listen"),
        ("listen: [\"unix:hc.sock\"]", "bad-listen"),
        ("allowed_hosts: [\"hc.test:80\"]", "bad-host"),
        ("control: \"\"", "bad-path"),
        ("state: auto", "wrong-type"),
        ("state: { file: \"\" }", "bad-path"),
        ("state: { every: 10ms }", "out-of-range"),
        ("state: { max_age: 2d }", "out-of-range"),
        ("metrics: { per_target: all }", "bad-choice"),
        ("metrics: { labels: [a-b] }", "bad-label"),
        ("metrics: { labels: [target] }", "bad-label"),
        ("alerts: {}", "not-yet"),
        ("discovery: []", "not-yet"),
        ("include: [nope.yaml]", "unreadable-file"),
        ("defaults: []", "wrong-type"),
        ("targets: a", "wrong-type"),
        ("targets: [[a]]", "wrong-type"),
        ("targets: [tcp://a:1]", "not-yet"),
        ("targets: [\"a b\"]", "bad-url"),
        (
            "targets: [{ url: \"http://u:p@a/\", http: { auth: { bearer: x } } }]",
            "contradiction",
        ),
        (
            "targets: [{ url: a, http: { auth: { basic: { user: x } } } }]",
            "missing-key",
        ),
        (
            "targets: [{ url: a, tls: { client: { cert: x } } }]",
            "missing-key",
        ),
        ("targets: [\"http://a/${NOPE}\"]", "unset-variable"),
        ("targets: [\"http://a/${}\"]", "bad-variable"),
        ("", "empty-file"),
        ("# nothing\n", "empty-file"),
        ("---\n", "empty-file"),
        ("a", "wrong-type"),
        ("- a", "wrong-type"),
        ("targets: [a]\n---\ntargets: [b]", "many-documents"),
        ("targets:\n\t- a", "syntax"),
        ("targets: [a", "syntax"),
        ("targets: [*a]", "syntax"),
        ("targets: [!x a]", "bad-tag"),
        ("targets: [a]\n<<: 5", "bad-merge"),
    ] {
        let codes: Vec<&str> = read(text).map_or_else(
            |e| e.errors.iter().map(|e| e.code).collect(),
            |_| Vec::new(),
        );
        assert_eq!(codes, [code], "{text}");
    }
}

#[test]
fn an_error_in_defaults_is_told_once() {
    check(
        "defaults: { fast_interval: 9s }\ntargets: [a, b, c]",
        &[("contradiction", 1, 28)],
    );
    check(
        "defaults: { fast_interval: 2s }\ntargets: [a, { url: b, interval: 1s }]",
        &[("contradiction", 2, 34)],
    );
    check(
        "x-a: &a { fall: 0 }\ntargets: [{ url: a, <<: *a }, { url: b, <<: *a }]",
        &[("out-of-range", 1, 17)],
    );
}

#[test]
fn nothing_overflows() {
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        (0..5_000)
            .map(|i| format!("{}a:\n", " ".repeat(i)))
            .collect::<String>(),
        format!("targets: {}a{}", "[".repeat(200), "]".repeat(200)),
    ] {
        assert_eq!(read(&text).unwrap_err().errors.len(), 1);
    }
    let mut bomb = "x-a: &a0 [a, a, a, a, a, a, a, a, a, a]\n".to_owned();
    for i in 1..9 {
        let alias = format!("*a{}", i - 1);
        bomb.push_str(&format!("x-{i}: &a{i} [{}]\n", vec![alias; 10].join(", ")));
    }
    assert_eq!(read(&bomb).unwrap_err().errors[0].code, "too-many-aliases");
    check("x-a: &a [*a]", &[("bad-alias", 1, 10)]);
}

#[test]
fn encodings() {
    let files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::from([
        ("bom.yaml".into(), b"\xef\xbb\xbftargets: [a]".to_vec()),
        ("latin.yaml".into(), b"targets: [a]\n# caf\xe9\n".to_vec()),
        ("crlf.yaml".into(), b"targets:\r\n- a\r\n- b\r\n".to_vec()),
    ]);
    let env = EnvFn(|_: &str| None);
    let read = |name: &str| load(&Source::File(name.into()), &env, &files);
    assert_eq!(read("bom.yaml").unwrap().targets.len(), 1);
    assert_eq!(read("crlf.yaml").unwrap().targets.len(), 2);
    let errors = read("latin.yaml").unwrap_err().errors;
    assert_eq!(
        (errors[0].code, errors[0].line, errors[0].column),
        ("bad-encoding", 2, 6)
    );
    let gone = read("gone.yaml").unwrap_err();
    assert_eq!(gone.errors[0].code, "unreadable-file");
    assert_eq!(gone.summary(), "1 error in gone.yaml");
}

#[test]
fn includes() {
    let files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::from([
        (
            "d/hc.yaml".into(),
            b"include: [conf.d/*.yaml]\ntargets: [a]".to_vec(),
        ),
        (
            "d/conf.d/1.yaml".into(),
            b"x-y: 1\ntargets: [b]\ngroups: [{ name: g, targets: [c] }]".to_vec(),
        ),
        ("d/conf.d/2.yaml".into(), b"targets: [d]".to_vec()),
        (
            "bad.yaml".into(),
            b"include: [one.yaml]\ntargets: [a]".to_vec(),
        ),
        (
            "one.yaml".into(),
            b"defaults: {}\ntargets: [a]\nfoo: 1".to_vec(),
        ),
    ]);
    let env = EnvFn(|_: &str| None);
    let config = load(&Source::File("d/hc.yaml".into()), &env, &files).unwrap();
    let names: Vec<&str> = config.targets.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["http://a/", "http://b/", "http://c/", "http://d/"]);
    assert_eq!(config.files.len(), 3);
    let errors = load(&Source::File("bad.yaml".into()), &env, &files)
        .unwrap_err()
        .errors;
    let codes: Vec<&str> = errors.iter().map(|e| e.code).collect();
    assert_eq!(codes, ["not-in-include", "duplicate-name", "unknown-key"]);
    assert_eq!(errors[1].file, "one.yaml");
    assert!(
        errors[1].hint.as_deref().unwrap().contains("bad.yaml:2:11"),
        "{:?}",
        errors[1].hint
    );
}

#[test]
fn urls_beside_a_file_are_among_its_targets() {
    let files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::from([(
        "hc.yaml".into(),
        b"defaults: { fall: 7 }\ntargets: [{ url: a, fall: 9 }]".to_vec(),
    )]);
    let env = EnvFn(|_: &str| None);
    let read = |urls: &[&str]| {
        let source = Source::FileAndUrls {
            path: "hc.yaml".into(),
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
        };
        load(&source, &env, &files)
    };
    let config = read(&["b", "a", "b"]).unwrap();
    let falls = config
        .targets
        .iter()
        .map(|it| (&*it.name, it.policy.fall()));
    assert_eq!(
        falls.collect::<Vec<_>>(),
        [("http://a/", 9), ("http://b/", 7)]
    );
    let shown = config.effective().target("http://b/").unwrap();
    let fall = shown.iter().find(|it| it.path() == "fall").unwrap();
    assert_eq!(fall.origin.to_string(), "defaults");
    let errors = read(&["ftp://c"]).unwrap_err().errors;
    assert_eq!(errors.len(), 1, "{errors:?}");
}
