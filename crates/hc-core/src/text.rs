//! Text that may come from a hostile peer, made safe to show: one line, escaped, bounded.

use std::fmt;

/// The longest text that a [`Sentence`] keeps, in characters.
///
/// 200 characters hold every sentence of ours with its values, and fit a log line and a chat message.
pub const SENTENCE_LIMIT: usize = 200;

/// One line of text for people: control characters escaped, cut at [`SENTENCE_LIMIT`] characters.
///
/// Terminal escapes, line breaks, and invisible or direction-changing characters become `\u{..}`, so that
/// nothing from a response can move a cursor, forge a log line or reverse a sentence.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sentence(Box<str>);

impl Sentence {
    /// Escapes and bounds `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(escape(text, SENTENCE_LIMIT).into_boxed_str())
    }

    /// The safe text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Sentence {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Sentence {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

/// Escapes what is not plainly visible in `text` and cuts it after `limit` characters, marking the cut with `~`
/// as the last of them. An escape is never cut in two.
#[must_use]
pub fn escape(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit));
    let mut width = 0;
    // Where the text ends if it must be cut: the last place that leaves room for the mark.
    let mut cut = 0;
    for c in text.chars() {
        let start = out.len();
        if width < limit {
            cut = start;
        }
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_hidden(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
        width += out[start..].chars().count();
        if width > limit {
            out.truncate(cut);
            if limit > 0 {
                out.push('~');
            }
            break;
        }
    }
    out
}

/// Whether a character is invisible or changes how its neighbours are shown.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            u32::from(c),
            0x00AD | 0x061C | 0x180E | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F
                | 0xFE00..=0xFE0F | 0xFEFF | 0xFFF0..=0xFFFF | 0xE0000..=0xE0FFF
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: &str) {
        assert_eq!(escape(input, 20), expected);
    }

    #[test]
    fn escapes_what_could_move_a_terminal_or_forge_a_line() {
        check("plain", "plain");
        check("a\nb\r\tc", "a\\nb\\r\\tc");
        check("\u{1b}[2J", "\\u{1b}[2J");
        check("\u{202e}gpj", "\\u{202e}gpj");
        check("żółć 漢字", "żółć 漢字");
        check("\u{9b}31m", "\\u{9b}31m");
    }

    #[test]
    fn bounds_by_characters_and_never_cuts_an_escape() {
        check("12345678901234567890", "12345678901234567890");
        check("123456789012345678901", "1234567890123456789~");
        check("1234567890123456\u{1b}xyz", "1234567890123456~");
        // The escape ends exactly at the limit, and what follows it makes room by dropping it whole.
        check("12345678901234\u{1b}", "12345678901234\\u{1b}");
        check("12345678901234\u{1b}x", "12345678901234~");
        assert_eq!(escape("abc", 1), "~");
        assert_eq!(escape("abc", 0), "");
        assert!(
            Sentence::new(&"\u{1b}".repeat(1000))
                .as_str()
                .chars()
                .count()
                <= SENTENCE_LIMIT
        );
    }
}
