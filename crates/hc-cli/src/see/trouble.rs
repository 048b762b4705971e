//! Why a running hc could not be looked into: one sentence each, and the exit code that goes with it.

use std::fmt;
use std::io;

use hc_core::escape;
use hc_server::wire::problem::Problem;

use crate::exit::ExitCode;

/// Texts of the other side are cut after so many characters.
const LONGEST: usize = 200;

/// Why it could not be looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// What was given is no address: nothing was asked.
    Usage(String),
    /// Nobody is there, or nobody answers.
    Away(String),
    /// It answers, and says that it cannot.
    Problem(Box<Problem>),
    /// What is there answers, but not as hc does.
    Strange(String),
}

impl Trouble {
    /// Nobody is there.
    pub(crate) fn away(place: impl fmt::Display, error: &io::Error) -> Self {
        let why = match error.kind() {
            io::ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
            io::ErrorKind::NotFound => "no such socket".to_owned(),
            io::ErrorKind::PermissionDenied => {
                "not allowed; it is for the user that runs hc".to_owned()
            }
            _ => escape(&error.to_string(), LONGEST),
        };
        Self::Away(format!("{place}: {why}"))
    }

    /// It answers, but not as hc does. `what` is of ours, or made safe.
    pub(crate) fn strange(place: impl fmt::Display, what: impl fmt::Display) -> Self {
        Self::Strange(format!("{place}: {what}"))
    }

    /// Whether it is this problem of the API: `unknown-target`.
    pub(crate) fn is_problem(&self, kind: &str) -> bool {
        let Self::Problem(problem) = self else {
            return false;
        };
        problem.kind.strip_prefix("urn:hc:problem:") == Some(kind)
    }

    /// How a verb ends by it.
    pub(crate) fn exit(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::Usage,
            _ => ExitCode::Inconclusive,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) => f.write_str(text),
            Self::Away(text) => write!(f, "hc is away: {text}"),
            Self::Strange(text) => write!(f, "not as hc answers: {text}"),
            Self::Problem(problem) => {
                write!(f, "hc says: {}", escape(&problem.title, LONGEST))?;
                match &problem.detail {
                    Some(detail) => write!(f, ": {}", escape(detail, LONGEST)),
                    None => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for Trouble {}
