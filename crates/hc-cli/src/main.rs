//! hc, active health checking for fleets: arguments in, text and exit code out.

mod args;
mod check;
mod config;
mod demo;
mod events;
mod exit;
mod host;
mod init;
mod meta;
mod plan;
mod run;
mod see;
mod status;
mod term;
mod top;
mod validate;
mod wait;

use std::process;

use clap::Parser;

use crate::args::{Cli, ConfigCommand, Verb};
use crate::exit::ExitCode;
use crate::term::Term;

/// It gives back what a fleet's config took while it was read, and what an outage of everything did.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> process::ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return meta::usage(&error).into(),
    };
    let term = Term::new(&cli.global);
    match dispatch(&cli.verb, &term) {
        Ok(code) => code.into(),
        Err(error) if term::is_closed_pipe(&error) => ExitCode::Ok.into(),
        Err(error) => {
            term.trouble(&format!("{error:#}"));
            ExitCode::Failed.into()
        }
    }
}

fn dispatch(verb: &Verb, term: &Term) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Check(args) => check::check(args, term),
        Verb::Wait(args) => wait::wait(args, term),
        Verb::Run(args) => run::run(args, term),
        Verb::Status(args) => status::status(args, term),
        Verb::Events(args) => events::events(args, term),
        Verb::Top(args) => top::top(args, term),
        Verb::Validate(args) => validate::validate(args, term),
        Verb::Plan(args) => plan::plan(args, term),
        Verb::Demo(args) => demo::demo(args, term),
        Verb::Init(args) => init::init(args, term),
        Verb::Config {
            command: ConfigCommand::Show(args),
        } => config::show(args, term),
        Verb::Schema => meta::schema(term),
        Verb::Completions(args) => meta::completions(args, term),
        Verb::Man(args) => meta::man(args, term),
    }
}
