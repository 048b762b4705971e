//! Names of attributes, and how values are written. OpenTelemetry's own names come from its crate; ours begin with `hc.`.

use std::time::SystemTime;

use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, any_value::Value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_semantic_conventions::attribute as otel;

use super::settings::Settings;
use crate::server::About;

pub(super) const TARGET: &str = "hc.target.name";
pub(super) const GROUP: &str = "hc.group.name";
pub(super) const STATE: &str = "hc.state";
pub(super) const PROBE: &str = "hc.probe.name";
pub(super) const RESULT: &str = "hc.result";
pub(super) const PHASE: &str = "hc.phase";
pub(super) const CODE: &str = "hc.failure.code";
pub(super) const BLAME: &str = "hc.failure.blame";
pub(super) const SINK: &str = "hc.sink.name";
/// Before the name of a label of the config.
pub(super) const LABEL: &str = "hc.label.";

pub(super) fn any(value: Value) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}

pub(super) fn text(key: &str, value: impl Into<String>) -> KeyValue {
    with(key, Value::StringValue(value.into()))
}

pub(super) fn int(key: &str, value: impl Into<i64>) -> KeyValue {
    with(key, Value::IntValue(value.into()))
}

pub(super) fn double(key: &str, value: f64) -> KeyValue {
    with(key, Value::DoubleValue(value))
}

fn with(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: any(value),
        ..KeyValue::default()
    }
}

/// Nanoseconds since 1970; a clock before it, or beyond 2554, is at the end of the scale.
pub(super) fn unix_nanos(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}

pub(super) fn scope(about: &About) -> InstrumentationScope {
    InstrumentationScope {
        name: "hc".to_owned(),
        version: about.version.clone(),
        ..InstrumentationScope::default()
    }
}

/// What this process is. What the variables say of it beats what hc knows.
pub(super) fn resource(about: &About, settings: &Settings) -> Resource {
    let mut known: Vec<(String, Value)> = vec![
        (otel::SERVICE_NAME.into(), Value::StringValue("hc".into())),
        (
            otel::SERVICE_VERSION.into(),
            Value::StringValue(about.version.clone()),
        ),
        (
            otel::SERVICE_INSTANCE_ID.into(),
            Value::StringValue(about.instance.clone()),
        ),
        (
            otel::PROCESS_PID.into(),
            Value::IntValue(std::process::id().into()),
        ),
    ];
    let named = settings.service_name.iter();
    let named = named.map(|name| (otel::SERVICE_NAME.to_owned(), name.clone()));
    // OTEL_SERVICE_NAME beats the attribute.
    for (key, value) in settings.resource.iter().cloned().chain(named) {
        let value = Value::StringValue(value);
        match known.iter_mut().find(|(other, _)| *other == key) {
            Some(other) => other.1 = value,
            None => known.push((key, value)),
        }
    }
    Resource {
        attributes: known
            .into_iter()
            .map(|(key, value)| with(&key, value))
            .collect(),
        ..Resource::default()
    }
}
