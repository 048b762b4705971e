//! One value: its text, what it means by its shape, and what to say when it means nothing.

use std::time::Duration;

use super::Reader;
use crate::diagnostic::Finding;
use crate::key::Shape;
use crate::render::quoted;
use crate::settings::Datum;
use crate::tree::{Node, Scalar, Value};
use crate::units;
use hc_http::Secret;

/// A file with a secret or a body may be so long: it is kept per target that differs.
const LARGEST_SECRET: usize = 1 << 20;

/// Words that YAML 1.1 takes for truths and YAML 1.2 for texts: what they mean depends on who reads the file.
const AMBIGUOUS: &[&str] = &["yes", "no", "on", "off"];

impl Reader<'_> {
    pub(super) fn scalar(&mut self, node: &Node, shape: &Shape, path: &str) -> Option<Datum> {
        let Some(scalar) = node.scalar() else {
            return self.wrong_type(node, shape, path);
        };
        if node.is_null() {
            return self.wrong_type(node, shape, path);
        }
        if matches!(shape, Shape::Proxy) {
            return self.proxy(node, path);
        }
        self.sources.mark_harmless(node.place);
        if self.refuse_ambiguous(scalar, node, shape, path) {
            return None;
        }
        let text = self.expanded(node, path)?.text;
        match parse(shape, &text, scalar.plain) {
            Ok(datum) => Some(self.placed(datum, shape, node)),
            // As it was written: what a variable held may have been meant for another key.
            Err(Problem { code, wanted, hint }) => {
                let finding =
                    Finding::mismatch(code, node.place, path, &wanted, Some(&quoted(&scalar.text)));
                self.findings.push(finding.hint(hint));
                None
            }
        }
    }

    /// A path is taken from the directory of the file that names it.
    fn placed(&self, datum: Datum, shape: &Shape, node: &Node) -> Datum {
        match (datum, shape) {
            (Datum::Text(text), Shape::Text(rule)) if rule.is_path => {
                let path = self.directory(node.place).join(&text);
                Datum::Text(path.to_str().map_or(text, ToOwned::to_owned))
            }
            (datum, _) => datum,
        }
    }

    fn refuse_ambiguous(
        &mut self,
        scalar: &Scalar,
        node: &Node,
        shape: &Shape,
        path: &str,
    ) -> bool {
        let word = scalar.text.to_ascii_lowercase();
        if !scalar.plain || scalar.literal || !AMBIGUOUS.contains(&word.as_str()) {
            return false;
        }
        let hint = match shape {
            Shape::Flag => format!("write `{}`", matches!(word.as_str(), "yes" | "on")),
            _ => format!("write `\"{}\"` if the text is meant", scalar.text),
        };
        let message = format!(
            "`{path}`: {} means different things to different YAML readers",
            quoted(&scalar.text)
        );
        let mut finding = Finding::error("ambiguous-word", node.place, path, message).hint(hint);
        finding.found = Some(quoted(&scalar.text));
        finding.wanted = Some(shape.wanted());
        self.findings.push(finding);
        true
    }

    /// Somebody wrote `off`, `false` or `null` where `none` is meant.
    pub(super) fn hinting_none(
        &mut self,
        node: &Node,
        word: &str,
        shape: &Shape,
        path: &str,
    ) -> Option<Datum> {
        let scalar = node.scalar()?;
        let meant = matches!(
            scalar.text.to_ascii_lowercase().as_str(),
            "off" | "false" | "no" | "disabled" | "never"
        );
        if word != "none" || !meant || !scalar.plain || scalar.literal {
            return None;
        }
        self.sources.mark_harmless(node.place);
        let finding = Finding::mismatch(
            "bad-value",
            node.place,
            path,
            &shape.wanted(),
            Some(&quoted(&scalar.text)),
        );
        self.findings.push(finding.hint("write `none`".to_owned()));
        // What is returned does not matter: there is an error.
        Some(Datum::Removed)
    }

    fn proxy(&mut self, node: &Node, path: &str) -> Option<Datum> {
        let expanded = self.expanded(node, path)?;
        match crate::url::parse(&expanded.text, &expanded.from_variables) {
            Ok(url) if url.is_https() => {
                let finding = Finding::mismatch("bad-url", node.place, path, "an `http` URL", None);
                self.findings
                    .push(finding.hint("hc speaks to proxies without TLS".to_owned()));
                None
            }
            Ok(url) => Some(Datum::Url(Box::new(url))),
            Err(error) => {
                let message = format!("`{path}`: {}", error.problem);
                self.findings
                    .push(Finding::error(error.code, node.place, path, message).hint(error.hint));
                None
            }
        }
    }

    /// Text that is never shown: as such, from a variable or from a file.
    pub(super) fn secret(&mut self, node: &Node, shape: &Shape, path: &str) -> Option<Datum> {
        let is_header = path.contains(".headers.");
        match &*node.value {
            Value::Scalar(scalar) => {
                let ambiguous = AMBIGUOUS.contains(&scalar.text.to_ascii_lowercase().as_str());
                if scalar.plain && !scalar.literal && ambiguous {
                    let message = format!(
                        "`{path}`: this word means different things to different YAML readers"
                    );
                    let finding = Finding::error("ambiguous-word", node.place, path, message);
                    self.findings
                        .push(finding.hint("put it in quotes".to_owned()));
                    return None;
                }
                let text = self.expanded(node, path)?.text;
                self.checked_secret(text, is_header, node, path)
            }
            Value::Map(entries) => {
                let [entry] = entries.as_slice() else {
                    return self.wrong_type(node, shape, path);
                };
                let is_env = &*entry.key == "env" && matches!(shape, Shape::Secret);
                if !is_env && &*entry.key != "file" {
                    return self.wrong_type(node, shape, path);
                }
                self.sources.mark_harmless(entry.key_place);
                let name = match entry.value.scalar() {
                    Some(_) if !entry.value.is_null() => self.expanded(&entry.value, path)?.text,
                    _ => return self.wrong_type(node, shape, path),
                };
                let text = if is_env {
                    self.env_secret(&name, &entry.value, path)?
                } else {
                    self.file_secret(&name, &entry.value, matches!(shape, Shape::Body), path)?
                };
                self.checked_secret(text, is_header, node, path)
            }
            Value::List(_) => self.wrong_type(node, shape, path),
        }
    }

    fn env_secret(&mut self, name: &str, node: &Node, path: &str) -> Option<String> {
        if !crate::expand::is_name(name) {
            let finding = Finding::mismatch(
                "bad-variable",
                node.place,
                path,
                "the name of a variable",
                None,
            );
            self.findings.push(finding);
            return None;
        }
        let value = self.env.var(name);
        if value.is_none() {
            // Somebody may have put the secret itself here: the name is not repeated.
            let message = format!("`{path}`: the variable that `env` names is not set");
            self.findings
                .push(Finding::error("unset-variable", node.place, path, message));
        }
        value
    }

    fn file_secret(
        &mut self,
        name: &str,
        node: &Node,
        is_body: bool,
        path: &str,
    ) -> Option<String> {
        let file = self.directory(node.place).join(name);
        let text = self
            .files
            .read(&file)
            .map_err(|error| error.kind().to_string())
            .and_then(|bytes| {
                if bytes.len() > LARGEST_SECRET {
                    return Err("it is over 1 MiB".to_owned());
                }
                String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
            });
        match text {
            Ok(text) if is_body => Some(text),
            // Editors end a file with a line break that belongs to no password.
            Ok(text) => Some(
                text.strip_suffix('\n')
                    .map_or(text.as_str(), |t| t.strip_suffix('\r').unwrap_or(t))
                    .to_owned(),
            ),
            Err(reason) => {
                let message =
                    format!("`{path}`: the file that `file` names cannot be read: {reason}");
                self.findings
                    .push(Finding::error("unreadable-file", node.place, path, message));
                None
            }
        }
    }

    fn checked_secret(
        &mut self,
        text: String,
        is_header: bool,
        node: &Node,
        path: &str,
    ) -> Option<Datum> {
        if is_header && (text.chars().any(|c| c.is_control() && c != '\t') || text.trim() != text) {
            let wanted = "a header's value: one line, no blanks around it";
            self.findings.push(Finding::mismatch(
                "bad-header",
                node.place,
                path,
                wanted,
                None,
            ));
            return None;
        }
        if path.contains(".auth.") && text.chars().any(char::is_control) {
            let wanted = "one line without control characters";
            self.findings.push(Finding::mismatch(
                "bad-secret",
                node.place,
                path,
                wanted,
                None,
            ));
            return None;
        }
        if path.ends_with("basic.user") && text.contains(':') {
            let wanted = "a user without a colon";
            self.findings.push(Finding::mismatch(
                "bad-secret",
                node.place,
                path,
                wanted,
                None,
            ));
            return None;
        }
        Some(Datum::Secret(Secret::new(text)))
    }
}

/// What is wrong with a text.
struct Problem {
    code: &'static str,
    wanted: String,
    hint: Option<String>,
}

fn ranged<T: PartialOrd>(
    read: Result<T, units::Refused>,
    (least, most): (T, T),
    (code, noun): (&'static str, &str),
    shape: &Shape,
    into: fn(T) -> Datum,
) -> Result<Datum, Problem> {
    match read {
        Ok(value) if value >= least && value <= most => Ok(into(value)),
        Ok(_) => Err(Problem {
            code: "out-of-range",
            wanted: shape.wanted(),
            hint: None,
        }),
        Err(hint) => Err(Problem {
            code,
            wanted: noun.to_owned(),
            hint,
        }),
    }
}

fn parse(shape: &Shape, text: &str, plain: bool) -> Result<Datum, Problem> {
    let ms = Duration::from_millis;
    match shape {
        Shape::Duration(least, most) => ranged(
            units::duration(text),
            (ms(*least), ms(*most)),
            ("bad-duration", "a duration"),
            shape,
            Datum::Duration,
        ),
        Shape::Size(least, most) => ranged(
            units::size(text),
            (*least, *most),
            ("bad-size", "a size"),
            shape,
            Datum::Size,
        ),
        Shape::Count(least, most) => ranged(
            units::count(text),
            (*least, *most),
            ("bad-number", "a whole number"),
            shape,
            Datum::Count,
        ),
        Shape::Share(least, most) => {
            let range = (
                hc_core::BasisPoints::percent(*least),
                hc_core::BasisPoints::percent(*most),
            );
            ranged(
                units::share(text),
                range,
                ("bad-percent", "a percentage"),
                shape,
                Datum::Share,
            )
        }
        Shape::Factor(least, most) => ranged(
            units::factor(text),
            (*least, *most),
            ("bad-number", "a number"),
            shape,
            Datum::Factor,
        ),
        Shape::Times(least, most) => match text.strip_suffix('x') {
            Some(number) => ranged(
                units::factor(number),
                (*least, *most),
                ("bad-number", "a factor like `2x`"),
                shape,
                Datum::Times,
            ),
            None => {
                let noun = ("bad-duration", "a duration, or a factor like `2x`");
                ranged(
                    units::duration(text),
                    (ms(1), ms(86_400_000 * 365)),
                    noun,
                    shape,
                    Datum::Duration,
                )
            }
        },
        Shape::Flag => match text {
            "true" | "True" | "TRUE" => Ok(Datum::Flag(true)),
            "false" | "False" | "FALSE" => Ok(Datum::Flag(false)),
            _ => Err(Problem {
                code: "bad-boolean",
                wanted: shape.wanted(),
                hint: None,
            }),
        },
        Shape::Word(words) => match words.iter().find(|word| **word == text) {
            Some(word) => Ok(Datum::Word(word)),
            None => Err(bad_word(text, words, shape)),
        },
        Shape::Json => Ok(Datum::Json(json(text, plain))),
        Shape::Text(rule) => match (rule.check)(text) {
            Ok(()) => Ok(Datum::Text(text.to_owned())),
            Err(hint) => Err(Problem {
                code: rule.code,
                wanted: rule.noun.to_owned(),
                hint,
            }),
        },
        _ => Err(Problem {
            code: "wrong-type",
            wanted: shape.wanted(),
            hint: None,
        }),
    }
}

fn bad_word(text: &str, words: &[&'static str], shape: &Shape) -> Problem {
    if text == "both" && words.contains(&"any") {
        return Problem {
            code: "not-yet",
            wanted: shape.wanted(),
            hint: Some("`both` is not supported yet".to_owned()),
        };
    }
    let hint = super::nearest(text, words).map(|near| format!("did you mean `{near}`?"));
    Problem {
        code: "bad-choice",
        wanted: shape.wanted(),
        hint,
    }
}

/// A scalar as JSON, by the core schema of YAML 1.2; quoted, it is a text.
fn json(text: &str, plain: bool) -> serde_json::Value {
    if !plain {
        return text.into();
    }
    match text {
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        _ => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            if !digits.starts_with(|c: char| c.is_ascii_digit()) {
                return text.into();
            }
            if let Ok(number) = text.parse::<i64>() {
                return number.into();
            }
            if let Ok(number) = text.parse::<u64>() {
                return number.into();
            }
            text.parse::<f64>()
                .ok()
                .filter(|n| n.is_finite())
                .map_or_else(|| text.into(), Into::into)
        }
    }
}

/// Whether a text under a misspelt key is so plainly a value of the meant one that it may be shown.
pub(super) fn is_plainly(shape: &Shape, text: &str) -> bool {
    match shape {
        Shape::Duration(..)
        | Shape::Count(..)
        | Shape::Share(..)
        | Shape::Size(..)
        | Shape::Factor(..)
        | Shape::Times(..)
        | Shape::Flag
        | Shape::Word(_) => text.len() <= 20 && parse(shape, text, true).is_ok(),
        Shape::Or(word, inner) => text == *word || is_plainly(inner, text),
        _ => false,
    }
}
