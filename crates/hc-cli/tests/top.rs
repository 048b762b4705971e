//! `hc top` on a terminal, beside a real `hc run`.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod common;

use std::fs;
use std::path::Path;

use common::folder;
use common::pty::Pty;
use common::running::{Run, look, send};
use hc_testkit::server::{Server, http};

const NOBODY: &str = "http://127.0.0.1:1/";

/// A run of that config, after each target was asked once.
fn run(runtime: &Path, config: &str) -> Run {
    let file = runtime.join("hc.yaml");
    fs::write(&file, config).unwrap();
    let mut run = Run::start(runtime, &["-c", file.to_str().unwrap()]);
    run.line("first_sweep");
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn one_watches_filters_opens_and_quits() {
    let good = Server::always(http::ok()).await;
    let runtime = folder("top_watch");
    let mut config = "instance: web1\ndefaults: { interval: 1h }\ntargets:\n".to_owned();
    for n in 0..60 {
        config.push_str(&format!(
            "  - {{ name: shop-{n:02}, url: \"{}\" }}\n",
            good.url(&format!("/{n}"))
        ));
    }
    config.push_str(&format!("  - {{ name: api-1, url: \"{NOBODY}\" }}\n"));
    let run = run(&runtime, &config);
    let mut top = Pty::start(&run.look(&["top"]), 80, 24);
    let text = top.has("1-21 of 61");
    assert!(text.contains("unhealthy >api-1"), "{text}");
    let rows: Vec<_> = text.lines().collect();
    assert!(
        rows[0].starts_with("hc web1 up ") && rows[0].contains("  61: 60 healthy 1 unhealthy"),
        "{text}"
    );
    assert!(rows[1].starts_with("STATUS     TARGET"), "{text}");
    assert!(
        rows[2].contains("refused in connect: 127.0.0.1:1"),
        "{text}"
    );
    assert!(
        rows[23].starts_with("/filter  s sort") && rows[23].ends_with(" 1-21 of 61"),
        "{text}"
    );
    top.press("G");
    top.has("healthy   >shop-59");
    top.press("/shop-4");
    top.has("1-10 of 10");
    top.press("\r");
    top.has("/shop-4  esc all");
    top.press("\u{1b}");
    top.has("1-21 of 61");
    top.press("s");
    top.has("s sort: name");
    top.press("\r");
    let text = top.has("changes of status");
    assert!(
        text.contains("api-1  unhealthy for ") && text.contains("esc back"),
        "{text}"
    );
    top.press("\u{1b}");
    top.has("s sort: name");
    top.press("?");
    top.has("ctrl-z");
    // A size that nobody works at, and back.
    top.press("\u{1b}");
    top.has("s sort: name");
    top.resize(1, 1);
    top.shows(|text| text == "~");
    top.resize(160, 50);
    let text = top.has("- api-1 - ");
    assert!(text.contains("LAST 30") && text.contains("| "), "{text}");
    top.press("q");
    let (ended, written) = top.end();
    assert_eq!(ended.code(), Some(0));
    assert!(written.contains("\u{1b}[?1049h") && written.trim_end().contains("\u{1b}[?1049l"));
    assert!(
        written.ends_with("\u{1b}[?25h") || written.contains("\u{1b}[?25h"),
        "the cursor is back"
    );
    assert_eq!(run.stop("TERM"), 0);
}

/// The terminal is given back however it ends.
#[test]
fn signals_and_keys_give_the_terminal_back() {
    let runtime = folder("top_ends");
    let run = run(&runtime, &format!("targets: [\"{NOBODY}\"]"));
    for (how, code) in [
        ("q", 0),
        ("\u{3}", 130),
        ("TERM", 0),
        ("INT", 130),
        ("HUP", 0),
    ] {
        let mut top = Pty::start(&run.look(&["top"]), 80, 24);
        top.has("? help");
        match how.len() {
            1 => top.press(how),
            _ => send(top.child.id(), how),
        }
        let (ended, written) = top.end();
        assert_eq!(ended.code(), Some(code), "{how}");
        let (_, after) = written.rsplit_once("\u{1b}[?1049l").unwrap();
        assert!(!after.contains("hc:"), "{after:?}");
    }
    assert_eq!(run.stop("TERM"), 0);
}

#[test]
fn a_restart_is_said_and_lived_through() {
    let runtime = folder("top_restart");
    let targets = |name: &str| {
        format!("defaults: {{ interval: 1h }}\ntargets: [{{ name: {name}, url: \"{NOBODY}\" }}]")
    };
    let first = run(&runtime, &targets("old"));
    let mut top = Pty::start(&first.look(&["top"]), 100, 24);
    top.has(">old");
    top.press("\r");
    top.has("old  unhealthy for ");
    first.signal("KILL");
    drop(first);
    let text = top.has("AWAY for ");
    assert!(
        text.contains("AWAY for") && text.contains("old  unhealthy for"),
        "{text}"
    );
    let second = run(&runtime, &targets("new"));
    let text = top.has("no target is called so any more");
    assert!(
        text.starts_with("hc ") && text.contains("old  unhealthy for"),
        "{text}"
    );
    top.press("q");
    top.has(">new");
    top.press("q");
    assert_eq!(top.end().0.code(), Some(0));
    assert_eq!(second.stop("TERM"), 0);
}

#[test]
fn colour_is_there_or_not_and_dumb_terminals_get_one_look() {
    let runtime = folder("top_colour");
    let run = run(&runtime, &format!("targets: [\"{NOBODY}\"]"));
    let drawn = |arguments: &[&str], no_color: bool| {
        let mut command = run.look(&[&["top"], arguments].concat());
        if no_color {
            command.env("NO_COLOR", "1");
        }
        let mut top = Pty::start(&command, 80, 24);
        top.has("unhealthy >");
        top.press("q");
        top.end().1
    };
    let has_color = |text: &str| text.contains("38;5;1");
    assert!(has_color(&drawn(&[], false)));
    assert!(has_color(&drawn(&["--color", "always"], true)));
    for text in [drawn(&[], true), drawn(&["--color", "never"], false)] {
        assert!(!text.contains("38;5;"), "{text:?}");
    }
    let mut command = run.look(&["top"]);
    command.env("TERM", "dumb");
    let mut once = Pty::start(&command, 80, 24);
    once.has("unhealthy");
    let (ended, written) = once.end();
    assert_eq!(ended.code(), Some(1));
    assert!(!written.contains('\u{1b}'), "{written:?}");
    let away = folder("top_away");
    let mut away = Pty::start(&look(&away, &["top"]), 80, 24);
    away.has("hc is away");
    let (ended, written) = away.end();
    assert_eq!(ended.code(), Some(3));
    assert!(!written.contains("\u{1b}[?1049h"), "{written:?}");
    assert_eq!(run.stop("TERM"), 0);
}
