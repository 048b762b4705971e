//! One target with its past.

use std::time::SystemTime;

use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::App;
use super::query::Parameters;
use super::version::Version;
use crate::wire::parse_uid;
use crate::wire::problem::Problem;
use crate::wire::target::{Parts, TargetBody, TargetDetail, past};

/// One target with how it is asked, its last transitions and its last failures.
#[utoipa::path(
    get, path = "/api/v1/targets/{uid}", tag = "targets",
    params(("uid" = String, Path, description = "`uid` of a list", pattern = "^t[0-9a-hjkmnp-tv-z]{12}$")),
    responses(
        (status = 200, description = "The target", body = TargetDetail, headers(("etag" = String, description = "Of the version"))),
        (status = 304, description = "No event since the version of If-None-Match"),
        (status = 400, description = "There are no parameters", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such target", body = Problem, content_type = "application/problem+json"),
        (status = 421, description = "The Host header is not one of this server's", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "hc is being stopped", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn target(
    Shared(state): App,
    Path(uid): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Parameters::of(&uri)?.end()?;
    let number = state.monitor.view().version();
    let unknown = || Problem::unknown_target(&uid);
    let seen = parse_uid(&uid).and_then(|uid| state.ledger.find_uid(uid));
    let seen = seen.ok_or_else(unknown)?;
    let version = Version::new(&state, number, &headers);
    if version.is_known() {
        return Ok(version.not_modified());
    }
    let name = seen.handle.id().clone();
    let described = state.monitor.describe_these(vec![name.clone()]).await;
    let mut described = described.map_err(|_| Problem::stopping())?;
    let description = described.pop().ok_or_else(unknown)?;
    let catalogue = state.configured().catalogue.clone();
    let url = catalogue.url(name.as_str());
    let (recent, kept) = state.ledger.details(name.as_str());
    let wall: SystemTime = state.monitor.wall();
    let target = TargetBody::of(&Parts {
        seen: &seen,
        description: &description,
        recent: &recent,
        past: &kept,
        url: url.as_deref(),
        now: state.monitor.now(),
        wall,
    });
    let (transitions, failures) = past(&kept, &seen, url.as_deref());
    Ok(version.json(&TargetDetail {
        version: number,
        target,
        policy: catalogue.target(name.as_str()).unwrap_or_default(),
        transitions,
        failures,
        transitions_total: seen.transitions,
        failures_total: seen.failures,
    }))
}
