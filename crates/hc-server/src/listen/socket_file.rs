//! A unix socket in the file system: made with its mode before anybody can reach it, taken from a dead process, never
//! from a living one, and removed at the end.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// The file of a socket that is ours; removed when this is dropped, unless another's lies there by then.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl SocketFile {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if inode(&self.path) == Some(self.inode) {
            // Who has removed it already has spared us that.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn inode(path: &Path) -> Option<u64> {
    let found = fs::symlink_metadata(path).ok()?;
    found.file_type().is_socket().then(|| found.ino())
}

/// Binds a socket at a path.
///
/// # Errors
/// [`io::ErrorKind::AddrInUse`]: a living process listens there, or there is a file that is no socket.
pub(crate) fn bind(path: &Path, mode: u32) -> io::Result<(UnixListener, SocketFile)> {
    // Under another name first: at its own it appears with its mode, whole and at once, if nothing is there.
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    let hidden = path.with_file_name(name);
    // Left by a process of this number that was killed here.
    let _ = fs::remove_file(&hidden);
    let listener = UnixListener::bind(&hidden)?;
    let placed = fs::set_permissions(&hidden, fs::Permissions::from_mode(mode))
        .and_then(|()| place(&hidden, path));
    // Placed or not, this name is not needed any more; it is ours alone.
    let _ = fs::remove_file(&hidden);
    let inode = placed?;
    let path = path.to_owned();
    Ok((listener, SocketFile { path, inode }))
}

fn place(hidden: &Path, path: &Path) -> io::Result<u64> {
    let link = || fs::hard_link(hidden, path);
    let linked = match link() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            remove_dead(path)?;
            link().map_err(|error| match error.kind() {
                // Somebody else was faster.
                io::ErrorKind::AlreadyExists => taken(),
                _ => error,
            })
        }
        linked => linked,
    };
    linked?;
    inode(path).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
}

fn taken() -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, "another process listens there")
}

/// Removes the socket of a process that is gone.
fn remove_dead(path: &Path) -> io::Result<()> {
    let Some(found) = inode(path) else {
        let message = "there is a file that is no socket";
        return Err(io::Error::new(io::ErrorKind::AddrInUse, message));
    };
    match UnixStream::connect(path) {
        // Nobody listens behind it.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(_) => return Err(taken()),
    }
    // Another process may have put its own there since.
    if inode(path) == Some(found) {
        fs::remove_file(path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn a_dead_socket_is_replaced_and_a_living_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hc.sock");
        // As `kill -9` leaves it.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let (_listener, file) = bind(&path, 0o600).unwrap();
        assert_eq!(mode(&path), 0o600);
        UnixStream::connect(&path).unwrap();

        let second = bind(&path, 0o600).unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
        UnixStream::connect(&path).unwrap();
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing else is left"
        );
        drop(file);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_is_no_socket_and_what_belongs_to_another_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hc.sock");
        fs::write(&path, "precious").unwrap();
        assert_eq!(
            bind(&path, 0o600).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        fs::remove_file(&path).unwrap();

        let (_listener, ours) = bind(&path, 0o600).unwrap();
        fs::remove_file(&path).unwrap();
        let _theirs = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(ours);
        assert!(path.exists());
    }
}
