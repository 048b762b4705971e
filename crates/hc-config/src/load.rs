//! From sources to a config: the file, what it includes, the flags.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::build::{http::Shared, process, targets::Fleet};
use crate::config::{Config, Profile, Provenance, Written};
use crate::diagnostic::{ConfigErrors, Finding, Findings};
use crate::expand::{Env, ProcessEnv};
use crate::files::{Disk, Files};
use crate::keys;
use crate::overrides::Overrides;
use crate::place::{Place, Sources};
use crate::read::{Known, Reader};
use crate::render::quoted;
use crate::settings::{Origin, Settings};
use crate::tree::{Entry, Node, Value};
use crate::yaml;

/// The longest file that is read. 100,000 targets of 100 bytes are 10 MB.
pub(crate) const LARGEST_FILE: usize = 32 << 20;

/// So many files may be included.
const MOST_FILES: usize = 10_000;

/// Where a config comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// A text, and what to call it in messages. Its `include` and paths start in the current directory.
    Text {
        /// As messages call it: `-`.
        name: String,
        /// The text.
        text: String,
    },
    /// No file at all: URLs from a command line, short forms included.
    Urls(Vec<String>),
    /// A file, and URLs beside its targets, to which its `defaults` apply. One whose name the file has is the file's.
    FileAndUrls {
        /// The file.
        path: PathBuf,
        /// The URLs, short forms included.
        urls: Vec<String>,
    },
}

/// Reads and checks a config. All errors at once.
///
/// # Errors
/// Everything that is wrong with it, placed, with all secrets masked.
pub fn load(source: &Source, env: &dyn Env, files: &dyn Files) -> Result<Config, ConfigErrors> {
    load_with(source, &Overrides::default(), env, files)
}

/// The same, with flags of a command line. They beat `defaults` only: what a group or a target says holds.
///
/// # Errors
/// See [`load`].
pub fn load_with(
    source: &Source,
    overrides: &Overrides,
    env: &dyn Env,
    files: &dyn Files,
) -> Result<Config, ConfigErrors> {
    let mut reader = Reader {
        sources: Sources::default(),
        findings: Findings::default(),
        env,
        files,
        read: Vec::new(),
    };
    let config = reader.config(source, overrides);
    let is_broken = reader.findings.has_errors();
    let (errors, warnings, omitted) = reader.findings.finish(&reader.sources);
    match config {
        Some(config) if !is_broken => Ok(Config { warnings, ..config }),
        _ => Err(ConfigErrors {
            errors,
            warnings,
            omitted,
            files: reader.read,
        }),
    }
}

/// Reads a file with the environment of this process.
///
/// # Errors
/// See [`load`].
pub fn load_path(path: impl AsRef<Path>) -> Result<Config, ConfigErrors> {
    load(&Source::File(path.as_ref().to_owned()), &ProcessEnv, &Disk)
}

/// Reads a text with the environment of this process; `name` is what messages call it.
///
/// # Errors
/// See [`load`].
pub fn load_str(name: &str, text: &str) -> Result<Config, ConfigErrors> {
    let source = Source::Text {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    load(&source, &ProcessEnv, &Disk)
}

/// A config of URLs alone, with all defaults.
///
/// ```
/// use hc_config::{Overrides, from_urls};
///
/// let config = from_urls([":8080/health"], &Overrides::new().set("--interval", "interval", "1s"))?;
/// assert_eq!(config.targets[0].name, "http://localhost:8080/health");
/// # Ok::<(), hc_config::ConfigErrors>(())
/// ```
///
/// # Errors
/// A URL or a flag that is none.
pub fn from_urls<U: Into<String>>(
    urls: impl IntoIterator<Item = U>,
    overrides: &Overrides,
) -> Result<Config, ConfigErrors> {
    let urls = urls.into_iter().map(Into::into).collect();
    load_with(&Source::Urls(urls), overrides, &ProcessEnv, &Disk)
}

impl Reader<'_> {
    fn config(&mut self, source: &Source, overrides: &Overrides) -> Option<Config> {
        let (root, urls): (Vec<Entry>, &[String]) = match source {
            Source::File(path) => (self.file(path)?, &[]),
            Source::Text { name, text } => (self.text(name, None, text.as_bytes().to_vec())?, &[]),
            Source::Urls(urls) => (Vec::new(), urls),
            Source::FileAndUrls { path, urls } => (self.file(path)?, urls),
        };
        let entries: Vec<Entry> = root
            .into_iter()
            .filter(|entry| !entry.key.starts_with("x-"))
            .collect();
        let known = Known {
            tables: &[keys::TOP],
            reserved: keys::TOP_RESERVED,
        };
        let mut top = self.settings(&entries, &known, &Origin::File, "");
        let (top_flags, shared_flags) = overrides.read(self);
        top.merge(&top_flags);
        let profile = match top.word("profile") {
            Some("small") => Profile::Small,
            Some("large") => Profile::Large,
            _ => Profile::Medium,
        };
        let mut base = self.defaults(&entries);
        base.merge(&shared_flags);
        let whole = entries
            .iter()
            .find(|entry| &*entry.key == "defaults")
            .map_or(Place::default(), |entry| entry.key_place);
        // What contradicts itself in `defaults` is told there, even if there is no target yet.
        self.policy(&base, profile, whole);
        let mut fleet = Fleet {
            profile,
            labels: top.map("labels").cloned().unwrap_or_default(),
            base: Arc::new(base),
            targets: Vec::new(),
            settings: Vec::new(),
            groups: Vec::new(),
            names: HashMap::new(),
            group_names: HashMap::new(),
            policies: HashMap::new(),
            shared: Shared::default(),
            keeps_known: false,
        };
        self.fleet(entries, &mut fleet);
        if let Some(include) = top.get("include") {
            let place = include.place;
            let patterns: Vec<String> = top
                .texts("include")
                .unwrap_or_default()
                .into_iter()
                .map(ToOwned::to_owned)
                .collect();
            self.include(&patterns, place, &mut fleet);
        }
        self.urls(urls, &mut fleet);
        let isolate = process::isolate(&top);
        self.references(isolate.as_ref(), &top, &fleet);
        if fleet.targets.is_empty() && !self.findings.has_errors() {
            let place = Place::default();
            self.findings.push(Finding::warning(
                "no-targets",
                place,
                "targets",
                "there are no targets".to_owned(),
            ));
        }
        let sources = self
            .sources
            .texts
            .iter()
            .map(|text| text.name.clone())
            .collect();
        let limits = process::limits(&top, profile);
        let written = Written {
            sources,
            top,
            base: fleet.base,
            targets: fleet.settings,
        };
        Some(Config {
            instance: written.top.text("instance").map(ToOwned::to_owned),
            profile,
            limits,
            overload: process::overload(&written.top),
            isolate,
            log: process::log(&written.top),
            shutdown: process::shutdown(&written.top),
            listen: process::texts(&written.top, "listen"),
            allowed_hosts: process::texts(&written.top, "allowed_hosts"),
            control: process::control(&written.top),
            state: process::state(&written.top),
            metrics: process::metrics(&written.top),
            targets: fleet.targets,
            groups: fleet.groups,
            files: self.read.clone(),
            warnings: Vec::new(),
            provenance: Provenance(Arc::new(written)),
        })
    }

    /// Those of a command line, after the file's.
    fn urls(&mut self, urls: &[String], fleet: &mut Fleet) {
        fleet.keeps_known = !fleet.targets.is_empty();
        for url in urls {
            let source = self.sources.add(
                crate::render::printable(&crate::url::safe_text(url), 200),
                None,
                String::new(),
            );
            let node = Node::literal(
                url,
                Place {
                    source,
                    ..Place::default()
                },
            );
            self.base_target(&node, fleet, "url");
        }
    }

    fn defaults(&mut self, entries: &[Entry]) -> Settings {
        let Some(entry) = entries.iter().find(|entry| &*entry.key == "defaults") else {
            return Settings::default();
        };
        match &*entry.value.value {
            Value::Map(entries) => {
                let known = Known {
                    tables: keys::SHARED,
                    reserved: keys::TARGET_RESERVED,
                };
                let read = self.settings(entries, &known, &Origin::Defaults, "defaults");
                // Nothing is inherited yet: `null` removes nothing.
                let mut settings = Settings::default();
                settings.merge(&read);
                settings
            }
            _ if entry.value.is_null() => Settings::default(),
            _ => {
                let found = entry.value.noun();
                let place = entry.value.place;
                self.findings.push(Finding::mismatch(
                    "wrong-type",
                    place,
                    "defaults",
                    "a map",
                    Some(found),
                ));
                Settings::default()
            }
        }
    }

    /// Takes the entries: a large file makes room for its targets as they are read.
    fn fleet(&mut self, entries: Vec<Entry>, fleet: &mut Fleet) {
        for entry in entries {
            match &*entry.key {
                "targets" => self.targets(entry.value, fleet),
                "groups" => self.groups(entry.value, fleet),
                _ => {}
            }
        }
    }

    fn include(&mut self, patterns: &[String], place: Place, fleet: &mut Fleet) {
        let mut seen: Vec<PathBuf> = self.read.clone();
        for pattern in patterns {
            let is_pattern = pattern.contains(['*', '?', '[']);
            let found = match is_pattern {
                true => self.files.glob(Path::new(pattern)),
                false => Ok(vec![PathBuf::from(pattern)]),
            };
            let found = match found {
                Ok(found) => found,
                Err(error) => {
                    let message = format!(
                        "`include`: {} cannot be listed: {}",
                        quoted(pattern),
                        error.kind()
                    );
                    self.findings.push(Finding::error(
                        "unreadable-file",
                        place,
                        "include",
                        message,
                    ));
                    continue;
                }
            };
            if is_pattern && found.is_empty() {
                let message = format!("`include`: {} matches no file", quoted(pattern));
                self.findings
                    .push(Finding::warning("empty-include", place, "include", message));
            }
            for path in found {
                // A file that two patterns match is read once.
                if seen.contains(&path) {
                    continue;
                }
                if seen.len() >= MOST_FILES {
                    let message = format!("more than {MOST_FILES} files are included");
                    self.findings
                        .push(Finding::error("too-many-files", place, "include", message));
                    return;
                }
                seen.push(path.clone());
                let Some(entries) = self.file(&path) else {
                    continue;
                };
                let mut kept = Vec::new();
                for entry in entries {
                    if keys::INCLUDED.contains(&&*entry.key) {
                        self.sources.mark_harmless(entry.key_place);
                        kept.push(entry);
                    } else if !entry.key.starts_with("x-") {
                        self.not_included(&entry);
                    }
                }
                self.fleet(kept, fleet);
            }
        }
    }

    fn not_included(&mut self, entry: &Entry) {
        let is_known = keys::TOP.iter().any(|key| key.name == &*entry.key);
        if is_known {
            self.sources.mark_harmless(entry.key_place);
            let message = format!("`{}` cannot stand in an included file", entry.key);
            let finding = Finding::error("not-in-include", entry.key_place, &entry.key, message);
            self.findings
                .push(finding.hint("it holds `targets`, `groups` and `x-*`".to_owned()));
        } else {
            let known = Known {
                tables: &[keys::TOP],
                reserved: keys::TOP_RESERVED,
            };
            self.settings(std::slice::from_ref(entry), &known, &Origin::File, "");
        }
    }

    /// Reads a file to its top-level entries.
    fn file(&mut self, path: &Path) -> Option<Vec<Entry>> {
        self.read.push(path.to_owned());
        let name = path.display().to_string();
        match self.files.read(path) {
            Ok(bytes) => self.text(&name, Some(path), bytes),
            Err(error) => {
                let source = self
                    .sources
                    .add(name.clone(), Some(path.to_owned()), String::new());
                let message = format!("{} cannot be read: {}", quoted(&name), error.kind());
                let place = Place {
                    source,
                    ..Place::default()
                };
                self.findings
                    .push(Finding::error("unreadable-file", place, "", message));
                None
            }
        }
    }

    fn text(&mut self, name: &str, path: Option<&Path>, bytes: Vec<u8>) -> Option<Vec<Entry>> {
        let add = |reader: &mut Self, text: String| {
            reader
                .sources
                .add(name.to_owned(), path.map(Path::to_path_buf), text)
        };
        if bytes.len() > LARGEST_FILE {
            let source = add(self, String::new());
            let message = format!("the file is over {} MiB", LARGEST_FILE >> 20);
            self.findings.push(Finding::error(
                "too-large",
                Place {
                    source,
                    ..Place::default()
                },
                "",
                message,
            ));
            return None;
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let valid =
                    String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()])
                        .into_owned();
                let line = u32::try_from(valid.matches('\n').count() + 1).unwrap_or(u32::MAX);
                let column = valid
                    .rsplit('\n')
                    .next()
                    .map_or(0, |line| line.chars().count());
                let column = u32::try_from(column).unwrap_or(u32::MAX);
                let source = add(self, valid);
                let place = Place {
                    source,
                    line,
                    column,
                    end_line: line,
                    end_column: column.saturating_add(1),
                };
                let finding = Finding::error(
                    "bad-encoding",
                    place,
                    "",
                    "the file is not UTF-8".to_owned(),
                );
                self.findings
                    .push(finding.hint("save it as UTF-8".to_owned()));
                return None;
            }
        };
        let text = text
            .strip_prefix('\u{feff}')
            .map_or(text.as_str(), |text| text)
            .to_owned();
        let source = add(self, text.clone());
        let root = yaml::parse(&text, source, &mut self.findings);
        let start = Place {
            source,
            line: 1,
            column: 0,
            end_line: 1,
            end_column: 1,
        };
        match root {
            Some(node) => match &*node.value {
                Value::Map(entries) => Some(entries.clone()),
                _ if node.is_null() => self.empty(start),
                _ => {
                    let message = format!("a config is a map of keys; this is {}", node.noun());
                    let finding = Finding::error("wrong-type", node.place, "", message);
                    self.findings
                        .push(finding.hint("begin with `targets:`".to_owned()));
                    None
                }
            },
            None if self.findings.concern(source) => None,
            None => self.empty(start),
        }
    }

    fn empty(&mut self, place: Place) -> Option<Vec<Entry>> {
        let finding = Finding::error("empty-file", place, "", "the file is empty".to_owned());
        self.findings
            .push(finding.hint("`hc init` writes one to begin with".to_owned()));
        None
    }

    fn references(
        &mut self,
        isolate: Option<&crate::config::Isolate>,
        top: &Settings,
        fleet: &Fleet,
    ) {
        // After an error targets are missing, and their names would be called unknown.
        if self.findings.has_errors() {
            return;
        }
        let place = top
            .get("isolate.reference")
            .map_or(Place::default(), |setting| setting.place);
        for name in isolate.iter().flat_map(|isolate| &isolate.reference) {
            if !fleet.names.contains_key(name) {
                let message = format!("`isolate.reference`: no target is named {}", quoted(name));
                self.findings.push(Finding::error(
                    "unknown-target",
                    place,
                    "isolate.reference",
                    message,
                ));
            }
        }
    }
}
