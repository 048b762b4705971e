//! Checks on the repository's own texts: no path of somebody's machine in any of them, no shipped profile that aborts.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::process::read;
use crate::workspace::root;

/// Folders that exist on one machine only. Written in two halves, so that this file passes its own check.
const PRIVATE: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!("/tm", "p/bash_jobs"),
];

/// The texts that are committed or about to be: path from the root, and content. Files that are no UTF-8 are left out.
///
/// # Errors
/// When git cannot list them.
pub(crate) fn all() -> Result<Vec<(String, String)>> {
    let mut git = Command::new("git");
    // In a container the folder often belongs to somebody else; we only read.
    git.args([
        "-c",
        "safe.directory=*",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let listed = read(git.current_dir(root()))?;
    let names = listed.split('\0').filter(|name| !name.is_empty());
    Ok(names
        .filter_map(|name| Some((name.to_owned(), std::fs::read_to_string(path(name)).ok()?)))
        .collect())
}

fn path(name: &str) -> PathBuf {
    root().join(name)
}

/// Places where a text names a folder of one machine.
pub(crate) fn machine_paths(name: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for private in PRIVATE {
            if line
                .match_indices(private)
                .any(|(at, _)| begins_a_path(&line[..at]))
            {
                found.push(format!(
                    "{name}:{}: names a path of one machine ({private}...)",
                    number + 1
                ));
            }
        }
    }
    found
}

/// False inside a longer path or a URL.
fn begins_a_path(before: &str) -> bool {
    !before
        .chars()
        .next_back()
        .is_some_and(|last| last.is_alphanumeric() || "._-~/}".contains(last))
}

/// Profiles that abort on a panic. A panicking probe is caught and is its target's `Inconclusive`; that needs unwinding.
pub(crate) fn aborting_profiles(name: &str, text: &str) -> Vec<String> {
    if !(name.ends_with("Cargo.toml") || name.ends_with(".cargo/config.toml")) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split('#').next().unwrap_or_default();
        let compact: String = code
            .chars()
            .filter(|each| !" \t'\"".contains(*each))
            .collect();
        if compact.contains("panic=abort") {
            found.push(format!(
                "{name}:{}: a shipped profile must unwind",
                number + 1
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{aborting_profiles, machine_paths};

    #[test]
    fn a_path_of_one_machine_is_found_and_a_url_is_not() {
        let home = concat!("/ho", "me/");
        assert_eq!(
            machine_paths("a.md", &format!("fine\nsee `{home}jo/hc`\n")),
            [format!("a.md:2: names a path of one machine ({home}...)")]
        );
        assert_eq!(machine_paths("a.md", &format!("{home}jo")).len(), 1);
        assert!(
            machine_paths(
                "a.md",
                &format!("https://shop.test{home}page and docs{home}x")
            )
            .is_empty()
        );
    }

    #[test]
    fn an_aborting_profile_is_found_however_it_is_written() {
        for line in [
            "panic = \"abort\"",
            "panic='abort'",
            "release = { panic = \"abort\" }",
        ] {
            assert_eq!(
                aborting_profiles("Cargo.toml", line),
                ["Cargo.toml:1: a shipped profile must unwind"],
                "{line}"
            );
            assert!(aborting_profiles("notes.md", line).is_empty());
        }
        assert!(
            aborting_profiles(
                "crates/a/Cargo.toml",
                "panic = \"unwind\" # not panic = \"abort\""
            )
            .is_empty()
        );
    }
}
