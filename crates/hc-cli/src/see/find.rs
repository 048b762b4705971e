//! The control sockets of running hc: this user's, then the system's. Of several the first that answers is asked, and
//! the others are named.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hc_app::Home;
use hc_server::Control;
use tokio::net::UnixStream;

use super::{Place, Trouble};

/// Where a hc that the system runs for all keeps its own.
const SYSTEM: &str = Control::SYSTEM;

/// A socket of this machine takes a connection at once, or its queue is full.
const PATIENCE: Duration = Duration::from_secs(1);

/// A directory in which control sockets may lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directory {
    path: PathBuf,
    /// Whose it has to be; `None`: it lies where only root may put it.
    owner: Option<u32>,
}

/// Where control sockets may lie, the likeliest first.
pub(super) fn directories() -> Vec<Directory> {
    directories_of(crate::host::home())
}

fn directories_of(home: Home) -> Vec<Directory> {
    let of_all = |path: PathBuf| Directory { path, owner: None };
    let mut all: Vec<Directory> = home.service.map(of_all).into_iter().collect();
    // It may have been started where the environment was another: by cron, over ssh, with sudo.
    let usual = Path::new("/run/user").join(home.user.to_string());
    for runtime in [home.runtime.as_deref(), None, Some(&*usual)] {
        let path = Control::directory(runtime, &home.temporary, home.user);
        if all.iter().all(|known| known.path != path) {
            all.push(Directory {
                path,
                owner: Some(home.user),
            });
        }
    }
    if all.iter().all(|known| known.path != Path::new(SYSTEM)) {
        all.push(of_all(SYSTEM.into()));
    }
    all
}

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) place: Place,
    /// The sockets of others that run.
    others: Vec<PathBuf>,
}

impl Found {
    /// Which one it is, if there are several.
    pub(super) fn note(&self) -> Option<String> {
        let urls: Vec<_> = self.others.iter().map(|path| shown(path)).collect();
        (!urls.is_empty()).then(|| {
            format!(
                "{} hc run here; this is {}; others: --url {}",
                urls.len() + 1,
                self.place,
                urls.join(", --url ")
            )
        })
    }
}

fn shown(path: &Path) -> String {
    format!("unix:{}", Place::Unix(path.to_owned()))
}

/// The first that takes a connection.
///
/// # Errors
/// None does; it says where they were sought.
pub(super) async fn find(directories: &[Directory]) -> Result<Found, Trouble> {
    let (mut living, mut dead) = (Vec::new(), Vec::new());
    for directory in directories {
        if !is_trusted(directory) {
            continue;
        }
        for path in Control::sockets_in(&directory.path) {
            match connects(&path).await {
                Ok(()) => living.push(path),
                Err(error) => dead.push((path, error)),
            }
        }
    }
    if living.is_empty() {
        return Err(Trouble::Away(nobody(directories, &dead)));
    }
    Ok(Found {
        place: Place::Unix(living.remove(0)),
        others: living,
    })
}

async fn connects(path: &Path) -> io::Result<()> {
    match tokio::time::timeout(PATIENCE, UnixStream::connect(path)).await {
        Ok(connected) => connected.map(drop),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// In a directory that others may write to a socket of theirs could lie.
fn is_trusted(directory: &Directory) -> bool {
    let Ok(found) = fs::symlink_metadata(&directory.path) else {
        return false;
    };
    let mode = found.permissions().mode();
    let is_theirs = directory.owner.is_some_and(|owner| owner != found.uid());
    found.is_dir() && !is_theirs && mode & 0o022 == 0
}

fn nobody(directories: &[Directory], dead: &[(PathBuf, io::Error)]) -> String {
    const START: &str = "start one (hc run ...), or say where it is with --url or HC_URL";
    match dead {
        [] => {
            let places: Vec<_> = directories
                .iter()
                .map(|directory| Place::Unix(directory.path.clone()).to_string())
                .collect();
            format!(
                "no control socket in {}; {START}",
                places.join(" and none in ")
            )
        }
        dead => {
            let each: Vec<_> = dead
                .iter()
                .map(|(path, error)| {
                    let place = Place::Unix(path.clone());
                    match error.kind() {
                        io::ErrorKind::ConnectionRefused => {
                            format!("{place} was left by one that is gone")
                        }
                        io::ErrorKind::PermissionDenied => {
                            format!("{place} is for another user")
                        }
                        _ => format!("{place}: {error}"),
                    }
                })
                .collect();
            format!("{}; {START}", each.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn own(path: &Path) -> Directory {
        Directory {
            path: path.to_owned(),
            owner: Some(fs::metadata(path).unwrap().uid()),
        }
    }

    fn private(folder: &Path) {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    }

    #[tokio::test]
    async fn the_first_that_lives_is_asked_and_the_others_are_named() {
        let folder = tempfile::tempdir().unwrap();
        private(folder.path());
        let at = |name: &str| folder.path().join(name);
        drop(UnixListener::bind(at("control.sock")).unwrap());
        let places = [own(folder.path())];
        let Err(Trouble::Away(why)) = find(&places).await else {
            panic!("nobody is there");
        };
        assert!(why.contains("control.sock was left by one that is gone"));

        let _seven = UnixListener::bind(at("control-7.sock")).unwrap();
        let found = find(&places).await.unwrap();
        assert_eq!(found.place, Place::Unix(at("control-7.sock")));
        assert_eq!(found.note(), None);

        let _nine = UnixListener::bind(at("control-9.sock")).unwrap();
        let found = find(&places).await.unwrap();
        assert_eq!(found.place, Place::Unix(at("control-7.sock")));
        let note = found.note().unwrap();
        let other = format!("--url unix:{}", at("control-9.sock").display());
        assert!(
            note.starts_with("2 hc run here") && note.contains(&other),
            "{note}"
        );
    }

    #[test]
    fn one_of_the_same_user_is_found_whatever_either_environment_says() {
        let sought = |runtime: Option<&str>| {
            let home = Home {
                service: None,
                runtime: runtime.map(Into::into),
                temporary: "/tmp".into(),
                user: 1000,
                process: 7,
            };
            let told = directories_of(home).into_iter();
            told.map(|of| (of.path.display().to_string(), of.owner))
                .collect::<Vec<_>>()
        };
        let own = |path: &str| (path.to_owned(), Some(1000));
        let (usual, temporary) = (own("/run/user/1000/hc"), own("/tmp/hc-1000"));
        let system = (SYSTEM.to_owned(), None);
        let all = [usual.clone(), temporary.clone(), system.clone()];
        assert_eq!(sought(Some("/run/user/1000")), all);
        let all = [temporary.clone(), usual.clone(), system.clone()];
        assert_eq!(sought(None), all);
        let all = [own("/elsewhere/hc"), temporary, usual, system];
        assert_eq!(sought(Some("/elsewhere")), all);
    }

    #[tokio::test]
    async fn a_directory_that_others_may_write_to_is_not_looked_into() {
        let folder = tempfile::tempdir().unwrap();
        let _theirs = UnixListener::bind(folder.path().join("control.sock")).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let mut places = [own(folder.path())];
        assert!(find(&places).await.is_err());
        places[0].owner = None;
        assert!(find(&places).await.is_err());
        private(folder.path());
        assert!(find(&places).await.is_ok());
        places[0].owner = Some(u32::MAX);
        assert!(find(&places).await.is_err());
    }
}
