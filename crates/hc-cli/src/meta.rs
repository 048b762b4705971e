//! hc about itself: usage errors, completions, manual pages, the schema.

use std::io::Write;

use clap::CommandFactory;
use clap::error::ErrorKind;

use crate::args::{Cli, CompletionsArgs, ManArgs};
use crate::exit::ExitCode;
use crate::term::Term;

/// Prints help, version or what is wrong with the command line.
///
/// Monitoring systems read standard output and take 2 for CRITICAL: with `--nagios` a usage error is UNKNOWN.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // A closed pipe is no trouble.
    let _ = error.print();
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        return ExitCode::Ok;
    }
    if std::env::args_os().any(|arg| arg == "--nagios") {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        let problem = first.trim_start_matches("error: ");
        // As above.
        let _ = writeln!(
            std::io::stdout(),
            "HC UNKNOWN - usage: {}",
            problem.replace('|', "/")
        );
        return ExitCode::Inconclusive;
    }
    ExitCode::Usage
}

/// `hc schema`.
pub(crate) fn schema(term: &Term) -> anyhow::Result<ExitCode> {
    term.print(&format!("{:#}\n", hc_config::schema()))?;
    Ok(ExitCode::Ok)
}

/// `hc completions`.
pub(crate) fn completions(args: &CompletionsArgs, term: &Term) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "hc", &mut script);
    term.print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::Ok)
}

/// `hc man`.
pub(crate) fn man(args: &ManArgs, term: &Term) -> anyhow::Result<ExitCode> {
    let mut root = Cli::command();
    root.build();
    let command = match &args.verb {
        None => root,
        Some(verb) => {
            let Some(found) = root.find_subcommand(verb) else {
                let verbs: Vec<_> = root
                    .get_subcommands()
                    .map(clap::Command::get_name)
                    .collect();
                let verb = hc_core::escape(verb, 40);
                term.trouble(&format!("no verb `{verb}`; there are {}", verbs.join(", ")));
                return Ok(ExitCode::Usage);
            };
            // Built, it calls itself as people look it up: hc-check.
            found.clone()
        }
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    term.print(&String::from_utf8_lossy(&page))?;
    Ok(ExitCode::Ok)
}
