//! `cargo xtask bench cold`: ten thousand URLs, each asked once over a connection of its own, by `hc check` and by the
//! best that a user would otherwise reach for. Interleaved rounds; `askers` knows how each is started, `run` runs one.

mod askers;
mod run;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap::Parser;
use serde_json::{Value, json};

use self::askers::{ASKERS, Asker};
use self::run::{Run, run_once};
use super::files::Files;
use super::given::Given;
use super::report::Setting;
use super::rig::{Arena, Program, Programs, enter, obtain};
use super::spread::{Spread, table};
use crate::clock::{Started, human};
use crate::workspace::Workspace;

/// `hc check` of many URLs beside what a user would reach for
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo xtask bench cold", no_binary_name = true)]
struct Options {
    /// Rounds; each runs every program once
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// URLs, each of an address of its own
    #[arg(long, default_value_t = 10_000)]
    urls: usize,
    /// So many at once; hc's own default is 100
    #[arg(long, default_value_t = 100)]
    parallel: u32,
    #[command(flatten)]
    given: Given,
}

/// One that takes part: what it is, and its runs by round.
struct Part {
    asker: &'static Asker,
    title: String,
    runs: Vec<Option<Run>>,
    failure: Option<String>,
}

pub(super) fn run(extra: &[String]) -> Result<()> {
    let options = Options::parse_from(extra);
    let target = Workspace::load()?.target;
    enter(
        || {
            let wanted = [
                Program::Nginx,
                Program::Hc,
                Program::Curl,
                Program::GoChecker,
                Program::Wrk,
            ];
            let programs = obtain(&wanted, &target, [options.given.hc.as_deref(), None]);
            programs.get(Program::Nginx)?;
            Ok(programs)
        },
        |arena, programs| rounds(&options, arena, programs, &target),
    )
}

fn rounds(options: &Options, arena: &Arena, programs: &Programs, target: &Path) -> Result<()> {
    let (started, setting) = (Started::now(), Setting::read());
    let folder = target.join("bench/cold");
    fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let (mut parts, mut missing) = (Vec::new(), Vec::new());
    for asker in &ASKERS {
        match programs.get(asker.program) {
            Ok(found) => parts.push(Part {
                asker,
                title: asker.title.replace("VERSION", &found.version),
                runs: Vec::new(),
                failure: None,
            }),
            Err(why) => missing.push(format!("- **Not measured**: {}: {why:#}.\n", asker.title)),
        }
    }
    for round in 1..=options.rounds {
        for part in &mut parts {
            let run = run_once(
                part.asker,
                options.urls,
                options.parallel,
                arena,
                programs,
                &folder,
            );
            let said = match &run {
                Ok(run) => format!("{:6.0} ms", run.wall_ms),
                Err(why) => format!("failed: {why:#}"),
            };
            eprintln!(
                "  round {round} of {}, {:<28} {said}",
                options.rounds, part.title
            );
            part.failure = part
                .failure
                .take()
                .or(run.as_ref().err().map(|why| format!("{why:#}")));
            part.runs.push(run.ok());
        }
    }
    eprintln!("  took {}", human(started.elapsed()));
    let files = Files {
        name: "cold",
        markdown: markdown(options, &setting, &parts) + &missing.concat(),
        json: json(options, &setting, &parts),
        svg: None,
    };
    files.finish(target, options.given.bless)
}

impl Part {
    fn figure(&self, of: fn(&Run) -> f64) -> Option<Spread> {
        Spread::of(&self.runs.iter().flatten().map(of).collect::<Vec<_>>())
    }

    /// To hc, which is the first, round by round.
    fn ratio(&self, ours: &Self, of: fn(&Run) -> f64) -> Option<Spread> {
        let pairs = self.runs.iter().zip(&ours.runs);
        Spread::of_ratios(
            pairs.filter_map(|(it, ours)| Some((of(it.as_ref()?), of(ours.as_ref()?)))),
        )
    }
}

fn markdown(options: &Options, setting: &Setting, parts: &[Part]) -> String {
    let headings = [
        "program",
        "wall, ms",
        "to hc",
        "CPU, ms",
        "to hc",
        "peak MiB",
        "connections",
    ];
    let mut rows = vec![headings.map(ToOwned::to_owned).to_vec()];
    for it in parts {
        let to_hc = |of| Spread::ratio(parts.first().and_then(|ours| it.ratio(ours, of)));
        rows.push(vec![
            it.title.clone(),
            Spread::middle(it.figure(|run| run.wall_ms)),
            to_hc(|run| run.wall_ms),
            Spread::middle(it.figure(|run| run.cpu_ms)),
            to_hc(|run| run.cpu_ms),
            Spread::middle(it.figure(|run| run.peak_mib)),
            Spread::middle(it.figure(|run| run.opened)),
        ]);
    }
    let mut out = format!(
        "{}\n{} URLs, {} at once, program on one processor and nginx on the other; medians of {} interleaved rounds.\n\n{}\n",
        setting.line("cold"),
        options.urls,
        options.parallel,
        options.rounds,
        table(&rows)
    );
    for it in parts {
        out += &format!("- {}: {}.\n", it.title, it.asker.about);
        if let Some(failure) = &it.failure {
            let times = it.runs.iter().filter(|run| run.is_none()).count();
            out += &format!("- **{}** failed in {times} rounds: {failure}.\n", it.title);
        }
    }
    out
}

fn json(options: &Options, setting: &Setting, parts: &[Part]) -> Value {
    let parts = parts.iter().map(|it| {
        let runs = it
            .runs
            .iter()
            .map(|run| run.map(Run::json))
            .collect::<Vec<_>>();
        json!({"title": it.title, "about": it.asker.about, "failure": it.failure, "rounds": runs})
    });
    json!({
        "bench": "cold",
        "setting": setting.line("cold"),
        "urls": options.urls,
        "parallel": options.parallel,
        "programs": parts.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[test]
    fn ratios_are_to_the_first() {
        Options::command().debug_assert();
        let run = |wall_ms: f64| {
            Some(Run {
                wall_ms,
                cpu_ms: wall_ms / 2.0,
                peak_mib: 10.0,
                opened: 100.0,
            })
        };
        let part = |index: usize, runs| Part {
            asker: &ASKERS[index],
            title: ASKERS[index].title.to_owned(),
            runs,
            failure: None,
        };
        let parts = [
            part(0, vec![run(100.0), None]),
            part(1, vec![run(250.0), run(1.0)]),
        ];
        let options = Options::parse_from::<[&str; 0], &str>([]);
        let text = markdown(&options, &Setting::made_up(), &parts);
        assert!(text.contains("2.50 (2.50-2.50)"), "{text}");
        let json = json(&options, &Setting::made_up(), &parts);
        assert_eq!(json["programs"][0]["rounds"][1], Value::Null);
    }
}
