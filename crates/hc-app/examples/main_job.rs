//! The main job, recorded: `hc run` watches 200 addresses of one nginx for five minutes while some are stopped, hung,
//! slowed, made to answer 500, and brought back.
//!
//! `main_job HC FOLDER`: the binary, and where the log and the record go. `cargo xtask bench main-job` runs it. Fails when
//! a change was not seen, was seen later than the policy promises, or anything else changed.
#![expect(clippy::print_stdout, reason = "its output is its result")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use hc_testkit::nginx::{Answer, Nginx};
use jiff::Timestamp;

const TARGETS: u16 = 200;
const LASTS: u64 = 300;
/// Slots of the wheel, a busy machine, and the time that nginx takes for a reload; seconds.
const SLACK: f64 = 1.0;

/// One thing that is done to some targets, and the status that must follow.
struct Act {
    /// Seconds after the start.
    at: u64,
    targets: Range<usize>,
    what: &'static str,
    /// What nginx is told; `None`: the listeners are closed, or opened again.
    answer: Option<Answer>,
    leads_to: &'static str,
    /// The policy's worst case in seconds. Down: an interval and its jitter (5.5), two fast checks (1), and the timeouts of
    /// a hanging target (6). Back: two intervals of full backoff and half a one off the grid, jitter, a fast check (13.5).
    /// Degraded and back: three, and two, whole intervals.
    within: f64,
}

const SLOW: Answer = Answer::Delayed(Duration::from_millis(600));

fn acts() -> Vec<Act> {
    let act = |at, targets, what, answer, leads_to, within| Act {
        at,
        targets,
        what,
        answer,
        leads_to,
        within,
    };
    let ok = Some(Answer::Ok);
    vec![
        act(
            40,
            0..10,
            "stopped: connecting is refused",
            None,
            "unhealthy",
            6.5,
        ),
        act(
            60,
            10..20,
            "answer 500",
            Some(Answer::Failing),
            "unhealthy",
            6.5,
        ),
        act(
            80,
            20..25,
            "hang: the request is read, nothing comes",
            Some(Answer::Hang),
            "unhealthy",
            12.5,
        ),
        act(
            100,
            25..30,
            "close instead of an answer",
            Some(Answer::Close),
            "unhealthy",
            6.5,
        ),
        act(
            120,
            30..40,
            "answer after 600 ms, degraded from 300 ms on",
            Some(SLOW),
            "degraded",
            17.1,
        ),
        act(170, 0..10, "listen again", None, "healthy", 13.5),
        act(190, 10..20, "answer 200", ok, "healthy", 13.5),
        act(205, 20..25, "answer 200", ok, "healthy", 15.5),
        act(220, 25..30, "answer 200", ok, "healthy", 13.5),
        act(235, 30..40, "answer at once", ok, "healthy", 11.6),
    ]
}

fn name(n: usize) -> String {
    format!("web-{n:03}")
}

#[expect(clippy::disallowed_methods, reason = "a recording has times")]
fn now() -> (Instant, Timestamp) {
    (Instant::now(), Timestamp::now())
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [hc, folder] = &arguments[..] else {
        panic!("main_job HC FOLDER");
    };
    let folder = Path::new(folder);
    fs::create_dir_all(folder).expect("the folder can be made");
    let mut nginx = Nginx::fleet(TARGETS).expect("nginx starts");
    fs::write(folder.join("main-job.yaml"), config(&nginx)).expect("the folder can be written");
    let log = fs::File::create(folder.join("main-job.log")).expect("the folder can be written");
    let mut running = Command::new(hc)
        .args(["run", "-c", "main-job.yaml"])
        .current_dir(folder)
        .stdout(log)
        .spawn()
        .expect("hc starts");
    let (began, _) = now();
    let until = |second: u64| {
        let due = began + Duration::from_secs(second);
        thread::sleep(due.saturating_duration_since(now().0));
    };
    let mut samples = vec![];
    let addresses = nginx.addresses();
    let mut done = Vec::new();
    until(30);
    samples.push((30, usage(&running)));
    for act in acts() {
        until(act.at);
        let some = &addresses[act.targets.clone()];
        let (_, at) = now();
        match act.answer {
            Some(answer) => {
                for address in some {
                    nginx
                        .set(*address, answer)
                        .expect("nginx's folder is there");
                }
            }
            None if act.leads_to == "healthy" => nginx.bring_back(some).expect("nginx reloads"),
            None => nginx.stop(some).expect("nginx reloads"),
        }
        done.push((act, at));
        if samples.len() == 1 && done.len() == 5 {
            until(160);
            samples.push((160, usage(&running)));
        }
    }
    until(LASTS - 2);
    samples.push((LASTS - 2, usage(&running)));
    until(LASTS);
    stop(&mut running);
    let log = fs::read_to_string(folder.join("main-job.log")).expect("hc wrote it");
    let record = record(&log, &done, &samples, &nginx);
    fs::write(folder.join("main-job.md"), &record).expect("the folder can be written");
    println!("{record}");
}

fn config(nginx: &Nginx) -> String {
    let mut text = String::from(
        "# interval 5s, timeout 2s, fall 3, rise 2, fast_interval 500ms: the defaults.\ndefaults:\n  expect: { latency: { degraded: 300ms } }\ntargets:\n",
    );
    for (n, url) in nginx.urls().iter().enumerate() {
        writeln!(text, "  - {{ name: {}, url: \"{url}\" }}", name(n)).expect("text grows");
    }
    text
}

/// Resident KiB, threads, open files.
fn usage(running: &Child) -> [u64; 3] {
    let folder = format!("/proc/{}", running.id());
    let status = fs::read_to_string(format!("{folder}/status")).expect("hc runs");
    let value = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok())
            .expect("a number")
    };
    let files = fs::read_dir(format!("{folder}/fd"))
        .expect("hc runs")
        .count();
    [value("VmRSS:"), value("Threads:"), files as u64]
}

/// As an init system does.
fn stop(running: &mut Child) {
    let id = running.id().to_string();
    let told = Command::new("sh")
        .args(["-c", "kill -TERM $0", &id])
        .stdin(Stdio::null())
        .status();
    assert!(
        told.is_ok_and(|status| status.success()),
        "hc can be signalled"
    );
    let ended = running.wait().expect("it is a child");
    assert!(ended.success(), "hc ends with 0: {ended}");
}

/// A line's value of that key.
fn field<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let found = line
        .split(' ')
        .find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    found.map(|value| value.trim_matches('"'))
}

/// Checks the log against what was done, and writes the record of both.
fn record(
    log: &str,
    done: &[(Act, Timestamp)],
    samples: &[(u64, [u64; 3])],
    nginx: &Nginx,
) -> String {
    let mut turned: BTreeMap<(&str, &str), Vec<(Timestamp, &str)>> = BTreeMap::new();
    let mut transitions = 0;
    for line in log
        .lines()
        .filter(|line| line.contains(" transition target="))
    {
        let (Some(at), Some(target), Some(to)) = (
            line.split(' ').next(),
            field(line, "target"),
            field(line, "to"),
        ) else {
            panic!("no transition: {line}");
        };
        let at = at.parse().expect("a line begins with its time");
        turned.entry((target, to)).or_default().push((at, line));
        transitions += 1;
    }
    let mut expected = 0;
    let mut table = String::from(
        "| at | targets | what | became | seen after, s: first, median, last | promised |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for (act, at) in done {
        let mut after: Vec<_> = act
            .targets
            .clone()
            .map(|n| {
                let name = name(n);
                let seen = turned.get(&(name.as_str(), act.leads_to));
                let [(seen, _)] = seen.map_or(&[][..], Vec::as_slice) else {
                    panic!(
                        "{name} became {} {} times",
                        act.leads_to,
                        seen.map_or(0, Vec::len)
                    );
                };
                seen.duration_since(*at).as_secs_f64()
            })
            .collect();
        expected += after.len();
        after.sort_by(f64::total_cmp);
        let (first, last) = (after[0], after[after.len() - 1]);
        assert!(
            first >= 0.0 && last <= act.within + SLACK,
            "{}: {first} to {last} s",
            act.what
        );
        writeln!(
            table,
            "| {} s | {}-{} | {} | {} | {first:.1}, {:.1}, {last:.1} | {} |",
            act.at,
            name(act.targets.start),
            name(act.targets.end - 1),
            act.what,
            act.leads_to,
            after[after.len() / 2],
            act.within
        )
        .expect("text grows");
    }
    assert_eq!(transitions, expected, "nothing else changed");
    let counted = nginx.counted().expect("nginx answers");
    let mut text = format!(
        "{table}\n{transitions} transitions were logged, {expected} were caused: nothing else changed. nginx accepted {} connections and read {} requests.\n\n\
         | at | resident, KiB | threads | open files |\n| --- | --- | --- | --- |\n",
        counted.connections, counted.requests
    );
    for (at, [rss, threads, files]) in samples {
        writeln!(text, "| {at} s | {rss} | {threads} | {files} |").expect("text grows");
    }
    text + "\n```\n" + &shortened(log) + "```\n"
}

/// The log with each run of more than three transitions of one sort, status and kind of failure, cut to its first two and its last.
fn shortened(log: &str) -> String {
    fn kind(line: &str) -> Option<(Option<&str>, Option<&str>)> {
        line.contains(" transition ")
            .then(|| (field(line, "to"), field(line, "kind")))
    }
    let lines: Vec<_> = log.lines().collect();
    let mut text = String::new();
    for run in lines.chunk_by(|a, b| kind(a).is_some() && kind(a) == kind(b)) {
        if run.len() <= 3 {
            run.iter().for_each(|line| text += &format!("{line}\n"));
        } else {
            text += &format!(
                "{}\n{}\n[{} more of this sort left out]\n{}\n",
                run[0],
                run[1],
                run.len() - 3,
                run[run.len() - 1]
            );
        }
    }
    text
}
