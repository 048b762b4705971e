//! What a key may hold. One table of keys serves the reader, the schema, the reference page and the hints, so that
//! they cannot drift apart. The tables themselves are in `keys/`.

use crate::units::Refused;

/// A key: its name, what it may hold, what holds without it, and what it means.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// As it would be written; empty where nothing is the default.
    pub(crate) default: &'static str,
    pub(crate) about: &'static str,
}

/// What a value may be.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Milliseconds, both ends included.
    Duration(u64, u64),
    /// A whole number, both ends included.
    Count(u64, u64),
    /// Percent, both ends included.
    Share(u16, u16),
    /// Bytes, both ends included.
    Size(u64, u64),
    /// A number, both ends included.
    Factor(f64, f64),
    /// `2x`: times the interval, both ends included; or a duration.
    Times(f64, f64),
    /// `true` or `false`.
    Flag,
    /// One of these.
    Word(&'static [&'static str]),
    /// Text that a rule accepts.
    Text(&'static Rule),
    /// Text never shown: itself, `{ env: NAME }` or `{ file: PATH }`.
    Secret,
    /// Text never shown: itself or `{ file: PATH }`.
    Body,
    /// A URL of a proxy.
    Proxy,
    /// Any text, number or truth, to compare JSON with.
    Json,
    /// This word, or that shape.
    Or(&'static str, &'static Shape),
    /// A list.
    List(&'static Shape),
    /// One, or a list.
    OneOrMany(&'static Shape),
    /// These keys.
    Map(&'static [Key]),
    /// Any key that the rule accepts. `fold`: its case does not matter.
    Free {
        key: &'static Rule,
        value: &'static Shape,
        fold: bool,
    },
    /// Exactly one of these keys.
    Choice(&'static [Key]),
    /// Read elsewhere (targets, groups); as a JSON Schema reference.
    Elsewhere(&'static str),
}

/// What a text must be.
#[derive(Debug)]
pub(crate) struct Rule {
    /// `a host name`: what is wanted.
    pub(crate) noun: &'static str,
    /// The code of the error.
    pub(crate) code: &'static str,
    /// For the schema; empty if a pattern cannot say it.
    pub(crate) pattern: &'static str,
    pub(crate) check: fn(&str) -> Result<(), Refused>,
    /// A path of a file, taken from the directory of the file that names it.
    pub(crate) is_path: bool,
}

impl Key {
    pub(crate) const fn new(
        name: &'static str,
        shape: Shape,
        default: &'static str,
        about: &'static str,
    ) -> Self {
        Self {
            name,
            shape,
            default,
            about,
        }
    }
}

impl Shape {
    /// What is wanted, for messages.
    pub(crate) fn wanted(&self) -> String {
        use crate::units::{format_duration as duration, format_size as size};
        let ms = std::time::Duration::from_millis;
        match self {
            Self::Duration(least, most) => {
                format!(
                    "a duration from {} to {}",
                    duration(ms(*least)),
                    duration(ms(*most))
                )
            }
            Self::Count(least, most) => format!("{least} to {most}"),
            Self::Share(least, most) => format!("{least}% to {most}%"),
            Self::Size(least, most) => format!("a size from {} to {}", size(*least), size(*most)),
            Self::Factor(least, most) => format!("{least} to {most}"),
            Self::Times(least, most) => format!("{least}x to {most}x, or a duration"),
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Word(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                match words.split_last() {
                    Some((last, [])) => last.clone(),
                    Some((last, first)) => format!("{} or {last}", first.join(", ")),
                    None => String::new(),
                }
            }
            Self::Text(rule) => rule.noun.to_owned(),
            Self::Secret => "a text, `{ env: NAME }` or `{ file: PATH }`".to_owned(),
            Self::Body => "a text or `{ file: PATH }`".to_owned(),
            Self::Proxy => "an `http` URL".to_owned(),
            Self::Json => "a text, a number, `true` or `false`".to_owned(),
            Self::Or(word, shape) => format!("`{word}` or {}", shape.wanted()),
            Self::List(shape) => format!("a list, each {}", shape.wanted()),
            Self::OneOrMany(shape) => format!("{}, or a list of such", shape.wanted()),
            Self::Map(_) | Self::Free { .. } => "a map".to_owned(),
            Self::Choice(keys) => {
                let names: Vec<String> = keys.iter().map(|key| format!("`{}`", key.name)).collect();
                format!("a map with one of {}", names.join(", "))
            }
            Self::Elsewhere(_) => "a list".to_owned(),
        }
    }

    /// Whether only a map will do, or a word.
    pub(crate) fn is_map(&self) -> bool {
        match self {
            Self::Map(_) | Self::Free { .. } | Self::Choice(_) => true,
            Self::Or(_, shape) => shape.is_map(),
            _ => false,
        }
    }

    /// Whether a value of this shape must not be shown.
    pub(crate) fn is_secret(&self) -> bool {
        match self {
            Self::Secret | Self::Body | Self::Proxy => true,
            Self::Or(_, shape) | Self::List(shape) | Self::OneOrMany(shape) => shape.is_secret(),
            Self::Free { value, .. } => value.is_secret(),
            Self::Map(keys) | Self::Choice(keys) => keys.iter().any(|key| key.shape.is_secret()),
            _ => false,
        }
    }
}
