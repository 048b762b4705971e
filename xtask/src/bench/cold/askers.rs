//! Who asks: each program, and its arguments for a list of URLs.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::super::rig::Program;

/// One way to ask many URLs once.
pub(super) struct Asker {
    /// `VERSION` stands for the program's.
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    pub(super) program: Program,
    pub(super) manner: Manner,
}

/// How it is told what to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Hc,
    Curl,
    Go,
    /// Asks one URL for a while: its rate is a ceiling, and is turned into the time the URLs would take.
    Ceiling,
}

/// hc is the first: the others are compared with it.
pub(super) const ASKERS: [Asker; 4] = [
    Asker {
        title: "hc check",
        about: "`hc check -q -f FILE`",
        program: Program::Hc,
        manner: Manner::Hc,
    },
    Asker {
        title: "curl VERSION --parallel",
        about: "one curl with a config of all URLs, `--fail`, bodies thrown away",
        program: Program::Curl,
        manner: Manner::Curl,
    },
    Asker {
        title: "Go VERSION",
        about: "goroutines that take URLs from a channel, net/http, bodies drained (bench/go, `once`)",
        program: Program::GoChecker,
        manner: Manner::Go,
    },
    Asker {
        title: "wrk VERSION, ceiling",
        about: "one thread asks a single URL, a connection per request, for two seconds; the time its rate would need: \
                no list, no names, no report",
        program: Program::Wrk,
        manner: Manner::Ceiling,
    },
];

/// How long the ceiling is sought.
pub(super) const CEILING_SECONDS: u32 = 2;

impl Asker {
    /// Its arguments; writes the file that it reads.
    ///
    /// # Errors
    /// When that cannot be written.
    pub(super) fn arguments(
        &self,
        urls: impl Iterator<Item = String>,
        parallel: u32,
        folder: &Path,
    ) -> Result<Vec<OsString>> {
        let parallel = parallel.to_string();
        let write = |text: String| {
            let file = folder.join("urls");
            fs::write(&file, text)
                .with_context(|| format!("failed to write {}", file.display()))
                .map(|()| OsString::from(file))
        };
        let lines =
            |urls: &mut dyn Iterator<Item = String>| urls.map(|url| url + "\n").collect::<String>();
        let mut urls = urls;
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        Ok(match self.manner {
            Manner::Hc => {
                let mut all = words("check -q --parallel");
                all.extend([parallel.into(), "-f".into(), write(lines(&mut urls))?]);
                all
            }
            Manner::Curl => {
                let each = |url| format!("url = \"{url}\"\noutput = \"/dev/null\"\n");
                let mut all = words("--silent --show-error --fail --parallel --parallel-max");
                all.extend([
                    parallel.into(),
                    "-K".into(),
                    write(urls.map(each).collect())?,
                ]);
                all
            }
            Manner::Go => vec!["once".into(), write(lines(&mut urls))?, parallel.into()],
            Manner::Ceiling => {
                let mut all = words("-t1 -H");
                // wrk wants the blank.
                all.push("Connection: close".into());
                all.push(format!("-c{parallel}").into());
                all.push(format!("-d{CEILING_SECONDS}s").into());
                all.extend(urls.next().map(OsString::from));
                all
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{ASKERS, Manner};

    #[test]
    fn hc_is_the_first() {
        assert_eq!(ASKERS[0].manner, Manner::Hc);
    }
}
