//! The rules of the container's file, as a pure function over its text: there is nothing here to build it with.

use serde_json::Value;

/// An instruction and what follows it, continued lines joined.
struct Instruction {
    word: String,
    rest: String,
}

fn instructions(text: &str) -> Vec<Instruction> {
    let mut found = Vec::new();
    let mut whole = String::new();
    for line in text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
    {
        match line.trim_end().strip_suffix('\\') {
            Some(begun) => whole.push_str(begun),
            None => {
                whole.push_str(line);
                if let Some((word, rest)) = whole.trim().split_once(char::is_whitespace) {
                    found.push(Instruction {
                        word: word.to_uppercase(),
                        rest: rest.trim().to_owned(),
                    });
                }
                whole.clear();
            }
        }
    }
    found
}

/// A command in its exec form: no shell is there to read another.
fn exec_form(text: &str) -> Option<Vec<String>> {
    let from = text.find('[')?;
    let Ok(Value::Array(parts)) = serde_json::from_str(&text[from..]) else {
        return None;
    };
    parts
        .iter()
        .map(|part| Some(part.as_str()?.to_owned()))
        .collect()
}

/// All that is wrong, as sentences.
pub(super) fn broken(text: &str) -> Vec<String> {
    let all = instructions(text);
    let last = |word: &str| {
        let found = all.iter().rev().find(|each| each.word == word);
        found.map_or("", |each| each.rest.as_str())
    };
    let mut broken = Vec::new();
    let mut wrong = |is_wrong: bool, what: &str| {
        if is_wrong {
            broken.push(format!("packaging/Containerfile: {what}"));
        }
    };
    wrong(
        last("FROM") != "scratch",
        "the last stage is not FROM scratch",
    );
    let user = last("USER").split(':').next().map(str::parse::<u32>);
    wrong(
        !matches!(user, Some(Ok(1..))),
        "USER is not a number above 0: without /etc/passwd no name is known",
    );
    wrong(
        last("STOPSIGNAL") != "SIGTERM",
        "hc drains its checks at SIGTERM",
    );
    let health = last("HEALTHCHECK");
    let commands = [health, last("ENTRYPOINT"), last("CMD")].map(exec_form);
    let [Some(health_command), Some(entry), Some(command)] = commands else {
        wrong(
            true,
            "HEALTHCHECK, ENTRYPOINT and CMD have to be in exec form: there is no shell",
        );
        return broken;
    };
    wrong(
        !health.contains("--interval="),
        "HEALTHCHECK says no interval",
    );
    let copied = all.iter().any(|each| {
        each.word == "COPY"
            && Some(each.rest.split_whitespace().next_back().unwrap_or_default())
                == entry.first().map(String::as_str)
    });
    wrong(!copied, "nothing is copied to where ENTRYPOINT points");
    wrong(
        health_command.first() != entry.first(),
        "HEALTHCHECK is not hc's own",
    );
    let port = last("EXPOSE");
    wrong(
        port.is_empty()
            || !command
                .iter()
                .any(|part| part.ends_with(&format!(":{port}"))),
        "CMD does not listen on what is exposed",
    );
    wrong(
        !health_command
            .iter()
            .any(|part| part.contains(&format!("127.0.0.1:{port}/healthz"))),
        "HEALTHCHECK does not ask /healthz of this container",
    );
    wrong(
        !command.iter().any(|part| part == "/etc/hc/hc.yaml"),
        "the config is not where the docs mount it",
    );
    broken
}

#[cfg(test)]
mod tests {
    use super::{broken, exec_form};

    const WHOLE: &str = "FROM x AS y\nFROM scratch\nCOPY hc /hc\nUSER 1:1\nSTOPSIGNAL SIGTERM\nEXPOSE 7740\n\
        HEALTHCHECK --interval=1s \\\n  CMD [\"/hc\", \"check\", \"http://127.0.0.1:7740/healthz\"]\n\
        ENTRYPOINT [\"/hc\"]\nCMD [\"run\", \"-c\", \"/etc/hc/hc.yaml\", \"--listen\", \"0.0.0.0:7740\"]\n";

    #[track_caller]
    fn check(from: &str, to: &str, problems: usize) {
        let found = broken(&WHOLE.replace(from, to));
        assert_eq!(found.len(), problems, "{found:?}");
    }

    #[test]
    fn each_rule_is_kept() {
        check("", "", 0);
        check("FROM scratch", "FROM alpine", 1);
        check("USER 1:1", "USER root", 1);
        check("USER 1:1", "USER 0", 1);
        check("USER 1:1\n", "", 1);
        check("SIGTERM", "SIGKILL", 1);
        check("COPY hc /hc", "COPY hc /usr/bin/hc", 1);
        check(
            "[\"/hc\", \"check\", \"http://127.0.0.1:7740/healthz\"]",
            "curl -f localhost",
            1,
        );
        check("EXPOSE 7740", "EXPOSE 80", 2);
        check("/healthz", "/", 1);
        check("/etc/hc/hc.yaml", "hc.yaml", 1);
    }

    #[test]
    fn commands_for_a_shell_are_none() {
        assert_eq!(exec_form("CMD [\"a\", \"b\"]").unwrap(), ["a", "b"]);
        assert!(exec_form("/hc run").is_none());
        assert!(exec_form("[\"a\", 1]").is_none());
    }
}
