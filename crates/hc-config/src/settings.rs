//! Values with their origin, and how the layers of a config become one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hc_core::BasisPoints;

use crate::place::Place;
use crate::units;
use crate::url::HttpUrl;
use hc_http::Secret;

/// Which layer a value comes from, weakest first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// hc's own default.
    BuiltIn,
    /// The profile of that name.
    Profile(&'static str),
    /// The top level of the file: what concerns the whole process.
    File,
    /// `defaults`.
    Defaults,
    /// A flag of the command line: `--timeout`.
    Flag(Arc<str>),
    /// The group of that name.
    Group(Arc<str>),
    /// The target itself.
    Target,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built-in"),
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::File => f.write_str("file"),
            Self::Defaults => f.write_str("defaults"),
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Group(name) => write!(f, "group {name}"),
            Self::Target => f.write_str("target"),
        }
    }
}

/// One value, read and in range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Datum {
    /// `none`, `auto`, `any`: a word of a closed list.
    Word(&'static str),
    /// `null`: what was inherited goes.
    Removed,
    Flag(bool),
    Count(u64),
    Duration(Duration),
    Size(u64),
    Share(BasisPoints),
    Factor(f64),
    /// So many times the interval.
    Times(f64),
    Text(String),
    Secret(Secret),
    Url(Box<HttpUrl>),
    Json(serde_json::Value),
    List(Vec<Datum>),
    Map(Settings),
    /// A map of which one key is meant: another key replaces it.
    Choice(Settings),
}

/// A value, who set it, and where.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setting {
    pub(crate) datum: Datum,
    pub(crate) origin: Origin,
    pub(crate) place: Place,
}

/// Values by key, in the order they were first set.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Settings(pub(crate) Vec<(Arc<str>, Setting)>);

impl Settings {
    /// The value at a path of keys: `http.method`.
    pub(crate) fn get(&self, path: &str) -> Option<&Setting> {
        let (key, rest) = path
            .split_once('.')
            .map_or((path, None), |(key, rest)| (key, Some(rest)));
        let setting = self.own(key)?;
        match (rest, &setting.datum) {
            (None, Datum::Removed) => None,
            (None, _) => Some(setting),
            (Some(rest), Datum::Map(map) | Datum::Choice(map)) => map.get(rest),
            (Some(_), _) => None,
        }
    }

    pub(crate) fn datum(&self, path: &str) -> Option<&Datum> {
        self.get(path).map(|setting| &setting.datum)
    }

    fn own(&self, key: &str) -> Option<&Setting> {
        self.0
            .iter()
            .find(|(name, _)| **name == *key)
            .map(|(_, setting)| setting)
    }

    /// Sets a key, whatever it was before.
    pub(crate) fn set(&mut self, key: Arc<str>, setting: Setting) {
        match self.0.iter_mut().find(|(name, _)| *name == key) {
            Some((_, old)) => *old = setting,
            None => self.0.push((key, setting)),
        }
    }

    /// Lays `over` on top: maps key by key, everything else replaces, `null` removes.
    pub(crate) fn merge(&mut self, over: &Self) {
        for (key, setting) in &over.0 {
            let old = self
                .0
                .iter_mut()
                .find(|(name, _)| name == key)
                .map(|(_, old)| old);
            match (old, &setting.datum) {
                (_, Datum::Removed) => self.0.retain(|(name, _)| name != key),
                (
                    Some(Setting {
                        datum: Datum::Map(old),
                        ..
                    }),
                    Datum::Map(new),
                ) => old.merge(new),
                (
                    Some(Setting {
                        datum: Datum::Choice(old),
                        ..
                    }),
                    Datum::Choice(new),
                ) if old.0.first().map(|(key, _)| key) == new.0.first().map(|(key, _)| key) => {
                    old.merge(new);
                }
                (Some(old), _) => *old = without_removed(setting),
                (None, _) => self.0.push((Arc::clone(key), without_removed(setting))),
            }
        }
    }

    pub(crate) fn flag(&self, path: &str) -> Option<bool> {
        match self.datum(path)? {
            Datum::Flag(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn count(&self, path: &str) -> Option<u64> {
        match self.datum(path)? {
            Datum::Count(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn duration(&self, path: &str) -> Option<Duration> {
        match self.datum(path)? {
            Datum::Duration(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn size(&self, path: &str) -> Option<u64> {
        match self.datum(path)? {
            Datum::Size(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn share(&self, path: &str) -> Option<BasisPoints> {
        match self.datum(path)? {
            Datum::Share(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn word(&self, path: &str) -> Option<&'static str> {
        match self.datum(path)? {
            Datum::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        match self.datum(path)? {
            Datum::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn secret(&self, path: &str) -> Option<&Secret> {
        match self.datum(path)? {
            Datum::Secret(secret) => Some(secret),
            _ => None,
        }
    }

    pub(crate) fn map(&self, path: &str) -> Option<&Settings> {
        match self.datum(path)? {
            Datum::Map(map) | Datum::Choice(map) => Some(map),
            _ => None,
        }
    }

    /// The texts of a list, or the one text.
    pub(crate) fn texts(&self, path: &str) -> Option<Vec<&str>> {
        match self.datum(path)? {
            Datum::Text(text) => Some(vec![text]),
            Datum::List(items) => Some(
                items
                    .iter()
                    .filter_map(|item| match item {
                        Datum::Text(text) => Some(text.as_str()),
                        _ => None,
                    })
                    .collect(),
            ),
            _ => None,
        }
    }
}

/// A map that replaces something has nothing to remove from.
fn without_removed(setting: &Setting) -> Setting {
    let clean = |map: &Settings| {
        let kept = map
            .0
            .iter()
            .filter(|(_, inner)| inner.datum != Datum::Removed);
        Settings(
            kept.map(|(key, inner)| (Arc::clone(key), without_removed(inner)))
                .collect(),
        )
    };
    let datum = match &setting.datum {
        Datum::Map(map) => Datum::Map(clean(map)),
        Datum::Choice(map) => Datum::Choice(clean(map)),
        other => other.clone(),
    };
    Setting {
        datum,
        origin: setting.origin.clone(),
        place: setting.place,
    }
}

impl fmt::Display for Datum {
    /// As it could be written in a file, in one line; secrets as `***`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Removed => f.write_str("null"),
            Self::Flag(value) => write!(f, "{value}"),
            Self::Count(value) => write!(f, "{value}"),
            Self::Duration(value) => f.write_str(&units::format_duration(*value)),
            Self::Size(value) => f.write_str(&units::format_size(*value)),
            Self::Share(value) => f.write_str(&units::format_share(*value)),
            Self::Factor(value) => f.write_str(&units::trim(*value)),
            Self::Times(value) => write!(f, "{}x", units::trim(*value)),
            Self::Text(text) => f.write_str(&yaml_text(text)),
            Self::Secret(_) => f.write_str("\"***\""),
            Self::Url(url) => f.write_str(&yaml_text(url.shown())),
            Self::Json(value) => write!(f, "{value}"),
            Self::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Map(map) | Self::Choice(map) => {
                f.write_str("{")?;
                for (at, (key, setting)) in map.0.iter().enumerate() {
                    let comma = if at == 0 { " " } else { ", " };
                    write!(f, "{comma}{}: {}", yaml_text(key), setting.datum)?;
                }
                f.write_str(if map.0.is_empty() { "}" } else { " }" })
            }
        }
    }
}

/// Text as YAML: without quotes where that is safe for every reader.
pub(crate) fn yaml_text(text: &str) -> String {
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_./$=".contains(c))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '$'))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "yes" | "no" | "on" | "off" | "y" | "n" | "true" | "false" | "null"
        );
    if plain {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}
