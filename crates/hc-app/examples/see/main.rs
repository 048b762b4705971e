//! What people and tools see of one run, recorded: `hc run` watches 200 addresses of one nginx, some of which are
//! stopped, hung, slowed or made to answer 500; the log, `hc status`, `hc top`, Prometheus and the API must tell the same
//! trouble; then hc is restarted, and must have forgotten nothing.
//!
//! `see HC FOLDER`: the binary, and where the record and its pictures go. `cargo xtask bench see` runs it. Fails when two
//! tell different things.
#![expect(clippy::print_stdout, reason = "its output is its result")]

mod ask;
mod prometheus;
mod record;
mod running;
mod screen;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use hc_testkit::nginx::{Answer, Nginx};

use self::prometheus::Prometheus;
use self::record::Record;
use self::running::Running;

const TARGETS: u16 = 200;

/// What is broken, how, and what it must be called.
const BROKEN: [(std::ops::Range<usize>, &str, &str); 5] = [
    (3..6, "refused", "unhealthy"),
    (20..22, "answer 500", "unhealthy"),
    (40..41, "hang", "unhealthy"),
    (60..61, "close instead of an answer", "unhealthy"),
    (80..83, "answer after 600 ms", "degraded"),
];

fn name(n: usize) -> String {
    format!("web-{n:03}")
}

/// Who is not well, and what they are called.
type Trouble = BTreeMap<String, String>;

fn expected() -> Trouble {
    let each = BROKEN
        .into_iter()
        .flat_map(|(targets, _, status)| targets.map(move |n| (name(n), status.to_owned())));
    each.collect()
}

/// Where all of it happens.
struct Scene {
    hc: PathBuf,
    folder: PathBuf,
}

impl Scene {
    /// The control socket.
    fn url(&self) -> String {
        format!("unix:{}", self.folder.join("see.sock").display())
    }
}

#[expect(clippy::disallowed_methods, reason = "a recording has times")]
fn now() -> Instant {
    Instant::now()
}

/// Looks again until it holds, for a minute at most.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        thread::sleep(Duration::from_millis(200));
    }
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [hc, folder] = &arguments[..] else {
        panic!("see HC FOLDER");
    };
    let folder = PathBuf::from(folder);
    fs::create_dir_all(&folder).expect("the folder can be made");
    let folder = folder.canonicalize().expect("it is there");
    let hc = Path::new(hc).canonicalize().expect("hc is there");
    let mut nginx = Nginx::fleet(TARGETS).expect("nginx starts");
    let port = ask::free_port();
    let config = folder.join("see.yaml");
    fs::write(&config, text_of(&nginx, port)).expect("the folder can be written");
    // What an earlier recording left must not be taken for this one's.
    let _ = fs::remove_file(folder.join("see.state"));
    let scene = Scene { hc, folder };
    let record = play(&scene, &mut nginx, port);
    let file = scene.folder.join("see.md");
    fs::write(file, &record).expect("the folder can be written");
    println!("{record}");
}

fn text_of(nginx: &Nginx, port: u16) -> String {
    let mut text = format!(
        "listen: [\"127.0.0.1:{port}\"]\ncontrol: ./see.sock\nstate: {{ file: see.state }}\nlabels: {{ zone: a }}\n\
         defaults:\n  expect: {{ latency: {{ degraded: 300ms }} }}\ntargets:\n"
    );
    for (n, url) in nginx.urls().iter().enumerate() {
        text += &format!("  - {{ name: {}, url: \"{url}\" }}\n", name(n));
    }
    text
}

fn play(scene: &Scene, nginx: &mut Nginx, port: u16) -> String {
    // Those that are stopped are not among nginx's own.
    let addresses = nginx.addresses();
    let mut record = Record::new(&scene.folder);
    let mut hc = Running::start(scene, "first.log");
    let prometheus = Prometheus::start(&scene.folder, port);
    let ready = || ask::get(port, "/readyz").is_some_and(|it| it.status == 200);
    until("the first sweep is done", ready);
    until("all are healthy", || ask::trouble(port).is_empty());
    break_some(nginx, &addresses);
    until("all trouble is seen", || ask::trouble(port) == expected());
    // A second more: for a scrape, and for targets that are seen already to be asked again.
    until("Prometheus has scraped it", || {
        prometheus.unhealthy().len() == 7
    });
    record.part("Seven of 200 are unhealthy and three slow");
    told_alike(scene, &hc, &prometheus, port, &mut record, "before");

    let (log, since) = (hc.log(), ask::since(port));
    hc.stop();
    assert!(
        hc.log().contains(" stopped signal=SIGTERM "),
        "{}",
        hc.log()
    );
    let mut hc = Running::start(scene, "second.log");
    until("it answers again", || ask::get(port, "/healthz").is_some());
    record.part("hc was restarted");
    let status = hc.verb(scene, &["status", "--color", "never"]);
    record.text(
        "`hc status` in a pipe, at once: what is restored holds until the first check",
        "text",
        &first_lines(&status, 13),
    );
    assert_eq!(ask::trouble(port), expected(), "nothing is forgotten");
    until("the first sweep is done again", ready);
    assert_eq!(
        ask::trouble(port),
        expected(),
        "nothing is called otherwise"
    );
    assert_eq!(ask::since(port), since, "a status began when it began");
    let told = hc.log();
    assert!(!told.contains(" transition "), "nothing turned: {told}");
    record.text("its log: no target is told again", "text", &told);
    until("Prometheus has scraped it again", || {
        prometheus.unhealthy().len() == 7
    });
    told_alike(scene, &hc, &prometheus, port, &mut record, "after");

    mend(nginx, &addresses);
    until("all are well", || ask::trouble(port).is_empty());
    record.part("All is mended");
    let back = hc.log();
    let lines: Vec<_> = back
        .lines()
        .filter(|it| it.contains(" transition "))
        .collect();
    assert_eq!(lines.len(), expected().len(), "each came back once: {back}");
    record.text(
        "the log: `held` goes back beyond the restart",
        "text",
        &(lines.join("\n") + "\n"),
    );
    hc.stop();
    record.whole(&log)
}

/// The first so many, and how many more there are.
fn first_lines(text: &str, most: usize) -> String {
    let lines: Vec<_> = text.lines().collect();
    let (shown, rest) = lines.split_at(most.min(lines.len()));
    let rest = match rest.len() {
        0 => String::new(),
        left => format!("[{left} more left out]\n"),
    };
    format!("{}\n{rest}", shown.join("\n"))
}

fn break_some(nginx: &mut Nginx, addresses: &[SocketAddr]) {
    for (targets, how, _) in BROKEN {
        let some = &addresses[targets];
        let answer = match how {
            "refused" => {
                nginx.stop(some).expect("nginx reloads");
                continue;
            }
            "answer 500" => Answer::Failing,
            "hang" => Answer::Hang,
            "close instead of an answer" => Answer::Close,
            _ => Answer::Delayed(Duration::from_millis(600)),
        };
        for address in some {
            nginx
                .set(*address, answer)
                .expect("nginx's folder is there");
        }
    }
}

fn mend(nginx: &mut Nginx, addresses: &[SocketAddr]) {
    for (targets, how, _) in BROKEN {
        let some = &addresses[targets];
        if how == "refused" {
            nginx.bring_back(some).expect("nginx reloads");
        } else {
            for address in some {
                nginx
                    .set(*address, Answer::Ok)
                    .expect("nginx's folder is there");
            }
        }
    }
}

/// Every way to look tells what is expected, and is recorded.
fn told_alike(
    scene: &Scene,
    hc: &Running,
    prometheus: &Prometheus,
    port: u16,
    record: &mut Record,
    when: &str,
) {
    let expected = expected();
    let names: Vec<_> = expected.keys().cloned().collect();
    let unhealthy: Vec<_> = expected
        .iter()
        .filter(|(_, status)| *status == "unhealthy")
        .map(|(name, _)| name.clone())
        .collect();
    if when == "before" {
        let log = hc.log();
        let told = log.lines().filter(|it| it.contains(" transition "));
        let told: Vec<_> = told.collect();
        let mut turned: Vec<_> = told
            .iter()
            .filter_map(|line| running::field(line, "target"))
            .collect();
        turned.sort_unstable();
        assert_eq!(turned, names, "the log tells of these");
        record.text("the log", "text", &(told.join("\n") + "\n"));
    }
    let status = hc.verb(scene, &["status", "--json"]);
    let mut shown: Vec<_> = status
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|it| matches!(it["status"].as_str(), Some("unhealthy" | "degraded")))
        .filter_map(|it| it["name"].as_str().map(ToOwned::to_owned))
        .collect();
    shown.sort();
    assert_eq!(shown, names, "hc status tells of these");
    let picture = |verb: &str, size, keys: &[&str]| screen::Screen::of(scene, verb, size, keys);
    let screen = picture("status", (80, 24), &[]);
    record.picture("`hc status`", &format!("see-{when}-status"), &screen);
    let screen = picture("top", (80, 24), &[]);
    for name in &names {
        assert!(
            screen.text().contains(name.as_str()),
            "hc top shows {name}:\n{}",
            screen.text()
        );
    }
    record.picture("`hc top` on 80 x 24", &format!("see-{when}-top"), &screen);
    if when == "before" {
        let screen = picture("top", (160, 50), &[]);
        record.picture("`hc top` on 160 x 50", "see-before-wide", &screen);
        let screen = picture("top", (100, 30), &["\r"]);
        record.picture(
            "`hc top`, one target's detail open",
            "see-before-detail",
            &screen,
        );
    }
    assert_eq!(
        prometheus.unhealthy(),
        unhealthy,
        "Prometheus tells of these"
    );
    let why = prometheus.query("hc_target_failure_info");
    record.text(
        "Prometheus's query API: `hc_target_failure_info`",
        "text",
        &why,
    );
    let answer = ask::get(
        port,
        "/api/v1/targets?status=unhealthy&sort=trouble&limit=1",
    );
    let answer = answer.expect("the API answers").body;
    record.text(
        "the API: `/api/v1/targets?status=unhealthy&sort=trouble&limit=1`",
        "json",
        &(answer + "\n"),
    );
}
