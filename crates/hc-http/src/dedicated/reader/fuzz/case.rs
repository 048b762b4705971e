//! One case, and how it is written to a file: a line of settings, then the bytes as they are.

use std::fmt::Write;

use super::super::Asked;

/// An answer, the pieces it comes in, and what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) is_head: bool,
    pub(super) max_headers: u32,
    pub(super) max_body: u64,
    /// Whether the peer closes after it.
    pub(super) ends: bool,
    /// Where one piece ends and the next begins, in order.
    pub(super) cuts: Vec<usize>,
    pub(super) bytes: Vec<u8>,
}

impl Case {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self {
            is_head: false,
            max_headers: 16 << 10,
            max_body: 64 << 10,
            ends: true,
            cuts: Vec::new(),
            bytes,
        }
    }

    pub(super) fn asked(&self) -> Asked {
        Asked {
            is_head: self.is_head,
            max_headers: self.max_headers,
            max_body: self.max_body,
            wants_headers: true,
            wants_body: true,
        }
    }

    /// The pieces; none is empty.
    pub(super) fn pieces(&self) -> Vec<&[u8]> {
        let mut at = 0;
        let ends = self.cuts.iter().copied().chain([self.bytes.len()]);
        let mut pieces = Vec::new();
        for end in ends.filter(|end| *end <= self.bytes.len()) {
            if end > at {
                pieces.push(&self.bytes[at..end]);
                at = end;
            }
        }
        pieces
    }

    pub(super) fn to_file(&self) -> Vec<u8> {
        let mut line = format!(
            "head={} max_headers={} max_body={} ends={} cuts=",
            self.is_head, self.max_headers, self.max_body, self.ends
        );
        for (nth, cut) in self.cuts.iter().enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            write!(line, "{comma}{cut}").unwrap();
        }
        line.push('\n');
        let mut file = line.into_bytes();
        file.extend_from_slice(&self.bytes);
        file
    }

    /// # Panics
    /// If it was not written by [`to_file`](Self::to_file), or by hand in its manner.
    pub(super) fn from_file(file: &[u8]) -> Self {
        let end = memchr::memchr(b'\n', file).expect("a line of settings");
        let mut case = Self::new(file[end + 1..].to_vec());
        let line = std::str::from_utf8(&file[..end]).expect("settings are text");
        for setting in line.split_ascii_whitespace() {
            let (name, value) = setting.split_once('=').expect("name=value");
            match name {
                "head" => case.is_head = value == "true",
                "ends" => case.ends = value == "true",
                "max_headers" => case.max_headers = value.parse().expect("a number"),
                "max_body" => case.max_body = value.parse().expect("a number"),
                "cuts" => {
                    let cuts = value.split(',').filter(|cut| !cut.is_empty());
                    case.cuts = cuts.map(|cut| cut.parse().expect("a number")).collect();
                }
                _ => panic!("no such setting: {name}"),
            }
        }
        case
    }
}

#[test]
fn files_and_back() {
    let mut case = Case::new(b"a\n\xff\r\n".to_vec());
    (case.is_head, case.max_body, case.cuts) = (true, 7, vec![1, 3]);
    assert_eq!(Case::from_file(&case.to_file()), case);
    assert_eq!(case.pieces(), [&b"a"[..], b"\n\xff", b"\r\n"]);
}
