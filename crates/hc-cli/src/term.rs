//! Where text goes: results to standard output, progress and trouble to standard error, colour where it is wanted.
//!
//! A closed pipe is no trouble: it ends things quietly. What comes from a response is made safe before it gets here.

mod color;
mod out;

use std::io::{self, IsTerminal, Write};

use crate::args::{GlobalArgs, When};

pub(crate) use color::Tone;
pub(crate) use out::Out;

/// How wide lines are where nobody says it.
const USUAL_WIDTH: usize = 80;

/// What is known of both outputs, and what the flags of every verb say.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    /// Results are read by a person.
    pub(crate) is_terminal: bool,
    /// Progress is read by a person.
    pub(crate) stderr_is_terminal: bool,
    /// Columns of standard error's terminal.
    pub(crate) width: usize,
    /// Results are coloured.
    pub(crate) color: bool,
    /// Trouble is coloured.
    pub(crate) stderr_color: bool,
    /// `-q`.
    pub(crate) quiet: bool,
    /// `-v`.
    pub(crate) verbose: bool,
    /// `--json`.
    pub(crate) json: bool,
}

impl Term {
    /// Looks at flags, environment and both outputs.
    pub(crate) fn new(args: &GlobalArgs) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let stderr_is_terminal = io::stderr().is_terminal();
        let width = rustix::termios::tcgetwinsize(io::stderr())
            .map_or(USUAL_WIDTH, |size| usize::from(size.ws_col));
        let wanted =
            |is_terminal| color::wanted(args.color, is_terminal, |name| std::env::var(name).ok());
        Self {
            is_terminal,
            stderr_is_terminal,
            width: if width == 0 { USUAL_WIDTH } else { width },
            color: wanted(is_terminal),
            stderr_color: wanted(stderr_is_terminal),
            quiet: args.quiet,
            verbose: args.verbose,
            json: args.json,
        }
    }

    /// Prints a whole result.
    ///
    /// # Errors
    /// If it cannot be written; [`is_closed_pipe`] tells the harmless case.
    pub(crate) fn print(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }

    /// Tells what went wrong: `hc: ...`.
    pub(crate) fn trouble(&self, text: &str) {
        self.note(&format!("{} {text}", self.stderr_tone(Tone::Bad, "hc:")));
    }

    /// Prints a line for people beside the results. Nobody is told if even that fails.
    pub(crate) fn note(&self, line: &str) {
        let mut stderr = io::stderr().lock();
        // Standard error is gone: there is nobody left to tell.
        let _ = writeln!(stderr, "{line}");
    }

    /// Replaces the line of progress; an empty one clears it.
    pub(crate) fn progress(&self, line: &str) {
        let line: String = line.chars().take(self.width.saturating_sub(1)).collect();
        let mut stderr = io::stderr().lock();
        // As above.
        let _ = write!(stderr, "\r{line}\u{1b}[K");
        let _ = stderr.flush();
    }

    /// Colours a piece of a result.
    pub(crate) fn tone(&self, tone: Tone, text: &str) -> String {
        color::paint(self.color, tone, text)
    }

    /// Colours a piece of trouble.
    pub(crate) fn stderr_tone(&self, tone: Tone, text: &str) -> String {
        color::paint(self.stderr_color, tone, text)
    }
}

/// Columns and rows of standard output's terminal; `None` where it is none, or does not say.
pub(crate) fn size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    let (columns, rows) = (usize::from(size.ws_col), usize::from(size.ws_row));
    (columns > 0 && rows > 0).then_some((columns, rows))
}

impl When {
    fn decided(self) -> Option<bool> {
        match self {
            Self::Auto => None,
            Self::Always => Some(true),
            Self::Never => Some(false),
        }
    }
}

/// Whether an error says that nobody reads our output any more.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
