//! The routes, and what holds for all of them: whom they answer, for how long, and under which headers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::listen::{Via, host_of};
use crate::server::State;
use crate::wire::problem::Problem;

mod config;
mod cursor;
mod events;
mod fleet;
mod health;
pub(crate) mod metrics;
pub(crate) mod openapi;
mod query;
mod stream;
mod target;
mod targets;
mod version;

type App = Shared<Arc<State>>;

/// An answer may take so long to be begun.
const ANSWER_TIME: Duration = Duration::from_secs(10);

pub(crate) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/api/v1/fleet", get(fleet::fleet))
        .route("/api/v1/targets", get(targets::targets))
        .route("/api/v1/targets/{uid}", get(target::target))
        .route("/api/v1/events", get(events::events))
        .route("/api/v1/config", get(config::config))
        .route("/api/v1/openapi.json", get(openapi::openapi))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(state.clone(), around))
        .with_state(state)
}

async fn not_found(uri: Uri) -> Problem {
    Problem::not_found(uri.path())
}

async fn method_not_allowed(method: Method) -> Problem {
    Problem::method_not_allowed(method.as_str())
}

/// Around every route: the host, the time, the headers.
async fn around(Shared(state): App, request: Request, next: Next) -> Response {
    let is_theirs = request.extensions().get::<Via>() != Some(&Via::Unix);
    let host = host_of(request.uri(), request.headers()).unwrap_or_default();
    let mut response = if is_theirs && !state.configured().hosts.allow(host) {
        Problem::bad_host(host).into_response()
    } else {
        let answer = tokio::time::timeout(ANSWER_TIME, next.run(request)).await;
        answer.unwrap_or_else(|_| Problem::too_slow().into_response())
    };
    // Nothing here is a page: not even a browser that guesses takes it for one, and no page of others shows it.
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

const HEADERS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (header::CACHE_CONTROL, "no-cache"),
];
