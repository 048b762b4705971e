//! Why a check did not pass: a closed list of kinds, where it happened, and whose fault it was.
//!
//! A failed check is data about a target, not an error of ours. The table of kind, phase and usual blame is
//! in the reference manual, "Why a check did not pass".

use std::fmt;

use crate::evidence::Evidence;
use crate::text::Sentence;

macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$item_doc])* $item,)+ }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$item,)+];

            /// The one spelling used in config, logs, JSON, labels and pages.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$item => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|item| item.as_str() == text).ok_or(UnknownName)
            }
        }
    };
}

/// A text is not one of a closed list's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownName;

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown name")
    }
}

impl std::error::Error for UnknownName {}

closed_list! {
    /// The stages of a check, in order.
    Phase {
        /// Turning the name into addresses.
        Resolve = "resolve",
        /// Opening the connection.
        Connect = "connect",
        /// The TLS handshake.
        Tls = "tls",
        /// Sending the request.
        Send = "send",
        /// From the request's last byte to the answer's first.
        Wait = "wait",
        /// Receiving the rest of the answer and judging it.
        Receive = "receive",
    }
}

closed_list! {
    /// Whose fault a failure is. It is set where it is known, never derived later.
    Blame {
        /// The target's own.
        Target = "target",
        /// Something on the way to it.
        Path = "path",
        /// The checker's own trouble: it never counts against a target.
        Local = "local",
    }
}

closed_list! {
    /// What went wrong. The list is closed, so that it can be a label.
    Kind {
        /// The name has no address.
        Resolve = "resolve",
        /// The connection was refused.
        Refused = "refused",
        /// A router or the target's host said that it cannot be reached.
        Unreachable = "unreachable",
        /// The deadline passed.
        Timeout = "timeout",
        /// The connection ended before the answer did.
        Reset = "reset",
        /// The TLS handshake failed.
        Tls = "tls",
        /// The answer breaks its protocol.
        Protocol = "protocol",
        /// The answer exceeds a limit of ours.
        Limit = "limit",
        /// An answer, but not the expected one.
        Unexpected = "unexpected",
        /// Too many of the last checks failed (only ever a warning).
        Unsteady = "unsteady",
        /// The proxy failed.
        Proxy = "proxy",
        /// The resolver failed.
        Resolver = "resolver",
        /// This machine has no route.
        NoRoute = "no_route",
        /// This process or machine ran out of something.
        Exhausted = "exhausted",
        /// This machine forbids it.
        Denied = "denied",
        /// The deadline passed while the checker itself ran late.
        Starved = "starved",
        /// The probe panicked.
        Panicked = "panicked",
        /// The check was cancelled.
        Cancelled = "cancelled",
    }
}

impl Kind {
    /// How many kinds there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The usual blame of this kind in that phase; a failure may carry another.
    #[must_use]
    pub fn usual_blame(self, phase: Option<Phase>) -> Blame {
        match self {
            Self::Unreachable | Self::Proxy => Blame::Path,
            Self::Timeout if matches!(phase, Some(Phase::Resolve)) => Blame::Local,
            Self::Timeout if matches!(phase, Some(Phase::Connect)) => Blame::Path,
            Self::Resolver
            | Self::NoRoute
            | Self::Exhausted
            | Self::Denied
            | Self::Starved
            | Self::Panicked
            | Self::Cancelled => Blame::Local,
            _ => Blame::Target,
        }
    }
}

/// What was wanted and what was found instead, as text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What the assertion wanted: `200-299`.
    pub wanted: Sentence,
    /// What the answer had: `503`.
    pub found: Sentence,
}

/// Why a check did not pass.
///
/// Under 128 bytes: what is large or rare is boxed. The message is escaped and bounded by its type.
///
/// ```
/// use hc_core::{Blame, Failure, Kind, Phase};
///
/// let failure = Failure::new(Kind::Refused, Phase::Connect, "10.0.0.7:80 refused the connection");
/// assert_eq!(failure.blame, Blame::Target);
/// assert_eq!(failure.to_string(), "refused in connect: 10.0.0.7:80 refused the connection");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Failure {
    /// What went wrong.
    pub kind: Kind,
    /// Whose fault it was.
    pub blame: Blame,
    /// Where it happened, if known.
    pub phase: Option<Phase>,
    /// A finer reason within the kind, from a closed list of the probe's (`status`, `expired`); fit for a label.
    pub code: Option<&'static str>,
    /// One sentence for people.
    pub message: Sentence,
    /// What was wanted and found, where something was compared.
    pub mismatch: Option<Box<Mismatch>>,
    /// What was learnt before it failed.
    pub evidence: Option<Box<Evidence>>,
}

impl Failure {
    /// A failure of that kind, with the kind's usual blame in that phase.
    #[must_use]
    pub fn new(kind: Kind, phase: impl Into<Option<Phase>>, message: impl Into<Sentence>) -> Self {
        let phase = phase.into();
        Self {
            kind,
            blame: kind.usual_blame(phase),
            phase,
            code: None,
            message: message.into(),
            mismatch: None,
            evidence: None,
        }
    }

    /// An assertion that did not hold: `{code}: wanted {wanted}, found {found}`.
    #[must_use]
    pub fn unexpected(code: &'static str, phase: Phase, wanted: &str, found: &str) -> Self {
        let (wanted, found) = (Sentence::new(wanted), Sentence::new(found));
        let message = format!("{code}: wanted {wanted}, found {found}");
        let mut failure = Self::new(Kind::Unexpected, phase, message).with_code(code);
        failure.mismatch = Some(Box::new(Mismatch { wanted, found }));
        failure
    }

    /// The same with another blame.
    #[must_use]
    pub fn with_blame(mut self, blame: Blame) -> Self {
        self.blame = blame;
        self
    }

    /// The same with a code.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// The same with what was learnt before it failed.
    #[must_use]
    pub fn with_evidence(mut self, evidence: Evidence) -> Self {
        self.evidence = Some(Box::new(evidence));
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.phase {
            Some(phase) => write!(f, "{} in {phase}: {}", self.kind, self.message),
            None => write!(f, "{}: {}", self.kind, self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_stays_small() {
        assert!(size_of::<Failure>() < 128, "{}", size_of::<Failure>());
    }

    #[test]
    fn names_are_one_spelling_both_ways() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        assert_eq!("nonsense".parse::<Kind>(), Err(UnknownName));
        assert_eq!("no_route".parse(), Ok(Kind::NoRoute));
    }

    #[test]
    fn usual_blame_follows_the_table() {
        let table = [
            (Kind::Timeout, Some(Phase::Resolve), Blame::Local),
            (Kind::Timeout, Some(Phase::Connect), Blame::Path),
            (Kind::Timeout, Some(Phase::Tls), Blame::Target),
            (Kind::Timeout, Some(Phase::Wait), Blame::Target),
            (Kind::Refused, Some(Phase::Connect), Blame::Target),
            (Kind::Unreachable, Some(Phase::Wait), Blame::Path),
            (Kind::Proxy, Some(Phase::Connect), Blame::Path),
            (Kind::Resolve, Some(Phase::Resolve), Blame::Target),
            (Kind::Resolver, Some(Phase::Resolve), Blame::Local),
            (Kind::Exhausted, Some(Phase::Connect), Blame::Local),
            (Kind::Panicked, None, Blame::Local),
        ];
        for (kind, phase, blame) in table {
            assert_eq!(kind.usual_blame(phase), blame, "{kind} {phase:?}");
        }
    }
}
