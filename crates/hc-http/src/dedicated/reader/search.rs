//! Finds the end of a head that may come in pieces, looking at each byte once.

/// How far the search has come.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// So many blank lines' bytes come before the status line.
    leading: usize,
    /// No end lies before.
    at: usize,
}

impl Search {
    /// Where the head ends, its blank line included. `seen` begins each time with what it was before.
    pub(super) fn end_of_head(&mut self, seen: &[u8]) -> Option<usize> {
        if self.at == self.leading {
            loop {
                match &seen[self.leading..] {
                    [b'\n', ..] => self.leading += 1,
                    [b'\r', b'\n', ..] => self.leading += 2,
                    [] | [b'\r'] => {
                        self.at = self.leading;
                        return None;
                    }
                    _ => break,
                }
            }
            self.at = self.leading;
        }
        while let Some(found) = memchr::memchr(b'\n', &seen[self.at..]) {
            self.at += found;
            let blank = match &seen[self.at + 1..] {
                [b'\n', ..] => 1,
                [b'\r', b'\n', ..] => 2,
                // The next piece will tell.
                [] | [b'\r'] => return None,
                _ => {
                    self.at += 1;
                    continue;
                }
            };
            self.at += 1 + blank;
            return Some(self.at);
        }
        self.at = seen.len();
        None
    }

    /// So many bytes of blank lines come first.
    pub(super) fn leading(&self) -> usize {
        self.leading
    }

    /// The end that was found.
    pub(super) fn taken(&self) -> usize {
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_the_same_in_any_pieces() {
        let table: [(&[u8], Option<usize>); 9] = [
            (b"HTTP/1.1 200 OK\r\n\r\nbody\n\n", Some(19)),
            (b"HTTP/1.1 200 OK\n\nbody", Some(17)),
            (b"HTTP/1.1 200 OK\n\r\nbody", Some(18)),
            (b"\r\n\r\n\nHTTP/1.1 200 OK\r\n\r\n", Some(24)),
            (b"a\r\n b\r\n \r\n\r\n", Some(12)),
            (b"a\r\n\rb\r\n\n", Some(8)),
            (b"\r\n\r\n", None),
            (b"a\r\n\r", None),
            (b"", None),
        ];
        for (bytes, wanted) in table {
            assert_eq!(Search::default().end_of_head(bytes), wanted, "{bytes:?}");
            let mut search = Search::default();
            let found = (0..=bytes.len()).find_map(|upto| search.end_of_head(&bytes[..upto]));
            assert_eq!(found, wanted, "{bytes:?}, byte by byte");
        }
    }
}
