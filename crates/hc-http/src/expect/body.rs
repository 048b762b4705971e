//! What a body must be: text in it, text not in it, a pattern, values in its JSON.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use hc_core::{Failure, Kind, Phase};
use memchr::memmem;

use super::answer::Answer;
use super::text::{Pattern, shown};
use crate::words;

/// What a body must be. The default wants nothing, and then nothing needs more of a body than was read.
#[derive(Clone, Debug, Default, PartialEq, Hash)]
pub struct BodyExpectation {
    /// A text that must be in it.
    pub contains: Option<String>,
    /// A text that must not be in it.
    pub lacks: Option<String>,
    /// A pattern that must match in it.
    pub regex: Option<Pattern>,
    /// What must stand at paths of its JSON.
    pub json: Vec<JsonExpectation>,
}

/// What must stand at a path of a JSON body: at least one node is there, and each is equal to the value.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct JsonExpectation {
    /// Where.
    pub path: JsonPath,
    /// What.
    pub value: serde_json::Value,
}

/// A path into JSON, RFC 9535: `$.db.up`.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPath(serde_json_path::JsonPath);

impl Hash for JsonPath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_string().hash(state);
    }
}

/// A text is no path into JSON, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPathError(String);

impl BodyExpectation {
    /// Whether nothing is wanted of the body.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.contains.is_none()
            && self.lacks.is_none()
            && self.regex.is_none()
            && self.json.is_empty()
    }

    pub(super) fn judge(&self, answer: &Answer<'_>) -> Result<(), Failure> {
        let body = answer.body;
        if let Some(wanted) = &self.contains
            && memmem::find(body, wanted.as_bytes()).is_none()
        {
            needs_all(answer)?;
            return Err(unexpected(
                "body",
                &format!("\"{wanted}\" in it"),
                &shown(body),
            ));
        }
        if let Some(unwanted) = &self.lacks {
            if let Some(at) = memmem::find(body, unwanted.as_bytes()) {
                let wanted = format!("no \"{unwanted}\"");
                return Err(unexpected("body", &wanted, &around(body, at)));
            }
            needs_all(answer)?;
        }
        if let Some(pattern) = &self.regex {
            let holds = match answer.cut_at {
                Some(_) if pattern.is_match_before_cut(body) => true,
                Some(_) => return needs_all(answer),
                None => pattern.is_match(body),
            };
            if !holds {
                let wanted = format!("a match of \"{}\"", pattern.as_str());
                return Err(unexpected("body", &wanted, &shown(body)));
            }
        }
        if !self.json.is_empty() {
            needs_all(answer)?;
            let json = serde_json::from_slice::<serde_json::Value>(body)
                .map_err(|_| unexpected("json", "JSON", &shown(body)))?;
            for expectation in &self.json {
                expectation.judge(&json)?;
            }
        }
        Ok(())
    }
}

fn unexpected(code: &'static str, wanted: &str, found: &str) -> Failure {
    Failure::unexpected(code, Phase::Receive, wanted, found)
}

/// Something that more bytes could change is only known if there are none.
fn needs_all(answer: &Answer<'_>) -> Result<(), Failure> {
    let Some(limit) = answer.cut_at else {
        return Ok(());
    };
    let message = format!(
        "over {}, and expect.body needs the rest",
        words::bytes(limit)
    );
    Err(Failure::new(Kind::Limit, Phase::Receive, message).with_code("body"))
}

/// What stands around a place in a body.
fn around(body: &[u8], at: usize) -> String {
    /// So much before the place helps to recognise it.
    const BEFORE: usize = 10;
    shown(&body[at.saturating_sub(BEFORE)..])
}

impl JsonExpectation {
    fn judge(&self, json: &serde_json::Value) -> Result<(), Failure> {
        let nodes = self.path.0.query(json).all();
        let found = match nodes.iter().find(|node| !equal(node, &self.value)) {
            Some(other) => short(other),
            None if nodes.is_empty() => "nothing there".to_owned(),
            None => return Ok(()),
        };
        Err(unexpected(
            "json",
            &format!("{} {}", self.path, short(&self.value)),
            &found,
        ))
    }
}

/// Equal as JSON means it: 1 is 1.0.
fn equal(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, a)| b.get(name).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}

fn short(value: &serde_json::Value) -> String {
    /// Leaves room for the rest of a sentence.
    const SHORT: usize = 60;
    hc_core::escape(&value.to_string(), SHORT)
}

impl FromStr for JsonPath {
    type Err = JsonPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json_path::JsonPath::parse(text)
            .map(Self)
            .map_err(|error| JsonPathError(error.to_string()))
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for JsonPathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a JSON path such as `$.db.up`: {}", self.0)
    }
}

impl std::error::Error for JsonPathError {}
