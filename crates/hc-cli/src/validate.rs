//! `hc validate`: all errors of a config at once, or one line that it is fine. Also finds the config for its kin.

use std::path::{Path, PathBuf};

use hc_config::{Config, ConfigErrors, Diagnostic, Disk, ProcessEnv, Severity};
use serde::Serialize;

use crate::args::ValidateArgs;
use crate::check::targets::source;
use crate::exit::ExitCode;
use crate::term::Term;

/// Reads the config and tells.
pub(crate) fn validate(args: &ValidateArgs, term: &Term) -> anyhow::Result<ExitCode> {
    let Some(path) = found(args.file.as_deref(), term) else {
        return Ok(ExitCode::Usage);
    };
    match load(&path) {
        Ok(config) => {
            if term.json {
                term.print(&json(&config.warnings))?;
                return Ok(ExitCode::Ok);
            }
            for warning in &config.warnings {
                term.print(&warning.render(term.color))?;
            }
            if !term.quiet {
                term.print(&fine(&path, &config))?;
            }
            Ok(ExitCode::Ok)
        }
        Err(Trouble::Config(errors)) => {
            if term.json {
                term.print(&json(&errors.errors))?;
                term.print(&json(&errors.warnings))?;
            } else {
                term.print(&errors.render(term.color))?;
            }
            Ok(ExitCode::Usage)
        }
        Err(Trouble::Read(problem)) => {
            term.trouble(&problem);
            Ok(ExitCode::Usage)
        }
    }
}

/// Why there is no config.
pub(crate) enum Trouble {
    /// It is wrong.
    Config(Box<ConfigErrors>),
    /// Standard input cannot be read.
    Read(String),
}

/// The config that is meant: the one named, or where `hc run` would find it. Tells if there is none.
pub(crate) fn found(named: Option<&Path>, term: &Term) -> Option<PathBuf> {
    let path = hc_config::find_file(named, &ProcessEnv, &Disk);
    if path.is_none() {
        term.trouble("no config: name one, set HC_CONFIG, or write ./hc.yaml (`hc init` does)");
    }
    path
}

/// Reads a config.
pub(crate) fn load(path: &Path) -> Result<Config, Trouble> {
    let source = source(path).map_err(Trouble::Read)?;
    hc_config::load(&source, &ProcessEnv, &Disk).map_err(|errors| Trouble::Config(Box::new(errors)))
}

/// Reads a config for a verb that needs a right one; tells what is wrong.
pub(crate) fn load_or_tell(named: Option<&Path>, term: &Term) -> Option<(PathBuf, Config)> {
    let path = found(named, term)?;
    match load(&path) {
        Ok(config) => Some((path, config)),
        Err(Trouble::Config(errors)) => {
            term.note(errors.render(term.stderr_color).trim_end());
            None
        }
        Err(Trouble::Read(problem)) => {
            term.trouble(&problem);
            None
        }
    }
}

/// `hc.yaml: ok, 200 targets, 2 groups, profile large`.
fn fine(path: &Path, config: &Config) -> String {
    let counted =
        |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    format!(
        "{}: ok, {}, {}, profile {}\n",
        path.display(),
        counted(config.targets.len(), "target"),
        counted(config.groups.len(), "group"),
        config.profile
    )
}

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    severity: &'static str,
    code: &'a str,
    file: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    line: usize,
    #[serde(skip_serializing_if = "is_zero")]
    column: usize,
    key: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    wanted: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Findings as lines of JSON, schema `hc.finding/1`.
fn json(findings: &[Diagnostic]) -> String {
    let mut out = String::new();
    for finding in findings {
        let line = Line {
            schema: "hc.finding/1",
            severity: match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            code: finding.code,
            file: &finding.file,
            line: finding.line,
            column: finding.column,
            key: &finding.path,
            message: &finding.message,
            wanted: finding.wanted.as_deref(),
            found: finding.found.as_deref(),
            hint: finding.hint.as_deref(),
        };
        out.push_str(&serde_json::to_string(&line).expect("texts and numbers become JSON"));
        out.push('\n');
    }
    out
}
