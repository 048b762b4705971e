//! The reader of hc-http, which no example and no benchmark can reach: asked to read so many answers through an ignored
//! test of its own.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process::read;

/// The ignored test.
const TEST: &str = "dedicated::reader::count::counted";

/// The answers that it reads.
pub(crate) const CASES: [&str; 4] = ["small", "nginx", "chunked", "in_pieces"];

/// What builds the test program: arguments of `cargo test`, without those that choose a profile or a place.
pub(crate) const BUILD: [&str; 7] = [
    "test",
    "-p",
    "hc-http",
    "--lib",
    "--no-run",
    "--message-format",
    "json",
];

/// Builds it by [`BUILD`] and whatever else the command has, and says where it is.
///
/// # Errors
/// When cargo fails, or names no such program.
pub(crate) fn built(build: &mut Command) -> Result<PathBuf> {
    let said = read(build)?;
    let executable = |line: &str| {
        let value: Value = serde_json::from_str(line).ok()?;
        let of_test = value["profile"]["test"].as_bool()? && value["target"]["name"] == "hc_http";
        of_test.then(|| value["executable"].as_str().map(PathBuf::from))?
    };
    let mut programs = said.lines().filter_map(executable);
    programs.next().context("cargo names no test of hc-http")
}

/// Adds to a command that runs the program: read that answer so many times.
pub(crate) fn tell<'a>(command: &'a mut Command, case: &str, times: u64) -> &'a mut Command {
    command.args(["--ignored", "--exact", TEST, "--test-threads", "1"]);
    command.env("HC_COUNT", format!("{case} {times}"))
}
