//! Records made into lines in the style that was asked for, less those below the level.

use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use hc_app::journal::{Level, Record, TimeStyle, Value};
use hc_config::{LogFormat, LogLevel};
use hc_scheduler::{Checked, Observer};

use super::writer::{Lines, LinesGauge};

/// How records are spelt.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    format: LogFormat,
    time: TimeStyle,
    color: bool,
    /// The journal takes it out of the line, and keeps it as the line's priority.
    priority: bool,
}

impl Style {
    pub(super) fn new(format: LogFormat, color: bool) -> Self {
        let journal = is_journal();
        let time = if std::io::stdout().is_terminal() {
            TimeStyle::OfDay
        } else if journal {
            TimeStyle::None
        } else {
            TimeStyle::Rfc3339
        };
        Self {
            format,
            time,
            color,
            priority: journal,
        }
    }

    /// Of what is told later than it happened: with its time, whoever writes it down; `is_today`: without its date.
    pub(crate) fn later(is_today: bool, color: bool) -> Self {
        let time = match is_today {
            true => TimeStyle::OfDay,
            false => TimeStyle::Rfc3339,
        };
        Self {
            format: LogFormat::Text,
            time,
            color,
            priority: false,
        }
    }

    /// A record's line, without its end.
    pub(crate) fn line(self, record: &Record) -> String {
        let line = match self.format {
            LogFormat::Json => record.json(),
            LogFormat::Text if self.color => paint(record, self.time),
            LogFormat::Text => record.logfmt(self.time),
        };
        match self.priority {
            true => format!("<{}>{line}", priority(record.level)),
            false => line,
        }
    }
}

/// By syslog's numbers.
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug => 7,
    }
}

/// Whether standard output is the journal's: JOURNAL_STREAM names it by device and inode. The variable alone says
/// nothing, since those who are started with a pipe inherit it.
fn is_journal() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let ours = std::fs::metadata("/proc/self/fd/1");
    ours.is_ok_and(|ours| named == format!("{}:{}", ours.dev(), ours.ino()))
}

/// Writes records. Cheap to clone.
#[derive(Clone)]
pub(super) struct Log {
    lines: Lines,
    style: Style,
    /// A [`LogLevel`], which a reload may change.
    level: Arc<AtomicU8>,
}

impl Log {
    pub(super) fn new(lines: Lines, style: Style, level: LogLevel) -> Self {
        let level = Arc::new(AtomicU8::new(level as u8));
        Self {
            lines,
            style,
            level,
        }
    }

    pub(super) fn set_level(&self, level: LogLevel) {
        self.level.store(level as u8, Ordering::Relaxed);
    }

    /// Writes a record if it matters enough. Never blocks.
    pub(super) fn write(&self, record: &Record) {
        let needs = match record.level {
            Level::Error => LogLevel::Error,
            Level::Warn => LogLevel::Warn,
            Level::Info => LogLevel::Info,
            Level::Debug => LogLevel::Trace,
        };
        if needs as u8 <= self.level.load(Ordering::Relaxed) {
            self.lines.write(self.style.line(record));
        }
    }

    /// The log as metrics show it.
    pub(super) fn gauge(&self) -> LinesGauge {
        self.lines.gauge()
    }

    pub(super) async fn reader_gone(&self) {
        self.lines.reader_gone().await;
    }
}

/// Colours the level's word: it is there without colour too.
fn paint(record: &Record, time: TimeStyle) -> String {
    let code = match record.level {
        Level::Error => "31;1",
        Level::Warn => "33",
        Level::Info => "32",
        Level::Debug => "2",
    };
    let word = record.level.as_str();
    record
        .logfmt(time)
        .replacen(word, &format!("\u{1b}[{code}m{word}\u{1b}[0m"), 1)
}

/// At `trace` every check is a line.
impl Observer for Log {
    fn is_listening(&self) -> bool {
        self.level.load(Ordering::Relaxed) >= LogLevel::Trace as u8
    }

    fn check_ended(&self, check: &Checked) {
        let mut record = Record::new(check.wall, Level::Debug, "check")
            .with("target", check.target.as_str())
            .with("result", check.result.as_str())
            .with("took", Value::Seconds(check.duration))
            .with("reason", check.reason.as_str());
        if let Some(failure) = check.why() {
            record = record
                .with("kind", failure.kind.as_str())
                .with_message(failure.message.as_str());
        }
        self.write(&record);
    }
}
