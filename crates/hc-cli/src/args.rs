//! What people type: every verb and flag, with its help. Knows nothing of what verbs do.

mod ask;
mod duration;
mod file;
mod look;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use ask::{CheckArgs, RequestArgs, WaitArgs};
pub(crate) use file::{
    CompletionsArgs, ConfigCommand, ConfigShowArgs, DemoArgs, InitArgs, ManArgs, PlanArgs, RunArgs,
    ValidateArgs,
};
pub(crate) use look::{EventsArgs, StatusArgs, TopArgs, WhomArgs};

/// Active health checking for fleets: correct, quiet, bounded.
#[derive(Debug, Parser)]
#[command(
    name = "hc",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true,
    after_help = "\
Begin with:
  hc demo                       watch five backends fail and come back
  hc check localhost:8080       one answer now
  hc run localhost:8080         watch it
  hc top                        look into it, from another terminal
  hc init                       a commented hc.yaml to start from

Exit codes: 0 all is well, 1 something is not, 2 usage or config, 3 inconclusive or hc is away, 130 Ctrl-C."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Flags of every verb.
#[derive(Clone, Debug, Args)]
pub(crate) struct GlobalArgs {
    /// Colour: NO_COLOR and FORCE_COLOR are heard where this says auto
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true,
        help_heading = "Everywhere"
    )]
    pub(crate) color: When,
    /// Say less: check shows failures only
    #[arg(
        short,
        long,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Everywhere"
    )]
    pub(crate) quiet: bool,
    /// Say more
    #[arg(short, long, global = true, help_heading = "Everywhere")]
    pub(crate) verbose: bool,
    /// One JSON object a line
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) json: bool,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal.
    Auto,
    /// In pipes too.
    Always,
    /// Not at all.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Ask each target once, now
    Check(Box<CheckArgs>),
    /// Wait until targets are healthy, then run a command
    Wait(WaitArgs),
    /// Watch targets until told to stop
    Run(RunArgs),
    /// Say how the targets of a running hc stand
    Status(StatusArgs),
    /// Print what happened to them
    Events(EventsArgs),
    /// Watch them on the whole terminal
    Top(TopArgs),
    /// Find all errors of a config
    Validate(ValidateArgs),
    /// Say what a config costs, and how soon it sees trouble
    Plan(PlanArgs),
    /// Watch five backends of our own fail and come back
    Demo(DemoArgs),
    /// Write a commented config
    Init(InitArgs),
    /// Look into a config
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print the JSON Schema of the config, for editors
    #[command(after_help = "Example:\n  hc schema > hc.schema.json")]
    Schema,
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print a manual page
    Man(ManArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_has_an_example_in_its_help() {
        for verb in Cli::command().get_subcommands() {
            let is_parent = verb.has_subcommands();
            let help = verb
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(is_parent || help.contains("Example"), "{}", verb.get_name());
        }
    }
}
