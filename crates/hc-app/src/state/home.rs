//! Where the state goes by default: one file per config file, in the directory that the system gave to the service, or
//! in the user's own for such things.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use hc_core::stable_hash;

/// What the environment says of where state may be kept.
#[derive(Clone, Debug, Default)]
pub struct StateHome {
    /// The directories that systemd made for the service (`STATE_DIRECTORY`), joined by colons.
    pub service: Option<String>,
    /// The user's directory for state (`XDG_STATE_HOME`).
    pub state: Option<PathBuf>,
    /// The user's home (`HOME`).
    pub home: Option<PathBuf>,
    /// The user's number.
    pub user: u32,
}

/// So much of a config's name goes into the file's, for people.
const STEM: usize = 40;

impl StateHome {
    /// The directory: the one that was given to the service, as it is; else the user's, made if it is not there, and nobody
    /// else's.
    pub(super) fn prepare(&self) -> io::Result<PathBuf> {
        if let Some(service) = self.service() {
            return Ok(service.to_owned());
        }
        let directory = self.directory().ok_or_else(|| {
            let message = "neither STATE_DIRECTORY nor XDG_STATE_HOME nor HOME names a directory";
            io::Error::new(io::ErrorKind::NotFound, message)
        })?;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .map_err(|error| at(&directory, &error))?;
        // It may be a link that its user made.
        let found = fs::metadata(&directory).map_err(|error| at(&directory, &error))?;
        let message = match () {
            () if found.uid() != self.user => "it is another user's",
            () if found.permissions().mode() & 0o022 != 0 => "others may write there",
            () => return Ok(directory),
        };
        let error = io::Error::new(io::ErrorKind::PermissionDenied, message);
        Err(at(&directory, &error))
    }

    fn service(&self) -> Option<&Path> {
        let first = self.service.as_deref()?.split(':').next()?;
        Some(Path::new(first)).filter(|path| path.is_absolute())
    }

    /// The user's own.
    fn directory(&self) -> Option<PathBuf> {
        let absolute = |path: &Option<PathBuf>| path.clone().filter(|path| path.is_absolute());
        let state = absolute(&self.state);
        let state = state.or_else(|| Some(absolute(&self.home)?.join(".local/state")))?;
        Some(state.join("hc"))
    }
}

fn at(directory: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", directory.display()))
}

/// The name of a config file's state: part of its name for people, and a hash of its whole path as it is called. Links
/// are not resolved: where configs are rolled out they lead elsewhere after each change (a ConfigMap, a `current` release,
/// a system's generation), and a change is no reason to forget.
pub(super) fn file_name(config: &Path) -> String {
    let absolute = std::path::absolute(config).unwrap_or_else(|_| config.to_owned());
    let mut whole = PathBuf::new();
    for part in absolute.components() {
        match part {
            Component::ParentDir => drop(whole.pop()),
            part => whole.push(part),
        }
    }
    let stem = whole.file_stem().unwrap_or_default().to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let stem: String = stem.chars().filter(|c| plain(*c)).take(STEM).collect();
    let hash = stable_hash(&[&whole.to_string_lossy()]);
    format!("{stem}-{hash:016x}.state")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(service: Option<&str>, state: Option<&str>, home: Option<&str>, wanted: Option<&str>) {
        let found = StateHome {
            service: service.map(ToOwned::to_owned),
            state: state.map(Into::into),
            home: home.map(Into::into),
            user: 0,
        };
        let service = found.service().map(ToOwned::to_owned);
        let directory = service.or_else(|| found.directory());
        assert_eq!(directory.as_deref(), wanted.map(Path::new));
    }

    #[test]
    fn the_directory_follows_the_environment() {
        let (service, state, home) = (Some("/var/lib/hc"), Some("/s"), Some("/u"));
        check(service, state, home, Some("/var/lib/hc"));
        check(
            Some("/var/lib/a:/var/lib/b"),
            None,
            None,
            Some("/var/lib/a"),
        );
        check(Some(""), state, home, Some("/s/hc"));
        check(None, None, home, Some("/u/.local/state/hc"));
        check(None, Some("relative"), home, Some("/u/.local/state/hc"));
        check(None, None, Some(""), None);
        check(None, None, None, None);
    }

    #[test]
    fn it_is_made_for_the_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let user = fs::metadata(folder.path()).unwrap().uid();
        let home = StateHome {
            home: Some(folder.path().to_owned()),
            user,
            ..StateHome::default()
        };
        let made = home.prepare().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&made), mode(&folder.path().join(".local"))),
            (0o700, 0o700)
        );
        fs::set_permissions(&made, fs::Permissions::from_mode(0o750)).unwrap();
        assert_eq!(home.prepare().unwrap(), made, "others may look");
        fs::set_permissions(&made, fs::Permissions::from_mode(0o770)).unwrap();
        let error = home.prepare().unwrap_err().to_string();
        assert!(error.ends_with("others may write there"), "{error}");
        let other = StateHome {
            user: user + 1,
            ..home.clone()
        };
        let error = other.prepare().unwrap_err().to_string();
        assert!(error.ends_with("it is another user's"), "{error}");
        // What a service was given is as its owner wants it, a volume that a group may write to, say.
        let service = StateHome {
            service: made.to_str().map(ToOwned::to_owned),
            ..other
        };
        assert_eq!(service.prepare().unwrap(), made);
    }

    #[test]
    fn each_config_has_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let config = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            path
        };
        let (one, other) = (config("a/hc.yaml"), config("b/hc.yaml"));
        let name = file_name(&one);
        assert!(
            name.starts_with("hc-") && name.ends_with(".state"),
            "{name}"
        );
        assert_ne!(name, file_name(&other));
        assert_eq!(name, file_name(&folder.path().join("b/../a/hc.yaml")));
        // As a volume of configs is rolled out.
        let link = folder.path().join("c.yaml");
        std::os::unix::fs::symlink(&one, &link).unwrap();
        let before = file_name(&link);
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&other, &link).unwrap();
        assert_eq!(file_name(&link), before);
        let odd = file_name(&config("a/sch\u{f6}n \u{1b}[2J.yaml"));
        assert!(odd.starts_with("schn2J-"), "{odd}");
    }
}
