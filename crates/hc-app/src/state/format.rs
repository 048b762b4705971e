//! The file: a head, a line of JSON for each target, and an end that holds their number and a checksum of all before it.
//!
//! Lines that people and `jq` can read, and that are written and read one at a time: a million targets take no more
//! memory than one. What is cut off has no end, and what was changed has another checksum, so that a file is whole or it
//! says nothing. Knows nothing of disks.

use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::line::{Line, from_nanos, to_nanos};

/// What every such file begins with.
const FORMAT: &str = "hc.state";

/// The version that this hc writes, and reads.
const VERSION: u32 = 1;

/// A line is at most so long: that of a target with all its past is under 100 KiB. In bytes.
const LONGEST: u64 = 256 << 10;

#[derive(Serialize, Deserialize)]
struct Head {
    format: String,
    version: u32,
    /// When it was written, in nanoseconds since 1970.
    saved: u64,
}

/// The last line, which no other one begins like.
fn end(lines: u64, sum: u32) -> String {
    format!("{{\"end\":{lines},\"crc32\":\"{sum:08x}\"}}\n")
}

const END: &[u8] = b"{\"end\":";

/// Why a file says nothing.
#[derive(Debug)]
pub(super) enum Unfit {
    /// Another version of hc wrote it.
    Version(u32),
    /// It is not as it was written: why.
    Damaged(String),
    /// It cannot be read.
    Unreadable(io::Error),
}

impl From<io::Error> for Unfit {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(
                f,
                "it is of version {version}, and this hc reads version {VERSION}"
            ),
            Self::Damaged(why) => write!(f, "it is damaged: {why}"),
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
        }
    }
}

/// Writes a file. It is none before [`finish`](Self::finish).
pub(super) struct Writer<W> {
    out: W,
    sum: crc32fast::Hasher,
    lines: u64,
    line: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins a file of that moment.
    pub(super) fn begin(out: W, saved: SystemTime) -> io::Result<Self> {
        let mut writer = Self {
            out,
            sum: crc32fast::Hasher::new(),
            lines: 0,
            line: Vec::new(),
        };
        writer.put(&Head {
            format: FORMAT.to_owned(),
            version: VERSION,
            saved: to_nanos(saved),
        })?;
        Ok(writer)
    }

    /// Adds a target.
    pub(super) fn add(&mut self, line: &Line<'_>) -> io::Result<()> {
        self.lines += 1;
        self.put(line)
    }

    fn put(&mut self, what: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, what)?;
        self.line.push(b'\n');
        self.sum.update(&self.line);
        self.out.write_all(&self.line)
    }

    /// Ends the file.
    pub(super) fn finish(mut self) -> io::Result<W> {
        let end = end(self.lines, self.sum.finalize());
        self.out.write_all(end.as_bytes())?;
        Ok(self.out)
    }
}

/// Reads a file to its end: when it was written. `begins` hears that first and says whether it wants the lines, of which
/// it must believe nothing before this has returned.
///
/// # Errors
/// The file says nothing, and neither do the lines that were heard.
pub(super) fn read(
    mut input: impl BufRead,
    begins: impl FnOnce(SystemTime) -> bool,
    mut each: impl FnMut(Line<'_>) -> Result<(), String>,
) -> Result<SystemTime, Unfit> {
    let damaged = |at: u64, why: &str| Unfit::Damaged(format!("line {at}: {why}"));
    let (mut line, mut number) = (Vec::new(), 1);
    next(&mut input, &mut line, number)?;
    let head: Head = serde_json::from_slice(&line)
        .ok()
        .filter(|head: &Head| head.format == FORMAT)
        .ok_or_else(|| damaged(number, "no state of hc begins like that"))?;
    if head.version != VERSION {
        return Err(Unfit::Version(head.version));
    }
    let saved = from_nanos(head.saved);
    let is_wanted = begins(saved);
    let mut sum = crc32fast::Hasher::new();
    loop {
        sum.update(&line);
        number += 1;
        next(&mut input, &mut line, number)?;
        if line.starts_with(END) {
            break;
        }
        if is_wanted {
            let told = serde_json::from_slice(&line).map_err(|error| error.to_string());
            told.and_then(&mut each)
                .map_err(|why| damaged(number, &why))?;
        }
    }
    if line != end(number - 2, sum.finalize()).as_bytes() {
        return Err(damaged(number, "the checksum is another"));
    }
    match input.read(&mut [0])? {
        0 => Ok(saved),
        _ => Err(damaged(number, "something follows the end")),
    }
}

/// The next line with its end, in place of the one before.
fn next(input: &mut impl BufRead, line: &mut Vec<u8>, number: u64) -> Result<(), Unfit> {
    line.clear();
    let found = input.by_ref().take(LONGEST).read_until(b'\n', line)?;
    let why = match (line.last(), found as u64) {
        (Some(b'\n'), _) => return Ok(()),
        (None, _) if number == 1 => "it is empty".to_owned(),
        (_, LONGEST) => format!("line {number} does not end"),
        _ => format!("it is cut off in line {number}"),
    };
    Err(Unfit::Damaged(why))
}

#[cfg(test)]
mod tests;
