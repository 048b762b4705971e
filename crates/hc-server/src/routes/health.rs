//! Whether hc itself works, and whether what it says can be relied upon yet.

use std::sync::atomic::Ordering;

use axum::extract::State as Shared;

use super::App;
use crate::wire::problem::Problem;

/// Whether the process works: every worker has answered. It says nothing about targets.
#[utoipa::path(
    get, path = "/healthz", tag = "process",
    responses(
        (status = 200, description = "It works", body = String, content_type = "text/plain"),
        (status = 503, description = "A worker is stuck or has ended, or hc is being stopped", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn healthz(Shared(state): App) -> Result<&'static str, Problem> {
    // One that is stuck never answers, and what holds for all routes ends the waiting.
    match state.monitor.stats().await {
        Ok(_) => Ok("ok\n"),
        Err(_) => Err(Problem::stopping()),
    }
}

/// Whether the config is applied and each target of the start was asked once.
#[utoipa::path(
    get, path = "/readyz", tag = "process",
    responses(
        (status = 200, description = "It is ready", body = String, content_type = "text/plain"),
        (status = 503, description = "Not yet, or not any more", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn readyz(Shared(state): App) -> Result<&'static str, Problem> {
    if *state.stopping.borrow() {
        return Err(Problem::stopping());
    }
    match state.is_swept.load(Ordering::Acquire) {
        true => Ok("ready\n"),
        false => Err(Problem::not_ready("not every target was asked once yet")),
    }
}
