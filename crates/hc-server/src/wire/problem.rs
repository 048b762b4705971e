//! What went wrong with a request, by RFC 9457.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A request could not be answered (RFC 9457, `application/problem+json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:hc:problem:` and what kind of problem: `unknown-target`, `bad-filter`, `bad-cursor`, `bad-host`,
    /// `too-many-streams`, `too-slow`, `not-ready`, `not-found`, `method-not-allowed`, `stopping`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for every problem of a kind.
    pub title: Cow<'static, str>,
    /// As in the response's head.
    pub status: u16,
    /// What was wrong with this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Request text in a problem is cut after so many characters.
const LONGEST_DETAIL: usize = 300;

impl Problem {
    fn new(status: StatusCode, kind: &str, title: &'static str, detail: Option<&str>) -> Self {
        Self {
            kind: format!("urn:hc:problem:{kind}"),
            title: title.into(),
            status: status.as_u16(),
            detail: detail.map(|detail| hc_core::escape(detail, LONGEST_DETAIL)),
        }
    }

    pub(crate) fn unknown_target(detail: &str) -> Self {
        let title = "no such target";
        Self::new(StatusCode::NOT_FOUND, "unknown-target", title, Some(detail))
    }

    pub(crate) fn bad_filter(detail: &str) -> Self {
        let title = "a parameter cannot be used";
        Self::new(StatusCode::BAD_REQUEST, "bad-filter", title, Some(detail))
    }

    pub(crate) fn bad_cursor(detail: &str) -> Self {
        let title = "no such place to go on from";
        Self::new(StatusCode::BAD_REQUEST, "bad-cursor", title, Some(detail))
    }

    pub(crate) fn bad_host(host: &str) -> Self {
        let detail = match host {
            "" => "the request names no host".to_owned(),
            host => format!("{host} is not a name of this server; add it to allowed_hosts"),
        };
        let title = "not for this server";
        let status = StatusCode::MISDIRECTED_REQUEST;
        Self::new(status, "bad-host", title, Some(&detail))
    }

    pub(crate) fn too_many_streams(most: usize) -> Self {
        let detail = format!("{most} streams are open");
        let title = "too many event streams";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "too-many-streams", title, Some(&detail))
    }

    pub(crate) fn too_slow() -> Self {
        let title = "the answer took too long";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too-slow", title, None)
    }

    pub(crate) fn not_ready(detail: &str) -> Self {
        let title = "not ready yet";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "not-ready", title, Some(detail))
    }

    pub(crate) fn stopping() -> Self {
        let title = "hc is being stopped";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", title, None)
    }

    pub(crate) fn not_found(path: &str) -> Self {
        let title = "nothing here";
        Self::new(StatusCode::NOT_FOUND, "not-found", title, Some(path))
    }

    pub(crate) fn method_not_allowed(method: &str) -> Self {
        let title = "only GET and HEAD";
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self::new(status, "method-not-allowed", title, Some(method))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // Texts and a number cannot fail to be written.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (status, [(header::CONTENT_TYPE, kind)], body).into_response();
        if status == StatusCode::METHOD_NOT_ALLOWED {
            let allow = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(header::ALLOW, allow);
        }
        response
    }
}
