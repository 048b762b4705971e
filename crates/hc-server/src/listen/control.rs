//! Where the control socket lies: in the user's runtime directory, where the verbs of the command look for it.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Where control sockets lie by default, and under what names. Nothing is of this type.
#[derive(Debug)]
pub enum Control {}

impl Control {
    /// Where the control sockets of the system's service lie: what its unit names as `RuntimeDirectory=`.
    pub const SYSTEM: &str = "/run/hc";

    /// The name of the first process of a user.
    pub const FILE: &str = "control.sock";

    /// Where a user's control sockets lie: `hc` in the runtime directory, `hc-1000` in the one for temporary files
    /// where there is none.
    #[must_use]
    pub fn directory(runtime: Option<&Path>, temporary: &Path, user: u32) -> PathBuf {
        match runtime.filter(|path| path.is_absolute()) {
            Some(runtime) => runtime.join("hc"),
            None => temporary.join(format!("hc-{user}")),
        }
    }

    /// The name of a process that is not the only one of its user.
    #[must_use]
    pub fn file_of(process: u32) -> String {
        format!("control-{process}.sock")
    }

    /// The sockets that lie in a directory, that of the first process before the others. Some may be of processes
    /// that are gone.
    #[must_use]
    pub fn sockets_in(directory: &Path) -> Vec<PathBuf> {
        let is_ours = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("control") && name.ends_with(".sock"))
        };
        // A directory that is not there has none.
        let entries = fs::read_dir(directory).into_iter().flatten();
        let mut found: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(is_ours)
            .collect();
        found.sort_by_key(|path| (!path.ends_with(Self::FILE), path.clone()));
        found
    }

    /// Sees to it that the directory is there and that the user alone may write to it: one in which others may write
    /// could hold a socket of theirs. It is made for the user alone; a service's, which its manager has made, may be
    /// looked into by others, and the socket in it is still its owner's.
    ///
    /// # Errors
    /// It cannot be made, or is another's.
    pub fn prepare(directory: &Path, user: u32) -> io::Result<()> {
        match fs::DirBuilder::new().mode(0o700).create(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let found = fs::symlink_metadata(directory)?;
        let is_ours = found.permissions().mode() & 0o022 == 0;
        match found.is_dir() && found.uid() == user && is_ours {
            true => Ok(()),
            false => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!(
                    "{} is not a directory that this user alone may write to",
                    directory.display()
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_follows_the_environment() {
        let of = |runtime: Option<&str>| {
            Control::directory(runtime.map(Path::new), Path::new("/tmp"), 1000)
        };
        assert_eq!(of(Some("/run/user/1000")), Path::new("/run/user/1000/hc"));
        assert_eq!(of(None), Path::new("/tmp/hc-1000"));
        assert_eq!(of(Some("relative")), Path::new("/tmp/hc-1000"));
    }

    #[test]
    fn a_directory_that_others_may_write_to_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let user = fs::metadata(folder.path()).unwrap().uid();
        let own = folder.path().join("hc-1");
        Control::prepare(&own, user).unwrap();
        Control::prepare(&own, user).unwrap();
        assert!(Control::prepare(&own, user + 1).is_err(), "another's");
        fs::set_permissions(&own, fs::Permissions::from_mode(0o770)).unwrap();
        assert!(Control::prepare(&own, user).is_err(), "open to the group");
        fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).unwrap();
        Control::prepare(&own, user).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        assert!(
            Control::prepare(&link, user).is_err(),
            "a link may lead anywhere"
        );
    }

    #[test]
    fn the_first_process_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["control-12.sock", "control.sock", "other", "control-7.sock"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found = Control::sockets_in(folder.path());
        let names: Vec<_> = found.iter().filter_map(|path| path.file_name()).collect();
        assert_eq!(names, ["control.sock", "control-12.sock", "control-7.sock"]);
        assert!(Control::sockets_in(&folder.path().join("none")).is_empty());
    }
}
