//! Which form results take, and where they go: rows as they come, or all at the end of a round.

use std::cell::Cell;

use hc_core::CheckResult;

use super::ask::{Asked, Outcome};
use super::rounds::Spread;
use super::tally::Tally;
use super::{Row, json, nagios, table, tabs};
use crate::args::CheckArgs;
use crate::term::{Out, Term};

/// Docker keeps 4,096 bytes of a health check's output; `-q` stays below it, the last line included.
const QUIET_BYTES: usize = 4_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// For people, at the end of a round.
    Table,
    /// For other programs, as results come.
    Tabs,
    /// The same as JSON.
    Json,
    /// One line.
    Nagios,
}

/// Shows results.
pub(super) struct Report<'a> {
    term: &'a Term,
    out: Out,
    form: Form,
    heading: &'static str,
    strict: bool,
    /// Bytes and rows of `-q`.
    quiet: Cell<(usize, usize)>,
    /// A line of progress stands on the terminal.
    has_progress: Cell<bool>,
}

impl<'a> Report<'a> {
    /// Chooses the form.
    pub(super) fn start(args: &CheckArgs, term: &'a Term) -> Self {
        let form = if args.nagios {
            Form::Nagios
        } else if term.json {
            Form::Json
        } else if term.is_terminal {
            Form::Table
        } else {
            Form::Tabs
        };
        Self {
            term,
            out: Out::start(),
            form,
            heading: if args.config.is_some() {
                "TARGET"
            } else {
                "URL"
            },
            strict: args.strict,
            quiet: Cell::new((0, 0)),
            has_progress: Cell::new(false),
        }
    }

    /// One result, in the order of the input.
    pub(super) fn row(&self, asked: &Asked, outcome: &Outcome) {
        if self.term.quiet && self.is_healthy(outcome) {
            return;
        }
        let line = match self.form {
            Form::Tabs => tabs::line(asked, outcome),
            Form::Json => json::line(asked, outcome),
            Form::Table if self.term.quiet => self.quiet_row(asked, outcome),
            Form::Table | Form::Nagios => return,
        };
        if self.term.quiet {
            let (bytes, omitted) = self.quiet.get();
            if omitted > 0 || bytes + line.len() > QUIET_BYTES {
                self.quiet.set((bytes, omitted + 1));
                return;
            }
            self.quiet.set((bytes + line.len(), 0));
        }
        self.out.put(line);
    }

    /// All results of a round.
    pub(super) fn end_of_round(&self, rows: &[Row<'_>], tally: &Tally) {
        if self.has_progress.take() {
            self.term.progress("");
        }
        if self.form == Form::Nagios {
            self.out.put(nagios::line(rows, tally));
            return;
        }
        if self.term.quiet {
            let (bytes, omitted) = self.quiet.get();
            if omitted > 0 && self.form != Form::Json {
                self.out.put(format!("... and {omitted} more\n"));
            }
            self.quiet.set((bytes, 0));
            return;
        }
        match self.form {
            Form::Table => {
                self.out.put(table::table(rows, self.term, self.heading));
                self.out.put(format!("{}\n", tally.line()));
            }
            Form::Tabs | Form::Json | Form::Nagios => {}
        }
    }

    /// After everything is written: rows are for programs, so what people want to know besides stands apart.
    pub(super) fn after_round(&self, tally: &Tally) {
        if self.form == Form::Tabs && !self.term.quiet {
            self.term.note(&tally.line());
        }
    }

    /// All rounds.
    pub(super) fn spread(&self, spread: &Spread) {
        match self.form {
            Form::Json => self.out.put(spread.json()),
            Form::Table | Form::Tabs => self.out.put(spread.lines()),
            Form::Nagios => {}
        }
    }

    /// Whether a line of progress is shown.
    pub(super) fn shows_progress(&self) -> bool {
        self.term.stderr_is_terminal
            && !self.term.quiet
            // Rows that come between would be torn apart.
            && (self.form == Form::Table || !self.term.is_terminal)
    }

    /// Shows the line of progress.
    pub(super) fn progress(&self, line: &str) {
        if !line.is_empty() {
            self.has_progress.set(true);
            self.term.progress(line);
        }
    }

    /// Why results were lost, if they were, and not because their reader closed them.
    pub(super) fn failure(&self) -> Option<&std::io::Error> {
        self.out.failure()
    }

    /// Whether nobody reads any more.
    pub(super) fn is_closed(&self) -> bool {
        self.out.is_closed()
    }

    /// Waits until everything is written.
    pub(super) async fn flushed(&self) {
        self.out.flushed().await;
    }

    fn is_healthy(&self, outcome: &Outcome) -> bool {
        match outcome.result {
            CheckResult::Pass => true,
            CheckResult::Degraded => !self.strict,
            CheckResult::Failure | CheckResult::Inconclusive => false,
        }
    }

    fn quiet_row(&self, asked: &Asked, outcome: &Outcome) -> String {
        let (word, tone) = table::word(outcome.result);
        let why = outcome
            .failure
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        let insecure = if asked.is_insecure { " (insecure)" } else { "" };
        format!(
            "{} {}  {why}{insecure}\n",
            self.term.tone(tone, word),
            asked.shown
        )
    }
}
