//! A file on a disk that is this process's alone: read if it is one, replaced whole or not at all, and set aside.
//!
//! Others are kept away by a lock on a file beside it, as the file itself is another one after each replacement. Links
//! are not followed: who may write in the directory could lead us anywhere.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};

/// A file that is larger was not written by hc: that of a million targets in the midst of an outage has 2 GB.
const LARGEST: u64 = 8 << 30;

/// Locked as long as it lives.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    directory: File,
    /// Closing it unlocks.
    _lock: File,
}

impl Place {
    /// Takes a path, if it is there to be taken and to be written.
    pub(super) fn take(path: &Path) -> io::Result<Self> {
        let Some(_) = path.file_name() else {
            let message = "that is no name of a file";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        };
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        let directory = File::open(parent.unwrap_or(Path::new(".")))?;
        if let Ok(found) = fs::symlink_metadata(path) {
            is_file(&found)?;
        }
        let lock = lock(&beside(path, ".lock"))?;
        let place = Self {
            path: path.to_owned(),
            directory,
            _lock: lock,
        };
        // Told now, not when there is something to lose.
        drop(place.fresh()?);
        fs::remove_file(place.new_path())?;
        Ok(place)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file, if there is one. It is read like any stream, and may be anything.
    pub(super) fn open(&self) -> io::Result<Option<BufReader<File>>> {
        // Not to wait for who writes into a pipe.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(&self.path);
        let file = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let found = file.metadata()?;
        is_file(&found)?;
        if found.len() > LARGEST {
            let message = format!("{} bytes are more than hc writes", found.len());
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        Ok(Some(BufReader::with_capacity(BUFFER, file)))
    }

    /// Replaces the file by what `write` writes. Whenever the process or the machine stops, the old one or the new one is
    /// there, and whole.
    pub(super) fn replace(
        &self,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> io::Result<()> {
        let replaced = self.write_new(write).and_then(|()| {
            fs::rename(self.new_path(), &self.path)?;
            match self.directory.sync_all() {
                // There are file systems whose directories cannot be told to.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
                synced => synced,
            }
        });
        if replaced.is_err() {
            // It is of no use to anybody, and may not be there any more.
            let _ = fs::remove_file(self.new_path());
        }
        replaced
    }

    fn write_new(
        &self,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(BUFFER, self.fresh()?);
        write(&mut out)?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()
    }

    /// A new file for this user alone, under the name that it has until it is whole.
    fn fresh(&self) -> io::Result<File> {
        let path = self.new_path();
        // Left by a process that was killed: nobody else writes here.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
    }

    fn new_path(&self) -> PathBuf {
        beside(&self.path, ".new")
    }

    /// Renames the file, so that somebody can look at it, and says to what. There is one such file: the last.
    pub(super) fn set_aside(&self) -> io::Result<PathBuf> {
        let aside = beside(&self.path, ".damaged");
        fs::rename(&self.path, &aside)?;
        Ok(aside)
    }
}

/// Large enough that a fleet's file is written in few calls.
const BUFFER: usize = 64 << 10;

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

fn is_file(found: &fs::Metadata) -> io::Result<()> {
    let kind = found.file_type();
    let what = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => "a directory",
        () if kind.is_symlink() => "a symbolic link, which is not followed",
        () if kind.is_fifo() => "a named pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    let message = format!("there is {what}, not a file");
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

/// Locks that file as long as what is returned lives.
fn lock(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or_default())
        .open(path)?;
    is_file(&file.metadata()?)?;
    if let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
        if error != rustix::io::Errno::WOULDBLOCK {
            return Err(error.into());
        }
        let message = match holder(&mut file) {
            Some(process) => format!("process {process} keeps its state there"),
            None => "another process keeps its state there".to_owned(),
        };
        return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
    }
    // For who finds it locked, and for people.
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())?;
    Ok(file)
}

/// The process that says so of itself.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    // A lock whose file cannot be read is one all the same.
    file.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests;
