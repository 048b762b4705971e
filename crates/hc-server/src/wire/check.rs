//! One check, schema `hc.check/1`, as `hc check --json` writes it too.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use hc_core::{Evidence, Fact, Failure, Phase};
use serde::Serialize;
use utoipa::ToSchema;

use super::{millis, timestamp};

/// The name and version of the shape; fields may be added to it, never removed.
const SCHEMA: &str = "hc.check/1";

/// One check. A field that is absent is not known.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Check)]
pub(crate) struct CheckBody {
    /// `hc.check/1`.
    schema: &'static str,
    /// When it ended, RFC 3339.
    time: String,
    /// The target's name.
    target: String,
    /// The short name of the probe: `http`.
    probe: &'static str,
    /// The URL as people may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// `pass`, `degraded`, `failure` or `inconclusive`.
    result: &'static str,
    #[serde(flatten)]
    why: Why,
    /// Whom it asked: `10.0.0.9:80`.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// `new` or `reused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<&'static str>,
    /// Whether it was tried again on a fresh connection.
    retried: bool,
    /// From first poll to end.
    total_ms: f64,
    /// The phases that were measured.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    phases_ms: BTreeMap<&'static str, f64>,
    #[serde(skip_serializing_if = "Http::is_empty")]
    http: Http,
    #[serde(skip_serializing_if = "Tls::is_empty")]
    tls: Tls,
    /// Facts of a probe's own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    facts: BTreeMap<&'static str, String>,
}

/// Why something did not simply pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Why {
    /// Of the closed list of kinds: `refused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<&'static str>,
    /// Finer, of the kind's own list: `status`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'static str>,
    /// Where: `connect`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phase: Option<&'static str>,
    /// Whose fault: `target`, `path` or `local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) blame: Option<&'static str>,
    /// One sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// What an expectation wanted: `200-299`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wanted: Option<String>,
    /// What the answer had: `503`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) found: Option<String>,
}

/// What was learnt of an HTTP answer.
#[derive(Debug, Default, PartialEq, Serialize, ToSchema)]
struct Http {
    /// Its status.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// The version that was spoken: `1.1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    /// How much of the body was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_bytes: Option<u64>,
    /// Whether the body went on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    body_cut: bool,
}

/// What was learnt in TLS.
#[derive(Debug, Default, PartialEq, Serialize, ToSchema)]
struct Tls {
    /// When the peer's certificate ends, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_expiry: Option<String>,
    /// Whether it was not verified.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    insecure: bool,
}

impl Http {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Tls {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<&Failure> for Why {
    fn from(failure: &Failure) -> Self {
        let mismatch = failure.mismatch.as_deref();
        Self {
            kind: Some(failure.kind.as_str()),
            code: failure.code,
            phase: failure.phase.map(Phase::as_str),
            blame: Some(failure.blame.as_str()),
            message: Some(failure.message.as_str().to_owned()),
            wanted: mismatch.map(|mismatch| mismatch.wanted.as_str().to_owned()),
            found: mismatch.map(|mismatch| mismatch.found.as_str().to_owned()),
        }
    }
}

/// What a check's JSON is made of.
pub(crate) struct Told<'a> {
    pub(crate) wall: SystemTime,
    pub(crate) target: &'a str,
    pub(crate) probe: &'static str,
    pub(crate) url: Option<&'a str>,
    pub(crate) result: &'static str,
    pub(crate) failure: Option<&'a Failure>,
    pub(crate) evidence: Option<&'a Evidence>,
    pub(crate) total: Duration,
}

impl CheckBody {
    pub(crate) fn of(told: &Told<'_>) -> Self {
        let nothing = Evidence::new();
        let evidence = told.evidence.unwrap_or(&nothing);
        let phases = evidence.phases.iter();
        let own = evidence.facts.iter().filter_map(|fact| match fact {
            Fact::Own(name, value) => Some((*name, value.as_str().to_owned())),
            _ => None,
        });
        Self {
            schema: SCHEMA,
            time: timestamp(told.wall),
            target: told.target.to_owned(),
            probe: told.probe,
            url: told.url.map(ToOwned::to_owned),
            result: told.result,
            why: told.failure.map(Why::from).unwrap_or_default(),
            address: evidence.address.map(|address| address.to_string()),
            connection: evidence.connection.map(hc_core::Connection::as_str),
            retried: evidence.retried,
            total_ms: millis(told.total),
            phases_ms: phases
                .map(|(phase, spent)| (phase.as_str(), millis(spent)))
                .collect(),
            http: http(evidence),
            tls: tls(evidence),
            facts: own.collect(),
        }
    }
}

fn http(evidence: &Evidence) -> Http {
    let mut http = Http::default();
    for fact in &evidence.facts {
        match fact {
            Fact::HttpStatus(status) => http.status = Some(*status),
            Fact::HttpVersion(version) => http.version = Some(version),
            Fact::BodyBytes(bytes) => http.body_bytes = Some(*bytes),
            Fact::BodyCut => http.body_cut = true,
            _ => {}
        }
    }
    http
}

fn tls(evidence: &Evidence) -> Tls {
    let mut tls = Tls::default();
    for fact in &evidence.facts {
        match fact {
            Fact::CertificateExpiry(end) => tls.certificate_expiry = Some(timestamp(*end)),
            Fact::Insecure => tls.insecure = true,
            _ => {}
        }
    }
    tls
}

#[cfg(test)]
mod tests {
    use hc_core::Connection;

    use super::*;

    /// The sample of the user's contract, which `hc check --json` is held to as well.
    #[test]
    fn the_line_of_the_reference() {
        let failure = Failure::unexpected("status", Phase::Wait, "200-299", "503");
        let mut evidence = Evidence::new();
        for (phase, micros) in [
            (Phase::Connect, 1_020),
            (Phase::Send, 50),
            (Phase::Wait, 10_200),
            (Phase::Receive, 1_040),
        ] {
            evidence.phases.set(phase, Duration::from_micros(micros));
        }
        evidence.address = "10.0.0.9:80".parse().ok();
        evidence.connection = Some(Connection::New);
        evidence.facts.extend([
            Fact::HttpStatus(503),
            Fact::HttpVersion("1.1"),
            Fact::BodyBytes(182),
        ]);
        let body = CheckBody::of(&Told {
            wall: SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_527_985_123),
            target: "api-9",
            probe: "http",
            url: Some("http://10.0.0.9/"),
            result: "failure",
            failure: Some(&failure),
            evidence: Some(&evidence),
            total: Duration::from_micros(12_310),
        });
        let expected = r#"{"schema":"hc.check/1","time":"2026-11-24T13:46:25.123Z","target":"api-9","probe":"http","url":"http://10.0.0.9/","result":"failure","kind":"unexpected","code":"status","phase":"wait","blame":"target","message":"status: wanted 200-299, found 503","wanted":"200-299","found":"503","address":"10.0.0.9:80","connection":"new","retried":false,"total_ms":12.31,"phases_ms":{"connect":1.02,"send":0.05,"wait":10.2,"receive":1.04},"http":{"status":503,"version":"1.1","body_bytes":182}}"#;
        let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
        assert_eq!(serde_json::to_value(&body).unwrap(), expected);
    }
}
