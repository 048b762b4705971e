//! Every value that holds, and who set it: for `hc config show`.

use crate::config::{Config, ProbeSpec, Profile, Written};
use crate::key::{Key, Shape};
use crate::keys;
use crate::settings::{Datum, Origin, Setting, Settings, yaml_text};

/// One value that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shown {
    /// The keys that lead to it, outermost first; a header's name is one key.
    pub keys: Vec<String>,
    /// The value as it could be written; secrets as `"***"`.
    pub value: String,
    /// Who set it.
    pub origin: Origin,
    /// Where: `hc.yaml:3:5`; empty for presets and built-in values.
    pub place: String,
}

impl Shown {
    /// The path with dots: `http.method`.
    #[must_use]
    pub fn path(&self) -> String {
        self.keys.join(".")
    }
}

/// All values of the process and of `defaults`, or all of one target. `None` if no target has that name.
#[must_use]
pub fn show(config: &Config, name: Option<&str>) -> Option<Vec<Shown>> {
    let written = &*config.provenance.0;
    let Some(name) = name else {
        return Some(process(written, config.profile));
    };
    let at = config
        .targets
        .iter()
        .position(|target| target.name == name)?;
    let found = &config.targets[at];
    let ProbeSpec::Http(http) = &found.probe;
    let who = Who {
        name,
        url: &found.url,
        group: found.group.as_deref(),
        over_tls: http.url.scheme() == "https",
        at,
    };
    Some(target(written, config.profile, &who))
}

/// All values of the process and of `defaults`.
pub(crate) fn process(written: &Written, profile: Profile) -> Vec<Shown> {
    let mut view = View::of(written, profile);
    let hidden = ["include", "targets", "groups", "defaults", "profile"];
    view.literal("profile", profile.as_str(), written.top.get("profile"));
    for key in keys::TOP.iter().filter(|key| !hidden.contains(&key.name)) {
        view.key(&[], key, &written.top);
    }
    for key in keys::SHARED.iter().flat_map(|keys| keys.iter()) {
        view.key(&["defaults".to_owned()], key, &written.base);
    }
    view.out
}

/// Which target is shown.
pub(crate) struct Who<'a> {
    pub(crate) name: &'a str,
    pub(crate) url: &'a str,
    pub(crate) group: Option<&'a str>,
    pub(crate) over_tls: bool,
    /// In the order of the config.
    pub(crate) at: usize,
}

/// All values of one target.
pub(crate) fn target(written: &Written, profile: Profile, who: &Who<'_>) -> Vec<Shown> {
    let mut view = View::of(written, profile);
    view.over_tls = who.over_tls;
    view.plain("name", who.name);
    view.plain("url", who.url);
    if let Some(group) = who.group {
        view.plain("group", group);
    }
    let mut settings = Settings::default();
    if let Some(labels) = written.top.get("labels") {
        settings.set("labels".into(), labels.clone());
    }
    if let Some(own) = written.targets.get(who.at) {
        settings.merge(own);
    }
    for key in keys::SHARED.iter().flat_map(|keys| keys.iter()) {
        view.key(&[], key, &settings);
    }
    view.out
}

struct View<'a> {
    written: &'a Written,
    profile: Profile,
    over_tls: bool,
    out: Vec<Shown>,
}

impl<'a> View<'a> {
    fn of(written: &'a Written, profile: Profile) -> Self {
        Self {
            written,
            profile,
            over_tls: false,
            out: Vec::new(),
        }
    }
}

impl View<'_> {
    fn plain(&mut self, key: &str, value: &str) {
        let value = yaml_text(value);
        self.out.push(Shown {
            keys: vec![key.to_owned()],
            value,
            origin: Origin::Target,
            place: String::new(),
        });
    }

    fn literal(&mut self, key: &str, value: &str, setting: Option<&Setting>) {
        self.push(vec![key.to_owned()], value.to_owned(), setting);
    }

    fn push(&mut self, keys: Vec<String>, value: String, setting: Option<&Setting>) {
        let (origin, place) = match setting {
            Some(setting) => (setting.origin.clone(), self.written.locate(setting.place)),
            None => (Origin::BuiltIn, String::new()),
        };
        self.out.push(Shown {
            keys,
            value,
            origin,
            place,
        });
    }

    fn key(&mut self, parents: &[String], key: &Key, settings: &Settings) {
        let mut setting = settings.get(key.name);
        // Written in `defaults`, 20 means what it means unwritten: 100 over TLS.
        if self.over_tls
            && key.name == "reconnect_every"
            && setting.is_some_and(|s| s.datum == Datum::Count(20) && s.origin == Origin::Defaults)
        {
            setting = None;
        }
        let mut keys = parents.to_vec();
        keys.push(key.name.to_owned());
        let inner = match &key.shape {
            Shape::Map(inner) | Shape::Or(_, Shape::Map(inner)) => Some(*inner),
            _ => None,
        };
        let empty = Settings::default();
        match (inner, setting.map(|setting| &setting.datum)) {
            (Some(inner), Some(Datum::Map(map))) => {
                inner.iter().for_each(|key| self.key(&keys, key, map));
            }
            (Some(inner), None) if key.default != "none" && key.name != "weight" => {
                inner.iter().for_each(|key| self.key(&keys, key, &empty));
            }
            (None, Some(Datum::Map(map) | Datum::Choice(map))) if !map.0.is_empty() => {
                self.entries(&keys, map);
            }
            (_, Some(datum)) => self.push(keys, datum.to_string(), setting),
            (_, None) => self.unwritten(keys, key),
        }
    }

    /// Maps with free keys, and choices: what is written is all there is.
    fn entries(&mut self, parents: &[String], map: &Settings) {
        for (name, setting) in &map.0 {
            let mut keys = parents.to_vec();
            keys.push(name.to_string());
            match &setting.datum {
                Datum::Map(inner) | Datum::Choice(inner) => self.entries(&keys, inner),
                datum => self.push(keys, datum.to_string(), Some(setting)),
            }
        }
    }

    fn unwritten(&mut self, keys: Vec<String>, key: &Key) {
        let path = keys
            .iter()
            .skip_while(|key| *key == "defaults")
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(".");
        if let Some(datum) = self.profile.datum(&path) {
            let origin = Origin::Profile(self.profile.as_str());
            self.out.push(Shown {
                keys,
                value: datum.to_string(),
                origin,
                place: String::new(),
            });
        } else if !key.default.is_empty() {
            let value = if self.over_tls && key.name == "reconnect_every" {
                "100"
            } else {
                key.default
            };
            self.push(keys, value.to_owned(), None);
        }
    }
}

/// The values as YAML, each with its origin behind it.
#[must_use]
pub fn render_shown(shown: &[Shown]) -> String {
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    for value in shown {
        let (last, parents) = value
            .keys
            .split_last()
            .map_or(("", &[][..]), |(last, parents)| (last.as_str(), parents));
        let common = open
            .iter()
            .zip(parents)
            .take_while(|(a, b)| **a == b.as_str())
            .count();
        open.truncate(common);
        for parent in &parents[common..] {
            lines.push((
                format!("{}{}:", "  ".repeat(open.len()), yaml_text(parent)),
                String::new(),
            ));
            open.push(parent);
        }
        let origin = match value.place.is_empty() {
            true => value.origin.to_string(),
            false if matches!(value.origin, Origin::Flag(_)) => value.origin.to_string(),
            false => format!("{} {}", value.origin, value.place),
        };
        let line = format!(
            "{}{}: {}",
            "  ".repeat(open.len()),
            yaml_text(last),
            value.value
        );
        lines.push((line, hc_core::escape(&origin, 300)));
    }
    // One column for the origins, unless a value is so long that it would push all others away.
    let width = lines
        .iter()
        .map(|(line, _)| line.chars().count())
        .filter(|width| *width <= 48)
        .max()
        .unwrap_or(0);
    let mut out = String::new();
    for (line, origin) in lines {
        let pad = " ".repeat(width.saturating_sub(line.chars().count()));
        match origin.is_empty() {
            true => out.push_str(&line),
            false => out.push_str(&format!("{line}{pad}  # {origin}")),
        }
        out.push('\n');
    }
    out
}
