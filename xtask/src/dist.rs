//! `cargo xtask dist`: what a release ships, in `target/dist`: one static binary, its completions and man page as an
//! archive and as a .deb, with the unit of its service and the file of its container, and their checksums.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::process::{self, cargo, find, read};
use crate::tools::CARGO_DEB;
use crate::workspace::{Workspace, root};

/// Arguments of the verb.
#[derive(Args)]
pub(crate) struct Options {
    /// Leave the Debian package out
    #[arg(long)]
    no_deb: bool,
}

/// Shells, and the file that each one's completions are packed as (crates/hc-cli/Cargo.toml names them for the .deb).
const COMPLETIONS: [(&str, &str); 3] = [("bash", "hc.bash"), ("zsh", "_hc"), ("fish", "hc.fish")];

/// The platform to build for.
struct Platform {
    triple: String,
    rustflags: &'static str,
}

/// Builds all of it.
///
/// # Errors
/// When something cannot be built, or the binary turns out to need a shared library.
pub(crate) fn run(options: &Options) -> Result<()> {
    let workspace = Workspace::load()?;
    let version = &workspace
        .crates
        .iter()
        .find(|each| each.name == "hc-cli")
        .context("hc-cli is gone")?
        .version;
    let platform = platform()?;
    let dist = workspace.target.join("dist");
    if dist.exists() {
        fs::remove_dir_all(&dist).context("failed to empty target/dist")?;
    }
    let binary = build(&workspace.target, &platform)?;
    // Beside the binary, where cargo-deb looks for what is built.
    let extras = binary.with_file_name("dist");
    write_extras(&binary, &extras)?;
    let name = format!("hc-{version}-{}", platform.triple);
    let folder = dist.join(&name);
    fs::create_dir_all(&folder)?;
    let texts = ["LICENSE-MIT", "LICENSE-APACHE", "README.md", "CHANGELOG.md"]
        .map(|text| root().join(text));
    let mut packed = files(&extras)?;
    // The unit, the config that goes with it, and how a container is made of the archive.
    packed.extend(files(&root().join("packaging"))?);
    for file in [&binary].into_iter().chain(&packed).chain(&texts) {
        let to = folder.join(file.file_name().context("a file without a name")?);
        fs::copy(file, to).with_context(|| format!("failed to pack {}", file.display()))?;
    }
    let archive = format!("{name}.tar.gz");
    pack(&dist, &name, &archive)?;
    fs::remove_dir_all(&folder)?;
    if !options.no_deb {
        deb(&workspace.target, &platform, &dist)?;
    }
    checksums(&dist)
}

/// An archive of a folder: the same bytes from the same tree, whoever packs it and when.
fn pack(dist: &Path, name: &str, archive: &str) -> Result<()> {
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*", "log", "-1", "--format=%ct"])
        .current_dir(root());
    let committed = read(&mut git).context("failed to read the commit's time")?;
    let mut tar = Command::new("tar");
    tar.args([
        "--create",
        "--sort=name",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--mode=go=rX,u+rw,a-s",
    ]);
    // Without -n gzip would write the time of packing.
    tar.args([
        "--use-compress-program",
        "gzip -n9",
        &format!("--mtime=@{}", committed.trim()),
        "--file",
        archive,
        name,
    ]);
    process::run(tar.current_dir(dist))
}

/// musl where its target is installed and C can be compiled for it (ring has C in it), else glibc linked statically.
fn platform() -> Result<Platform> {
    let arch = std::env::consts::ARCH;
    let musl = format!("{arch}-unknown-linux-musl");
    if find("musl-gcc").is_some() && is_installed(&musl) {
        return Ok(Platform {
            triple: musl,
            rustflags: "",
        });
    }
    let gnu = format!("{arch}-unknown-linux-gnu");
    if !is_installed(&gnu) {
        bail!("no standard library for {gnu}: rustup target add {gnu}");
    }
    println!(
        "for a musl build: rustup target add {musl}, and the package musl-tools; building for {gnu}, static"
    );
    Ok(Platform {
        triple: gnu,
        rustflags: "-C target-feature=+crt-static",
    })
}

fn is_installed(triple: &str) -> bool {
    let folder = read(Command::new("rustc").args(["--print", "target-libdir", "--target", triple]));
    folder.is_ok_and(|folder| Path::new(folder.trim()).is_dir())
}

fn build(target: &Path, platform: &Platform) -> Result<PathBuf> {
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*", "rev-parse", "--short=12", "HEAD"])
        .current_dir(root());
    // Of an archive of the source there is none.
    let revision = read(&mut git).unwrap_or_default();
    let mut command = cargo(&[
        "build",
        "--release",
        "--package",
        "hc-cli",
        "--locked",
        "--target",
        &platform.triple,
    ]);
    for setting in [
        "strip=true",
        "lto=\"thin\"",
        "codegen-units=1",
        "panic=\"unwind\"",
    ] {
        command.args(["--config", &format!("profile.release.{setting}")]);
    }
    process::run(
        command
            .env("RUSTFLAGS", platform.rustflags)
            .env("HC_REVISION", revision.trim())
            .current_dir(root()),
    )?;
    let binary = target.join(&platform.triple).join("release/hc");
    let needs = read(Command::new("ldd").arg(&binary)).unwrap_or_default();
    if needs.contains("=>") {
        bail!("the binary is not static:\n{needs}");
    }
    println!(
        "{}: {} bytes",
        binary.display(),
        fs::metadata(&binary)?.len()
    );
    Ok(binary)
}

/// Completions and man page, from the binary itself.
fn write_extras(binary: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (shell, file) in COMPLETIONS {
        fs::write(
            folder.join(file),
            read(Command::new(binary).args(["completions", shell]))?,
        )?;
    }
    fs::write(folder.join("hc.1"), read(Command::new(binary).arg("man"))?)?;
    Ok(())
}

fn deb(target: &Path, platform: &Platform, dist: &Path) -> Result<()> {
    let mut command = Command::new(CARGO_DEB.ensure(target)?);
    command.args([
        "--package",
        "hc-cli",
        "--no-build",
        "--no-strip",
        "--target",
        &platform.triple,
        "--output",
    ]);
    process::run(command.arg(dist).current_dir(root()))
}

/// `SHA256SUMS`, as `sha256sum --check` reads it.
fn checksums(dist: &Path) -> Result<()> {
    let mut command = Command::new("sha256sum");
    for file in files(dist)? {
        command.arg(file.file_name().context("a file without a name")?);
    }
    let sums = read(command.current_dir(dist))?;
    fs::write(dist.join("SHA256SUMS"), &sums)?;
    print!("{}:\n{sums}", dist.display());
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let mut files: Vec<_> = entries
        .iter()
        .map(fs::DirEntry::path)
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    Ok(files)
}
