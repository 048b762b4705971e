//! A validated config, as plain data. Nothing here reads, checks or runs.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hc_core::{BasisPoints, Labels, Policy};
use hc_http::{Dial, HttpSpec};

use crate::diagnostic::Diagnostic;
use crate::place::Place;
use crate::settings::Settings;

/// All that a config says, checked, with its defaults filled in.
///
/// Two are equal when they mean the same, wherever it was written: files, warnings and origins do not count.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// This checker's name; `None`: the host's.
    pub instance: Option<String>,
    /// The preset that unwritten values come from.
    pub profile: Profile,
    /// Limits of the whole process.
    pub limits: Limits,
    /// When hc's own lateness excuses a target.
    pub overload: Overload,
    /// Self-doubt; `None`: never.
    pub isolate: Option<Isolate>,
    /// What is written while running.
    pub log: Log,
    /// The end.
    pub shutdown: Shutdown,
    /// Where metrics and the API are served: `host:port` or `unix:/path`.
    pub listen: Vec<String>,
    /// Names that requests may carry beside addresses, `localhost` and the names of `listen`.
    pub allowed_hosts: Vec<String>,
    /// The control socket.
    pub control: Control,
    /// Where health outlives a restart; `None`: nowhere.
    pub state: Option<State>,
    /// What is exported.
    pub metrics: Metrics,
    /// Whom to ask, in the order of the files.
    pub targets: Vec<TargetSpec>,
    /// The names of the groups, in the order of the files.
    pub groups: Vec<String>,
    /// What was read, the first file first.
    pub files: Vec<PathBuf>,
    /// What deserves a look, though it is legal.
    pub warnings: Vec<Diagnostic>,
    pub(crate) provenance: Provenance,
}

/// A preset for fleets of a size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Under 10 targets.
    Small,
    /// 10 to 100 targets.
    #[default]
    Medium,
    /// Over 100 targets.
    Large,
}

/// Limits of the whole process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Checks at once.
    pub in_flight: usize,
    /// Checks of one host at once.
    pub per_host: usize,
    /// The grain of the timer wheel.
    pub slot: Duration,
    /// Threads that check.
    pub threads: usize,
}

/// When hc's own lateness excuses a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overload {
    /// Of the timeout: a timeout met while later than this is hc's own trouble.
    pub max_lateness: BasisPoints,
}

/// Self-doubt: when nothing answers any more, failures do not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isolate {
    /// So many targets silent in one silence.
    pub targets: usize,
    /// On so many hosts.
    pub min_hosts: usize,
    /// Names of targets: while one answers, hc is not isolated.
    pub reference: Vec<String>,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LogFormat {
    /// Logfmt.
    #[default]
    Text,
    /// JSON, a line each.
    Json,
}

/// The least that is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Our own troubles.
    Error,
    /// Transitions to worse, too.
    Warn,
    /// Transitions and summaries.
    #[default]
    Info,
    /// More.
    Debug,
    /// Every check.
    Trace,
}

/// What is written while running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// The form of lines.
    pub format: LogFormat,
    /// The least that is written.
    pub level: LogLevel,
    /// A line with counts each so often; `None`: never.
    pub summary: Option<Duration>,
    /// Lines a second; transitions over it are folded.
    pub burst: u32,
}

/// The end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// So long may checks in flight take.
    pub grace: Duration,
}

/// The control socket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Control {
    /// In the user's runtime directory.
    #[default]
    Auto,
    /// At this path.
    At(PathBuf),
    /// None.
    Off,
}

/// Where health outlives a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Where it is written.
    pub file: StateFile,
    /// Older state is not restored.
    pub max_age: Duration,
    /// How often it is written.
    pub every: Duration,
}

/// The file of the state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum StateFile {
    /// One per config file, in the user's state directory; without a config file none.
    #[default]
    Auto,
    /// At this path.
    At(PathBuf),
}

/// What is exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// How many series a target has.
    pub per_target: PerTarget,
    /// Labels that the series of targets carry too.
    pub labels: Vec<String>,
}

/// How many series a target has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PerTarget {
    /// A few.
    #[default]
    Basic,
    /// These, and its own histograms.
    Full,
    /// None.
    Off,
}

/// One target, as it is to be asked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TargetSpec {
    /// The id, unique in the config.
    pub name: String,
    /// The group that it is in.
    pub group: Option<String>,
    /// What it carries to every output.
    pub labels: Labels,
    /// The URL as people may see it: no user, no password, no query value from a variable.
    pub url: String,
    /// How it is asked.
    pub probe: ProbeSpec,
    /// How it is judged and when it is asked. One `Arc` among all that are equal.
    pub policy: Arc<Policy>,
    /// Known, shown, never asked.
    pub paused: bool,
    /// Whose limit of checks at once it shares: what `connect` says, else the URL's host; without a port.
    pub host: String,
}

/// How a target is asked, by protocol.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ProbeSpec {
    /// Over HTTP.
    Http(Arc<HttpSpec>),
}

/// What must stay the same for a target to keep its health over a reload or a restart. Compares; shows no secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    name: String,
    probe: &'static str,
    url: hc_http::Secret,
    connect: Option<Dial>,
}

impl TargetSpec {
    /// Name, probe, URL and `connect`: what health belongs to.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let ProbeSpec::Http(http) = &self.probe;
        Identity {
            name: self.name.clone(),
            probe: self.probe.name(),
            url: hc_http::Secret::new(http.url.as_str()),
            connect: http.connect.clone(),
        }
    }
}

impl ProbeSpec {
    /// The probe's short name: `http`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
        }
    }
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }

    /// The profile that fits a number of targets. Nothing switches by itself: a count must not change how often one asks.
    #[must_use]
    pub fn for_targets(count: usize) -> Self {
        match count {
            0..10 => Self::Small,
            10..=100 => Self::Medium,
            _ => Self::Large,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where everything was written. Not part of what a config means.
#[derive(Clone, Default)]
pub(crate) struct Provenance(pub(crate) Arc<Written>);

#[derive(Default)]
pub(crate) struct Written {
    pub(crate) sources: Vec<String>,
    pub(crate) top: Settings,
    /// `defaults` under the flags.
    pub(crate) base: Arc<Settings>,
    /// The merged settings of each target, in the order of `Config::targets`.
    pub(crate) targets: Vec<Arc<Settings>>,
}

impl Written {
    pub(crate) fn locate(&self, place: Place) -> String {
        let name = self
            .sources
            .get(place.source as usize)
            .map_or("", String::as_str);
        match place.line {
            0 => name.to_owned(),
            line => format!("{name}:{line}:{}", place.column + 1),
        }
    }
}

impl PartialEq for Config {
    fn eq(&self, other: &Self) -> bool {
        self.instance == other.instance
            && self.profile == other.profile
            && self.limits == other.limits
            && self.overload == other.overload
            && self.isolate == other.isolate
            && self.log == other.log
            && self.shutdown == other.shutdown
            && self.listen == other.listen
            && self.allowed_hosts == other.allowed_hosts
            && self.control == other.control
            && self.state == other.state
            && self.metrics == other.metrics
            && self.targets == other.targets
            && self.groups == other.groups
    }
}

impl fmt::Debug for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}
