//! Whatever a file looks like: nothing panics, and a planted secret is in no diagnostic, no `Debug`, no shown value.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hc_config::{EnvFn, Overrides, Source, load_with, render_shown, show};
use proptest::prelude::*;

const SECRET: &str = "hunter2";

/// Everything that people may see of a load.
fn all_output(text: &str) -> String {
    let files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::from([("f".into(), SECRET.into())]);
    let env = EnvFn(|name: &str| (name == "TOKEN").then(|| SECRET.to_owned()));
    let source = Source::Text {
        name: "hc.yaml".to_owned(),
        text: text.to_owned(),
    };
    let overrides = Overrides::new().header("--header", "X-Flag", SECRET);
    match load_with(&source, &overrides, &env, &files) {
        Err(errors) => format!(
            "{errors} {errors:?} {} {}",
            errors.render(false),
            errors.render(true)
        ),
        Ok(config) => {
            let mut out = format!("{config:?}");
            for name in config
                .targets
                .iter()
                .map(|t| Some(t.name.as_str()))
                .chain([None])
            {
                out.push_str(&render_shown(
                    &show(&config, name).expect("the name is known"),
                ));
            }
            out
        }
    }
}

#[track_caller]
fn check(text: &str) {
    let out = all_output(text);
    assert!(!out.contains(SECRET), "{text}\n---\n{out}");
}

#[test]
fn planted_secrets_stay_hidden() {
    for line in [
        "auth: { bearer: hunter2 }",
        "auth: { bearr: hunter2 }",
        "auth: { hunter2 }",
        "auth: { bearer: [hunter2] }",
        "auth: hunter2",
        "auth: [hunter2]",
        "auth: { basic: { user: u, pasword: hunter2 } }",
        "auth: { basic: { user: hunter2, password: { file: nope } } }",
        "auth: { basic: { user: u, password: a, hunter2 } }",
        "auth: { basic: { user: \"hunter2:x\", password: a } }",
        "auth: { bearer: { env: hunter2 } }",
        "auth: { bearer: { envv: hunter2 } }",
        "auth: { bearer: { file: hunter2 } }",
        "auth: { bearer: !hunter2 x }",
        "auth: { bearer: *hunter2 }",
        "auth: { bearer: &hunter2 }",
        "auth: { bearer: @hunter2 }",
        "auth: { bearer: \"${hunter2\" }",
        "auth: { bearer: \"${NOPE:-hunter2\" }",
        "auth: { bearer: \"hunter2 ${NOPE}\" }",
        "auth: { bearer: hunter2, extra: 1 }",
        "auth: { bearer: \"a\\nhunter2\" }",
        "aut: { bearer: hunter2 }",
        "headers: { A: hunter2, B: [x] }",
        "headers: { A: \" hunter2\" }",
        "headers: { Host: hunter2 }",
        "header: { A: hunter2 }",
        "headers: { \"A hunter2\": x }",
        "headers: [hunter2]",
        "body: hunter2",
        "bodi: hunter2",
        "body: [hunter2]",
        "password: hunter2",
        "token: hunter2 # hunter2",
        "version: 9 # hunter2",
        "version: 9 }, tls: { x: hunter2",
    ] {
        check(&format!(
            "targets: [a]\ndefaults: {{ fall: 0, http: {{ {line} }} }}"
        ));
        check(&format!(
            "targets: [a]\ndefaults:\n  http:\n    {line}\n    redirects: 99"
        ));
        check(&format!(
            "targets: [a]\ndefaults:\n  fall: 0\n  http: {{ {line}"
        ));
    }
    for target in [
        "http://u:hunter2@a/",
        "http://hunter2@a/",
        "http://u:hunter2@a:port/",
        "http://u:hunter2@",
        "u:hunter2@a",
        "tcp://u:hunter2@a",
        "http://u:hun,hunter2@a/",
        "http://a/?x=${TOKEN}",
        "http://a/?${TOKEN}=x",
        "http://u:${TOKEN}@a/",
        "http://a b/?x=hunter2",
    ] {
        check(&format!("targets: [\"{target}\"]"));
        check(&format!("targets: [\"{target}\", \"{target}\"]"));
        check(&format!("targets: [{{ url: {target} }}]"));
        check(&format!("targets: [{{ urll: {target} }}]"));
        check(&format!("targets: {{ \"{target}\": {{}} }}"));
        check(&format!("targets: {target}"));
        check(&format!("targets:\n- a\n- {target}: x"));
    }
    check(
        "targets: [a]\ndefaults: { fall: \"${TOKEN}\", start: \"${TOKEN}\", timeout: \"${TOKEN}\" }",
    );
    check("targets: [a]\ndefaults: { proxy: \"http://u:hunter2@p:1/\" }");
    check("targets: [a]\ndefaults: { proxy: \"https://u:hunter2@p:1/\" }");
    check("targets: [a]\ndefaults: { proxi: \"http://u:hunter2@p:1/\", fall: 0 }");
    check("targets: [a]\nx: |\n  a\n  hunter2\n   bad: [\n");
    check("targets: [a]\ndefaults:\n  http:\n    body: |\n      hunter2\n   timeout: x\n");
    check("targets: [a]\ndefaults:\n  http:\n    body: \"x\n      hunter2 timeout: 5");
}

fn piece() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "targets:",
        "defaults:",
        "groups:",
        "http:",
        "auth:",
        "basic:",
        "bearer:",
        "headers:",
        "body:",
        "expect:",
        "name:",
        "url:",
        "timeout:",
        "pasword:",
        "tls:",
        "isolate:",
        "x-a:",
        "- ",
        "  ",
        "    ",
        "\n",
        "\n  ",
        "\n    ",
        " ",
        ": ",
        ", ",
        "{ ",
        " }",
        "[",
        "]",
        "&a ",
        "*a",
        "<<: ",
        "!t ",
        "| ",
        "> ",
        "\"",
        "'",
        "# ",
        "---\n",
        "${",
        "}",
        "$$",
        "${NO:-x}",
        "http://a/",
        "?q=",
        "@",
        ":8080",
        "5s",
        "5",
        "none",
        "null",
        "yes",
        "2x",
        "10%",
        "\t",
        "\u{feff}",
        "\r\n",
        "%",
        "é",
        "\u{202e}",
        "? ",
    ]);
    prop_oneof![8 => fixed.prop_map(ToOwned::to_owned), 1 => any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics(pieces in prop::collection::vec(piece(), 0..40)) {
        let out = all_output(&pieces.concat());
        prop_assert!(!out.contains(SECRET) , "{}\n---\n{out}", pieces.concat());
    }

    /// A right file with a secret in a secret place, and then some noise somewhere.
    #[test]
    fn noise_around_a_secret_does_not_uncover_it(at in 0_usize..1_000, noise in piece().prop_filter("a key whose value is no secret", |p| !["timeout:", "name:", "url:"].contains(&p.as_str())), cut in 0_usize..3) {
        let text = "targets:\n- { url: \"http://u:hunter2@a/?k=${TOKEN}\", fall: 5 }\n- url: b\n  rise: 2\n  http:\n    auth: { basic: { user: u, password: hunter2 } }\n    headers:\n      A: hunter2\n    body: |\n      hunter2\n      x\n  timeout: 1s\n";
        // Noise inside the secret itself would make two halves of it.
        let free: Vec<usize> = (0..text.len()).filter(|at| !(at.saturating_sub(6)..=*at).any(|from| text[from..].starts_with(SECRET) && from != *at)).collect();
        // Inside the beginning of the URL it makes another URL, of which the rest is an open path or query.
        let url = text.find("http://u").expect("it is there")..text.find("N}").map(|at| at + 2).expect("it is there");
        let free: Vec<usize> = free.into_iter().filter(|at| !url.contains(at)).collect();
        let at = free[at % free.len()];
        let end = (at + cut).min(text.len());
        let end = if text[at..].len() > cut && free.contains(&end) { end } else { at };
        let text = format!("{}{noise}{}", &text[..at], &text[end..]);
        let out = all_output(&text);
        prop_assert!(!out.contains(SECRET), "{text}\n---\n{out}");
    }
}
