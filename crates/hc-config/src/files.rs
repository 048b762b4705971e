//! The file system as the loader sees it: reading and listing, so that tests need none.

use std::io;
use std::path::{Path, PathBuf};

/// Reads files. Implemented for [`Disk`], and by tests for maps.
pub trait Files {
    /// The bytes of a file.
    ///
    /// # Errors
    /// Whatever keeps it from being read.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The files that a pattern with `*`, `?` and `[...]` matches, sorted.
    ///
    /// # Errors
    /// A pattern that is none, or a directory that cannot be read.
    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>>;

    /// Whether there is a file.
    fn exists(&self, path: &Path) -> bool;
}

/// The real file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        use std::io::Read;

        // Bounded: a path may name a device that never ends.
        let mut bytes = Vec::new();
        let limit = crate::load::LARGEST_FILE as u64 + 1;
        std::fs::File::open(path)?
            .take(limit)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        let text = pattern.to_str().ok_or(io::ErrorKind::InvalidInput)?;
        let options = glob::MatchOptions {
            require_literal_leading_dot: true,
            require_literal_separator: true,
            case_sensitive: true,
        };
        let paths = glob::glob_with(text, options).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut found = paths
            .collect::<Result<Vec<_>, _>>()
            .map_err(io::Error::from)?;
        found.retain(|path| !path.is_dir());
        found.sort();
        Ok(found)
    }

    fn exists(&self, path: &Path) -> bool {
        path.is_file()
    }
}

/// Files in memory.
impl Files for std::collections::BTreeMap<PathBuf, Vec<u8>> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.get(path)
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        let text = pattern.to_str().ok_or(io::ErrorKind::InvalidInput)?;
        let pattern = glob::Pattern::new(text).map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(self
            .keys()
            .filter(|path| pattern.matches_path(path))
            .cloned()
            .collect())
    }

    fn exists(&self, path: &Path) -> bool {
        self.contains_key(path)
    }
}
