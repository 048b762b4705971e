//! Where a value was written, and the texts that were read.
//!
//! Which of their characters may be shown is decided here too: only what a reader called harmless is, so that a
//! misspelt key or a stray comment cannot put a password on a terminal.

use std::path::PathBuf;

/// A piece of one source: characters from start (inclusive) to end (exclusive). Lines count from 1, columns from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The index of the source.
    pub(crate) source: u32,
    /// The first line; 0 in a source that has no text (a flag).
    pub(crate) line: u32,
    /// The column of the first character.
    pub(crate) column: u32,
    /// The last line.
    pub(crate) end_line: u32,
    /// The column behind the last character.
    pub(crate) end_column: u32,
}

/// One text that was read: a file, a flag, an argument.
#[derive(Debug)]
pub(crate) struct SourceText {
    /// As shown: the path as it was given, or the flag.
    pub(crate) name: String,
    /// The file, if it is one.
    pub(crate) path: Option<PathBuf>,
    /// The text, without a byte order mark.
    pub(crate) text: String,
}

/// All texts of one load, and what may be shown of them.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub(crate) texts: Vec<SourceText>,
    harmless: Vec<Place>,
}

impl Sources {
    /// Adds a text and returns its index.
    pub(crate) fn add(&mut self, name: String, path: Option<PathBuf>, text: String) -> u32 {
        self.texts.push(SourceText { name, path, text });
        u32::try_from(self.texts.len() - 1).unwrap_or(u32::MAX)
    }

    /// The shown name of a source.
    pub(crate) fn name(&self, source: u32) -> &str {
        self.texts
            .get(source as usize)
            .map_or("", |text| text.name.as_str())
    }

    /// Says that this piece may be shown.
    pub(crate) fn mark_harmless(&mut self, place: Place) {
        self.harmless.push(place);
    }

    /// `file:line:column`, as people and editors read it.
    pub(crate) fn locate(&self, place: Place) -> String {
        match place.line {
            0 => self.name(place.source).to_owned(),
            line => format!("{}:{line}:{}", self.name(place.source), place.column + 1),
        }
    }

    /// The harmless pieces of the wanted lines, by source and line. One pass, however many diagnostics there are.
    pub(crate) fn harmless_on(
        &self,
        wanted: &std::collections::HashSet<(u32, u32)>,
    ) -> std::collections::HashMap<(u32, u32), Vec<(usize, usize)>> {
        let mut found: std::collections::HashMap<_, Vec<_>> = std::collections::HashMap::new();
        for place in &self.harmless {
            for line in place.line..=place.end_line.min(place.line.saturating_add(MOST_LINES)) {
                if wanted.contains(&(place.source, line)) {
                    let start = if line == place.line {
                        place.column as usize
                    } else {
                        0
                    };
                    let end = if line == place.end_line {
                        place.end_column as usize
                    } else {
                        usize::MAX
                    };
                    found
                        .entry((place.source, line))
                        .or_default()
                        .push((start, end));
                }
            }
        }
        found
    }

    /// The texts of the wanted lines.
    pub(crate) fn lines_of(
        &self,
        wanted: &std::collections::HashSet<(u32, u32)>,
    ) -> std::collections::HashMap<(u32, u32), &str> {
        let mut found = std::collections::HashMap::new();
        for (source, text) in (0_u32..).zip(&self.texts) {
            if wanted.iter().any(|(wanted, _)| *wanted == source) {
                for (line, content) in (1_u32..).zip(lines(&text.text)) {
                    if wanted.contains(&(source, line)) {
                        found.insert((source, line), content);
                    }
                }
            }
        }
        found
    }
}

/// A harmless scalar over more lines than this is shown in part only; no key of ours takes one.
const MOST_LINES: u32 = 1_000;

/// The lines of a text as YAML counts them: ended by LF, CRLF or CR.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(at) = text.find(['\n', '\r']) else {
            rest = None;
            return Some(text);
        };
        let skip = if text[at..].starts_with("\r\n") { 2 } else { 1 };
        rest = Some(&text[at + skip..]);
        Some(&text[..at])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_yaml_ends_them() {
        assert_eq!(
            lines("a\nb\r\nc\rd").collect::<Vec<_>>(),
            ["a", "b", "c", "d"]
        );
        assert_eq!(lines("").collect::<Vec<_>>(), [""]);
    }
}
