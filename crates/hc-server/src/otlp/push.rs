//! Metrics pushed from time to time: copied, rendered and sent part by part.

use std::sync::Arc;

use hc_scheduler::Stats;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_semantic_conventions::SCHEMA_URL;
use tokio::time::MissedTickBehavior;

use super::send::body;
use super::way::Way;
use super::{families, points, words};
use crate::metrics::Form;
use crate::routes::metrics::facts;

/// Pushes metrics from time to time, and once more at the end.
pub(super) async fn push(way: Way) {
    let mut ticks = tokio::time::interval(way.shared.settings.interval);
    // A push that was missed is none: each tells what is now.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is now, when there is nothing to tell yet.
    ticks.reset();
    // Those of the last push: at the end the monitor is gone.
    let mut last = way.shared.state.monitor.stats().await.ok();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = way.stopping() => {}
        }
        let is_last = way.is_stopping();
        match (way.shared.state.monitor.stats().await, &mut last) {
            (Ok(stats), last) => *last = Some(stats),
            // Nothing is asked any more.
            (Err(_), Some(stats)) => (stats.in_flight, stats.waiting) = (0, 0),
            (Err(_), None) => {}
        }
        if let Some(stats) = &last {
            push_all(&way, stats.clone()).await;
        }
        if is_last {
            return;
        }
    }
}

/// Part after part. The first that is not taken ends it: the next push tells the same, and more.
async fn push_all(way: &Way, stats: Stats) {
    let state = way.shared.state.clone();
    let facts = tokio::task::spawn_blocking(move || facts(&state, Form::accepted(None), stats));
    let Ok(facts) = facts.await else {
        // A bug, which the panic's hook has told.
        return;
    };
    let facts = Arc::new(facts);
    let now = way.shared.state.monitor.wall();
    let mut is_given_up = false;
    for part in 0..families::parts(&facts) {
        let (facts, gzip) = (facts.clone(), way.sender.gzip());
        let frame = frame(way);
        // Tens of milliseconds for a large fleet, as a scrape.
        let made = tokio::task::spawn_blocking(move || {
            let metrics = families::part(&facts, part, now);
            let count = metrics.iter().map(points::count).sum::<usize>() as u64;
            let body = (!is_given_up && count > 0).then(|| body(&filled(frame, metrics), gzip));
            (count, body)
        });
        let Ok((count, body)) = made.await else {
            return;
        };
        let Some(body) = body else {
            way.shared.gauge.lose(count);
            continue;
        };
        match way.sender.send(body).await {
            Ok(taken) => way.taken(&taken),
            Err(refused) => {
                is_given_up = true;
                way.shared.gauge.lose(count);
                way.failing(refused.why);
            }
        }
    }
}

fn frame(way: &Way) -> ExportMetricsServiceRequest {
    let about = &way.shared.state.about;
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(words::resource(about, &way.shared.settings)),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(words::scope(about)),
                metrics: Vec::new(),
                schema_url: SCHEMA_URL.to_owned(),
            }],
            schema_url: SCHEMA_URL.to_owned(),
        }],
    }
}

fn filled(
    mut request: ExportMetricsServiceRequest,
    metrics: Vec<Metric>,
) -> ExportMetricsServiceRequest {
    request.resource_metrics[0].scope_metrics[0].metrics = metrics;
    request
}
