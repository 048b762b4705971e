//! One check as a line of JSON, schema `hc.check/1`. A field that is absent is not known.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use hc_core::{Evidence, Fact, Phase};
use serde::Serialize;

use super::ask::{Asked, Outcome};

/// The name and version of the shape; fields may be added to it, never removed.
const SCHEMA: &str = "hc.check/1";

#[derive(Serialize)]
struct Check<'a> {
    schema: &'static str,
    time: String,
    target: &'a str,
    probe: &'static str,
    url: &'a str,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blame: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wanted: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address_age_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<&'static str>,
    retried: bool,
    total_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<&'static str>,
    #[serde(skip_serializing_if = "Phases::is_empty")]
    phases_ms: Phases,
    #[serde(skip_serializing_if = "Http::is_empty")]
    http: Http,
    #[serde(skip_serializing_if = "Tls::is_empty")]
    tls: Tls,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    facts: BTreeMap<&'static str, &'a str>,
}

#[derive(Default, PartialEq, Serialize)]
struct Phases {
    #[serde(skip_serializing_if = "Option::is_none")]
    resolve: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    send: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receive: Option<f64>,
}

#[derive(Default, PartialEq, Serialize)]
struct Http {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_bytes: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    body_cut: bool,
}

#[derive(Default, PartialEq, Serialize)]
struct Tls {
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_expiry: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    insecure: bool,
}

macro_rules! empty_when_default {
    ($($name:ident),+) => { $(impl $name {
        fn is_empty(&self) -> bool {
            *self == Self::default()
        }
    })+ };
}

empty_when_default!(Phases, Http, Tls);

/// The line, with its end.
pub(crate) fn line(asked: &Asked, outcome: &Outcome) -> String {
    let (failure, evidence) = (outcome.failure.as_ref(), &outcome.evidence);
    let mismatch = failure.and_then(|failure| failure.mismatch.as_deref());
    let check = Check {
        schema: SCHEMA,
        time: timestamp(outcome.began),
        target: asked.target.id.as_str(),
        probe: asked.target.probe_name,
        url: &asked.url,
        result: outcome.result.as_str(),
        kind: failure.map(|failure| failure.kind.as_str()),
        code: failure.and_then(|failure| failure.code),
        phase: failure.and_then(|failure| failure.phase).map(Phase::as_str),
        blame: failure.map(|failure| failure.blame.as_str()),
        message: failure.map(|failure| failure.message.as_str()),
        wanted: mismatch.map(|mismatch| mismatch.wanted.as_str()),
        found: mismatch.map(|mismatch| mismatch.found.as_str()),
        address: evidence.address.map(|address| address.to_string()),
        address_age_ms: evidence.facts.iter().find_map(|fact| match fact {
            Fact::AddressAge(age) => Some(millis(*age)),
            _ => None,
        }),
        connection: evidence.connection.map(hc_core::Connection::as_str),
        retried: evidence.retried,
        total_ms: millis(outcome.total),
        clock: evidence.facts.contains(&Fact::UserClock).then_some("user"),
        phases_ms: phases(evidence),
        http: http(evidence),
        tls: tls(asked, evidence),
        facts: evidence
            .facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Own(name, value) => Some((*name, value.as_str())),
                _ => None,
            })
            .collect(),
    };
    let mut line = serde_json::to_string(&check).expect("texts and numbers become JSON");
    line.push('\n');
    line
}

fn phases(evidence: &Evidence) -> Phases {
    let spent = |phase| evidence.phases.get(phase).map(millis);
    Phases {
        resolve: spent(Phase::Resolve),
        connect: spent(Phase::Connect),
        tls: spent(Phase::Tls),
        send: spent(Phase::Send),
        wait: spent(Phase::Wait),
        receive: spent(Phase::Receive),
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

fn tls(asked: &Asked, evidence: &Evidence) -> Tls {
    let mut tls = Tls {
        insecure: asked.is_insecure,
        ..Tls::default()
    };
    for fact in &evidence.facts {
        if let Fact::CertificateExpiry(end) = fact {
            tls.certificate_expiry = Some(timestamp(*end));
        }
    }
    tls
}

/// Milliseconds to the hundredth: finer is noise.
pub(super) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e5).round() / 1e2
}

/// RFC 3339 in UTC, to the millisecond: `2026-11-24T13:46:25.123Z`.
pub(super) fn timestamp(at: SystemTime) -> String {
    let at = jiff::Timestamp::try_from(at).unwrap_or(jiff::Timestamp::MAX);
    format!("{at:.3}")
}

#[cfg(test)]
mod tests {
    use hc_core::{Connection, Failure};

    use super::super::tests::failed;
    use super::*;

    #[test]
    fn what_is_less_than_exact_is_said() {
        let failure = Failure::unexpected("status", Phase::Wait, "200-299", "503");
        let (asked, mut outcome) = failed("http://10.0.0.9/", 0, &[], failure);
        let plain = line(&asked, &outcome);
        assert!(!plain.contains("address_age_ms") && !plain.contains("clock"));
        let age = Fact::AddressAge(Duration::from_secs(65));
        outcome.evidence.facts.extend([Fact::UserClock, age]);
        let line = line(&asked, &outcome);
        assert!(line.contains(r#""address_age_ms":65000.0,"#), "{line}");
        assert!(line.contains(r#""clock":"user""#), "{line}");
    }

    /// The sample of the user's contract.
    #[test]
    fn the_line_of_the_reference() {
        let failure = Failure::unexpected("status", Phase::Wait, "200-299", "503");
        let (mut asked, mut outcome) = failed("http://10.0.0.9/", 0, &[], failure);
        asked.target.id = "api-9".into();
        outcome.began = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_527_985_123);
        outcome.total = Duration::from_micros(12_310);
        let evidence = &mut outcome.evidence;
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
        let expected = r#"{"schema":"hc.check/1","time":"2026-11-24T13:46:25.123Z","target":"api-9","probe":"http","url":"http://10.0.0.9/","result":"failure","kind":"unexpected","code":"status","phase":"wait","blame":"target","message":"status: wanted 200-299, found 503","wanted":"200-299","found":"503","address":"10.0.0.9:80","connection":"new","retried":false,"total_ms":12.31,"phases_ms":{"connect":1.02,"send":0.05,"wait":10.2,"receive":1.04},"http":{"status":503,"version":"1.1","body_bytes":182}}"#;
        assert_eq!(line(&asked, &outcome), format!("{expected}\n"));
    }
}
