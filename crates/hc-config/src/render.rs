//! How a finding looks: the form of the reference under `hc validate`, with everything masked that nobody called harmless.

use crate::diagnostic::{Diagnostic, Severity, Snippet};

/// A line longer than this is shown around its carets only.
const WIDEST_LINE: usize = 160;

/// What stands for a piece that may be secret. Its length says nothing.
const MASK: &str = "***";

/// Text that people read, with control characters escaped and cut at `limit` characters.
pub(crate) fn printable(text: &str, limit: usize) -> String {
    hc_core::escape(text, limit)
}

/// A value as messages quote it.
pub(crate) fn quoted(text: &str) -> String {
    format!("`{}`", printable(text, 80))
}

pub(crate) fn diagnostic(diagnostic: &Diagnostic, color: bool) -> String {
    let paint = |code: &str, text: &str| match color {
        true => format!("\x1b[{code}m{text}\x1b[0m"),
        false => text.to_owned(),
    };
    let (word, tint) = match diagnostic.severity {
        Severity::Error => ("error", "1;31"),
        Severity::Warning => ("warning", "1;33"),
    };
    let head = format!("{word}[{}]", diagnostic.code);
    let mut out = format!("{}: {}\n", paint(tint, &head), diagnostic.message);
    if diagnostic.line > 0 {
        let (file, line, column) = (&diagnostic.file, diagnostic.line, diagnostic.column);
        out.push_str(&format!(" {} {file}:{line}:{column}\n", paint("34", "-->")));
    } else if !diagnostic.file.is_empty() {
        out.push_str(&format!(" {} {}\n", paint("34", "-->"), diagnostic.file));
    }
    let hint = diagnostic.hint.as_deref().unwrap_or("");
    match &diagnostic.snippet {
        Some(Snippet {
            line,
            caret,
            length,
        }) => {
            let number = diagnostic.line.to_string();
            let margin = " ".repeat(number.len());
            out.push_str(
                format!("{} {} {line}", paint("34", &number), paint("34", "|")).trim_end(),
            );
            out.push('\n');
            let carets = paint(tint, &"^".repeat(*length));
            let below = format!(
                "{margin} {} {}{carets} {hint}",
                paint("34", "|"),
                " ".repeat(*caret)
            );
            out.push_str(below.trim_end());
            out.push('\n');
        }
        None if !hint.is_empty() => out.push_str(&format!("  = {hint}\n")),
        None => {}
    }
    out
}

/// Masks a line: the pieces in `shown` and punctuation stay, everything else becomes `***`.
pub(crate) fn snippet(text: &str, shown: &[(usize, usize)], start: usize, end: usize) -> Snippet {
    let chars: Vec<char> = text.chars().collect();
    let end = end.clamp(start, chars.len().max(start));
    let mut out: Vec<char> = Vec::with_capacity(chars.len());
    let (mut first, mut last) = (None, None);
    let mut masked = false;
    for (at, c) in chars.iter().copied().enumerate() {
        let harmless = shown.iter().any(|(from, to)| (*from..*to).contains(&at));
        let structural = matches!(c, ' ' | '\t' | '{' | '}' | '[' | ']' | ',' | ':' | '-');
        // A blank or a dash between two masked pieces would tell where they break: it goes with them.
        let kept = harmless || structural && (!masked || ends_mask(&chars, shown, at));
        let column = out.len();
        match (kept, masked) {
            (true, _) => {
                out.push(if c.is_control() { ' ' } else { c });
                masked = false;
            }
            (false, false) => {
                out.extend(MASK.chars());
                masked = true;
            }
            (false, true) => {}
        }
        let column = if masked {
            out.len() - MASK.len()
        } else {
            column
        };
        if at == start {
            first = Some(column);
        }
        if at + 1 == end {
            last = Some(out.len());
        }
    }
    let first = first.unwrap_or(out.len());
    let last = last.unwrap_or(first + 1).max(first + 1);
    window(&out, first, last)
}

/// Whether the structural character at `at` is followed, behind more of its kind, by something harmless or nothing.
fn ends_mask(chars: &[char], shown: &[(usize, usize)], at: usize) -> bool {
    let rest = chars[at..]
        .iter()
        .position(|c| !matches!(c, ' ' | '\t' | '{' | '}' | '[' | ']' | ',' | ':' | '-'));
    match rest {
        None => true,
        Some(skip) => shown
            .iter()
            .any(|(from, to)| (*from..*to).contains(&(at + skip))),
    }
}

/// Cuts a long line around its carets.
fn window(line: &[char], first: usize, last: usize) -> Snippet {
    if line.len() <= WIDEST_LINE {
        let line: String = line.iter().collect();
        return Snippet {
            line: printable(&line, usize::MAX),
            caret: first,
            length: (last - first).min(WIDEST_LINE),
        };
    }
    let from = first.saturating_sub(WIDEST_LINE / 4);
    let to = (from + WIDEST_LINE).min(line.len());
    let mut text: String = line[from.min(to)..to].iter().collect();
    let mut caret = first.saturating_sub(from);
    if from > 0 {
        text.insert_str(0, "...");
        caret += 3;
    }
    if to < line.len() {
        text.push_str("...");
    }
    let length = (last - first)
        .min(WIDEST_LINE.saturating_sub(first - from))
        .max(1);
    Snippet {
        line: printable(&text, usize::MAX),
        caret,
        length,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, shown: &[(usize, usize)], at: (usize, usize), want: (&str, usize, usize)) {
        let Snippet {
            line,
            caret,
            length,
        } = snippet(text, shown, at.0, at.1);
        assert_eq!((line.as_str(), caret, length), want);
    }

    #[test]
    fn only_harmless_pieces_are_shown() {
        check(
            "pasword: hunter2",
            &[(0, 7)],
            (0, 7),
            ("pasword: ***", 0, 7),
        );
        check(
            "a: two words, b: 5s",
            &[(14, 15), (17, 19)],
            (17, 19),
            ("***, b: 5s", 8, 2),
        );
        check(
            "a: 1 # token-of mine",
            &[(0, 1), (3, 4)],
            (3, 4),
            ("a: 1 ***", 3, 1),
        );
        check("x", &[], (1, 1), ("***", 3, 1));
        check("", &[], (0, 0), ("", 0, 1));
    }

    #[test]
    fn a_long_line_is_cut_around_its_carets() {
        let long = "a".repeat(1_000);
        let snippet = snippet(&long, &[(0, 1_000)], 500, 505);
        assert!(
            snippet.line.len() <= WIDEST_LINE + 6,
            "{}",
            snippet.line.len()
        );
        assert_eq!((snippet.caret, snippet.length), (43, 5));
    }
}
