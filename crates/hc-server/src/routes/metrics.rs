//! `/metrics`.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use hc_scheduler::Stats;
use tokio::sync::{AcquireError, OwnedSemaphorePermit};

use super::App;
use crate::listen::Via;
use crate::metrics::{Facts, Form, render};
use crate::server::State;
use crate::wire::problem::Problem;

/// Metrics, as Prometheus's text or as OpenMetrics, by Accept.
#[utoipa::path(
    get, path = "/metrics", tag = "process",
    responses(
        (status = 200, description = "All series", content(
            (String = "text/plain; version=0.0.4"),
            (String = "application/openmetrics-text; version=1.0.0"),
        )),
        (status = 421, description = "The Host header is not one of this server's", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "hc is being stopped", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn metrics(
    Shared(state): App,
    Extension(via): Extension<Via>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    let form = Form::accepted(accept);
    let permit = state.bounds(via).scrapes.clone().acquire_owned().await;
    let stats = state.monitor.stats().await;
    let stats = stats.map_err(|_| Problem::stopping())?;
    // Tens of milliseconds for a large fleet: signals and streams need not wait for it.
    let made = tokio::task::spawn_blocking({
        let state = state.clone();
        move || render(&facts(&state, form, stats))
    });
    let text = made.await.map_err(|_| Problem::stopping())?;
    let kind = [(header::CONTENT_TYPE, form.content_type())];
    let body = Bytes::from_owner(Text {
        text,
        _permit: permit,
    });
    Ok((kind, body).into_response())
}

/// A text that keeps its permit until the last of it is written, or its reader was hung up on.
struct Text {
    text: String,
    _permit: Result<OwnedSemaphorePermit, AcquireError>,
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

/// What metrics tell, copied.
pub(crate) fn facts(state: &Arc<State>, form: Form, stats: Stats) -> Facts {
    let (lateness, waits) = state.ledger.lateness_and_waits();
    let sinks = state
        .sinks
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let sinks = sinks
        .iter()
        .map(|sink| (sink.name(), Some(sink.queue_length()), sink.dropped()));
    let streams = ("events", None, state.missed.load(Ordering::Relaxed));
    Facts {
        form,
        settings: state.configured().metrics.clone(),
        now: state.monitor.now(),
        started: state.about.started,
        version: state.about.version.clone(),
        revision: state.about.revision.clone(),
        targets: state.ledger.measured(),
        groups: state.ledger.groups(),
        lateness,
        waits,
        stats,
        sinks: sinks.chain([streams]).collect(),
        reloads: state
            .reloads
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed)),
        last_reload_failed: state.last_reload_failed.load(Ordering::Relaxed),
    }
}
