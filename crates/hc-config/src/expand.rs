//! Variables inside values: `${NAME}`, `${NAME:-otherwise}`, `$$`. Put in once, so that a `$` in a value is safe.

use std::ops::Range;

/// Where variables come from.
pub trait Env {
    /// The value of a variable; `None` when it is not set.
    fn var(&self, name: &str) -> Option<String>;
}

/// The variables of this process. One that is not UTF-8 counts as unset.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnv;

impl Env for ProcessEnv {
    fn var(&self, name: &str) -> Option<String> {
        // A name with `=` or NUL in it would panic in older standard libraries.
        std::env::var_os(name)?.into_string().ok()
    }
}

impl Env for std::collections::BTreeMap<String, String> {
    fn var(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }
}

impl Env for std::collections::HashMap<String, String> {
    fn var(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }
}

/// A closure that looks a variable up.
#[derive(Clone, Copy, Debug)]
pub struct EnvFn<F>(pub F);

impl<F: Fn(&str) -> Option<String>> Env for EnvFn<F> {
    fn var(&self, name: &str) -> Option<String> {
        (self.0)(name)
    }
}

/// A text with its variables put in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expanded {
    pub(crate) text: String,
    /// The pieces of `text` that came from variables.
    pub(crate) from_variables: Vec<Range<usize>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ExpandError {
    /// Nothing has this name, and there is no `:-`.
    Unset(String),
    /// A `${` that is no variable.
    Malformed,
}

/// A value may grow to this by its variables; more is an accident.
const LONGEST: usize = 1 << 20;

pub(crate) fn expand(text: &str, env: &dyn Env) -> Result<Expanded, ExpandError> {
    let mut out = Expanded::default();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix('$') {
            out.text.push('$');
            rest = behind;
        } else if let Some(behind) = rest.strip_prefix('{') {
            let end = behind.find('}').ok_or(ExpandError::Malformed)?;
            let (name, otherwise) = match behind[..end].split_once(":-") {
                Some((name, otherwise)) => (name, Some(otherwise)),
                None => (&behind[..end], None),
            };
            if !is_name(name) {
                return Err(ExpandError::Malformed);
            }
            let value = env
                .var(name)
                .filter(|value| otherwise.is_none() || !value.is_empty());
            let start = out.text.len();
            match (value, otherwise) {
                (Some(value), _) => out.text.push_str(&value),
                (None, Some(otherwise)) => out.text.push_str(otherwise),
                (None, None) => return Err(ExpandError::Unset(name.to_owned())),
            }
            if out.text.len() > LONGEST {
                return Err(ExpandError::Malformed);
            }
            out.from_variables.push(start..out.text.len());
            rest = &behind[end + 1..];
        } else {
            out.text.push('$');
        }
    }
    out.text.push_str(rest);
    Ok(out)
}

pub(crate) fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= 256
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Result<&str, ExpandError>) {
        let env = EnvFn(|name: &str| match name {
            "A" => Some("a${B}$$".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        });
        assert_eq!(
            expand(text, &env).map(|e| e.text),
            want.map(ToOwned::to_owned),
            "{text}"
        );
    }

    #[test]
    fn variables_are_put_in_once() {
        check("x", Ok("x"));
        check("pa$word$", Ok("pa$word$"));
        check("a$$b", Ok("a$b"));
        check("$${A}", Ok("${A}"));
        check("<${A}>", Ok("<a${B}$$>"));
        check("${NO:-else}", Ok("else"));
        check("${NO:-}", Ok(""));
        check("${EMPTY:-else}", Ok("else"));
        check("${EMPTY}", Ok(""));
        check("${NO}", Err(ExpandError::Unset("NO".to_owned())));
        for bad in ["${", "${}", "${A", "${1}", "${A-b}", "${A B}"] {
            check(bad, Err(ExpandError::Malformed));
        }
        let env = EnvFn(|_: &str| Some("vv".to_owned()));
        let expanded = expand("a${X}b", &env).unwrap();
        assert_eq!(expanded.from_variables.first(), Some(&(1..3)));
    }
}
