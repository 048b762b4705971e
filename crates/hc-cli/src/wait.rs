//! `hc wait`: asks until all are healthy or time is over, then becomes the command that was waiting.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use hc_core::{CheckResult, Kind, Timestamp};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::args::WaitArgs;
use crate::check::ask::{self, Asked, Outcome};
use crate::check::{json_line, runtime, targets};
use crate::exit::ExitCode;
use crate::term::Term;

/// Outcomes that nobody has looked at yet; each target waits for its own.
const UNREAD: usize = 64;

/// Waits, tells, and runs what follows.
pub(crate) fn wait(args: &WaitArgs, term: &Term) -> anyhow::Result<ExitCode> {
    let asked = targets::overrides(&args.request)
        .and_then(|overrides| targets::of_urls(args.urls.clone(), &overrides));
    let asked = match asked {
        Ok(asked) => asked,
        Err(trouble) => {
            term.trouble(&trouble);
            return Ok(ExitCode::Usage);
        }
    };
    let runtime = runtime()?;
    let code = runtime.block_on(until_healthy(args, term, &asked));
    // What is still under way, as a file being read, holds nothing that matters.
    runtime.shutdown_background();
    match code? {
        ExitCode::Ok => Ok(become_command(&args.command, term)),
        other => Ok(other),
    }
}

/// What is known of one target.
#[derive(Default)]
struct Known {
    is_done: bool,
    was_conclusive: bool,
    reason: Option<Reason>,
    said: String,
}

/// What makes two failures the same to people: figures in messages may differ from try to try.
type Reason = (
    Option<Kind>,
    Option<hc_core::Phase>,
    Option<&'static str>,
    String,
);

async fn until_healthy(args: &WaitArgs, term: &Term, asked: &[Asked]) -> anyhow::Result<ExitCode> {
    let begin = ask::clock_now();
    let (sender, mut outcomes) = mpsc::channel(UNREAD);
    let mut tasks = JoinSet::new();
    for (at, asked) in asked.iter().enumerate() {
        tasks.spawn(keep_asking(
            at,
            asked.clone(),
            Patience::of(args, begin),
            sender.clone(),
        ));
    }
    drop(sender);
    let teller = Teller { args, term, begin };
    let mut known: Vec<Known> = asked.iter().map(|_| Known::default()).collect();
    let ctrl_c = tokio::signal::ctrl_c();
    tokio::pin!(ctrl_c);
    loop {
        tokio::select! {
            // Ctrl-C first: who presses it waits no more.
            biased;
            pressed = ctrl_c.as_mut() => {
                pressed?;
                teller.rest(asked, &known)?;
                return Ok(ExitCode::Interrupted);
            }
            heard = outcomes.recv() => match heard {
                Some((at, outcome, is_done)) => {
                    let known = &mut known[at];
                    known.is_done = is_done;
                    teller.hear(&asked[at], &outcome, known)?;
                }
                None => break,
            },
        }
    }
    if known.iter().all(|known| known.is_done) {
        return Ok(ExitCode::Ok);
    }
    teller.rest(asked, &known)?;
    let mut waiting = known.iter().filter(|known| !known.is_done);
    Ok(match waiting.any(|known| known.was_conclusive) {
        true => ExitCode::Failed,
        false => ExitCode::Inconclusive,
    })
}

/// How long and how often.
#[derive(Clone, Copy)]
struct Patience {
    end: Timestamp,
    interval: Duration,
    passes: u32,
}

impl Patience {
    fn of(args: &WaitArgs, begin: Timestamp) -> Self {
        Self {
            end: begin + args.timeout,
            interval: args.interval,
            passes: args.passes,
        }
    }
}

/// Asks one target until it has passed often enough in a row, or time is over. Once it asks in any case.
async fn keep_asking(
    at: usize,
    asked: Asked,
    patience: Patience,
    sender: mpsc::Sender<(usize, Outcome, bool)>,
) {
    let (mut passes, mut is_first) = (0, true);
    loop {
        let start = ask::clock_now();
        let left = patience.end.since(start);
        if left.is_zero() && !is_first {
            return;
        }
        let is_cut = left < asked.timeout && !left.is_zero();
        let timeout = if is_cut { left } else { asked.timeout };
        let outcome = ask::ask(asked.target.clone(), timeout).await;
        let timed_out = matches!(
            outcome.failure.as_ref().map(|failure| failure.kind),
            Some(Kind::Timeout | Kind::Resolver | Kind::Starved)
        );
        if is_cut && timed_out && !is_first {
            // It had less time than others: what was known before says more.
            return;
        }
        match outcome.result {
            CheckResult::Pass | CheckResult::Degraded => passes += 1,
            CheckResult::Failure => passes = 0,
            // It says nothing.
            CheckResult::Inconclusive => {}
        }
        is_first = false;
        let is_done = passes >= patience.passes;
        let is_heard = sender.send((at, outcome, is_done)).await.is_ok();
        if is_done || !is_heard {
            return;
        }
        let next = (start + patience.interval).min(patience.end);
        tokio::time::sleep(next.since(ask::clock_now())).await;
    }
}

struct Teller<'a> {
    args: &'a WaitArgs,
    term: &'a Term,
    begin: Timestamp,
}

impl Teller<'_> {
    /// Tells an outcome, if it is news.
    fn hear(&self, asked: &Asked, outcome: &Outcome, known: &mut Known) -> std::io::Result<()> {
        known.was_conclusive |= outcome.result != CheckResult::Inconclusive;
        let reason = reason(outcome);
        let is_pass = matches!(outcome.result, CheckResult::Pass | CheckResult::Degraded);
        known.said = match (&outcome.failure, is_pass) {
            (Some(warning), true) => format!("degraded: {warning}"),
            (Some(failure), false) => failure.to_string(),
            (None, _) => "passes".to_owned(),
        };
        if asked.is_insecure {
            known.said.push_str(" (insecure)");
        }
        let is_news = known.reason.as_ref() != Some(&reason) || known.is_done;
        known.reason = Some(reason);
        if !is_news || self.term.quiet {
            return Ok(());
        }
        if self.term.json {
            return self.result(json_line(asked, outcome).trim_end());
        }
        let said = match known.is_done {
            true => known.said.replacen("passes", "healthy", 1),
            false => known.said.clone(),
        };
        let spent = ask::clock_now().since(self.begin).as_secs_f64();
        self.term
            .note(&format!("{spent:5.1} s  {}  {said}", asked.shown));
        Ok(())
    }

    /// Tells who is not healthy in the end, and why.
    fn rest(&self, asked: &[Asked], known: &[Known]) -> std::io::Result<()> {
        if self.term.json {
            return Ok(());
        }
        let spent = hc_scheduler::failures::words(Duration::from_millis(
            u64::try_from(ask::clock_now().since(self.begin).as_millis() / 100 * 100)
                .unwrap_or(u64::MAX),
        ));
        for (asked, known) in asked.iter().zip(known).filter(|(_, known)| !known.is_done) {
            let said = match known.said.as_str() {
                "" => "no check has ended",
                said => said,
            };
            self.result(&format!(
                "not healthy after {spent}: {}: {said}",
                asked.shown
            ))?;
        }
        Ok(())
    }

    /// Standard output is the command's, if there is one.
    fn result(&self, line: &str) -> std::io::Result<()> {
        if self.args.command.is_empty() {
            return self.term.print(&format!("{line}\n"));
        }
        self.term.note(line);
        Ok(())
    }
}

fn reason(outcome: &Outcome) -> Reason {
    let failure = outcome.failure.as_ref();
    let code = failure.and_then(|failure| failure.code);
    // Another status is news, another latency is not.
    let found = failure
        .filter(|_| code == Some("status"))
        .and_then(|failure| failure.mismatch.as_ref())
        .map_or_else(String::new, |mismatch| mismatch.found.to_string());
    (
        failure.map(|failure| failure.kind),
        failure.and_then(|failure| failure.phase),
        code,
        found,
    )
}

/// Replaces this process, so that signals and exit code are the command's own. Returns only if that fails.
fn become_command(command: &[OsString], term: &Term) -> ExitCode {
    let Some((program, args)) = command.split_first() else {
        return ExitCode::Ok;
    };
    let error = Command::new(program).args(args).exec();
    let shown = hc_core::escape(&program.to_string_lossy(), 100);
    term.trouble(&format!("failed to run {shown}: {error}"));
    match error.kind() {
        ErrorKind::NotFound => ExitCode::NotFound,
        _ => ExitCode::NotRunnable,
    }
}
