//! Tests of a text, and of the headers that they are put to.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use hc_core::{Failure, Phase};
use http::{HeaderMap, HeaderName};

/// A regular expression over bytes that are usually text. Equal if written equally.
#[derive(Clone)]
pub struct Pattern(regex::bytes::Regex);

/// A text is no regular expression, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError(String);

impl Pattern {
    /// Compiled patterns may take so many bytes; the crate's own default of 10 MB is much for one target of ten thousand.
    const SIZE_LIMIT: usize = 1 << 20;

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it matches anywhere.
    #[must_use]
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.0.is_match(text)
    }

    /// Whether it matches in a way that no further bytes could undo: `$` and `\b` at a cut are not to be trusted.
    pub(super) fn is_match_before_cut(&self, text: &[u8]) -> bool {
        /// What an assertion looks at beyond the match: one character.
        const LOOK_AHEAD: usize = 4;
        self.0
            .find(text)
            .is_some_and(|found| found.end() + LOOK_AHEAD <= text.len())
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        regex::bytes::RegexBuilder::new(text)
            .size_limit(Self::SIZE_LIMIT)
            .build()
            .map(Self)
            .map_err(|error| PatternError(last_line(&error.to_string())))
    }
}

/// The crate draws the pattern over several lines; the last one says what is wrong.
fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.as_str())
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a regular expression: {}", self.0)
    }
}

impl std::error::Error for PatternError {}

/// A test of one text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TextTest {
    /// It is exactly this.
    Is(String),
    /// It has this in it.
    Contains(String),
    /// It matches.
    Regex(Pattern),
}

impl TextTest {
    /// Whether a text passes.
    #[must_use]
    pub fn holds(&self, text: &[u8]) -> bool {
        match self {
            Self::Is(wanted) => text == wanted.as_bytes(),
            Self::Contains(wanted) => memchr::memmem::find(text, wanted.as_bytes()).is_some(),
            Self::Regex(pattern) => pattern.is_match(text),
        }
    }
}

impl fmt::Display for TextTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(wanted) => write!(f, "{wanted:?}"),
            Self::Contains(wanted) => write!(f, "{wanted:?} in it"),
            Self::Regex(pattern) => write!(f, "a match of {:?}", pattern.as_str()),
        }
    }
}

/// What a header of the answer must be. Of a header that comes several times, one must pass.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HeaderExpectation {
    /// The header's name; case does not matter.
    pub name: HeaderName,
    /// What its value must be.
    pub test: TextTest,
}

impl HeaderExpectation {
    pub(super) fn judge(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let values = headers.get_all(&self.name);
        if values.iter().any(|value| self.test.holds(value.as_bytes())) {
            return Ok(());
        }
        let found = match values.iter().next() {
            Some(value) => shown(value.as_bytes()),
            None => "no such header".to_owned(),
        };
        let wanted = format!("{} {}", self.name, self.test);
        Err(Failure::unexpected("header", Phase::Wait, &wanted, &found))
    }
}

/// The beginning of bytes from a peer, quoted; hc-core escapes and bounds what is in the quotes.
pub(crate) fn shown(bytes: &[u8]) -> String {
    /// Leaves room for the rest of a sentence of 200 characters.
    const SHOWN: usize = 60;
    let cut = bytes.len() > SHOWN;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]);
    let text = hc_core::escape(&text, SHOWN);
    format!(
        "\"{text}{}\"",
        if cut && !text.ends_with('~') { "~" } else { "" }
    )
}
