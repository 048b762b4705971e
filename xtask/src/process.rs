//! Running other programs: cargo, git, apt-get. Standard input is never theirs, so nothing can wait for a person.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// What a captured program said.
pub(crate) struct Output {
    /// It ended with 0.
    pub(crate) passed: bool,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

/// A cargo command, free of the variables that the cargo which started xtask has set: build scripts (ring's, for one)
/// watch them, and would run again at each call.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let set_by_cargo = [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "CARGO_BIN_",
            "CARGO_CRATE_",
            "CARGO_PRIMARY_",
        ];
        if set_by_cargo.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command.args(arguments);
    command
}

/// Runs it with its output in ours.
///
/// # Errors
/// When it cannot be started or does not end with 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    eprintln!("  $ {shown}");
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("failed to start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` ended with {status}");
    }
    Ok(())
}

/// Runs it and keeps what it said.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn capture(command: &mut Command) -> Result<Output> {
    let shown = shown(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("failed to start `{shown}`"))?;
    Ok(Output {
        passed: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Standard output of a program that must succeed.
///
/// # Errors
/// When it cannot be started or does not end with 0; then its standard error is told.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = capture(command)?;
    if !output.passed {
        bail!("`{}` failed: {}", shown(command), output.stderr.trim());
    }
    Ok(output.stdout)
}

/// Where a program lies, sought as a shell would and in the folders of system programs (a user's PATH often lacks them).
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(system)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Runs in this folder with these extra variables.
pub(crate) fn within(mut command: Command, folder: &Path, variables: &[(&str, &str)]) -> Command {
    command.current_dir(folder).envs(variables.iter().copied());
    command
}

/// The command as a person would type it.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program())
        .to_string_lossy();
    let words = command.get_args().map(|word| word.to_string_lossy());
    std::iter::once(program)
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{capture, find, read, run, shown};

    #[test]
    fn a_failing_program_is_an_error_that_names_it() {
        let error = run(Command::new("sh").args(["-c", "exit 3"]))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`sh -c exit 3` ended with") && error.contains('3'),
            "{error}"
        );
        let error = read(Command::new("sh").args(["-c", "echo why >&2; exit 1"]))
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("failed: why"), "{error}");
        assert!(
            !capture(Command::new("sh").args(["-c", "exit 1"]))
                .unwrap()
                .passed
        );
    }

    #[test]
    fn standard_input_is_empty() {
        assert_eq!(read(&mut Command::new("cat")).unwrap(), "");
    }

    #[test]
    fn programs_are_found_by_name() {
        assert!(find("sh").is_some());
        assert_eq!(find("no-such-program-anywhere"), None);
        assert_eq!(
            shown(Command::new("/usr/bin/git").arg("status")),
            "git status"
        );
    }
}
