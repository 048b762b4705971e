//! One request to a collector, and what its answer means by OTLP's rules: taken, taken in part, try again later, never.

use std::fmt;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use hc_core::escape;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use prost::Message as _;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::settings::Endpoint;

/// What a collector says about a request is read so far.
const LONGEST_ANSWER: usize = 65_536;

/// How long a connection is kept for the next request.
const IDLE: Duration = Duration::from_secs(5);

/// No collector keeps one waiting for longer; what waits is bounded anyway.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Nor is one asked again at once, whatever it says.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

/// The collector took it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Of it so many it refused for good.
    pub(super) rejected: u64,
    /// Why; empty if it did not say.
    pub(super) why: String,
}

/// The collector did not take it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// Whether it may take it later, and if it said so: in how long.
    pub(super) again: Option<Option<Duration>>,
    /// One sentence for people.
    pub(super) why: String,
}

impl Refused {
    fn later(why: impl fmt::Display, after: Option<Duration>) -> Self {
        Self {
            again: Some(after),
            why: why.to_string(),
        }
    }
}

/// Speaks to one endpoint.
pub(super) struct Sender {
    client: reqwest::Client,
    endpoint: Endpoint,
    shown: String,
}

/// The client cannot be made. Completes "failed to export: ".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError(String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

impl Sender {
    pub(super) fn try_new(endpoint: Endpoint, version: &str) -> Result<Self, StartError> {
        let client = reqwest::Client::builder()
            // The proxy variables of the environment are other programs' business, as everywhere in hc.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            // Bursts share a connection. One that lay idle may be closed by the time that it is used, and a push that
            // is lost by that would be told as trouble.
            .pool_idle_timeout(IDLE)
            .user_agent(format!("hc/{version}"))
            .tls_backend_preconfigured(tls(&endpoint)?)
            .build()
            .map_err(|_| StartError("the client refused its settings".to_owned()))?;
        let shown = endpoint.shown();
        Ok(Self {
            client,
            endpoint,
            shown,
        })
    }

    /// Whether bodies are to be compressed.
    pub(super) fn gzip(&self) -> bool {
        self.endpoint.gzip
    }

    /// Sends one request, within the endpoint's timeout.
    ///
    /// # Cancel safety
    /// The collector may have it, or not.
    pub(super) async fn send(&self, body: Bytes) -> Result<Taken, Refused> {
        let within = self.endpoint.timeout;
        let sent = tokio::time::timeout(within, self.send_at_leisure(body)).await;
        sent.unwrap_or_else(|_| {
            let why = format!("{} gave no answer within {within:?}", self.shown);
            Err(Refused::later(why, None))
        })
    }

    async fn send_at_leisure(&self, body: Bytes) -> Result<Taken, Refused> {
        let mut request = self
            .client
            .post(self.endpoint.url.clone())
            .headers(self.endpoint.headers.clone())
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(body);
        if self.gzip() {
            request = request.header(CONTENT_ENCODING, "gzip");
        }
        let trouble = |error: &reqwest::Error| {
            let why = format!("{}: {}", self.shown, reason(error));
            Refused::later(why, None)
        };
        let answer = request.send().await.map_err(|error| trouble(&error))?;
        let status = answer.status();
        let why = || format!("{} answered {status}", self.shown);
        match status {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Err(Refused::later(why(), retry_after(&answer))),
            _ if status.is_success() => Ok(taken(answer).await),
            _ => Err(Refused {
                again: None,
                why: why(),
            }),
        }
    }
}

/// A body as it is sent.
pub(super) fn body(message: &impl prost::Message, gzip: bool) -> Bytes {
    let bytes = message.encode_to_vec();
    if !gzip {
        return bytes.into();
    }
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let packed = packer.write_all(&bytes).and_then(|()| packer.finish());
    let packed = packed.expect("a vector takes all that is written to it");
    packed.into()
}

/// What it says of what it refused. Answers about metrics and about logs are written alike.
async fn taken(mut answer: Response) -> Taken {
    let mut body = Vec::new();
    // An answer that breaks off, or is too long, says nothing: it was taken.
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER {
            body.clear();
            break;
        }
    }
    let said = ExportLogsServiceResponse::decode(&*body).unwrap_or_default();
    let partial = said.partial_success.unwrap_or_default();
    Taken {
        rejected: u64::try_from(partial.rejected_log_records).unwrap_or(0),
        why: escape(&partial.error_message, 200),
    }
}

/// In seconds; a date is not heeded.
fn retry_after(answer: &Response) -> Option<Duration> {
    let value = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    let seconds = value.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).clamp(SHORTEST_WAIT, LONGEST_WAIT))
}

/// Its cause, without URL and without what only says that there is a cause.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    match cause.is::<reqwest::Error>() {
        true => "the request failed".to_owned(),
        false => escape(&cause.to_string(), 200),
    }
}

pub(super) fn tls(endpoint: &Endpoint) -> Result<ClientConfig, StartError> {
    let mut roots = RootCertStore::empty();
    match &endpoint.certificate {
        // One that speaks no TLS needs no roots.
        _ if endpoint.url.scheme() != "https" => {}
        Some(path) => {
            let wrong = |what: &str| StartError(format!("the roots in {}: {what}", path.display()));
            let read =
                CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error.to_string()))?;
            for certificate in read {
                let certificate = certificate.map_err(|error| wrong(&error.to_string()))?;
                roots
                    .add(certificate)
                    .map_err(|error| wrong(&error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(wrong("there is no certificate"));
            }
        }
        None => {
            let known = rustls_native_certs::load_native_certs().certs;
            roots.add_parsable_certificates(known);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| StartError("TLS has no version".to_owned()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
