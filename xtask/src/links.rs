//! Relative links in Markdown: the file must be there, and the heading a fragment names.

use std::collections::{BTreeMap, BTreeSet};

/// Broken links among these texts (path from the root, content), as sentences. Links that leave the repository's texts
/// are asked of `exists`.
pub(crate) fn broken(texts: &[(String, String)], exists: impl Fn(&str) -> bool) -> Vec<String> {
    let headings: BTreeMap<&str, BTreeSet<String>> = markdown(texts)
        .map(|(name, text)| (name.as_str(), anchors(text)))
        .collect();
    let mut broken = Vec::new();
    for (name, text) in markdown(texts) {
        for (line, link) in links(text) {
            let (file, fragment) = link
                .split_once('#')
                .map_or((link, None), |(file, at)| (file, Some(at)));
            let Some(target) = resolve(name, file) else {
                broken.push(format!("{name}:{line}: `{link}` leaves the repository"));
                continue;
            };
            let known = headings.get(target.as_str());
            if known.is_none() && !exists(&target) {
                broken.push(format!("{name}:{line}: `{link}`: no such file"));
            } else if let (Some(known), Some(fragment)) = (known, fragment)
                && !known.contains(fragment)
            {
                broken.push(format!("{name}:{line}: `{link}`: no such heading"));
            }
        }
    }
    broken
}

fn markdown(texts: &[(String, String)]) -> impl Iterator<Item = &(String, String)> {
    texts.iter().filter(|(name, _)| name.ends_with(".md"))
}

/// Lines outside fenced code, numbered from one.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((index + 1, line))
    })
}

/// Relative targets of inline links, with their lines.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let mut rest = line;
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let Some(end) = rest.find(')') else { break };
            let target = rest[..end].split(' ').next().unwrap_or_default();
            let absolute = target.contains("://") || target.starts_with("mailto:");
            if !absolute && !target.is_empty() {
                found.push((number, target));
            }
        }
    }
    found
}

/// A link's file, from the root; `None` when it climbs out. An empty link is the file itself.
fn resolve(from: &str, link: &str) -> Option<String> {
    if link.is_empty() {
        return Some(from.to_owned());
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    if let Some(absolute) = link.strip_prefix('/') {
        return Some(absolute.to_owned());
    }
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// What headings can be linked to by, as GitHub and mdBook make it from them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for (_, line) in prose(text) {
        let title = line.trim_start_matches('#');
        if title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let base = slug(title.trim());
        let mut anchor = base.clone();
        let mut again = 0;
        while !anchors.insert(anchor) {
            again += 1;
            anchor = format!("{base}-{again}");
        }
    }
    anchors
}

fn slug(title: &str) -> String {
    let kept = title
        .chars()
        .filter(|each| each.is_alphanumeric() || " -_".contains(*each));
    kept.map(|each| if each == ' ' { '-' } else { each })
        .collect::<String>()
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::broken;

    #[track_caller]
    fn check(link: &str, expected: Option<&str>) {
        let texts = [
            (
                "docs/a.md".to_owned(),
                format!("# A page\ntext [there]({link}) on\n```\n[x](code.md)\n```\n"),
            ),
            (
                "docs/b/c.md".to_owned(),
                "# Title\n## When: the `plan`, and why\n## Title\n".to_owned(),
            ),
        ];
        let found = broken(&texts, |path| path == "LICENSE");
        let expected: Vec<_> = expected
            .iter()
            .map(|why| format!("docs/a.md:2: `{link}`{why}"))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn links_that_lead_somewhere() {
        for link in [
            "b/c.md",
            "./b/../b/c.md#title",
            "b/c.md#when-the-plan-and-why",
            "b/c.md#title-1",
            "#a-page",
            "../LICENSE",
            "https://example.test/missing.md",
            "mailto:a@b.test",
        ] {
            check(link, None);
        }
    }

    #[test]
    fn links_that_lead_nowhere() {
        check("b/d.md", Some(": no such file"));
        check("c.md", Some(": no such file"));
        check("b/c.md#other", Some(": no such heading"));
        check("#other", Some(": no such heading"));
        check("../../x.md", Some(" leaves the repository"));
    }
}
