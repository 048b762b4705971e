//! Flags of a command line, read by the same tables as a file.

use std::sync::Arc;

use crate::keys;
use crate::place::Place;
use crate::read::{Known, Reader};
use crate::settings::{Origin, Settings};
use crate::tree::{Entry, Node, Value};

/// Settings from flags. They beat the top level and `defaults` of a file, never a group or a target.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Overrides(Vec<(String, Vec<String>, Given)>);

/// What a flag was given.
#[derive(Clone, PartialEq, Eq)]
enum Given {
    One(String),
    Many(Vec<String>),
}

// Values may be secrets: a header, a proxy.
impl std::fmt::Debug for Overrides {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(flag, ..)| flag))
            .finish()
    }
}

impl Overrides {
    /// No flags.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key: `set("--timeout", "timeout", "5s")`, `set("--log-format", "log.format", "json")`. The flag is
    /// what messages call it. Variables are not put in: the shell has done that.
    #[must_use]
    pub fn set(self, flag: &str, path: &str, value: &str) -> Self {
        let path = path.split('.').map(ToOwned::to_owned).collect();
        self.push(flag, path, Given::One(value.to_owned()))
    }

    /// Sets a key that holds a list; none of the values says nothing.
    #[must_use]
    pub fn list(self, flag: &str, path: &str, values: &[String]) -> Self {
        if values.is_empty() {
            return self;
        }
        self.push(flag, vec![path.to_owned()], Given::Many(values.to_vec()))
    }

    fn push(mut self, flag: &str, path: Vec<String>, given: Given) -> Self {
        self.0.push((flag.to_owned(), path, given));
        self
    }

    /// Adds a header of the request.
    #[must_use]
    pub fn header(self, flag: &str, name: &str, value: &str) -> Self {
        let path = vec!["http".to_owned(), "headers".to_owned(), name.to_owned()];
        self.push(flag, path, Given::One(value.to_owned()))
    }

    /// Reads them: what concerns the process, and what concerns targets.
    pub(crate) fn read(&self, reader: &mut Reader<'_>) -> (Settings, Settings) {
        let (mut top, mut shared) = (Settings::default(), Settings::default());
        for (flag, path, value) in &self.0 {
            let source = reader.sources.add(flag.clone(), None, String::new());
            let place = Place {
                source,
                ..Place::default()
            };
            let list = |items: &mut dyn Iterator<Item = &str>| Node {
                place,
                value: Arc::new(Value::List(
                    items.map(|item| Node::literal(item, place)).collect(),
                )),
            };
            let is_statuses = path.join(".") == "expect.status";
            let mut node = match value {
                Given::One(text) if is_statuses && text.contains(',') => {
                    list(&mut text.split(',').map(str::trim))
                }
                Given::One(text) => Node::literal(text, place),
                Given::Many(texts) => list(&mut texts.iter().map(String::as_str)),
            };
            for key in path.iter().skip(1).rev() {
                let entry = Entry {
                    key: Arc::from(key.as_str()),
                    key_place: place,
                    value: node,
                };
                node = Node::map(vec![entry], place);
            }
            let key = path.first().map_or("", String::as_str);
            let entry = Entry {
                key: Arc::from(key),
                key_place: place,
                value: node,
            };
            let origin = Origin::Flag(Arc::from(flag.as_str()));
            let is_shared = keys::SHARED
                .iter()
                .flat_map(|keys| keys.iter())
                .any(|known| known.name == key);
            let (layer, tables): (_, &[_]) = if is_shared {
                (&mut shared, keys::SHARED)
            } else {
                (&mut top, &[keys::TOP])
            };
            let known = Known {
                tables,
                reserved: &[],
            };
            layer.merge(&reader.settings(&[entry], &known, &origin, ""));
        }
        (top, shared)
    }
}
