//! When and how text is coloured. Colour never speaks alone: each coloured word says the same without it.

use crate::args::When;

/// What a colour stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// It passes.
    Good,
    /// It passes, with a warning.
    Odd,
    /// It does not pass.
    Bad,
    /// It is not known.
    Unknown,
    /// Beside the point.
    Faint,
}

/// The flag, then NO_COLOR, then FORCE_COLOR, then whether it is a terminal that can.
pub(super) fn wanted(when: When, is_terminal: bool, env: impl Fn(&str) -> Option<String>) -> bool {
    let is_set = |name: &str| env(name).is_some_and(|value| !value.is_empty());
    when.decided().unwrap_or_else(|| {
        if is_set("NO_COLOR") {
            false
        } else if is_set("FORCE_COLOR") {
            env("FORCE_COLOR").as_deref() != Some("0")
        } else {
            is_terminal && env("TERM").as_deref() != Some("dumb")
        }
    })
}

/// Colours a text, if that is wanted.
pub(super) fn paint(color: bool, tone: Tone, text: &str) -> String {
    if !color {
        return text.to_owned();
    }
    let code = match tone {
        Tone::Good => "32",
        Tone::Odd => "33",
        Tone::Bad => "1;31",
        Tone::Unknown => "35",
        Tone::Faint => "2",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(when: When, is_terminal: bool, set: &[(&str, &str)], expected: bool) {
        let env = |name: &str| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(wanted(when, is_terminal, env), expected);
    }

    #[test]
    fn the_flag_beats_the_environment_and_that_the_terminal() {
        check(When::Auto, true, &[], true);
        check(When::Auto, false, &[], false);
        check(When::Auto, true, &[("NO_COLOR", "1")], false);
        check(When::Auto, true, &[("NO_COLOR", "")], true);
        check(When::Auto, false, &[("FORCE_COLOR", "1")], true);
        check(When::Auto, true, &[("FORCE_COLOR", "0")], false);
        check(
            When::Auto,
            false,
            &[("NO_COLOR", "1"), ("FORCE_COLOR", "1")],
            false,
        );
        check(When::Always, false, &[("NO_COLOR", "1")], true);
        check(When::Never, true, &[("FORCE_COLOR", "1")], false);
        check(When::Auto, true, &[("TERM", "dumb")], false);
    }
}
