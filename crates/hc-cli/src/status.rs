//! `hc status`: how the targets of a running hc stand, once.

use anyhow::Context as _;
use hc_server::wire::fleet::FleetBody;
use hc_server::wire::target::{TargetBody, TargetDetail, TargetPage};

use crate::args::{StatusArgs, WhomArgs};
use crate::exit::ExitCode;
use crate::see::{self, Client, Trouble, Whom, words};
use crate::term::Term;

mod render;
#[cfg(test)]
mod tests;

/// A page of the API at most.
const PAGE: usize = 1_000;

/// More pages than this are no fleet's: ten million targets.
const MOST_PAGES: usize = 10_000;

/// Prints how they stand.
pub(crate) fn status(args: &StatusArgs, term: &Term) -> anyhow::Result<ExitCode> {
    let wanted = Wanted {
        name: args.name.clone(),
        strict: args.strict,
        screen: if term.verbose { None } else { screen(term) },
    };
    look(&args.whom, &wanted, term)
}

/// What `hc top` does where it cannot draw.
pub(crate) fn once(whom: &WhomArgs, term: &Term) -> anyhow::Result<ExitCode> {
    let wanted = Wanted {
        name: None,
        strict: false,
        screen: screen(term),
    };
    look(whom, &wanted, term)
}

/// What is to be told.
struct Wanted {
    name: Option<String>,
    strict: bool,
    /// Rows of the screen that those that are well may fill; `None`: all are told.
    screen: Option<usize>,
}

/// The rows of a person's terminal, less what stands around the table.
fn screen(term: &Term) -> Option<usize> {
    let is_table = term.is_terminal && !term.json;
    let (_, rows) = crate::term::size().filter(|_| is_table)?;
    Some(rows.saturating_sub(4).max(1))
}

fn look(whom: &WhomArgs, wanted: &Wanted, term: &Term) -> anyhow::Result<ExitCode> {
    let runtime = see::runtime().context("failed to start the runtime")?;
    let seen = runtime.block_on(async {
        let (mut client, note) = Whom::of(whom.url.as_deref())?.client().await?;
        see::say(note.as_deref(), term);
        Seen::look(&mut client, wanted).await
    });
    let seen = match seen {
        Ok(seen) => seen,
        Err(trouble) => {
            term.trouble(&trouble.to_string());
            return Ok(trouble.exit());
        }
    };
    match seen {
        Seen::Unknown { name, alike } => {
            let name = hc_core::escape(&name, 60);
            let alike = alike.iter().map(|name| hc_core::escape(name, 60));
            let alike: Vec<_> = alike.collect();
            let hint = match alike.as_slice() {
                [] => String::new(),
                alike => format!("; did you mean {}?", alike.join(", ")),
            };
            term.trouble(&format!("no target is called `{name}`{hint}"));
            Ok(ExitCode::Usage)
        }
        Seen::One { fleet, detail } => {
            term.print(&render::one(&fleet, &detail, term))?;
            Ok(judge([&detail.target], fleet.isolated, wanted.strict))
        }
        Seen::Fleet {
            fleet,
            targets,
            matched,
        } => {
            let code = judge(&targets, fleet.isolated, wanted.strict);
            term.print(&render::fleet(&fleet, &targets, matched, term))?;
            Ok(code)
        }
    }
}

/// What was seen.
enum Seen {
    /// No target has that name.
    Unknown { name: String, alike: Vec<String> },
    One {
        fleet: Box<FleetBody>,
        detail: Box<TargetDetail>,
    },
    Fleet {
        fleet: Box<FleetBody>,
        /// In order of their trouble; of those that are well, perhaps not all.
        targets: Vec<TargetBody>,
        matched: usize,
    },
}

impl Seen {
    async fn look(client: &mut Client, wanted: &Wanted) -> Result<Self, Trouble> {
        let fleet: Box<FleetBody> = Box::new(client.get("/api/v1/fleet").await?);
        if let Some(name) = &wanted.name {
            let path = format!("/api/v1/targets/{}", hc_server::uid(name));
            return match client.get(&path).await {
                Ok(detail) => Ok(Self::One { fleet, detail }),
                Err(trouble) if trouble.is_problem("unknown-target") => Ok(Self::Unknown {
                    alike: see::alike(client, name).await,
                    name: name.clone(),
                }),
                Err(trouble) => Err(trouble),
            };
        }
        let (targets, matched) = match wanted.screen {
            Some(rows) => worst(client, rows).await?,
            None => all(client).await?,
        };
        Ok(Self::Fleet {
            fleet,
            targets,
            matched,
        })
    }
}

/// Those that are not well, and as many of the others as fill so many rows.
async fn worst(client: &mut Client, rows: usize) -> Result<(Vec<TargetBody>, usize), Trouble> {
    let first = format!("/api/v1/targets?limit={}", rows.min(PAGE));
    let more = format!("/api/v1/targets?limit={PAGE}");
    let is_enough =
        |seen: &[TargetBody]| seen.len() >= rows && seen.last().is_some_and(words::is_calm);
    pages(client, &first, &more, is_enough).await
}

/// All, each once: by name, as those that turn meanwhile move in any other order; then sorted by trouble.
async fn all(client: &mut Client) -> Result<(Vec<TargetBody>, usize), Trouble> {
    let path = format!("/api/v1/targets?sort=name&limit={PAGE}");
    let (mut targets, _) = pages(client, &path, &path, |_| false).await?;
    targets.sort_by(|a, b| a.rank().cmp(&b.rank()));
    let matched = targets.len();
    Ok((targets, matched))
}

async fn pages(
    client: &mut Client,
    first: &str,
    more: &str,
    is_enough: impl Fn(&[TargetBody]) -> bool,
) -> Result<(Vec<TargetBody>, usize), Trouble> {
    let begun = client.taken();
    let mut page: TargetPage = client.get(first).await?;
    let (mut seen, mut known) = (Vec::new(), std::collections::HashSet::new());
    for _ in 0..MOST_PAGES {
        let items = std::mem::take(&mut page.items);
        // One that turned meanwhile may come twice.
        seen.extend(
            items
                .into_iter()
                .filter(|target| known.insert(target.uid.clone())),
        );
        match &page.next_cursor {
            Some(cursor) if !is_enough(&seen) => {
                let path = format!("{more}&cursor={}", words::percent(cursor));
                client.bear(begun)?;
                page = client.get(&path).await?;
            }
            _ => break,
        }
    }
    Ok((seen, page.matched))
}

/// The exit code: some not healthy beats not known.
fn judge<'a>(
    targets: impl IntoIterator<Item = &'a TargetBody>,
    is_isolated: bool,
    strict: bool,
) -> ExitCode {
    let mut is_known = !is_isolated;
    for target in targets {
        if words::has(target, "paused") {
            // Who does not want it asked does not want to hear of it.
            continue;
        }
        match &*target.status {
            "unhealthy" => return ExitCode::Failed,
            "degraded" if strict => return ExitCode::Failed,
            "healthy" | "degraded" if !words::has(target, "stale") => {}
            _ => is_known = false,
        }
    }
    match is_known {
        true => ExitCode::Ok,
        false => ExitCode::Inconclusive,
    }
}
