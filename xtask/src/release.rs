//! `cargo xtask release LEVEL`: the version everywhere, the changelog's section, the packages checked in order, a
//! commit and a tag. Prints the plan and checks the packages unless told to `--execute`; never pushes or publishes, but
//! tells the commands.

use std::fs;
use std::process::Command;
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::process::{self, cargo, read};
use crate::workspace::{Workspace, root};
use crate::{changelog, clock};

/// Arguments of the verb.
#[derive(Args)]
pub(crate) struct Options {
    /// major, minor, patch, or the version itself
    level: Level,
    /// Do it, instead of printing the plan
    #[arg(long)]
    execute: bool,
}

/// How far the version moves.
#[derive(Clone, Debug, PartialEq)]
enum Level {
    Major,
    Minor,
    Patch,
    To([u64; 3]),
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "major" => Self::Major,
            "minor" => Self::Minor,
            "patch" => Self::Patch,
            version => Self::To(
                numbers(version).ok_or("wanted major, minor, patch or a version such as 0.2.0")?,
            ),
        })
    }
}

impl Level {
    fn after(&self, current: &str) -> Result<String> {
        let now = numbers(current)
            .with_context(|| format!("the workspace's version `{current}` is no x.y.z"))?;
        let [major, minor, patch] = now;
        let next = match *self {
            Self::Major => [major + 1, 0, 0],
            Self::Minor => [major, minor + 1, 0],
            Self::Patch => [major, minor, patch + 1],
            // The first release has the version that the manifest was born with.
            Self::To(version) if version >= now => version,
            Self::To(_) => bail!("the version is {current} already"),
        };
        Ok(next.map(|number| number.to_string()).join("."))
    }
}

fn numbers(version: &str) -> Option<[u64; 3]> {
    let numbers: Vec<u64> = version
        .split('.')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    numbers.try_into().ok()
}

/// Prints the plan and checks it, or carries it out.
///
/// # Errors
/// When the tree is not clean (with `--execute`), nothing is unreleased, or a package is not fit to publish.
pub(crate) fn run(options: &Options) -> Result<()> {
    let workspace = Workspace::load()?;
    let order = workspace.publishing_order();
    let current = &order.first().context("no crate is publishable")?.version;
    let version = options.level.after(current)?;
    let manifest = text("Cargo.toml")?;
    let changes = text("CHANGELOG.md")?;
    let new_manifest = bumped(&manifest, current, &version);
    let new_changes = changelog::release(&changes, &version, &clock::today())?;
    let names: Vec<_> = order.iter().map(|each| each.name.as_str()).collect();
    println!("hc {current} -> {version}\n");
    println!("  Cargo.toml     version = \"{version}\", here and between our crates");
    println!("  CHANGELOG.md   [{version}] - {}:\n", clock::today());
    for line in changelog::unreleased(&changes).lines() {
        println!("    {line}");
    }
    println!("\n  packages       {}", names.join(", "));
    println!("  commit, tag    v{version}\n");
    if !options.execute {
        package(&names, false)?;
        println!("Nothing was changed; with --execute it is done.");
        return Ok(());
    }
    let dirty = read(git(&["status", "--porcelain"]).current_dir(root()))?;
    if !dirty.is_empty() {
        bail!("the working tree is not clean:\n{dirty}");
    }
    write("Cargo.toml", &new_manifest)?;
    write("CHANGELOG.md", &new_changes)?;
    process::run(cargo(&["update", "--workspace"]).current_dir(root()))?;
    package(&names, true)
        .context("Cargo.toml, Cargo.lock and CHANGELOG.md are changed, nothing is committed")?;
    let subject = format!("Release {version}");
    process::run(
        git(&[
            "commit",
            "-m",
            &subject,
            "--",
            "Cargo.toml",
            "Cargo.lock",
            "CHANGELOG.md",
        ])
        .current_dir(root()),
    )?;
    process::run(git(&["tag", "-a", &format!("v{version}"), "-m", &subject]).current_dir(root()))?;
    println!("\nTo publish:\n  git push --follow-tags");
    for name in names {
        println!("  cargo publish -p {name}");
    }
    Ok(())
}

/// Packages all in one call, so that each finds those before it, which no registry has yet.
fn package(names: &[&str], verify: bool) -> Result<()> {
    let mut command = cargo(&["package", "--allow-dirty", "--quiet"]);
    for name in names {
        command.args(["-p", name]);
    }
    if !verify {
        command.arg("--no-verify");
    }
    process::run(command.current_dir(root()))
}

/// The root manifest with the new version: the workspace's own, and the ones our crates ask of each other.
fn bumped(manifest: &str, current: &str, version: &str) -> String {
    let (old, new) = (
        format!("version = \"{current}\""),
        format!("version = \"{version}\""),
    );
    let mut section = "";
    let mut lines = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        }
        let ours = section == "[workspace.package]" && line.starts_with("version")
            || section == "[workspace.dependencies]" && line.contains("path = \"crates/");
        lines.push(if ours {
            line.replace(&old, &new)
        } else {
            line.to_owned()
        });
    }
    lines.join("\n") + "\n"
}

fn git(arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.args(arguments);
    command
}

fn text(name: &str) -> Result<String> {
    fs::read_to_string(root().join(name)).with_context(|| format!("failed to read {name}"))
}

fn write(name: &str, text: &str) -> Result<()> {
    fs::write(root().join(name), text).with_context(|| format!("failed to write {name}"))
}

#[cfg(test)]
mod tests {
    use super::{Level, bumped};

    #[track_caller]
    fn check(level: &str, expected: &str) {
        let level: Level = level.parse().unwrap();
        assert_eq!(
            level
                .after("1.2.3")
                .unwrap_or_else(|error| error.to_string()),
            expected
        );
    }

    #[test]
    fn levels() {
        check("major", "2.0.0");
        check("minor", "1.3.0");
        check("patch", "1.2.4");
        check("1.10.0", "1.10.0");
        check("1.2.3", "1.2.3");
        check("1.2.2", "the version is 1.2.3 already");
        for wrong in ["", "big", "1.2", "1.2.x", "v1.2.3"] {
            assert!(wrong.parse::<Level>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_our_versions_move() {
        let manifest = "[workspace.package]\nversion = \"0.1.0\"\nrust-version = \"1.88\"\n[workspace.dependencies]\n\
            hc-core = { path = \"crates/hc-core\", version = \"0.1.0\" }\nother = { version = \"0.1.0\" }\n";
        let expected = "[workspace.package]\nversion = \"0.2.0\"\nrust-version = \"1.88\"\n[workspace.dependencies]\n\
            hc-core = { path = \"crates/hc-core\", version = \"0.2.0\" }\nother = { version = \"0.1.0\" }\n";
        assert_eq!(bumped(manifest, "0.1.0", "0.2.0"), expected);
    }
}
