//! The lines that a program adds to a file, as they come: read again and again, from where the last look ended.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A growing file.
#[derive(Debug)]
pub(crate) struct Tail {
    file: PathBuf,
    read: u64,
    /// The beginning of a line whose end has not come.
    rest: Vec<u8>,
}

impl Tail {
    /// From its beginning; it need not exist yet.
    pub(crate) fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            read: 0,
            rest: Vec::new(),
        }
    }

    /// The lines completed since the last look.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        let mut new = Vec::new();
        if let Ok(mut file) = File::open(&self.file)
            && file.seek(SeekFrom::Start(self.read)).is_ok()
            // What cannot be read now is read at the next look.
            && file.read_to_end(&mut new).is_ok()
        {
            self.read += new.len() as u64;
        }
        self.rest.extend(new);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            return Vec::new();
        };
        let whole: Vec<_> = self.rest.drain(..=end).collect();
        let text = String::from_utf8_lossy(&whole);
        text.lines().map(ToOwned::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::Tail;

    #[test]
    fn a_line_is_told_once_and_when_it_is_whole() {
        let file = std::env::temp_dir().join(format!("hc-tail-{}", std::process::id()));
        let mut tail = Tail::new(&file);
        assert!(tail.lines().is_empty());
        let mut out = std::fs::File::create(&file).unwrap();
        out.write_all(b"one\ntw").unwrap();
        assert_eq!(tail.lines(), ["one"]);
        assert!(tail.lines().is_empty());
        out.write_all(b"o\nthree\n").unwrap();
        assert_eq!(tail.lines(), ["two", "three"]);
        std::fs::remove_file(&file).unwrap();
    }
}
