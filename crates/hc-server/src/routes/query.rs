//! The parameters of a request, each known one read once and every other refused: a filter that is misspelt must not
//! let everything through.

use axum::http::Uri;

use crate::wire::problem::Problem;

/// Parameters, decoded, in their order.
pub(super) struct Parameters(Vec<(String, String)>);

/// More than these in one request are nobody's need.
const MOST: usize = 50;

impl Parameters {
    pub(super) fn of(uri: &Uri) -> Result<Self, Problem> {
        let query = uri.query().unwrap_or_default();
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        let pairs: Vec<_> = pairs
            .take(MOST + 1)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        match pairs.len() > MOST {
            true => Err(Problem::bad_filter(&format!("more than {MOST} parameters"))),
            false => Ok(Self(pairs)),
        }
    }

    /// The value of a parameter that may be there once.
    pub(super) fn one(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let mut found = self.many(name);
        match found.len() {
            0 | 1 => Ok(found.pop()),
            _ => Err(Problem::bad_filter(&format!(
                "{name} is there more than once"
            ))),
        }
    }

    /// The values of a parameter that may be there more than once.
    pub(super) fn many(&mut self, name: &str) -> Vec<String> {
        let taken = self.0.extract_if(.., |(known, _)| known == name);
        taken.map(|(_, value)| value).collect()
    }

    /// A number in a range, or what holds without it.
    pub(super) fn number(
        &mut self,
        name: &str,
        range: std::ops::RangeInclusive<usize>,
        usual: usize,
    ) -> Result<usize, Problem> {
        let Some(text) = self.one(name)? else {
            return Ok(usual);
        };
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.filter(|_| is_plain).ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            Problem::bad_filter(&format!("{name}: wanted {least} to {most}, found {text}"))
        })
    }

    /// Nothing else may be there.
    pub(super) fn end(self) -> Result<(), Problem> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(Problem::bad_filter(&format!(
                "no parameter is called {name}"
            ))),
        }
    }
}
