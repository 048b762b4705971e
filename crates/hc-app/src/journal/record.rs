//! One log record, and its two spellings: logfmt for people and grep, JSON for machines.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use hc_core::escape;
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// How much a record matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For who looks into hc itself.
    Debug,
    /// Good to know.
    Info,
    /// Somebody should look.
    Warn,
    /// hc itself is in trouble.
    Error,
}

impl Level {
    /// As in a log line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

/// The value of a field. Durations are spelt for people in logfmt, and as `_ms` numbers in JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text; escaped when it is written.
    Text(String),
    /// A number.
    Count(u64),
    /// A number with one decimal.
    Decimal(f64),
    /// How long something lasted: `15m36s`.
    Span(Duration),
    /// How long something took: `1.6s`.
    Seconds(Duration),
    /// A setting: `500ms`.
    Exact(Duration),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

/// One record of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// When.
    pub wall: SystemTime,
    /// How much it matters.
    pub level: Level,
    /// What it is about: `transition`.
    pub event: Cow<'static, str>,
    /// Its fields, in order.
    pub fields: Vec<(&'static str, Value)>,
    /// A sentence for people.
    pub message: Option<String>,
}

/// How times are written at the head of a logfmt line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeStyle {
    /// Local time of day: for a terminal.
    OfDay,
    /// RFC 3339 in UTC: for a pipe.
    Rfc3339,
    /// None: the journal has its own.
    None,
}

/// Text of a response is bounded where it is made; this bounds whatever else gets into a field.
const LONGEST_FIELD: usize = 400;

impl Record {
    /// A record without fields.
    #[must_use]
    pub fn new(wall: SystemTime, level: Level, event: impl Into<Cow<'static, str>>) -> Self {
        Self {
            wall,
            level,
            event: event.into(),
            fields: Vec::new(),
            message: None,
        }
    }

    /// The same with another field.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.fields.push((key, value.into()));
        self
    }

    /// The same with a sentence.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// One line of logfmt, without a line break: `13:46:35.410 INFO first_sweep healthy=197`.
    #[must_use]
    pub fn logfmt(&self, style: TimeStyle) -> String {
        let mut line = time(self.wall, style);
        line.push_str(self.level.as_str());
        line.push(' ');
        line.push_str(&escape(&self.event, LONGEST_FIELD));
        let message = self
            .message
            .iter()
            .map(|message| ("msg", Value::Text(message.clone())));
        for (key, value) in self.fields.iter().cloned().chain(message) {
            // Writing to a string cannot fail.
            let _ = match value {
                Value::Text(text) if key == "msg" => write!(line, " {key}={}", quoted(&text)),
                Value::Text(text) => write!(line, " {key}={}", quoted_if_needed(&text)),
                Value::Count(count) => write!(line, " {key}={count}"),
                Value::Decimal(number) => write!(line, " {key}={number:.1}"),
                Value::Span(span) => write!(line, " {key}={}", spell_span(span)),
                Value::Seconds(took) => write!(line, " {key}={:.1}s", took.as_secs_f64()),
                Value::Exact(duration) => {
                    write!(line, " {key}={}", hc_config::format_duration(duration))
                }
            };
        }
        line
    }

    /// One line of JSON, schema `hc.event/1`.
    #[must_use]
    pub fn json(&self) -> String {
        // Text, numbers and string keys cannot fail to be written.
        serde_json::to_string(&InOrder(self)).unwrap_or_default()
    }
}

/// Writes a record's fields in their order: a line that a person reads too begins with what matters.
struct InOrder<'a>(&'a Record);

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Record {
            wall,
            level,
            event,
            fields,
            message,
        } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema", "hc.event/1")?;
        map.serialize_entry("time", &rfc3339(*wall))?;
        map.serialize_entry("level", &level.as_str().to_lowercase())?;
        map.serialize_entry("event", event)?;
        for (key, value) in fields {
            match value {
                Value::Text(text) => map.serialize_entry(key, &escape(text, LONGEST_FIELD))?,
                Value::Count(count) => map.serialize_entry(key, count)?,
                Value::Decimal(number) => {
                    map.serialize_entry(key, &((number * 1000.0).round() / 1000.0))?;
                }
                Value::Span(span) | Value::Seconds(span) | Value::Exact(span) => {
                    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
                    map.serialize_entry(&format!("{key}_ms"), &millis)?;
                }
            }
        }
        if let Some(message) = message {
            map.serialize_entry("message", &escape(message, LONGEST_FIELD))?;
        }
        map.end()
    }
}

fn time(wall: SystemTime, style: TimeStyle) -> String {
    match style {
        TimeStyle::None => String::new(),
        TimeStyle::Rfc3339 => rfc3339(wall) + " ",
        TimeStyle::OfDay => {
            let at = timestamp(wall).to_zoned_datetime(jiff::tz::TimeZone::system());
            format!("{} ", at.strftime("%H:%M:%S%.3f"))
        }
    }
}

fn timestamp(wall: SystemTime) -> Timestamp {
    // A clock set to before the year -9999 or after 9999 is shown as the epoch.
    Timestamp::try_from(wall).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// RFC 3339 in UTC with milliseconds: `2026-11-24T13:46:25.123Z`.
#[must_use]
pub fn rfc3339(wall: SystemTime) -> String {
    timestamp(wall)
        .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
        .to_string()
}

fn quoted_if_needed(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.:/[]@%+,~()*!$&;{}<>#^|?".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        escape(text, LONGEST_FIELD)
    } else {
        quoted(text)
    }
}

fn quoted(text: &str) -> String {
    let escaped = escape(
        &text.replace('\\', "\\\\").replace('"', "\\\""),
        LONGEST_FIELD,
    );
    format!("\"{escaped}\"")
}

/// `340ms`, `1.6s`, `41s`, `15m36s`, `3h5m`, `3d4h`: two units at most.
#[must_use]
pub fn spell_span(span: Duration) -> String {
    let (millis, seconds) = (span.as_millis(), span.as_secs());
    let two = |big: u64, unit: &str, small: u64, sub: &str| {
        if small == 0 {
            format!("{big}{unit}")
        } else {
            format!("{big}{unit}{small}{sub}")
        }
    };
    match seconds {
        0 => format!("{millis}ms"),
        1..=9 => {
            let text = format!("{:.1}", (millis / 100) as f64 / 10.0);
            format!("{}s", text.trim_end_matches(".0"))
        }
        10..=59 => format!("{seconds}s"),
        60..=3599 => two(seconds / 60, "m", seconds % 60, "s"),
        3600..=86_399 => two(seconds / 3600, "h", seconds % 3600 / 60, "m"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}
