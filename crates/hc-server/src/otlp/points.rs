//! Metrics as OTLP writes them: one name with its points.

use std::time::SystemTime;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, HistogramDataPoint, Metric, NumberDataPoint, Sum, metric::Data,
    number_data_point::Value,
};

use super::words::unix_nanos;
use crate::ledger::{BOUNDS_US, Histogram};

/// A number as a point holds it.
pub(super) trait Number {
    fn value(self) -> Value;
}

impl Number for f64 {
    fn value(self) -> Value {
        Value::AsDouble(self)
    }
}

impl Number for u64 {
    fn value(self) -> Value {
        Value::AsInt(i64::try_from(self).unwrap_or(i64::MAX))
    }
}

impl Number for usize {
    fn value(self) -> Value {
        (self as u64).value()
    }
}

impl Number for bool {
    fn value(self) -> Value {
        Value::AsInt(self.into())
    }
}

/// Metrics that are being made, all of the same moment.
pub(super) struct Points {
    since: u64,
    now: u64,
    metrics: Vec<Metric>,
}

impl Points {
    /// What was counted since `since`.
    pub(super) fn of(since: SystemTime, now: SystemTime) -> Self {
        Self {
            since: unix_nanos(since),
            now: unix_nanos(now),
            metrics: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> Vec<Metric> {
        self.metrics
    }

    fn add(&mut self, name: &str, unit: &str, help: &str, data: Data) {
        self.metrics.push(Metric {
            name: name.to_owned(),
            description: help.to_owned(),
            unit: unit.to_owned(),
            data: Some(data),
            ..Metric::default()
        });
    }

    fn numbers<N: Number>(
        &self,
        since: u64,
        points: impl IntoIterator<Item = (Vec<KeyValue>, N)>,
    ) -> Vec<NumberDataPoint> {
        let made = points
            .into_iter()
            .map(|(attributes, number)| NumberDataPoint {
                attributes,
                start_time_unix_nano: since,
                time_unix_nano: self.now,
                value: Some(number.value()),
                ..NumberDataPoint::default()
            });
        made.collect()
    }

    /// As it is now.
    pub(super) fn gauge<N: Number>(
        &mut self,
        name: &str,
        unit: &str,
        help: &str,
        points: impl IntoIterator<Item = (Vec<KeyValue>, N)>,
    ) {
        let data_points = self.numbers(0, points);
        if !data_points.is_empty() {
            self.add(name, unit, help, Data::Gauge(Gauge { data_points }));
        }
    }

    /// Counted since the start; it never falls.
    pub(super) fn counter<N: Number>(
        &mut self,
        name: &str,
        unit: &str,
        help: &str,
        points: impl IntoIterator<Item = (Vec<KeyValue>, N)>,
    ) {
        self.sum(name, unit, help, true, points);
    }

    /// Parts of a whole, as they are now.
    pub(super) fn up_down<N: Number>(
        &mut self,
        name: &str,
        unit: &str,
        help: &str,
        points: impl IntoIterator<Item = (Vec<KeyValue>, N)>,
    ) {
        self.sum(name, unit, help, false, points);
    }

    fn sum<N: Number>(
        &mut self,
        name: &str,
        unit: &str,
        help: &str,
        is_monotonic: bool,
        points: impl IntoIterator<Item = (Vec<KeyValue>, N)>,
    ) {
        let data_points = self.numbers(self.since, points);
        if data_points.is_empty() {
            return;
        }
        let sum = Sum {
            data_points,
            aggregation_temporality: AggregationTemporality::Cumulative as i32,
            is_monotonic,
        };
        self.add(name, unit, help, Data::Sum(sum));
    }

    /// Seconds by upper bound.
    pub(super) fn histogram<'a>(
        &mut self,
        name: &str,
        help: &str,
        points: impl IntoIterator<Item = (Vec<KeyValue>, &'a Histogram)>,
    ) {
        let made = points
            .into_iter()
            .map(|(attributes, counted)| HistogramDataPoint {
                attributes,
                start_time_unix_nano: self.since,
                time_unix_nano: self.now,
                count: counted.count(),
                sum: Some(counted.sum_ns as f64 / 1e9),
                bucket_counts: counted.counts.to_vec(),
                explicit_bounds: BOUNDS_US.iter().map(|us| *us as f64 / 1e6).collect(),
                ..HistogramDataPoint::default()
            });
        let histogram = opentelemetry_proto::tonic::metrics::v1::Histogram {
            data_points: made.collect(),
            aggregation_temporality: AggregationTemporality::Cumulative as i32,
        };
        if !histogram.data_points.is_empty() {
            self.add(name, "s", help, Data::Histogram(histogram));
        }
    }
}

/// How many points a metric has.
pub(super) fn count(metric: &Metric) -> usize {
    match &metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        _ => 0,
    }
}
