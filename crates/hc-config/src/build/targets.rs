//! Targets and groups: their layers, names, labels and probes.

use std::collections::HashMap;
use std::sync::Arc;

use hc_core::{Labels, Policy};

use crate::build::http::Shared;
use crate::config::{ProbeSpec, Profile, TargetSpec};
use crate::diagnostic::Finding;
use crate::keys;
use crate::place::Place;
use crate::read::{Known, Reader, join};
use crate::render::quoted;
use crate::settings::{Datum, Origin, Settings};
use crate::tree::{Entry, Node, Value};
use crate::url::{HttpUrl, split_address};

/// More than this in one process is beyond what was measured.
const MOST_TARGETS: usize = 1_000_000;

/// What targets are built on, and what has been built.
pub(crate) struct Fleet {
    pub(crate) profile: Profile,
    /// The top-level labels.
    pub(crate) labels: Settings,
    /// `defaults` under the flags.
    pub(crate) base: Arc<Settings>,
    pub(crate) targets: Vec<TargetSpec>,
    pub(crate) settings: Vec<Arc<Settings>>,
    pub(crate) groups: Vec<String>,
    pub(crate) names: HashMap<String, Place>,
    pub(crate) group_names: HashMap<String, Place>,
    pub(crate) policies: HashMap<String, Arc<Policy>>,
    pub(crate) shared: Shared,
    /// Whether a target whose name is known is left out, not an error.
    pub(crate) keeps_known: bool,
}

/// The group that targets are read in.
struct Around {
    group: Option<String>,
    settings: Arc<Settings>,
}

impl Reader<'_> {
    /// Reads `targets` of a file.
    pub(crate) fn targets(&mut self, node: Node, fleet: &mut Fleet) {
        let around = Around {
            group: None,
            settings: Arc::clone(&fleet.base),
        };
        self.target_list(node, &around, fleet, "targets");
    }

    /// Reads `groups` of a file.
    pub(crate) fn groups(&mut self, node: Node, fleet: &mut Fleet) {
        if node.is_null() {
            return;
        }
        let groups = match node.into_list() {
            Ok(groups) => groups,
            Err(node) => {
                self.findings.push(Finding::mismatch(
                    "wrong-type",
                    node.place,
                    "groups",
                    "a list",
                    Some(node.noun()),
                ));
                return;
            }
        };
        for (at, group) in groups.into_iter().enumerate() {
            self.group(group, fleet, &format!("groups[{at}]"));
        }
    }

    fn group(&mut self, node: Node, fleet: &mut Fleet, path: &str) {
        let whole = node.place;
        let entries = match node.into_map() {
            Ok(entries) => entries,
            Err(node) => {
                let wanted = "a map with `name` and `targets`";
                self.findings.push(Finding::mismatch(
                    "wrong-type",
                    whole,
                    path,
                    wanted,
                    Some(node.noun()),
                ));
                return;
            }
        };
        let known = Known {
            tables: &[keys::GROUP, keys::SHARED[0], keys::SHARED[1]],
            reserved: keys::TARGET_RESERVED,
        };
        let probe = Origin::Group(Arc::from(group_name(&entries)));
        let mut own = self.settings(&entries, &known, &probe, path);
        let name = own.text("name").map(ToOwned::to_owned);
        match &name {
            Some(name) => {
                let place = own.get("name").map_or(whole, |setting| setting.place);
                if let Some(first) = fleet.group_names.get(name) {
                    self.duplicate("group", name, place, *first, path);
                } else {
                    fleet.group_names.insert(name.clone(), place);
                    fleet.groups.push(name.clone());
                }
            }
            None if !entries.iter().any(|entry| &*entry.key == "name") => {
                self.missing(&join(path, "name"), whole);
            }
            None => {}
        }
        own.0.retain(|(key, _)| &**key != "name");
        let mut settings = (*fleet.base).clone();
        settings.merge(&own);
        let around = Around {
            group: Some(name.unwrap_or_default()),
            settings: Arc::new(settings),
        };
        let mut entries = entries.into_iter();
        if let Some(targets) = entries.find(|entry| &*entry.key == "targets") {
            self.target_list(targets.value, &around, fleet, &join(path, "targets"));
        }
    }

    fn target_list(&mut self, node: Node, around: &Around, fleet: &mut Fleet, path: &str) {
        if node.is_null() {
            return;
        }
        let targets = match node.into_list() {
            Ok(targets) => targets,
            Err(node) => {
                let finding =
                    Finding::mismatch("wrong-type", node.place, path, "a list", Some(node.noun()));
                self.findings
                    .push(finding.hint("begin each target with `- `".to_owned()));
                return;
            }
        };
        for (at, target) in targets.into_iter().enumerate() {
            if fleet.targets.len() >= MOST_TARGETS {
                let message = format!("more than {MOST_TARGETS} targets");
                self.findings.push(Finding::error(
                    "too-many-targets",
                    target.place,
                    path,
                    message,
                ));
                return;
            }
            self.target(&target, around, fleet, &format!("{path}[{at}]"));
        }
    }

    /// Reads one target: a URL, or a map.
    pub(crate) fn base_target(&mut self, node: &Node, fleet: &mut Fleet, path: &str) {
        let around = Around {
            group: None,
            settings: Arc::clone(&fleet.base),
        };
        self.target(node, &around, fleet, path);
    }

    fn target(&mut self, node: &Node, around: &Around, fleet: &mut Fleet, path: &str) {
        let (own, url) = match &*node.value {
            Value::Scalar(_) if !node.is_null() => (Settings::default(), self.url(node, path)),
            Value::Map(entries) => {
                let known = Known {
                    tables: &[keys::TARGET, keys::SHARED[0], keys::SHARED[1]],
                    reserved: keys::TARGET_RESERVED,
                };
                let own = self.settings(entries, &known, &Origin::Target, path);
                match entries.iter().find(|entry| &*entry.key == "url") {
                    Some(url) => (own, self.url(&url.value, &join(path, "url"))),
                    None => {
                        self.missing(&join(path, "url"), node.place);
                        (own, None)
                    }
                }
            }
            _ => {
                let wanted = "a URL, or a map with `url`";
                self.findings.push(Finding::mismatch(
                    "wrong-type",
                    node.place,
                    path,
                    wanted,
                    Some(node.noun()),
                ));
                return;
            }
        };
        let settings = if own.0.iter().all(|(key, _)| &**key == "name") {
            Arc::clone(&around.settings)
        } else {
            let mut settings = (*around.settings).clone();
            settings.merge(&own);
            settings.0.retain(|(key, _)| &**key != "name");
            Arc::new(settings)
        };
        let policy = self.policy(&settings, fleet.profile, node.place);
        let Some(url) = url else { return };
        let http = self.http(&settings, &url, node.place, &mut fleet.shared);
        let Some(name) = self.name(&own, node, &url, path, fleet) else {
            return;
        };
        let (Some(policy), Some(http)) = (policy, http) else {
            return;
        };
        let policy = Arc::clone(
            fleet
                .policies
                .entry(format!("{policy:?}"))
                .or_insert_with(|| Arc::new(policy)),
        );
        let host = settings
            .text("connect")
            .and_then(split_address)
            .map_or_else(|| url.host().to_owned(), |(host, _)| host);
        let mut labels = fleet.labels.clone();
        if let Some(over) = settings.map("labels") {
            labels.merge(over);
        }
        let labels: Labels = labels
            .0
            .iter()
            .filter_map(|(name, setting)| match &setting.datum {
                Datum::Text(text) => Some((&**name, text.as_str())),
                _ => None,
            })
            .collect();
        fleet.targets.push(TargetSpec {
            name,
            group: around.group.clone(),
            labels,
            url: url.shown().to_owned(),
            probe: ProbeSpec::Http(Arc::new(http)),
            policy,
            paused: settings.flag("paused").unwrap_or(false),
            host,
        });
        fleet.settings.push(settings);
    }

    /// A target's name, unique, or the reason why not.
    fn name(
        &mut self,
        own: &Settings,
        node: &Node,
        url: &HttpUrl,
        path: &str,
        fleet: &mut Fleet,
    ) -> Option<String> {
        let (name, place) = match own.get("name") {
            Some(setting) => (own.text("name")?.to_owned(), setting.place),
            None => (url.name().to_owned(), node.place),
        };
        if name.chars().count() > 200 {
            let message = "the URL is too long to be a name".to_owned();
            self.findings.push(
                Finding::error("bad-name", place, path, message)
                    .hint("give it a `name`".to_owned()),
            );
            return None;
        }
        if let Some(first) = fleet.names.get(&name) {
            let first = *first;
            if fleet.keeps_known {
                return None;
            }
            self.duplicate("target", &name, place, first, path);
            return None;
        }
        fleet.names.insert(name.clone(), place);
        Some(name)
    }

    fn duplicate(&mut self, what: &str, name: &str, place: Place, first: Place, path: &str) {
        let message = format!("two {what}s are named {}", quoted(name));
        let hint = format!(
            "the first is at {}; give one a `name` of its own",
            self.sources.locate(first)
        );
        self.findings
            .push(Finding::error("duplicate-name", place, path, message).hint(hint));
    }

    fn url(&mut self, node: &Node, path: &str) -> Option<HttpUrl> {
        let Some(scalar) = node.scalar().filter(|_| !node.is_null()) else {
            self.findings.push(Finding::mismatch(
                "wrong-type",
                node.place,
                path,
                "a URL",
                Some(node.noun()),
            ));
            return None;
        };
        // A URL may hold a password anywhere as long as it has not been read.
        let is_plainly_harmless = scalar.text.len() <= 200
            && !scalar.text.contains(['@', '?', '$', '#'])
            && scalar
                .text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._/:[]~%".contains(&b));
        let expanded = self.expanded(node, path)?;
        match crate::url::parse(&expanded.text, &expanded.from_variables) {
            Ok(url) => {
                if is_plainly_harmless {
                    self.sources.mark_harmless(node.place);
                }
                Some(url)
            }
            Err(error) => {
                let message = format!("`{path}`: {}", error.problem);
                self.findings
                    .push(Finding::error(error.code, node.place, path, message).hint(error.hint));
                None
            }
        }
    }
}

/// What the group is called in origins, before it has been checked.
fn group_name(entries: &[Entry]) -> String {
    let name = entries
        .iter()
        .find(|entry| &*entry.key == "name")
        .and_then(|entry| entry.value.scalar());
    name.map_or_else(String::new, |scalar| {
        crate::render::printable(&scalar.text, 200)
    })
}
