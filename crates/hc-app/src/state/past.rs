//! What became of a target, as part of its line: why it is not well, its last transitions, failures and results.
//!
//! It is for people alone, so what this hc has no word for is left out, and nothing else suffers by it.

use std::str::FromStr;
use std::time::Duration;

use hc_core::{Blame, CheckResult, Failure, Kind, Mismatch, Phase, Sentence, Span, Status, nanos};
use hc_server::{PastFailure, PastTransition, Recollection};
use serde::{Deserialize, Serialize};

use super::line::{from_nanos, is_usual, to_nanos};

/// As [`Recollection`]. Times are nanoseconds since 1970, durations nanoseconds where nothing else is said.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Past {
    #[serde(skip_serializing_if = "is_usual")]
    why: Option<Why>,
    #[serde(skip_serializing_if = "is_usual")]
    transitions: Vec<Transition>,
    #[serde(skip_serializing_if = "is_usual")]
    failures: Vec<Failed>,
    /// As the API spells them.
    #[serde(skip_serializing_if = "is_usual")]
    recent: String,
    #[serde(skip_serializing_if = "is_usual")]
    recent_us: Vec<u64>,
    #[serde(skip_serializing_if = "is_usual")]
    certificate_expiry: u64,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Transition {
    at: u64,
    from: String,
    to: String,
    held: u64,
    streak: u32,
    #[serde(skip_serializing_if = "is_usual")]
    why: Option<Why>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Failed {
    at: u64,
    took: u64,
    why: Why,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Why {
    kind: String,
    #[serde(skip_serializing_if = "is_usual")]
    code: Option<String>,
    #[serde(skip_serializing_if = "is_usual")]
    phase: Option<String>,
    blame: String,
    message: String,
    #[serde(skip_serializing_if = "is_usual")]
    wanted: Option<String>,
    #[serde(skip_serializing_if = "is_usual")]
    found: Option<String>,
}

/// All codes of failures. They are names in the program, so one that is read has to be found among them.
const CODES: &[&str] = &[
    "alert",
    "body",
    "body_short",
    "certificate",
    "closed",
    "decompressed",
    "encoding",
    "expired",
    "files",
    "goaway",
    "handshakes",
    "header",
    "headers",
    "json",
    "latency",
    "memory",
    "no_address",
    "not_found",
    "not_http",
    "not_yet_valid",
    "other",
    "ports",
    "redirects",
    "reset",
    "servfail",
    "silent",
    "status",
    "unknown_issuer",
    "version",
    "wrong_name",
];

/// In the order of [`CheckResult::ALL`].
const SIGNS: [char; 4] = ['.', 'd', 'x', '?'];

impl Past {
    /// Nothing, if there is nothing to tell.
    pub(super) fn of(known: &Recollection) -> Option<Self> {
        let sign = |(result, _): &(CheckResult, Span)| SIGNS[*result as usize];
        let micros =
            |(_, took): &(CheckResult, Span)| nanos(took.get().unwrap_or_default()) / 1_000;
        let past = Self {
            why: known.why.as_ref().map(Why::of),
            transitions: known.transitions.iter().map(Transition::of).collect(),
            failures: known.failures.iter().map(Failed::of).collect(),
            recent: known.recent.iter().map(sign).collect(),
            recent_us: known.recent.iter().map(micros).collect(),
            certificate_expiry: known.certificate_expiry,
        };
        (!is_usual(&past)).then_some(past)
    }

    pub(super) fn recollection(&self) -> Recollection {
        let result = |sign: char| {
            let at = SIGNS.iter().position(|known| *known == sign);
            at.map(|at| CheckResult::ALL[at])
        };
        let micros = self.recent_us.iter().copied().map(Duration::from_micros);
        let micros = micros.map(Span::of);
        let recent = self.recent.chars().zip(micros);
        let mut known = Recollection::default();
        known.why = self.why.as_ref().and_then(Why::failure);
        known.transitions = self
            .transitions
            .iter()
            .filter_map(Transition::past)
            .collect();
        known.failures = self.failures.iter().filter_map(Failed::past).collect();
        known.recent = recent
            .filter_map(|(sign, took)| Some((result(sign)?, took)))
            .collect();
        known.certificate_expiry = self.certificate_expiry;
        known
    }
}

impl Transition {
    fn of(past: &PastTransition) -> Self {
        Self {
            at: to_nanos(past.wall),
            from: past.from.to_string(),
            to: past.to.to_string(),
            held: nanos(past.held),
            streak: past.streak,
            why: past.cause.as_ref().map(Why::of),
        }
    }

    fn past(&self) -> Option<PastTransition> {
        let status = |name: &str| {
            let mut all = Status::ALL.into_iter();
            all.find(|status| status.as_str() == name)
        };
        Some(PastTransition {
            wall: from_nanos(self.at),
            from: status(&self.from)?,
            to: status(&self.to)?,
            held: Duration::from_nanos(self.held),
            streak: self.streak,
            cause: self.why.as_ref().and_then(Why::failure),
        })
    }
}

impl Failed {
    fn of(past: &PastFailure) -> Self {
        Self {
            at: to_nanos(past.wall),
            took: nanos(past.duration),
            why: Why::of(&past.failure),
        }
    }

    fn past(&self) -> Option<PastFailure> {
        Some(PastFailure {
            wall: from_nanos(self.at),
            duration: Duration::from_nanos(self.took),
            failure: self.why.failure()?,
        })
    }
}

impl Why {
    fn of(failure: &Failure) -> Self {
        let mismatch = failure.mismatch.as_deref();
        Self {
            kind: failure.kind.to_string(),
            code: failure.code.map(ToOwned::to_owned),
            phase: failure.phase.map(|phase| phase.to_string()),
            blame: failure.blame.to_string(),
            message: failure.message.to_string(),
            wanted: mismatch.map(|mismatch| mismatch.wanted.to_string()),
            found: mismatch.map(|mismatch| mismatch.found.to_string()),
        }
    }

    /// What comes from a file is as little to be trusted as what comes from a response: its texts are escaped anew.
    fn failure(&self) -> Option<Failure> {
        let phase = self
            .phase
            .as_deref()
            .and_then(|name| name.parse::<Phase>().ok());
        let mut failure = Failure::new(Kind::from_str(&self.kind).ok()?, phase, &*self.message);
        failure.blame = Blame::from_str(&self.blame).ok()?;
        let code = self.code.as_deref();
        failure.code = CODES.iter().copied().find(|known| Some(*known) == code);
        if let (Some(wanted), Some(found)) = (&self.wanted, &self.found) {
            failure.mismatch = Some(Box::new(Mismatch {
                wanted: Sentence::new(wanted),
                found: Sentence::new(found),
            }));
        }
        Some(failure)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let status = Failure::unexpected("status", Phase::Wait, "200-299", "503 \u{1b}[2J");
        let path = Failure::new(Kind::Timeout, None, "no answer").with_blame(Blame::Path);
        let mut known = Recollection::default();
        known.why = Some(status.clone());
        known.transitions = vec![PastTransition {
            wall: at(7),
            from: Status::Unknown,
            to: Status::Unhealthy,
            held: Duration::from_nanos(3),
            streak: 1,
            cause: Some(path.clone()),
        }];
        known.failures = vec![PastFailure {
            wall: at(8),
            duration: Duration::from_micros(9),
            failure: status,
        }];
        let results = CheckResult::ALL
            .into_iter()
            .zip((0..).map(Duration::from_micros).map(Span::of));
        known.recent = results.collect();
        known.certificate_expiry = 11;
        let text = serde_json::to_string(&Past::of(&known)).unwrap();
        assert!(
            text.contains(r#""recent":".dx?","recent_us":[0,1,2,3]"#),
            "{text}"
        );
        let read: Past = serde_json::from_str(&text).unwrap();
        assert_eq!(read.recollection(), known);
        assert_eq!(Past::of(&Recollection::default()), None);
    }

    #[test]
    fn what_has_no_word_here_is_left_out() {
        let read = |text: &str| serde_json::from_str::<Past>(text).unwrap().recollection();
        let known =
            read(r#"{"why":{"kind":"gone","blame":"target"},"recent":".!x","recent_us":[1,2]}"#);
        assert_eq!(known.why, None);
        assert_eq!(
            known.recent,
            [(CheckResult::Pass, Span::of(Duration::from_micros(1)))]
        );
        let known =
            read(r#"{"why":{"kind":"reset","code":"bored","blame":"path","message":"\u001b[2J"}}"#);
        let why = known.why.unwrap();
        assert_eq!(
            (why.kind, why.code, why.blame),
            (Kind::Reset, None, Blame::Path)
        );
        assert_eq!(why.message.as_str(), "\\u{1b}[2J");
    }

    /// The page of all failures names their codes before a colon, some lines of it two.
    #[test]
    fn every_code_that_there_is_is_known() {
        let page = include_str!("../../../../docs/src/reference/failures.md");
        let rows = page.lines().filter(|line| line.matches('|').count() == 6);
        let mut found = Vec::new();
        for row in rows.skip(2) {
            let sentence = row.split('|').nth(4).unwrap();
            let parts = sentence
                .split("; ")
                .filter_map(|part| part.split_once([':', ',']));
            let codes = parts.map(|(code, _)| code.trim());
            let is_code = |code: &&str| {
                !code.is_empty() && code.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            };
            found.extend(codes.filter(is_code));
        }
        assert!(found.len() > 20, "{found:?}");
        for code in found {
            assert!(CODES.contains(&code), "{code}");
        }
    }
}
