//! `hc check`: asks each target once, now, and says what came of it.
//!
//! Targets come from arguments, a list or a config ([`targets`]); [`sweep`] asks them, so many at once; a report
//! shows the results in the order of the input: a table for people, tabs in a pipe, JSON, one line for Nagios.

pub(crate) mod ask;
mod files;
mod json;
mod junit;
mod nagios;
mod progress;
mod report;
mod rounds;
mod sweep;
mod table;
mod tabs;
mod tally;
pub(crate) mod targets;
#[cfg(test)]
mod tests;

use anyhow::Context as _;

use crate::args::CheckArgs;
use crate::exit::ExitCode;
use crate::term::Term;

use ask::{Asked, Outcome};
use report::Report;
use sweep::Sweep;
use tally::Tally;

pub(crate) use json::line as json_line;

/// One target and what came of asking it; nothing if it was not asked to the end.
pub(crate) type Row<'a> = (&'a Asked, Option<Outcome>);

/// Asks, prints, and says how it ended.
pub(crate) fn check(args: &CheckArgs, term: &Term) -> anyhow::Result<ExitCode> {
    let asked = match targets::of_check(args) {
        Ok(asked) => asked,
        Err(trouble) => return Ok(refuse(args, term, &trouble)),
    };
    // Before anything is asked: a report that cannot be written is no target's fault.
    if let Some(path) = &args.junit
        && let Err(error) = std::fs::File::create(path)
    {
        let trouble = format!("failed to write {}: {error}", path.display());
        return Ok(refuse(args, term, &trouble));
    }
    let runtime = runtime()?;
    let code = runtime.block_on(rounds(args, term, &asked));
    // What is still under way, as a file being read, holds nothing that matters.
    runtime.shutdown_background();
    code
}

/// The runtime of the verbs that ask.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")
}

/// Nothing was asked. Monitoring systems read standard output and take 2 for CRITICAL.
fn refuse(args: &CheckArgs, term: &Term, trouble: &str) -> ExitCode {
    term.trouble(trouble);
    if !args.nagios {
        return ExitCode::Usage;
    }
    // A closed pipe is no trouble.
    let _ = term.print(&nagios::unknown(trouble));
    ExitCode::Inconclusive
}

async fn rounds(args: &CheckArgs, term: &Term, asked: &[Asked]) -> anyhow::Result<ExitCode> {
    let parallel = files::parallel(args.parallel as usize, asked.len(), term);
    let wanted = args.repeat.unwrap_or(1);
    let mut spread = rounds::Spread::new(asked.len());
    let mut worst = ExitCode::Ok;
    let report = Report::start(args, term);
    let ctrl_c = tokio::signal::ctrl_c();
    tokio::pin!(ctrl_c);
    for round in 1..=wanted {
        let begin = ask::clock_now();
        let mut sweep = Sweep::new(asked, parallel);
        let end = sweep.run(&report, args, ctrl_c.as_mut()).await?;
        let rows = sweep.into_rows();
        let tally = Tally::of(&rows, args.strict);
        report.end_of_round(&rows, &tally);
        spread.add(&rows);
        worst = rounds::worse(worst, tally.exit());
        if let Some(path) = &args.junit {
            std::fs::write(path, junit::document(&rows, &tally, args.strict))
                .with_context(|| format!("failed to write {}", path.display()))?;
        }
        if args.nagios {
            worst = nagios::exit(&tally);
        }
        flush(&report).await;
        if args.repeat.is_none() && end != sweep::End::ReaderGone && !report.is_closed() {
            report.after_round(&tally);
        }
        match end {
            sweep::End::Interrupted => {
                return Ok(finish(&report, &spread, args, ExitCode::Interrupted).await);
            }
            sweep::End::ReaderGone => return gone(&report),
            sweep::End::FailedFast => break,
            sweep::End::All => {}
        }
        if round < wanted {
            let spent = ask::clock_now().since(begin);
            tokio::select! {
                () = tokio::time::sleep(args.interval.saturating_sub(spent)) => {}
                _ = ctrl_c.as_mut() => return Ok(finish(&report, &spread, args, ExitCode::Interrupted).await),
            }
        }
    }
    let code = finish(&report, &spread, args, worst).await;
    match report.failure() {
        Some(_) => gone(&report),
        None => Ok(code),
    }
}

/// Nobody gets our results any more: quietly if their reader has closed them, an error if they could not be written.
fn gone(report: &Report<'_>) -> anyhow::Result<ExitCode> {
    match report.failure() {
        Some(error) => anyhow::bail!("failed to write the results: {error}"),
        None => Ok(ExitCode::Ok),
    }
}

async fn finish(
    report: &Report<'_>,
    spread: &rounds::Spread,
    args: &CheckArgs,
    code: ExitCode,
) -> ExitCode {
    if args.repeat.is_some() {
        report.spread(spread);
        flush(report).await;
    }
    code
}

/// Waits for the reader of our results. One that stands still must not keep whoever presses Ctrl-C.
async fn flush(report: &Report<'_>) {
    tokio::select! {
        () = report.flushed() => {}
        _ = tokio::signal::ctrl_c() => std::process::exit(i32::from(ExitCode::Interrupted.code())),
    }
}
