//! The flags of the verbs that look into a running hc: `status`, `events` and `top`.

use std::time::Duration;

use clap::Args;

use super::duration;

/// Where the running hc is.
#[derive(Clone, Debug, Args)]
pub(crate) struct WhomArgs {
    /// Where hc is: http://127.0.0.1:7740 or unix:/run/hc.sock; HC_URL says it too [default: the one that runs here]
    #[arg(long, value_name = "URL", env = "HC_URL", hide_env = true)]
    pub(crate) url: Option<String>,
}

/// `hc status`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Trouble comes first. On a terminal it ends where the screen does, and the rest of those that are
well is counted: -v shows all, -q only what is not well.
In a pipe all are told, with tabs between: status, overlays, kind, phase, since, target, why.

Examples:
  hc status                              the hc that runs here
  hc status api-1                        one target, with its past
  hc status --url http://web1:7740 -q
  hc status --json | jq -r 'select(.status == \"unhealthy\").name'

Exit codes: 0 all healthy (degraded too, without --strict), 1 some not, 2 usage or an unknown
name, 3 else: hc is away, or some are stale or not judged yet. Paused targets do not count.")]
pub(crate) struct StatusArgs {
    /// A target, by its name
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Degraded is not healthy
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) whom: WhomArgs,
}

/// `hc events`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Prints what the log of `hc run` said, oldest first; hc keeps the last 4096 events.
-v adds those that are worth no line of the log: targets that came and went, first results,
suspicions. --json prints every event.
With -f it goes on over a restart of hc; what is missing is said in words, on standard error.

Examples:
  hc events --since 1h
  hc events -f                           the last ten, and those to come
  hc events -f --json | jq -r 'select(.to == \"unhealthy\").target'

Exit codes: 0, 2 usage, 3 hc is away, 130 Ctrl-C.")]
pub(crate) struct EventsArgs {
    /// Go on with those to come
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Of so long ago at most: 30s, 1h
    #[arg(long, value_name = "TIME", value_parser = duration::positive)]
    pub(crate) since: Option<Duration>,
    #[command(flatten)]
    pub(crate) whom: WhomArgs,
}

/// `hc top`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
The fleet on the whole terminal, asked each second, trouble first. ? shows the keys.
In a pipe, with --json, or where the terminal cannot be drawn on (TERM=dumb), it is `hc status`:
one look.

Examples:
  hc top
  hc top --url unix:/run/hc.sock
  hc top --color never

Exit codes: 0 quit, 1 no terminal to draw on, 2 usage, 3 hc is away at the start; in a pipe those
of hc status.")]
pub(crate) struct TopArgs {
    #[command(flatten)]
    pub(crate) whom: WhomArgs,
}
