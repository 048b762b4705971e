//! The API's own description, made of the routes and shapes themselves.

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::OpenApi;

use super::{config, events, fleet, health, metrics, target, targets};

/// What hc shows of itself. Read-only: every verb is GET or HEAD. Errors are problems by RFC 9457.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "hc",
        description = "What hc shows of itself. Read-only: every verb is GET or HEAD."
    ),
    paths(
        fleet::fleet,
        targets::targets,
        target::target,
        events::events,
        config::config,
        health::healthz,
        health::readyz,
        metrics::metrics,
        openapi,
    ),
    components(schemas(crate::wire::event::Gap, targets::StateName, targets::LabelFilter))
)]
struct Document;

/// The OpenAPI document, as it is served and checked in.
#[must_use]
pub fn document() -> String {
    let mut document = Document::openapi();
    // The crate's own release is that of the workspace.
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    document.info.contact = None;
    // It is made of constants.
    document.to_pretty_json().unwrap_or_default() + "\n"
}

/// This description.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "process",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json"))
)]
pub(super) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document())
}
