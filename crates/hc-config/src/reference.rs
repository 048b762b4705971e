//! The reference page of the manual, made of the tables of keys.

use crate::config::Profile;
use crate::key::{Key, Shape};
use crate::keys;
use crate::units::format_duration;

/// The page, in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(HEAD);
    page.push_str("\n## Top level\n\n");
    table(&mut page, keys::TOP, "");
    page.push_str("\n## Targets\n\n");
    page.push_str("A target is a URL, or a map with these keys and those of `defaults`.\n\n");
    table(&mut page, keys::TARGET, "");
    page.push_str("\n## Groups\n\n");
    page.push_str("A group is a map with these keys and those of `defaults`.\n\n");
    table(&mut page, keys::GROUP, "");
    page.push_str("\n## `defaults`\n\n");
    page.push_str("These keys may stand in `defaults`, in a group and in a target.\n\n");
    for keys in keys::SHARED {
        table(&mut page, keys, "");
    }
    page.push_str("\n## Profiles\n\n");
    page.push_str("A profile is a set of presets; what a person wrote beats it.\n");
    page.push_str("Growing past 100 targets switches nothing by itself: a count must not change how often you ask.\n\n");
    page.push_str(
        "| profile | for | interval | fast_interval | max_interval | in_flight | per_host |\n",
    );
    page.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
    for (profile, fleet) in
        Profile::ALL
            .into_iter()
            .zip(["under 10 targets", "10 to 100", "over 100"])
    {
        let preset = profile.preset();
        page.push_str(&format!(
            "| {profile} | {fleet} | {} | {} | {}x | {} | {} |\n",
            format_duration(preset.interval),
            format_duration(preset.fast_interval),
            preset.max_interval,
            preset.in_flight,
            preset.per_host,
        ));
    }
    page.push_str("\n## Not supported yet\n\n");
    page.push_str("These names are refused with \"not supported yet\", so that no config of today means something else tomorrow.\n\n");
    let quoted = |names: &[&str]| {
        names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    page.push_str(&format!(
        "- At the top level: {}.\n",
        quoted(keys::TOP_RESERVED)
    ));
    page.push_str(&format!(
        "- In targets, groups and `defaults`: {}.\n",
        quoted(keys::TARGET_RESERVED)
    ));
    page.push_str("- `ip: both`, and schemes of URLs other than `http` and `https`.\n");
    page
}

fn table(page: &mut String, keys: &'static [Key], parent: &str) {
    if parent.is_empty() && !page.ends_with("|\n") {
        page.push_str("| key | default | may be | meaning |\n| --- | --- | --- | --- |\n");
    }
    for key in keys {
        let path = if parent.is_empty() {
            key.name.to_owned()
        } else {
            format!("{parent}.{}", key.name)
        };
        let default = if key.default.is_empty() {
            String::new()
        } else {
            format!("`{}`", key.default)
        };
        let wanted = match &key.shape {
            Shape::Elsewhere("url") => "a URL".to_owned(),
            Shape::Elsewhere("defaults") => "a map".to_owned(),
            shape => shape.wanted(),
        };
        page.push_str(&format!(
            "| `{path}` | {} | {} | {} |\n",
            cell(&default),
            cell(&wanted),
            cell(key.about)
        ));
        match &key.shape {
            Shape::Map(inner)
            | Shape::Choice(inner)
            | Shape::Or(_, Shape::Map(inner) | Shape::Choice(inner)) => table(page, inner, &path),
            Shape::Free {
                value: Shape::Choice(inner),
                ..
            } => table(page, inner, &format!("{path}.NAME")),
            _ => {}
        }
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

const HEAD: &str = r#"# Configuration

One YAML file.
Only a URL is required:

```yaml
targets:
  - http://10.0.0.7/health
```

This page is made from the tables that the reader uses: `hc schema` prints the same as a JSON Schema for editors, `hc validate` checks a file, and `hc config show [NAME]` prints each value that holds, with its origin.

## Rules

- **Where**: `-c FILE`, the variable `HC_CONFIG`, `./hc.yaml`, `hc/hc.yaml` in the user's config directory, `/etc/hc/hc.yaml`.
  None is sought when URLs are given, nor by `hc check`.
- **Order**: built-in values, the profile, `defaults`, flags, the group, the target; the later wins.
- **Merging**: maps merge key by key (names of headers without case), lists and single values replace, `null` removes what was inherited.
  Of maps of which one key is meant (`auth`, a test of a header) another key replaces the map.
- **Names**: a target's `name` is its id, unique in the process, 1 to 200 printable characters.
  By default it is the URL without user, password and query.
- **Durations** are written `300ms`, `1m30s`, `14d`; sizes `64KiB`, `1MB`; shares `30%`.
  A bare `5` is an error.
- **Nothing** is `none`, never `off`.
  `yes`, `no`, `on` and `off` without quotes are errors, because YAML 1.1 and 1.2 read them differently.
- **Variables**: `${NAME}`, `${NAME:-otherwise}`, and `$$` for a `$` before `{` or `$`.
  They are put in once, inside values, so that a `$` in a password is safe.
  One that is not set is an error; `:-` also stands in for an empty one.
- **Secrets** are a text, `{ env: NAME }` or `{ file: PATH }` (read again on reload; one line break at its end is dropped).
  Auth, values of headers, bodies, user and password of a URL, and query values from variables are never shown.
- **Paths** start in the directory of the file that names them.
- **Includes** hold `targets`, `groups` and `x-*`; a pattern that matches nothing is a warning, a file that is not there an error.
- **YAML 1.2** without tags, one document a file, UTF-8, at most 32 MiB and 64 levels.
  Anchors, aliases and `<<` work within a budget of a million values; duplicate keys are errors; `x-*` at the top is ignored, for anchors.
- **Restart**: a change of `instance`, `limits.slot`, `limits.threads`, `listen`, `control`, `state` or `log.format` takes a restart; a reload says so.
"#;

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;

    /// Compares a file of the repository with what it is made from; writes it when HC_BLESS is set.
    #[track_caller]
    pub(crate) fn check_current(file: &str, text: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        if std::env::var_os("HC_BLESS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == text,
            "{file} is not current: HC_BLESS=1 cargo test -p hc-config"
        );
    }

    #[test]
    fn the_page_is_current() {
        check_current("../../docs/src/reference/config.md", &super::reference());
    }

    #[test]
    fn the_example_is_current() {
        check_current("../../examples/hc.yaml", &crate::example());
    }
}
