//! What a release is installed with: the unit, the container's file and the config that go with it, as text. That their
//! commands are hc's is tested where hc is (crates/hc-cli/tests/packaged.rs).

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{capture, find};
use crate::workspace::root;

mod container;
mod unit;

/// Most that `systemd-analyze security` may find exposed, in tenths: what is left is the network, which hc is for.
const EXPOSURE: u32 = 15;

/// Checks all of it.
///
/// # Errors
/// All that is wrong.
pub(crate) fn check() -> Result<String> {
    let service = texts()?;
    match find("systemd-analyze") {
        Some(program) => analyze(&program, &service),
        None => Ok("no systemd-analyze here: the unit was read as text alone".to_owned()),
    }
}

/// Checks the texts; the unit's.
fn texts() -> Result<String> {
    let read = |name: &str| {
        let path = root().join(name);
        std::fs::read_to_string(path).with_context(|| format!("failed to read {name}"))
    };
    let service = read("packaging/hc.service")?;
    let mut problems = unit::broken(&service);
    problems.extend(container::broken(&read("packaging/Containerfile")?));
    problems.extend(deb(&read("crates/hc-cli/Cargo.toml")?));
    if !problems.is_empty() {
        bail!("{}", problems.join("\n  "));
    }
    Ok(service)
}

/// What systemd itself says: that it understands each line, and what is left open.
fn analyze(program: &Path, service: &str) -> Result<String> {
    let folder = std::env::temp_dir().join(format!("hc-unit-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let ended = analyze_in(program, service, &folder);
    // What is left of it harms nobody.
    drop(std::fs::remove_dir_all(&folder));
    ended
}

fn analyze_in(program: &Path, service: &str, folder: &Path) -> Result<String> {
    let path = folder.join("hc.service");
    // hc need not be installed where this runs; some program must be.
    let program_here = std::env::current_exe()?;
    let here = service.replace(unit::PROGRAM, &program_here.to_string_lossy());
    std::fs::write(&path, here)?;
    let mut verify = Command::new(program);
    verify.args(["verify", "--man=no"]).arg(&path);
    let output = capture(&mut verify)?;
    // Units that are here already have their own troubles.
    let about_ours = |line: &&str| line.contains("hc.service") && !is_age(line);
    let said: Vec<_> = output.stderr.lines().filter(about_ours).collect();
    if !said.is_empty() {
        bail!("systemd-analyze verify: {}", said.join("\n  "));
    }
    let mut security = Command::new(program);
    security.args(["security", "--offline=true", "--no-pager"]);
    security.arg(format!("--threshold={EXPOSURE}")).arg(&path);
    let output = capture(&mut security)?;
    let score = output.stdout.lines().find(|line| line.contains("Overall"));
    let score = score.unwrap_or_default().trim_start_matches(['→', ' ']);
    match output.passed {
        true => Ok(score.to_owned()),
        false => bail!("{score}: more than {}", f64::from(EXPOSURE) / 10.0),
    }
}

/// systemd before 253 does not know `notify-reload`; the unit has a line for it.
fn is_age(line: &str) -> bool {
    line.contains("Failed to parse service type, ignoring: notify-reload")
}

/// The package installs the unit, and starts nothing.
fn deb(manifest: &str) -> Vec<String> {
    const WANTED: [&str; 6] = [
        r#"["../../packaging/hc.yaml", "etc/hc/hc.yaml", "644"]"#,
        r#"conf-files = ["/etc/hc/hc.yaml"]"#,
        r#"maintainer-scripts = "../../packaging/debian""#,
        r#"unit-scripts = "../../packaging""#,
        "enable = false",
        "start = false",
    ];
    let lines: Vec<_> = manifest
        .lines()
        .map(|line| line.trim().trim_end_matches(','))
        .collect();
    let missing = WANTED.iter().filter(|wanted| !lines.contains(wanted));
    missing
        .map(|wanted| format!("crates/hc-cli/Cargo.toml: {wanted} is gone"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{deb, texts};

    #[test]
    fn a_package_that_starts_something_is_caught() {
        let found = deb("enable = true\nstart = false\n");
        assert_eq!(found.len(), 5, "{found:?}");
        assert!(found[4].contains("enable = false"));
    }

    #[test]
    fn what_is_packaged_is_fine() {
        texts().unwrap();
    }
}
