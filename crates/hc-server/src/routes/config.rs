//! The config that holds.

use axum::Json;
use axum::extract::State as Shared;
use axum::http::Uri;
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use super::query::Parameters;
use crate::shown::Setting;
use crate::wire::problem::Problem;

/// The config that holds: the process and `defaults`. Those of one target are told with it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Config)]
pub(super) struct ConfigBody {
    settings: Vec<Setting>,
}

/// The config that holds, each value with its origin; secrets are never shown.
#[utoipa::path(
    get, path = "/api/v1/config", tag = "process",
    responses(
        (status = 200, description = "The config", body = ConfigBody),
        (status = 400, description = "There are no parameters", body = Problem, content_type = "application/problem+json"),
        (status = 421, description = "The Host header is not one of this server's", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn config(Shared(state): App, uri: Uri) -> Result<Json<ConfigBody>, Problem> {
    Parameters::of(&uri)?.end()?;
    let settings = state.configured().catalogue.process();
    Ok(Json(ConfigBody { settings }))
}
