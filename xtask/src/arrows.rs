//! Who may depend on whom (docs/ARCHITECTURE.md, "rooms and arrows"), as a pure function over the crates' manifests.
//!
//! An arrow points down only; crates of one layer do not know each other. Dev-dependencies are free, so that an
//! example may show two crates together, except that nothing may build on the testkit.

use crate::workspace::{Crate, Kind};

/// Every crate and its layer; an arrow goes from a higher number to a lower one. A new crate gets its line here.
const LAYERS: [(&str, u8); 14] = [
    ("hc-cli", 5),
    ("hc-app", 4),
    ("hc-config", 3),
    ("hc-store", 3),
    ("hc-alert", 3),
    ("hc-feed", 3),
    ("hc-cluster", 3),
    ("hc-server", 3),
    ("hc-scheduler", 2),
    ("hc-http", 1),
    ("hc-probes", 1),
    ("hc-core", 0),
    ("hc-testkit", TOOL),
    ("xtask", TOOL),
];

/// No layer: a tool, which nothing that ships may be built on.
const TOOL: u8 = u8::MAX;

/// Crates with fewer arrows than their layer allows.
const NARROWER: [(&str, &[&str]); 2] = [
    // When to check knows nothing about how.
    ("hc-scheduler", &["hc-core"]),
    // Whatever tests the crates above may not pull them in.
    ("hc-testkit", &["hc-core", "hc-scheduler"]),
];

/// Crates of others that may not be built with one of ours, however deep.
const BANNED: [(&str, &[&str]); 2] = [
    (
        "hc-core",
        &[
            "tokio",
            "async-std",
            "smol",
            "reqwest",
            "hyper",
            "mio",
            "socket2",
            "rustls",
        ],
    ),
    ("hc-scheduler", &["reqwest", "hyper", "http", "rustls"]),
];

/// All broken rules, as sentences.
pub(crate) fn broken(crates: &[Crate]) -> Vec<String> {
    let mut broken = Vec::new();
    for from in crates {
        let Some(layer) = layer(&from.name) else {
            broken.push(format!(
                "{} has no layer: give it one in xtask/src/arrows.rs",
                from.name
            ));
            continue;
        };
        for on in from.dependencies.iter().filter(|on| on.kind != Kind::Dev) {
            let Some(below) = self::layer(&on.name) else {
                continue;
            };
            if let Some(why) = forbidden(&from.name, layer, &on.name, below) {
                broken.push(format!("{} -> {}: {why}", from.name, on.name));
            }
        }
        for name in row(&BANNED, &from.name)
            .into_iter()
            .flatten()
            .filter(|name| from.closure.contains(**name))
        {
            broken.push(format!(
                "{} is built with {name}, which it must not know",
                from.name
            ));
        }
    }
    broken
}

/// Why this arrow may not be drawn.
fn forbidden(from: &str, layer: u8, on: &str, below: u8) -> Option<String> {
    if let Some(allowed) = row(&NARROWER, from) {
        return (!allowed.contains(&on))
            .then(|| format!("{from} may depend on {} only", allowed.join(" and ")));
    }
    match (layer, below) {
        // xtask is no part of the house and may look at all of it, the testkit too.
        (TOOL, _) => None,
        (_, TOOL) => Some(format!("{on} is for tests: make it a dev-dependency")),
        _ if below > layer => Some("an arrow points down only".to_owned()),
        _ if below == layer => Some("crates of one layer do not know each other".to_owned()),
        _ => None,
    }
}

fn layer(name: &str) -> Option<u8> {
    row(&LAYERS, name)
}

fn row<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table
        .iter()
        .find(|(row, _)| *row == name)
        .map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::broken;
    use crate::workspace::{Crate, Dependency, Kind, Workspace};

    fn one(from: &str, on: &[(&str, Kind)], closure: &[&str]) -> Crate {
        let dependencies = on
            .iter()
            .map(|(name, kind)| Dependency {
                name: (*name).to_owned(),
                kind: *kind,
            })
            .collect();
        let closure = closure.iter().map(ToString::to_string).collect();
        Crate {
            name: from.to_owned(),
            dependencies,
            closure,
            ..Crate::default()
        }
    }

    #[track_caller]
    fn check(from: &str, on: &str, kind: Kind, expected: Option<&str>) {
        let found = broken(&[one(from, &[(on, kind)], &[])]);
        let expected: Vec<_> = expected
            .iter()
            .map(|why| format!("{from} -> {on}: {why}"))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn arrows_down_are_allowed() {
        for (from, on) in [
            ("hc-cli", "hc-app"),
            ("hc-app", "hc-http"),
            ("hc-config", "hc-http"),
            ("hc-scheduler", "hc-core"),
            ("hc-http", "hc-core"),
            ("hc-testkit", "hc-scheduler"),
            ("xtask", "hc-testkit"),
            ("hc-core", "event-listener"),
        ] {
            check(from, on, Kind::Normal, None);
        }
    }

    #[test]
    fn every_bad_arrow_is_caught() {
        let up = Some("an arrow points down only");
        let level = Some("crates of one layer do not know each other");
        check("hc-core", "hc-http", Kind::Normal, up);
        check("hc-http", "hc-scheduler", Kind::Normal, up);
        check("hc-config", "hc-app", Kind::Build, up);
        check("hc-config", "hc-server", Kind::Normal, level);
        check("hc-http", "hc-probes", Kind::Normal, level);
        check(
            "hc-scheduler",
            "hc-http",
            Kind::Normal,
            Some("hc-scheduler may depend on hc-core only"),
        );
        check(
            "hc-testkit",
            "hc-http",
            Kind::Normal,
            Some("hc-testkit may depend on hc-core and hc-scheduler only"),
        );
        check(
            "hc-core",
            "hc-testkit",
            Kind::Normal,
            Some("hc-testkit is for tests: make it a dev-dependency"),
        );
        check(
            "hc-cli",
            "xtask",
            Kind::Normal,
            Some("xtask is for tests: make it a dev-dependency"),
        );
    }

    #[test]
    fn what_only_tests_use_is_free() {
        check("hc-core", "hc-testkit", Kind::Dev, None);
        check("hc-scheduler", "hc-http", Kind::Dev, None);
    }

    #[test]
    fn a_runtime_deep_below_the_core_is_caught() {
        let found = broken(&[one(
            "hc-core",
            &[("innocent", Kind::Normal)],
            &["innocent", "tokio"],
        )]);
        assert_eq!(
            found,
            ["hc-core is built with tokio, which it must not know"]
        );
    }

    #[test]
    fn a_crate_without_a_layer_is_caught() {
        let found = broken(&[one("hc-new", &[], &[])]);
        assert_eq!(
            found,
            ["hc-new has no layer: give it one in xtask/src/arrows.rs"]
        );
    }

    #[test]
    fn this_workspace_keeps_the_rules() {
        assert_eq!(
            broken(&Workspace::load().unwrap().crates),
            Vec::<String>::new()
        );
    }
}
