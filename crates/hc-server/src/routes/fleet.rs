//! How the whole fleet stands.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::Uri;
use hc_core::{CheckResult, Overlay, Status};
use hc_scheduler::Stats;

use super::App;
use super::query::Parameters;
use crate::server::State;
use crate::wire::fleet::FleetBody;
use crate::wire::problem::Problem;
use crate::wire::{millis, target::overlays, timestamp, whole_millis};

/// How the whole fleet stands, in the words of the log's summary.
#[utoipa::path(
    get, path = "/api/v1/fleet", tag = "fleet",
    responses(
        (status = 200, description = "The fleet", body = FleetBody),
        (status = 400, description = "There are no parameters", body = Problem, content_type = "application/problem+json"),
        (status = 421, description = "The Host header is not one of this server's", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "hc is being stopped", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn fleet(Shared(state): App, uri: Uri) -> Result<Json<FleetBody>, Problem> {
    Parameters::of(&uri)?.end()?;
    let stats = state.monitor.stats().await;
    let stats = stats.map_err(|_| Problem::stopping())?;
    Ok(Json(body(&state, &stats)))
}

fn body(state: &Arc<State>, stats: &Stats) -> FleetBody {
    let view = state.monitor.view();
    let version = view.version();
    let now = state.monitor.now();
    let (mut statuses, mut laid) = ([0; 4], [0; Overlay::ALL.len()]);
    let handles = view.handles();
    for handle in &handles {
        statuses[handle.status() as usize] += 1;
        for overlay in overlays(handle, now) {
            laid[overlay as usize] += 1;
        }
    }
    let (since, before) = state.minute_ago();
    let counters = &stats.counters;
    let mut late = counters.lateness_us.clone();
    // The histograms have the same bounds, and the older one holds no more than the newer.
    let _ = late.subtract(&before.lateness_us);
    let seconds = stats.at.since(since).as_secs_f64().max(0.001);
    let lately = counters.checks().saturating_sub(before.checks());
    FleetBody {
        version,
        instance: state.about.instance.clone(),
        release: state.about.version.clone(),
        started: timestamp(state.about.started),
        now: timestamp(state.monitor.wall()),
        uptime_ms: whole_millis(now.since(state.monitor.started())),
        targets: handles.len(),
        healthy: statuses[Status::Healthy as usize],
        degraded: statuses[Status::Degraded as usize],
        unhealthy: statuses[Status::Unhealthy as usize],
        unknown: statuses[Status::Unknown as usize],
        suspect: laid[Overlay::Suspect as usize],
        recovering: laid[Overlay::Recovering as usize],
        flapping: laid[Overlay::Flapping as usize],
        unsteady: laid[Overlay::Unsteady as usize],
        paused: laid[Overlay::Paused as usize],
        stale: laid[Overlay::Stale as usize],
        checks: counters.checks(),
        failures: counters.ended(CheckResult::Failure),
        inconclusive: counters.ended(CheckResult::Inconclusive),
        checks_per_second: (lately as f64 / seconds * 10.0).round() / 10.0,
        overlaps: counters.overlaps,
        late_p99_ms: millis(std::time::Duration::from_micros(
            late.value_at_quantile(0.99),
        )),
        opened: counters.opened,
        reused: counters.reused,
        in_flight: stats.in_flight,
        waiting: stats.waiting,
        stretch: (stats.stretch * 1e3).round() / 1e3,
        isolated: stats.isolated,
        first_sweep_done: state.is_swept.load(Ordering::Acquire),
    }
}
