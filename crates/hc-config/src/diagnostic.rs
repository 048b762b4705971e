//! What is wrong with a config, placed and safe to show. How it looks on a terminal is in `render.rs`.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::path::PathBuf;

use crate::place::{Place, Sources};
use crate::render;

/// So many errors are kept; a file that is wrong in more ways is wrong in one.
pub(crate) const MOST_DIAGNOSTICS: usize = 1_000;

/// Whether a config with this finding can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can; the finding deserves a look.
    Warning,
}

/// One finding about a config. No field holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// A stable word for programs: `unknown-key`, `bad-duration`.
    pub code: &'static str,
    /// The file as it was named, or the flag (`--timeout`).
    pub file: String,
    /// The line, from 1; 0 where there is no text (a flag, a file that cannot be read).
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// How many characters of the line it is about.
    pub length: usize,
    /// The key: `defaults.timeout`, `targets[3].url`.
    pub path: String,
    /// What was wanted, where something was compared.
    pub wanted: Option<String>,
    /// What was found instead; absent where it may be secret.
    pub found: Option<String>,
    /// One sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The line, masked, and where the carets go.
    pub snippet: Option<Snippet>,
}

/// One line of a file as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snippet {
    /// The masked line.
    pub line: String,
    /// How many characters stand before the first caret.
    pub caret: usize,
    /// How many carets.
    pub length: usize,
}

impl Diagnostic {
    /// As `hc validate` shows it: code and message, place, line, carets and hint.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        render::diagnostic(self, color)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        } else if !self.file.is_empty() {
            write!(f, "{}: ", self.file)?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// All that is wrong with a config, in the order of the files and lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors {
    /// The errors; at least one.
    pub errors: Vec<Diagnostic>,
    /// What deserves a look besides.
    pub warnings: Vec<Diagnostic>,
    /// How many more there were than are kept.
    pub omitted: usize,
    /// What was read, for a watcher of files: the broken ones too.
    pub files: Vec<PathBuf>,
}

impl ConfigErrors {
    /// All of them as `hc validate` shows them, and a last line that counts.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let mut out = String::new();
        for error in &self.errors {
            out.push_str(&error.render(color));
        }
        out.push_str(&self.summary());
        out.push('\n');
        out
    }

    /// `2 errors in hc.yaml`.
    #[must_use]
    pub fn summary(&self) -> String {
        let names: BTreeSet<&str> = self.errors.iter().map(|e| e.file.as_str()).collect();
        let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
        let count = self.errors.len() + self.omitted;
        let plural = if count == 1 { "" } else { "s" };
        match names.as_slice() {
            [] => format!("{count} error{plural}"),
            [.., _] if names.len() > 5 => {
                format!("{count} error{plural} in {} files", names.len())
            }
            _ => format!("{count} error{plural} in {}", names.join(", ")),
        }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary())?;
        match self.errors.first() {
            Some(first) => write!(f, ": {first}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigErrors {}

/// A finding while others are still being collected: its line is masked when all readers have had their say.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    pub(crate) code: &'static str,
    pub(crate) place: Place,
    pub(crate) path: String,
    pub(crate) wanted: Option<String>,
    pub(crate) found: Option<String>,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Finding {
    pub(crate) fn error(code: &'static str, place: Place, path: &str, message: String) -> Self {
        Self {
            severity: Severity::Error,
            code,
            place,
            path: path.to_owned(),
            wanted: None,
            found: None,
            message,
            hint: None,
        }
    }

    pub(crate) fn warning(code: &'static str, place: Place, path: &str, message: String) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, place, path, message)
        }
    }

    pub(crate) fn mismatch(
        code: &'static str,
        place: Place,
        path: &str,
        wanted: &str,
        found: Option<&str>,
    ) -> Self {
        let mut message = format!("`{path}`: wanted {wanted}");
        if let Some(found) = found {
            message.push_str(&format!(", found {found}"));
        }
        let mut finding = Self::error(code, place, path, message);
        finding.wanted = Some(wanted.to_owned());
        finding.found = found.map(ToOwned::to_owned);
        finding
    }

    pub(crate) fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// Findings, each once: a value shared by an anchor is read at each place that uses it.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    all: Vec<Finding>,
    seen: HashSet<(&'static str, Place, String)>,
    omitted: usize,
    has_errors: bool,
}

impl Findings {
    pub(crate) fn push(&mut self, finding: Finding) {
        // The path is left out for text (an alias gives one place several paths), kept for flags, which have no place.
        let path = if finding.place.line == 0 {
            finding.path.clone()
        } else {
            String::new()
        };
        self.has_errors |= finding.severity == Severity::Error;
        if !self.seen.insert((finding.code, finding.place, path)) {
            return;
        }
        if self.all.len() < MOST_DIAGNOSTICS {
            self.all.push(finding);
        } else {
            self.omitted += 1;
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.has_errors
    }

    /// Whether anything was found in this source.
    pub(crate) fn concern(&self, source: u32) -> bool {
        self.all
            .iter()
            .any(|finding| finding.place.source == source)
    }

    /// Masks and sorts them: errors, warnings, and how many were left out.
    pub(crate) fn finish(mut self, sources: &Sources) -> (Vec<Diagnostic>, Vec<Diagnostic>, usize) {
        self.all.sort_by_key(|finding| finding.place);
        let wanted: HashSet<(u32, u32)> = self
            .all
            .iter()
            .filter(|finding| finding.place.line > 0)
            .map(|finding| (finding.place.source, finding.place.line))
            .collect();
        let (lines, harmless) = (sources.lines_of(&wanted), sources.harmless_on(&wanted));
        let (errors, warnings) = self
            .all
            .into_iter()
            .map(|finding| {
                let Place {
                    source,
                    line,
                    column,
                    end_line,
                    end_column,
                } = finding.place;
                let text = lines.get(&(source, line)).copied();
                let end = if end_line == line {
                    end_column
                } else {
                    u32::MAX
                };
                let snippet = text.map(|text| {
                    let shown = harmless.get(&(source, line)).map_or(&[][..], Vec::as_slice);
                    render::snippet(text, shown, column as usize, end as usize)
                });
                Diagnostic {
                    severity: finding.severity,
                    code: finding.code,
                    file: render::printable(sources.name(source), 400),
                    line: line as usize,
                    column: if line == 0 { 0 } else { column as usize + 1 },
                    length: snippet.as_ref().map_or(0, |_| {
                        let width = text.map_or(0, |text| text.chars().count() as u32);
                        (end.min(width).saturating_sub(column)).max(1) as usize
                    }),
                    path: render::printable(&finding.path, 300),
                    wanted: finding.wanted,
                    found: finding.found,
                    message: finding.message,
                    hint: finding.hint,
                    snippet,
                }
            })
            .partition(|diagnostic: &Diagnostic| diagnostic.severity == Severity::Error);
        (errors, warnings, self.omitted)
    }
}
