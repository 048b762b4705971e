//! The workspace as `cargo metadata` describes it: our crates, what they depend on, what comes with that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process::{cargo, read};

/// What a dependency is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Of the crate itself.
    Normal,
    /// Of its tests, examples and benchmarks.
    Dev,
    /// Of its build script.
    Build,
}

/// A dependency of one of our crates, as its manifest says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// One of our crates.
#[derive(Clone, Default, Debug)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) version: String,
    /// It may go to a registry.
    pub(crate) publishable: bool,
    pub(crate) dependencies: Vec<Dependency>,
    /// The name of every crate that is built with it, tests aside.
    pub(crate) closure: BTreeSet<String>,
}

/// All of it.
pub(crate) struct Workspace {
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
    pub(crate) crates: Vec<Crate>,
}

/// The repository's root folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the root folder")
}

impl Workspace {
    /// Asks cargo.
    ///
    /// # Errors
    /// When cargo fails or answers something else than metadata.
    pub(crate) fn load() -> Result<Self> {
        let mut command = cargo(&["metadata", "--format-version", "1"]);
        let text = read(command.current_dir(root()))?;
        parse(
            &serde_json::from_str(&text)
                .context("failed to read the answer of `cargo metadata`")?,
        )
        .context("`cargo metadata` lacks a field")
    }

    /// Our publishable crates, each after those it needs.
    pub(crate) fn publishing_order(&self) -> Vec<&Crate> {
        let mut waiting: Vec<_> = self.crates.iter().filter(|each| each.publishable).collect();
        let mut ordered = Vec::new();
        while !waiting.is_empty() {
            let names: Vec<_> = waiting.iter().map(|each| each.name.clone()).collect();
            let needs_waiting = |each: &&Crate| {
                each.dependencies
                    .iter()
                    .any(|on| on.kind != Kind::Dev && names.contains(&on.name))
            };
            let (blocked, mut ready): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(needs_waiting);
            assert!(!ready.is_empty(), "cargo refuses cycles: {names:?}");
            ready.sort_by(|a, b| a.name.cmp(&b.name));
            ordered.extend(ready);
            waiting = blocked;
        }
        ordered
    }
}

/// Reads cargo's JSON; `None` when a field is missing.
fn parse(metadata: &Value) -> Option<Workspace> {
    let members: BTreeSet<&str> = metadata["workspace_members"]
        .as_array()?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let mut names = BTreeMap::new();
    for package in metadata["packages"].as_array()? {
        names.insert(package["id"].as_str()?, package["name"].as_str()?);
    }
    let built_with = edges(metadata)?;
    let mut crates = Vec::new();
    for package in metadata["packages"].as_array()? {
        let id = package["id"].as_str()?;
        if !members.contains(id) {
            continue;
        }
        let dependencies = package["dependencies"]
            .as_array()?
            .iter()
            .map(dependency)
            .collect::<Option<_>>()?;
        crates.push(Crate {
            name: package["name"].as_str()?.to_owned(),
            version: package["version"].as_str()?.to_owned(),
            publishable: package["publish"]
                .as_array()
                .is_none_or(|registries| !registries.is_empty()),
            dependencies,
            closure: reachable(id, &built_with)
                .iter()
                .filter_map(|id| names.get(id))
                .map(ToString::to_string)
                .collect(),
        });
    }
    Some(Workspace {
        target: metadata["target_directory"].as_str()?.into(),
        crates,
    })
}

fn dependency(value: &Value) -> Option<Dependency> {
    let kind = match value["kind"].as_str() {
        None => Kind::Normal,
        Some("dev") => Kind::Dev,
        Some(_) => Kind::Build,
    };
    Some(Dependency {
        name: value["name"].as_str()?.to_owned(),
        kind,
    })
}

/// By package id, the ids it is built with (dev-dependencies are not followed).
fn edges(metadata: &Value) -> Option<BTreeMap<&str, Vec<&str>>> {
    let mut edges = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array()? {
        let mut on = Vec::new();
        for dependency in node["deps"].as_array()? {
            if dependency["dep_kinds"]
                .as_array()?
                .iter()
                .any(|kind| kind["kind"].as_str() != Some("dev"))
            {
                on.push(dependency["pkg"].as_str()?);
            }
        }
        edges.insert(node["id"].as_str()?, on);
    }
    Some(edges)
}

/// Everything that can be reached from there, itself not included.
fn reachable<'a>(from: &'a str, edges: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(id) = waiting.pop() {
        for next in edges.get(id).into_iter().flatten() {
            if seen.insert(*next) {
                waiting.push(next);
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Dependency, Kind, Workspace, parse};

    #[test]
    fn closures_follow_what_is_built_and_not_what_is_tested_with() {
        let package = |name: &str, publish: serde_json::Value, dependencies: serde_json::Value| json!({"id": name, "name": name, "version": "0.1.0", "publish": publish, "dependencies": dependencies});
        let edge =
            |to: &str, kind: serde_json::Value| json!({"pkg": to, "dep_kinds": [{"kind": kind}]});
        let workspace = parse(&json!({
            "target_directory": "t", "workspace_members": ["a", "b"],
            "packages": [
                package("a", json!(null), json!([{"name": "b", "kind": null}, {"name": "t", "kind": "dev"}])),
                package("b", json!([]), json!([{"name": "c", "kind": "build"}])),
                package("c", json!(null), json!([])),
                package("t", json!(null), json!([])),
            ],
            "resolve": {"nodes": [
                {"id": "a", "deps": [edge("b", json!(null)), edge("t", json!("dev"))]},
                {"id": "b", "deps": [edge("c", json!("build"))]},
                {"id": "c", "deps": []}, {"id": "t", "deps": []},
            ]},
        }))
        .unwrap();
        let [a, b] = &workspace.crates[..] else {
            panic!("two members")
        };
        assert_eq!(a.closure.iter().collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(
            a.dependencies[1],
            Dependency {
                name: "t".into(),
                kind: Kind::Dev
            }
        );
        assert!(a.publishable && !b.publishable);
    }

    #[test]
    fn this_workspace_publishes_each_crate_after_those_it_needs_and_no_tools() {
        let workspace = Workspace::load().unwrap();
        let order: Vec<_> = workspace
            .publishing_order()
            .iter()
            .map(|each| each.name.as_str())
            .collect();
        for (index, each) in workspace.publishing_order().iter().enumerate() {
            for later in &order[index..] {
                assert!(
                    !each.closure.contains(*later),
                    "{} is published before {later}",
                    each.name
                );
            }
        }
        assert!(
            order.contains(&"hc-cli")
                && !order.contains(&"xtask")
                && !order.contains(&"hc-testkit"),
            "{order:?}"
        );
    }
}
