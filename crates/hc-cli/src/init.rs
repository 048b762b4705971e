//! `hc init`: a commented config to begin with. What is there already is left alone.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::args::InitArgs;
use crate::exit::ExitCode;
use crate::term::Term;

/// Where a config is looked for first.
const USUAL: &str = "hc.yaml";

/// Writes the file.
pub(crate) fn init(args: &InitArgs, term: &Term) -> anyhow::Result<ExitCode> {
    let problems: Vec<String> = args
        .urls
        .iter()
        .filter_map(|url| hc_config::expand_url(url).err())
        .map(|error| format!("the URL is not usable: {error}"))
        .collect();
    if !problems.is_empty() {
        term.trouble(&problems.join("\n    "));
        return Ok(ExitCode::Usage);
    }
    let text = hc_config::init(&args.urls);
    let path = args.output.clone().unwrap_or_else(|| PathBuf::from(USUAL));
    if path == Path::new("-") {
        term.print(&text)?;
        return Ok(ExitCode::Ok);
    }
    let mut options = OpenOptions::new();
    // Without --force the file is made in the same step that finds it missing.
    match args.force {
        true => options.write(true).create(true).truncate(true),
        false => options.write(true).create_new(true),
    };
    let mut file = match options.open(&path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let shown = path.display();
            term.trouble(&format!(
                "{shown} exists: --force overwrites it, -o names another"
            ));
            return Ok(ExitCode::Usage);
        }
        opened => opened.with_context(|| format!("failed to create {}", path.display()))?,
    };
    file.write_all(text.as_bytes())
        .with_context(|| format!("failed to write {}", path.display()))?;
    if !term.quiet {
        let shown = path.display();
        term.note(&format!(
            "{shown} written; now: hc validate, hc plan, hc run"
        ));
    }
    Ok(ExitCode::Ok)
}
