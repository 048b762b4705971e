//! Whom to ask: from arguments, from a list, or from a config; all of it checked before the first is asked.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hc_app::Registry;
use hc_config::{Disk, Overrides, ProbeSpec, ProcessEnv, Source, TargetSpec};

use super::ask::Asked;
use crate::args::{CheckArgs, RequestArgs};

/// What a check may take where nobody says it. People wait longer for one answer than a fleet does.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The targets of `hc check`, in the order given; or all that is wrong, as text.
pub(super) fn of_check(args: &CheckArgs) -> Result<Vec<Asked>, String> {
    let mut overrides = overrides(&args.request)?;
    let timeout = args.timeout.or(args.config.is_none().then_some(TIMEOUT));
    if let Some(timeout) = timeout {
        overrides = overrides.set("--timeout", "timeout", &hc_config::format_duration(timeout));
    }
    if let Some(path) = &args.config {
        return of_config(path, &args.urls, &overrides);
    }
    let mut urls = args.urls.clone();
    if let Some(path) = &args.file {
        urls.extend(listed(&read(path)?));
    }
    if urls.is_empty() {
        let hint = "give URLs (hc check localhost:8080), -f FILE or -c FILE";
        return Err(format!("nothing to check: {hint}"));
    }
    of_urls(urls, &overrides)
}

/// The flags that say how to ask, as settings.
pub(crate) fn overrides(args: &RequestArgs) -> Result<Overrides, String> {
    let mut overrides = Overrides::new();
    if let Some(ip) = args.ip {
        overrides = overrides.set("--ip", "ip", ip.as_str());
    }
    if let Some(connect) = &args.connect {
        overrides = overrides.set("--connect", "connect", connect);
    }
    for header in &args.header {
        // The text may hold a secret: it is not repeated.
        let (name, value) = header
            .split_once(':')
            .ok_or("--header: wanted `NAME: VALUE`, found no colon")?;
        overrides = overrides.header("--header", name.trim(), value.trim());
    }
    if let Some(status) = &args.expect_status {
        overrides = overrides.set("--expect-status", "expect.status", status);
    }
    if let Some(text) = &args.expect_body {
        overrides = overrides.set("--expect-body", "expect.body.contains", text);
    }
    if args.insecure {
        overrides = overrides.set("--insecure", "tls.insecure", "true");
    }
    Ok(overrides)
}

/// Targets of URLs as people type them. The same one may come twice: it is asked twice.
pub(crate) fn of_urls(urls: Vec<String>, overrides: &Overrides) -> Result<Vec<Asked>, String> {
    // A config wants each name once, and names leave out queries: what collides goes into a config of its own.
    let mut seen = HashMap::new();
    let mut turns: Vec<Vec<(usize, String)>> = Vec::new();
    for (at, url) in urls.into_iter().enumerate() {
        let name =
            hc_config::expand_url(&url).map_or_else(|_| url.clone(), |url| url.name().to_owned());
        let turn = seen.entry(name).and_modify(|turn| *turn += 1).or_insert(0);
        if turns.len() == *turn {
            turns.push(Vec::new());
        }
        turns[*turn].push((at, url));
    }
    let (mut placed, mut problems) = (Vec::new(), Vec::new());
    for turn in turns {
        let (places, urls): (Vec<_>, Vec<_>) = turn.into_iter().unzip();
        match hc_config::from_urls(urls, overrides) {
            Ok(config) => placed.extend(places.into_iter().zip(config.targets)),
            Err(errors) => problems.extend(errors.errors.iter().map(ToString::to_string)),
        }
    }
    if !problems.is_empty() {
        // What is wrong with a flag is found in each config.
        let mut seen = std::collections::HashSet::new();
        problems.retain(|problem| seen.insert(problem.clone()));
        return Err(problems.join("\n    "));
    }
    placed.sort_by_key(|(place, _)| *place);
    made(placed.into_iter().map(|(_, spec)| spec), false)
}

fn of_config(path: &Path, names: &[String], overrides: &Overrides) -> Result<Vec<Asked>, String> {
    let source = source(path)?;
    let config = hc_config::load_with(&source, overrides, &ProcessEnv, &Disk)
        .map_err(|errors| errors.render(false).trim_end().to_owned())?;
    if names.is_empty() {
        // Whoever pauses a target does not want it asked.
        let specs: Vec<_> = config
            .targets
            .into_iter()
            .filter(|spec| !spec.paused)
            .collect();
        if specs.is_empty() {
            return Err(format!("nothing to check: no target in {}", path.display()));
        }
        return made(specs.into_iter(), true);
    }
    let mut by_name: HashMap<String, TargetSpec> = config
        .targets
        .into_iter()
        .map(|spec| (spec.name.clone(), spec))
        .collect();
    let mut specs = Vec::new();
    let mut unknown = Vec::new();
    for name in names {
        match by_name.get_mut(name) {
            Some(spec) => specs.push(spec.clone()),
            None => unknown.push(format!("`{}`", hc_core::escape(name, 60))),
        }
    }
    if !unknown.is_empty() {
        return Err(format!(
            "no target {} in {}",
            unknown.join(", "),
            path.display()
        ));
    }
    made(specs.into_iter(), true)
}

/// A config file, or standard input where `-` stands for it.
pub(crate) fn source(path: &Path) -> Result<Source, String> {
    if path == Path::new("-") {
        return Ok(Source::Text {
            name: "-".to_owned(),
            text: read(path)?,
        });
    }
    Ok(Source::File(path.to_owned()))
}

fn made(specs: impl Iterator<Item = TargetSpec>, is_named: bool) -> Result<Vec<Asked>, String> {
    let registry = Registry::new();
    let mut asked = Vec::new();
    for mut spec in specs {
        let ProbeSpec::Http(http) = &spec.probe else {
            return Err(format!("{}: not supported yet", spec.name));
        };
        let mut http = (**http).clone();
        // Each check is the only one: a kept connection would only hold a descriptor.
        http.keep_alive = Duration::ZERO;
        let latency = http.expect.latency;
        let is_insecure = http.tls.insecure && http.url.scheme() == "https";
        spec.probe = ProbeSpec::Http(Arc::new(http));
        let target = registry.target(&spec).map_err(|error| error.to_string())?;
        asked.push(Asked {
            shown: if is_named {
                spec.name
            } else {
                spec.url.clone()
            },
            url: spec.url,
            timeout: target.policy.timeout(),
            latency,
            is_insecure,
            target,
        });
    }
    Ok(asked)
}

/// The lines of a list of URLs that are not blank and no comment.
fn listed(text: &str) -> impl Iterator<Item = String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        // A fragment follows its URL at once; a comment stands apart.
        .map(|line| {
            line.split_once(" #")
                .map_or(line, |(url, _)| url.trim_end())
                .to_owned()
        })
}

fn read(path: &Path) -> Result<String, String> {
    let told = |error: std::io::Error| format!("failed to read {}: {error}", path.display());
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(told)?;
        return Ok(text);
    }
    std::fs::read_to_string(path).map_err(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_comments_and_blank_lines() {
        let text = "# all of them\n\n  :8080  \nhttp://a/#part\nb # the second\n";
        let urls: Vec<_> = listed(text).collect();
        assert_eq!(urls, [":8080", "http://a/#part", "b"]);
    }

    #[test]
    fn the_same_url_twice_is_asked_twice_in_its_place() {
        let urls = ["http://h/?a=1", "http://i/", "http://h/?a=2", "http://i/"];
        let asked = of_urls(urls.map(ToOwned::to_owned).to_vec(), &Overrides::new()).unwrap();
        let shown: Vec<_> = asked.iter().map(|asked| asked.shown.as_str()).collect();
        assert_eq!(shown, urls);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_and_no_header() {
        let problems =
            of_urls(vec!["tcp://h".into(), "http://".into()], &Overrides::new()).unwrap_err();
        assert_eq!(problems.lines().count(), 2, "{problems}");
        let args = RequestArgs {
            ip: None,
            connect: None,
            header: vec!["secret-without-colon".into()],
            expect_status: None,
            expect_body: None,
            insecure: false,
        };
        let Err(problem) = overrides(&args) else {
            panic!("it has no colon")
        };
        assert!(!problem.contains("secret"), "{problem}");
    }
}
