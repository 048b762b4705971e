//! Events made into log records: those that the log has a line for, in OpenTelemetry's words. Pure.

use std::time::{Duration, SystemTime};

use hc_core::{
    Edge, Event, EventKind, Evidence, Fact, Failure, Overlay, Status, TargetHandle, Turn,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use opentelemetry_semantic_conventions::attribute as otel;
use url::Url;

use super::words::{BLAME, CODE, GROUP, LABEL, PHASE, TARGET, any, double, int, text, unix_nanos};

/// What is known of a target beside the event.
pub(super) struct Known<'a> {
    pub(super) handle: Option<&'a TargetHandle>,
    /// As people may see it.
    pub(super) url: Option<&'a str>,
}

/// The record of an event, if it is worth one: what the log tells, and nothing of a first `healthy`.
pub(super) fn record(event: &Event, observed: SystemTime, known: &Known<'_>) -> Option<LogRecord> {
    let mut told = Told::default();
    match &event.kind {
        EventKind::Transition {
            turn,
            cause,
            target,
            ..
        } => {
            if turn.from == Status::Unknown && turn.to == Status::Healthy {
                return None;
            }
            told.transition(target.as_str(), turn, cause.as_deref());
        }
        EventKind::Overlay {
            target,
            overlay,
            edge,
            ..
        } => {
            let what = match overlay {
                Overlay::Flapping => "its status changes too often",
                Overlay::Stale => "no conclusive check for three intervals",
                _ => return None,
            };
            told.edge(
                overlay.as_str(),
                *edge,
                SeverityNumber::Warn,
                &format!("{target}: {what}"),
            );
        }
        EventKind::Overlap {
            target,
            interval,
            took,
            edge,
        } => {
            told.edge(
                "overlap",
                *edge,
                SeverityNumber::Warn,
                &format!("{target}: due ticks skipped"),
            );
            told.span("hc.interval", *interval);
            told.span("hc.took", *took);
        }
        EventKind::Panicked {
            target,
            failure,
            edge,
        } => {
            let what = format!("{target}: {}", failure.message.as_str());
            told.edge("panicked", *edge, SeverityNumber::Error, &what);
            told.why(failure);
        }
        EventKind::Overload { stretch, edge } => {
            told.edge(
                "overload",
                *edge,
                SeverityNumber::Warn,
                "hc lacks processor time; the fleet is asked less often",
            );
            told.attributes.push(double("hc.stretch", *stretch));
        }
        EventKind::Isolated {
            targets,
            hosts,
            silent,
            edge,
        } => {
            told.edge(
                "isolated",
                *edge,
                SeverityNumber::Error,
                "nothing answers any more; failures do not count",
            );
            told.count("hc.targets", *targets);
            told.count("hc.hosts", *hosts);
            told.span("hc.silent", *silent);
        }
        _ => return None,
    }
    if let Some(target) = event.kind.target() {
        told.attributes.push(text(TARGET, target.as_str()));
        told.target(known);
    }
    Some(told.record(event.wall, observed))
}

/// The record of events that were lost on the way.
pub(super) fn missed(count: u64, at: SystemTime) -> LogRecord {
    let mut told = Told {
        name: "hc.missed".to_owned(),
        severity: SeverityNumber::Warn,
        body: "events were lost; the metrics have what they led to".to_owned(),
        attributes: Vec::new(),
    };
    told.count("hc.events", usize::try_from(count).unwrap_or(usize::MAX));
    told.record(at, at)
}

struct Told {
    name: String,
    severity: SeverityNumber,
    body: String,
    attributes: Vec<KeyValue>,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            name: String::new(),
            severity: SeverityNumber::Info,
            body: String::new(),
            attributes: Vec::new(),
        }
    }
}

impl Told {
    fn transition(&mut self, target: &str, turn: &Turn, cause: Option<&Failure>) {
        self.name = "hc.transition".to_owned();
        if turn.to != Status::Healthy {
            self.severity = SeverityNumber::Warn;
        }
        self.body = format!("{target}: {} -> {}", turn.from.as_str(), turn.to.as_str());
        if let Some(cause) = cause {
            self.body += &format!(": {}", cause.message.as_str());
        }
        self.attributes
            .push(text("hc.status.from", turn.from.as_str()));
        self.attributes.push(text("hc.status.to", turn.to.as_str()));
        self.span("hc.status.held", turn.held);
        self.attributes.push(int("hc.streak", turn.streak));
        if let Some(cause) = cause {
            self.why(cause);
        }
    }

    /// What begins is as bad as it is; its end is good news.
    fn edge(&mut self, name: &str, edge: Edge, severity: SeverityNumber, what: &str) {
        match edge {
            Edge::Begin => {
                self.name = format!("hc.{name}");
                self.severity = severity;
                what.clone_into(&mut self.body);
            }
            Edge::End { lasted } => {
                self.name = format!("hc.{name}_end");
                self.body = format!("no more: {what}");
                self.span("hc.lasted", lasted);
            }
        }
    }

    fn why(&mut self, failure: &Failure) {
        self.attributes
            .push(text(otel::ERROR_TYPE, failure.kind.as_str()));
        let code = failure.code.map(|code| text(CODE, code));
        let phase = failure.phase.map(|phase| text(PHASE, phase.as_str()));
        self.attributes.extend(code.into_iter().chain(phase));
        self.attributes.push(text(BLAME, failure.blame.as_str()));
        if let Some(mismatch) = &failure.mismatch {
            self.attributes
                .push(text("hc.failure.wanted", mismatch.wanted.as_str()));
            self.attributes
                .push(text("hc.failure.found", mismatch.found.as_str()));
        }
        if let Some(evidence) = &failure.evidence {
            self.evidence(evidence);
        }
    }

    fn evidence(&mut self, evidence: &Evidence) {
        if let Some(address) = evidence.address {
            let ip = address.ip().to_string();
            self.attributes.push(text(otel::NETWORK_PEER_ADDRESS, ip));
            self.attributes
                .push(int(otel::NETWORK_PEER_PORT, address.port()));
        }
        for fact in &evidence.facts {
            if let Fact::HttpStatus(status) = fact {
                self.attributes
                    .push(int(otel::HTTP_RESPONSE_STATUS_CODE, *status));
            }
        }
    }

    fn target(&mut self, known: &Known<'_>) {
        if let Some(about) = known.handle.map(TargetHandle::about) {
            if !about.group.is_empty() {
                self.attributes.push(text(GROUP, &*about.group));
            }
            let labels = about.labels.iter();
            let labels = labels.map(|(name, value)| text(&format!("{LABEL}{name}"), value));
            self.attributes.extend(labels);
        }
        let Some(url) = known.url else {
            return;
        };
        self.attributes.push(text(otel::URL_FULL, url));
        if let Ok(url) = Url::parse(url) {
            let host = url.host_str().map(|host| text(otel::SERVER_ADDRESS, host));
            let port = url
                .port_or_known_default()
                .map(|port| int(otel::SERVER_PORT, port));
            self.attributes.extend(host.into_iter().chain(port));
        }
    }

    /// Seconds, OpenTelemetry's unit of time.
    fn span(&mut self, key: &str, span: Duration) {
        self.attributes.push(double(key, span.as_secs_f64()));
    }

    fn count(&mut self, key: &str, count: usize) {
        self.attributes
            .push(int(key, i64::try_from(count).unwrap_or(i64::MAX)));
    }

    fn record(self, at: SystemTime, observed: SystemTime) -> LogRecord {
        LogRecord {
            time_unix_nano: unix_nanos(at),
            observed_time_unix_nano: unix_nanos(observed),
            severity_number: self.severity as i32,
            severity_text: match self.severity {
                SeverityNumber::Error => "ERROR",
                SeverityNumber::Warn => "WARN",
                _ => "INFO",
            }
            .to_owned(),
            body: any(Value::StringValue(self.body)),
            attributes: self.attributes,
            event_name: self.name,
            ..LogRecord::default()
        }
    }
}
