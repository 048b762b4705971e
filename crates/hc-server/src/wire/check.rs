//! One check, schema `hc.check/1`: what `hc check --json` writes, and what the API tells of a last check.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use hc_core::{Evidence, Fact, Failure, Phase};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{millis, timestamp};

/// The name and version of the shape; fields may be added to it, never removed.
const SCHEMA: &str = "hc.check/1";

/// One check. A field that is absent is not known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Check)]
pub struct CheckBody {
    /// `hc.check/1`.
    pub schema: Cow<'static, str>,
    /// When, RFC 3339: its end; of `hc check`, its begin.
    pub time: String,
    /// The target's name.
    pub target: String,
    /// The short name of the probe: `http`.
    pub probe: Cow<'static, str>,
    /// The URL as people may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `pass`, `degraded`, `failure` or `inconclusive`.
    pub result: Cow<'static, str>,
    /// Why it did not simply pass.
    #[serde(flatten)]
    pub why: Why,
    /// Whom it asked: `10.0.0.9:80`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// How long ago the address was given, where the resolver gives no newer one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_age_ms: Option<f64>,
    /// `new` or `reused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<Cow<'static, str>>,
    /// Whether it was tried again on a fresh connection.
    pub retried: bool,
    /// From first poll to end.
    pub total_ms: f64,
    /// `user`: the kernel told no time for the answer's arrival, so the times end when hc looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<Cow<'static, str>>,
    /// The phases that were measured.
    #[serde(default, skip_serializing_if = "PhasesMs::is_empty")]
    pub phases_ms: PhasesMs,
    /// What was learnt of an HTTP answer.
    #[serde(default, skip_serializing_if = "Http::is_empty")]
    pub http: Http,
    /// What was learnt in TLS.
    #[serde(default, skip_serializing_if = "Tls::is_empty")]
    pub tls: Tls,
    /// Facts of a probe's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<Cow<'static, str>, String>,
}

/// Why something did not simply pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Why {
    /// Of the closed list of kinds: `refused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Cow<'static, str>>,
    /// Finer, of the kind's own list: `status`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Cow<'static, str>>,
    /// Where: `connect`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Cow<'static, str>>,
    /// Whose fault: `target`, `path` or `local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blame: Option<Cow<'static, str>>,
    /// One sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What an expectation wanted: `200-299`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
    /// What the answer had: `503`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// How long the phases took, in milliseconds, in the order in which a check goes through them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PhasesMs {
    /// Its name was looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolve: Option<f64>,
    /// It was connected to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<f64>,
    /// The handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<f64>,
    /// The request was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send: Option<f64>,
    /// The first byte of the answer was waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<f64>,
    /// The rest of it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive: Option<f64>,
}

/// What was learnt of an HTTP answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Http {
    /// Its status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The version that was spoken: `1.1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Cow<'static, str>>,
    /// How much of the body was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_bytes: Option<u64>,
    /// Whether the body went on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub body_cut: bool,
}

/// What was learnt in TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tls {
    /// When the peer's certificate ends, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_expiry: Option<String>,
    /// Whether it was not verified.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub insecure: bool,
}

macro_rules! empty_when_default {
    ($($name:ident),+) => { $(impl $name {
        fn is_empty(&self) -> bool {
            *self == Self::default()
        }
    })+ };
}

empty_when_default!(PhasesMs, Http, Tls);

impl PhasesMs {
    /// Each phase's name with its time, if it was measured, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Phase, Option<f64>)> {
        [
            (Phase::Resolve, self.resolve),
            (Phase::Connect, self.connect),
            (Phase::Tls, self.tls),
            (Phase::Send, self.send),
            (Phase::Wait, self.wait),
            (Phase::Receive, self.receive),
        ]
        .into_iter()
    }
}

impl From<&Failure> for Why {
    fn from(failure: &Failure) -> Self {
        let mismatch = failure.mismatch.as_deref();
        Self {
            kind: Some(failure.kind.as_str().into()),
            code: failure.code.map(Into::into),
            phase: failure.phase.map(|phase| phase.as_str().into()),
            blame: Some(failure.blame.as_str().into()),
            message: Some(failure.message.as_str().to_owned()),
            wanted: mismatch.map(|mismatch| mismatch.wanted.as_str().to_owned()),
            found: mismatch.map(|mismatch| mismatch.found.as_str().to_owned()),
        }
    }
}

/// What a check's JSON is made of.
#[derive(Clone, Debug)]
pub struct Told<'a> {
    /// When, for people.
    pub wall: SystemTime,
    /// The target's name.
    pub target: &'a str,
    /// The short name of its probe.
    pub probe: &'static str,
    /// Its URL as people may see it.
    pub url: Option<&'a str>,
    /// `pass`, `degraded`, `failure` or `inconclusive`.
    pub result: &'static str,
    /// Why it did not simply pass.
    pub failure: Option<&'a Failure>,
    /// What was seen.
    pub evidence: Option<&'a Evidence>,
    /// How long it took.
    pub total: Duration,
    /// It is known, even without evidence, that no certificate is verified.
    pub is_insecure: bool,
}

impl CheckBody {
    /// The JSON of a check.
    #[must_use]
    pub fn of(told: &Told<'_>) -> Self {
        let nothing = Evidence::new();
        let evidence = told.evidence.unwrap_or(&nothing);
        let mut body = Self {
            schema: SCHEMA.into(),
            time: timestamp(told.wall),
            target: told.target.to_owned(),
            probe: told.probe.into(),
            url: told.url.map(ToOwned::to_owned),
            result: told.result.into(),
            why: told.failure.map(Why::from).unwrap_or_default(),
            address: evidence.address.map(|address| address.to_string()),
            address_age_ms: None,
            connection: evidence.connection.map(|kind| kind.as_str().into()),
            retried: evidence.retried,
            total_ms: millis(told.total),
            clock: None,
            phases_ms: phases(evidence),
            http: Http::default(),
            tls: Tls {
                insecure: told.is_insecure,
                ..Tls::default()
            },
            facts: BTreeMap::new(),
        };
        evidence.facts.iter().for_each(|fact| body.learn(fact));
        body
    }

    fn learn(&mut self, fact: &Fact) {
        match fact {
            Fact::HttpStatus(status) => self.http.status = Some(*status),
            Fact::HttpVersion(version) => self.http.version = Some((*version).into()),
            Fact::BodyBytes(bytes) => self.http.body_bytes = Some(*bytes),
            Fact::BodyCut => self.http.body_cut = true,
            Fact::CertificateExpiry(end) => self.tls.certificate_expiry = Some(timestamp(*end)),
            Fact::Insecure => self.tls.insecure = true,
            Fact::AddressAge(age) => self.address_age_ms = Some(millis(*age)),
            Fact::UserClock => self.clock = Some("user".into()),
            Fact::Own(name, value) => {
                self.facts.insert((*name).into(), value.as_str().to_owned());
            }
            _ => {}
        }
    }
}

fn phases(evidence: &Evidence) -> PhasesMs {
    let spent = |phase| evidence.phases.get(phase).map(millis);
    PhasesMs {
        resolve: spent(Phase::Resolve),
        connect: spent(Phase::Connect),
        tls: spent(Phase::Tls),
        send: spent(Phase::Send),
        wait: spent(Phase::Wait),
        receive: spent(Phase::Receive),
    }
}

#[cfg(test)]
mod tests {
    use hc_core::Connection;

    use super::*;

    /// The sample of the user's contract, to the letter: the order of the fields is people's too.
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
            is_insecure: false,
        });
        let expected = r#"{"schema":"hc.check/1","time":"2026-11-24T13:46:25.123Z","target":"api-9","probe":"http","url":"http://10.0.0.9/","result":"failure","kind":"unexpected","code":"status","phase":"wait","blame":"target","message":"status: wanted 200-299, found 503","wanted":"200-299","found":"503","address":"10.0.0.9:80","connection":"new","retried":false,"total_ms":12.31,"phases_ms":{"connect":1.02,"send":0.05,"wait":10.2,"receive":1.04},"http":{"status":503,"version":"1.1","body_bytes":182}}"#;
        assert_eq!(serde_json::to_string(&body).unwrap(), expected);
        assert_eq!(serde_json::from_str::<CheckBody>(expected).unwrap(), body);
    }
    #[test]
    fn what_is_less_than_exact_is_said() {
        let told = |evidence: &Evidence| {
            CheckBody::of(&Told {
                wall: SystemTime::UNIX_EPOCH,
                target: "a",
                probe: "http",
                url: None,
                result: "pass",
                failure: None,
                evidence: Some(evidence),
                total: Duration::ZERO,
                is_insecure: false,
            })
        };
        let mut evidence = Evidence::new();
        assert_eq!(told(&evidence).address_age_ms, None);
        let age = Fact::AddressAge(Duration::from_secs(65));
        evidence.facts.extend([Fact::UserClock, age]);
        let body = told(&evidence);
        assert_eq!(body.address_age_ms, Some(65_000.0));
        assert_eq!(body.clock.as_deref(), Some("user"));
    }

    /// An older or newer hc may answer: what is not known here is passed over, what is not told is absent.
    #[test]
    fn fields_of_the_future_and_missing_ones_do_no_harm() {
        let text = r#"{"schema":"hc.check/1","time":"t","target":"a","probe":"quic","result":"pass","retried":false,
            "total_ms":1,"hue":{"a":[1]},"http":{"version":"4","verb":"GET"},"phases_ms":{"think":3,"wait":1.5}}"#;
        let body: CheckBody = serde_json::from_str(text).unwrap();
        assert_eq!(body.http.version.as_deref(), Some("4"));
        assert_eq!(body.phases_ms.wait, Some(1.5));
        assert_eq!((body.url, body.why), (None, Why::default()));
    }
}
