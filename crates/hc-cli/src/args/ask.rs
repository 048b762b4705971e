//! The flags of the verbs that ask: `check` and `wait`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::duration;

/// `hc check`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
`:8080`, `localhost:8080` and `host/path` mean http, port 443 https.
One check decides, over a new connection.

Examples:
  hc check localhost:8080/health
  hc check https://shop.test/ :8081 http://10.0.0.9/
  hc check -f urls.txt --parallel 200 --json
  hc check -c hc.yaml api-1            with the settings of that target
  hc check --expect-status 204 --expect-body ready :8080/ready
  hc check --nagios https://shop.test/

Exit codes: 0 all healthy (degraded too, without --strict), 1 some not, 2 usage or config,
3 else some inconclusive, 130 Ctrl-C. With --nagios: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.")]
pub(crate) struct CheckArgs {
    /// URLs to ask; with -c, names of its targets
    #[arg(value_name = "URL")]
    pub(crate) urls: Vec<String>,
    /// More URLs from a file, one a line, `#` begins a comment; `-`: standard input
    #[arg(short, long, value_name = "FILE", conflicts_with = "config")]
    pub(crate) file: Option<PathBuf>,
    /// The targets of a config, with their settings
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// For one whole check [default: 5s; with -c what the config says]
    #[arg(long, value_name = "TIME", value_parser = duration::positive)]
    pub(crate) timeout: Option<Duration>,
    /// Checks in flight at most; fewer if open files run out
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) parallel: u32,
    /// So many rounds; the worst one is the exit code
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) repeat: Option<u32>,
    /// From the start of a round to that of the next
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration::duration)]
    pub(crate) interval: Duration,
    /// End at the first that is not healthy
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Degraded is not healthy
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    /// One line and exit codes as monitoring plugins have them
    #[arg(long, conflicts_with_all = ["json", "repeat"])]
    pub(crate) nagios: bool,
    /// A JUnit report as well
    #[arg(long, value_name = "FILE", conflicts_with = "repeat")]
    pub(crate) junit: Option<PathBuf>,
}

/// How to ask and what to expect; beats `defaults` of a config, not its groups and targets.
#[derive(Clone, Debug, Args)]
pub(crate) struct RequestArgs {
    /// The address family: any, 4 or 6
    #[arg(long, value_name = "FAMILY", hide_possible_values = true)]
    pub(crate) ip: Option<Family>,
    /// Dial this; Host and server name still come from the URL
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) connect: Option<String>,
    /// Send a header; may be repeated
    #[arg(long, value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,
    /// What status passes: 204, 2xx, 200-299, or several with commas [default: 200-299]
    #[arg(long, value_name = "STATUS")]
    pub(crate) expect_status: Option<String>,
    /// What the body must contain
    #[arg(long, value_name = "TEXT")]
    pub(crate) expect_body: Option<String>,
    /// Do not verify certificates; said in every output
    #[arg(long)]
    pub(crate) insecure: bool,
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Family {
    /// Both are tried.
    #[value(name = "any")]
    Any,
    /// IPv4.
    #[value(name = "4")]
    V4,
    /// IPv6.
    #[value(name = "6")]
    V6,
}

impl Family {
    /// As the config spells it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::V4 => "4",
            Self::V6 => "6",
        }
    }
}

/// `hc wait`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Prints a line when the reason changes, not at every try.
What follows `--` is run afterwards in place of hc, and its exit code is the exit code.

Examples:
  hc wait :8080/health
  hc wait --timeout 2m https://shop.test/ :8081
  hc wait :8080/health -- npm test

Exit codes: 0 all healthy (or that of the command), 1 time over, 2 usage,
3 time over and inconclusive to the end, 126 and 127 the command cannot be run, 130 Ctrl-C.")]
pub(crate) struct WaitArgs {
    /// URLs that are to be healthy
    #[arg(value_name = "URL", required = true)]
    pub(crate) urls: Vec<String>,
    /// How long to wait in all
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration::duration)]
    pub(crate) timeout: Duration,
    /// From the start of a try to that of the next
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = duration::positive)]
    pub(crate) interval: Duration,
    /// Passes in a row
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) passes: u32,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    /// Run this afterwards
    #[arg(last = true, value_name = "CMD")]
    pub(crate) command: Vec<std::ffi::OsString>,
}
