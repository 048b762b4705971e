//! From a tree to values in range, by the tables of keys. Collects every problem; says of each piece read whether it may be shown.

mod scalar;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Finding, Findings};
use crate::expand::{Env, ExpandError, Expanded, expand};
use crate::files::Files;
use crate::key::{Key, Shape};
use crate::keys;
use crate::place::{Place, Sources};
use crate::render::quoted;
use crate::settings::{Datum, Origin, Setting, Settings};
use crate::tree::{Entry, Node, Value};

/// What a reader needs of the world, and what it has found so far.
pub(crate) struct Reader<'a> {
    pub(crate) sources: Sources,
    pub(crate) findings: Findings,
    pub(crate) env: &'a dyn Env,
    pub(crate) files: &'a dyn Files,
    /// Files that were read, the first included.
    pub(crate) read: Vec<PathBuf>,
}

/// A map's keys: known ones by table, names to come, and what a map is called in messages.
pub(crate) struct Known<'a> {
    pub(crate) tables: &'a [&'static [Key]],
    pub(crate) reserved: &'a [&'static str],
}

impl Reader<'_> {
    /// Reads the known keys of a map; reports the others. `take` gets first pick of entries read elsewhere.
    pub(crate) fn settings(
        &mut self,
        entries: &[Entry],
        known: &Known<'_>,
        origin: &Origin,
        path: &str,
    ) -> Settings {
        let mut settings = Settings::default();
        for entry in entries {
            let key = known
                .tables
                .iter()
                .flat_map(|keys| keys.iter())
                .find(|key| key.name == &*entry.key);
            let Some(key) = key else {
                self.unknown(entry, known, path);
                continue;
            };
            self.sources.mark_harmless(entry.key_place);
            let path = join(path, key.name);
            if let Shape::Elsewhere(_) = key.shape {
                continue;
            }
            let datum = if entry.value.is_null() {
                self.sources.mark_harmless(entry.value.place);
                Some(Datum::Removed)
            } else {
                self.read(&entry.value, &key.shape, origin, &path)
            };
            if let Some(datum) = datum {
                let place = entry.value.place;
                settings.set(
                    Arc::from(key.name),
                    Setting {
                        datum,
                        origin: origin.clone(),
                        place,
                    },
                );
            }
        }
        settings
    }

    /// Reads one value.
    pub(crate) fn read(
        &mut self,
        node: &Node,
        shape: &Shape,
        origin: &Origin,
        path: &str,
    ) -> Option<Datum> {
        match shape {
            Shape::Or(word, inner) => match self.word(node, &[word]) {
                Some(word) => Some(Datum::Word(word)),
                None => self
                    .hinting_none(node, word, shape, path)
                    .or_else(|| self.read(node, inner, origin, path)),
            },
            Shape::List(inner) => match &*node.value {
                Value::List(items) => self.list(items, inner, origin, path),
                Value::Scalar(_) | Value::Map(_) => self.wrong_type(node, shape, path),
            },
            Shape::OneOrMany(inner) => match &*node.value {
                Value::List(items) if items.is_empty() => self.wrong_type(node, shape, path),
                Value::List(items) => self.list(items, inner, origin, path),
                Value::Scalar(_) | Value::Map(_) => self.read(node, inner, origin, path),
            },
            Shape::Map(keys) => {
                let Value::Map(entries) = &*node.value else {
                    return self.wrong_type(node, shape, path);
                };
                let known = Known {
                    tables: &[keys],
                    reserved: &[],
                };
                let map = self.settings(entries, &known, origin, path);
                Some(Datum::Map(map))
            }
            Shape::Choice(keys) => {
                let Value::Map(entries) = &*node.value else {
                    return self.wrong_type(node, shape, path);
                };
                let known = Known {
                    tables: &[keys],
                    reserved: &[],
                };
                let map = self.settings(entries, &known, origin, path);
                let known_entries = entries
                    .iter()
                    .filter(|e| keys.iter().any(|key| key.name == &*e.key));
                match known_entries.count() {
                    1 => Some(Datum::Choice(map)),
                    0 if !entries.is_empty() => None,
                    _ => self.wrong_type(node, shape, path),
                }
            }
            Shape::Free { key, value, fold } => {
                let Value::Map(entries) = &*node.value else {
                    return self.wrong_type(node, shape, path);
                };
                Some(Datum::Map(
                    self.free(entries, key, value, *fold, origin, path),
                ))
            }
            Shape::Secret | Shape::Body => self.secret(node, shape, path),
            Shape::Elsewhere(_) => None,
            _ => self.scalar(node, shape, path),
        }
    }

    fn list(
        &mut self,
        items: &[Node],
        inner: &Shape,
        origin: &Origin,
        path: &str,
    ) -> Option<Datum> {
        let count = items.len();
        let read: Vec<Datum> = (0..)
            .zip(items)
            .filter_map(|(at, item): (usize, _)| {
                self.read(item, inner, origin, &format!("{path}[{at}]"))
            })
            .collect();
        (read.len() == count).then_some(Datum::List(read))
    }

    fn free(
        &mut self,
        entries: &[Entry],
        rule: &'static crate::key::Rule,
        value: &Shape,
        fold: bool,
        origin: &Origin,
        path: &str,
    ) -> Settings {
        let mut map = Settings::default();
        for entry in entries {
            let name = if fold {
                entry.key.to_ascii_lowercase()
            } else {
                entry.key.to_string()
            };
            if let Err(hint) = (rule.check)(&entry.key) {
                let shown = is_showable(entry, value.is_secret()).then(|| quoted(&entry.key));
                if shown.is_some() {
                    self.sources.mark_harmless(entry.key_place);
                }
                let finding = Finding::mismatch(
                    rule.code,
                    entry.key_place,
                    path,
                    rule.noun,
                    shown.as_deref(),
                );
                self.findings.push(finding.hint(hint));
                continue;
            }
            if is_showable(entry, value.is_secret()) {
                self.sources.mark_harmless(entry.key_place);
            }
            if map.0.iter().any(|(known, _)| **known == *name) {
                let message = "the same header stands twice in one map".to_owned();
                self.findings.push(Finding::error(
                    "duplicate-key",
                    entry.key_place,
                    path,
                    message,
                ));
                continue;
            }
            let path = join(path, &name);
            let datum = match entry.value.is_null() {
                true => Some(Datum::Removed),
                false => self.read(&entry.value, value, origin, &path),
            };
            if let Some(datum) = datum {
                let place = entry.value.place;
                map.set(
                    Arc::from(name),
                    Setting {
                        datum,
                        origin: origin.clone(),
                        place,
                    },
                );
            }
        }
        map
    }

    /// The text of a scalar with its variables put in.
    pub(crate) fn expanded(&mut self, node: &Node, path: &str) -> Option<Expanded> {
        let scalar = node.scalar()?;
        if scalar.literal {
            return Some(Expanded {
                text: scalar.text.clone(),
                from_variables: Vec::new(),
            });
        }
        match expand(&scalar.text, self.env) {
            Ok(expanded) => Some(expanded),
            Err(ExpandError::Unset(name)) => {
                let message = format!("`{path}`: the variable `{name}` is not set");
                let hint =
                    format!("set it, or write `${{{name}:-...}}` with what holds without it");
                self.findings
                    .push(Finding::error("unset-variable", node.place, path, message).hint(hint));
                None
            }
            Err(ExpandError::Malformed) => {
                let message = format!("`{path}`: `${{` begins no variable here");
                let hint = "write `${NAME}`, `${NAME:-otherwise}`, or `$$` for a `$`".to_owned();
                self.findings
                    .push(Finding::error("bad-variable", node.place, path, message).hint(hint));
                None
            }
        }
    }

    /// One of these words, written as such.
    fn word(&mut self, node: &Node, words: &[&'static str]) -> Option<&'static str> {
        let scalar = node.scalar()?;
        let text = match scalar.text.contains('$') && !scalar.literal {
            true => expand(&scalar.text, self.env).ok()?.text,
            false => scalar.text.clone(),
        };
        let word = words.iter().copied().find(|word| *word == text)?;
        self.sources.mark_harmless(node.place);
        Some(word)
    }

    pub(crate) fn wrong_type(&mut self, node: &Node, shape: &Shape, path: &str) -> Option<Datum> {
        let found = match node.scalar() {
            // Where a map is wanted, a text is no typing error but something that slipped: perhaps a body.
            Some(scalar) if !shape.is_secret() && !node.is_null() && !shape.is_map() => {
                self.sources.mark_harmless(node.place);
                quoted(&scalar.text)
            }
            _ => node.noun().to_owned(),
        };
        let mut finding = Finding::mismatch(
            "wrong-type",
            node.place,
            path,
            &shape.wanted(),
            Some(&found),
        );
        // As `--state FILE` has it, and as `control` does.
        if path == "state" && node.scalar().is_some() {
            finding = finding.hint("write `state: { file: PATH }`".to_owned());
        }
        self.findings.push(finding);
        None
    }

    fn unknown(&mut self, entry: &Entry, known: &Known<'_>, path: &str) {
        let place = entry.key_place;
        let container = if path.is_empty() {
            "at the top level".to_owned()
        } else {
            format!("in `{path}`")
        };
        let names: Vec<&'static str> = known
            .tables
            .iter()
            .flat_map(|keys| keys.iter())
            .map(|key| key.name)
            .collect();
        if known.reserved.contains(&&*entry.key) {
            self.sources.mark_harmless(place);
            let message = format!("`{}` {container} is not supported yet", entry.key);
            self.findings.push(Finding::error(
                "not-yet",
                place,
                &join(path, &entry.key),
                message,
            ));
            return;
        }
        let tables_hold_secrets = path.contains("auth") || path.contains("headers");
        if !is_showable(entry, tables_hold_secrets) {
            let message = format!("unknown key {container}");
            self.findings
                .push(Finding::error("unknown-key", place, path, message));
            return;
        }
        self.sources.mark_harmless(place);
        let suggestion = nearest(&entry.key, &names);
        if let Some(near) = suggestion {
            let key = known
                .tables
                .iter()
                .flat_map(|keys| keys.iter())
                .find(|key| key.name == near);
            // A value that fits the meant key is as harmless as under it.
            if let (Some(key), Some(scalar)) = (key, entry.value.scalar())
                && scalar::is_plainly(&key.shape, &scalar.text)
            {
                self.sources.mark_harmless(entry.value.place);
            }
        }
        let hint = suggestion
            .map(|near| format!("did you mean `{near}`?"))
            .or_else(|| elsewhere(&entry.key, path));
        let message = format!("unknown key {} {container}", quoted(&entry.key));
        self.findings.push(
            Finding::error("unknown-key", place, &join(path, &entry.key), message).hint(hint),
        );
    }

    /// The directory that paths of a source are taken from.
    pub(crate) fn directory(&self, place: Place) -> PathBuf {
        let path = self
            .sources
            .texts
            .get(place.source as usize)
            .and_then(|text| text.path.as_deref());
        path.and_then(Path::parent)
            .map(Path::to_path_buf)
            .unwrap_or_default()
    }
}

pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// Whether a key looks like one. In a flow map `{ password: a, b }` makes `b` a key without a value; and anything
/// may end up as a key under a wrong indentation.
fn is_showable(entry: &Entry, holds_secrets: bool) -> bool {
    let is_word = entry.key.len() <= 64
        && entry
            .key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.$*[]/<".contains(c));
    is_word && !(entry.value.is_null() && holds_secrets)
}

/// The name that was meant, if one is near enough.
fn nearest(text: &str, names: &[&'static str]) -> Option<&'static str> {
    let text = text.to_ascii_lowercase().replace('-', "_");
    let near = names
        .iter()
        .copied()
        .map(|name| (strsim::damerau_levenshtein(&text, name), name));
    let (distance, name) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= name.len().max(text.len()).div_ceil(3).min(3)).then_some(name)
}

/// Where a known key belongs that stands in the wrong map.
fn elsewhere(key: &str, path: &str) -> Option<String> {
    let has = |keys: &[Key]| keys.iter().any(|known| known.name == key);
    let mut homes: Vec<&str> = Vec::new();
    if keys::SHARED.iter().any(|keys| has(keys)) {
        homes.push("in `defaults`, a group or a target");
    }
    if has(keys::TARGET) && !path.starts_with("targets") {
        homes.push("in a target");
    }
    if has(keys::TOP) && !path.is_empty() {
        homes.push("at the top level");
    }
    for (parent, table) in [
        ("limits", keys::LIMITS),
        ("log", keys::LOG),
        ("isolate", keys::ISOLATE),
        ("tls", keys::TLS),
    ] {
        if has(table) && !path.ends_with(parent) {
            homes.push(match parent {
                "limits" => "in `limits`",
                "log" => "in `log`",
                "isolate" => "in `isolate`",
                _ => "in `tls`",
            });
        }
    }
    homes.first().map(|home| format!("it belongs {home}"))
}
