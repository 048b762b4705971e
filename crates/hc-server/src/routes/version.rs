//! ETags of the view's version: an answer that no event has changed since is not sent again (RFC 9110, 13.1.2).

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::server::State;

/// The ETag of a version, and whether the client has it already.
pub(super) struct Version {
    tag: HeaderValue,
    is_known: bool,
}

impl Version {
    /// Weak: what a streak or a check changes without an event is not told by it.
    pub(super) fn new(state: &State, version: u64, headers: &HeaderMap) -> Self {
        let tag = format!("W/\"{}-{version}\"", state.run());
        let strong = &tag["W/".len()..];
        let known = headers.get_all(header::IF_NONE_MATCH).iter();
        let is_known = known
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .any(|value| value == "*" || value.trim_start_matches("W/") == strong);
        Self {
            tag: HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("W/\"\"")),
            is_known,
        }
    }

    pub(super) fn is_known(&self) -> bool {
        self.is_known
    }

    pub(super) fn not_modified(self) -> Response {
        (StatusCode::NOT_MODIFIED, [(header::ETAG, self.tag)]).into_response()
    }

    pub(super) fn json(self, body: &impl Serialize) -> Response {
        ([(header::ETAG, self.tag)], Json(body)).into_response()
    }
}
