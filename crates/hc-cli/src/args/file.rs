//! The flags of the verbs that have to do with a config, and of the small ones.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use hc_config::Overrides;

/// `hc run`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Without -c and URLs it looks at HC_CONFIG, ./hc.yaml, the user's configuration folder (hc/hc.yaml)
and /etc/hc/hc.yaml. SIGHUP reloads, all or nothing; SIGTERM and Ctrl-C end it.

Examples:
  hc run localhost:8080/health
  hc run -c hc.yaml
  hc run --log-format json
  hc run --listen 127.0.0.1:7740 localhost:8080     /metrics and /api/v1 there

Exit codes: 0 stopped as asked, 1 could not start, 2 usage or config.")]
pub(crate) struct RunArgs {
    /// URLs to watch, with all defaults or those of -c
    #[arg(value_name = "URL")]
    pub(crate) urls: Vec<String>,
    /// The config
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The form of log lines: text or json
    #[arg(long, value_name = "FORM", hide_possible_values = true)]
    pub(crate) log_format: Option<LogFormatArg>,
    /// This checker's name [default: the host's]
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: Option<String>,
    /// Serve metrics and the API there: host:port or unix:/path; may be given more than once
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Vec<String>,
    /// Keep health over a restart there; none: nowhere [default: one per config file, in the user's state directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<String>,
}

impl RunArgs {
    /// The flags as settings: they beat the top level and `defaults` of a file.
    pub(crate) fn overrides(&self) -> Overrides {
        let mut overrides = Overrides::new();
        if let Some(format) = self.log_format {
            let format = match format {
                LogFormatArg::Text => "text",
                LogFormatArg::Json => "json",
            };
            overrides = overrides.set("--log-format", "log.format", format);
        }
        if let Some(name) = &self.instance {
            overrides = overrides.set("--instance", "instance", name);
        }
        overrides = match self.state.as_deref() {
            None => overrides,
            Some("none") => overrides.set("--state", "state", "none"),
            Some(file) => overrides.set("--state", "state.file", file),
        };
        overrides.list("--listen", "listen", &self.listen)
    }
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormatArg {
    /// Logfmt.
    Text,
    /// JSON, a line each.
    Json,
}

/// `hc validate`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
All errors at once, each with its place and a suggestion.

Examples:
  hc validate
  hc validate hc.yaml
  cat hc.yaml | hc validate -

Exit codes: 0 it is fine, 2 it is not.")]
pub(crate) struct ValidateArgs {
    /// The config [default: where `hc run` would find it]; `-`: standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// `hc plan`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Nothing is asked. dies: the target refuses; hangs: it is silent; back: from full backoff; in seconds.

Examples:
  hc plan
  hc plan hc.yaml --json

Exit codes: 0, or 2 for a config that is not fine.")]
pub(crate) struct PlanArgs {
    /// The config [default: where `hc run` would find it]; `-`: standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// `hc demo`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  hc demo            40 seconds; Ctrl-C ends it sooner")]
pub(crate) struct DemoArgs {}

/// `hc init`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
An existing file is left alone without --force.

Examples:
  hc init                              writes hc.yaml
  hc init localhost:8080/health :9090
  hc init -o - > conf.d/shop.yaml

Exit codes: 0 written, 1 it could not be, 2 the file exists, or a URL is none.")]
pub(crate) struct InitArgs {
    /// Targets to put in
    #[arg(value_name = "URL")]
    pub(crate) urls: Vec<String>,
    /// Where to; `-`: standard output [default: hc.yaml]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Overwrite
    #[arg(long)]
    pub(crate) force: bool,
}

/// `hc config ...`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print each value with its origin; secrets are never shown
    Show(ConfigShowArgs),
}

/// `hc config show`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  hc config show                 the whole process
  hc config show api-1           one target, as it is asked
  hc config show -c hc.yaml api-1

Exit codes: 0, or 2 for a config that is not fine or an unknown name.")]
pub(crate) struct ConfigShowArgs {
    /// A target
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The config [default: where `hc run` would find it]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// `hc completions`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Example:\n  hc completions bash > ~/.local/share/bash-completion/completions/hc"
)]
pub(crate) struct CompletionsArgs {
    /// bash, zsh, fish, elvish or powershell
    #[arg(value_name = "SHELL", hide_possible_values = true)]
    pub(crate) shell: clap_complete::Shell,
}

/// `hc man`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  hc man | man -l -\n  hc man check | man -l -")]
pub(crate) struct ManArgs {
    /// The verb; none: hc itself
    #[arg(value_name = "VERB")]
    pub(crate) verb: Option<String>,
}
