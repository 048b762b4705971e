//! Where to export to, and how: what OpenTelemetry's own environment variables say. Pure; every variable that is there
//! and cannot be is an error that names it, and never shows what may be secret.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use hc_core::escape;
use percent_encoding::percent_decode_str;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::send::{StartError, tls};

/// The defaults of OpenTelemetry's specification.
const INTERVAL: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(10);
const DELAY: Duration = Duration::from_secs(1);
const QUEUE: usize = 2_048;
const BATCH: usize = 512;

/// Records that may be asked to wait: some hundred megabytes.
const LARGEST: u64 = 100_000;

/// What is exported, and where to.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) metrics: Option<Endpoint>,
    pub(super) logs: Option<Endpoint>,
    /// From one push of metrics to the next.
    pub(super) interval: Duration,
    /// How long a record waits for others.
    pub(super) delay: Duration,
    /// Records that wait at most.
    pub(super) queue: usize,
    /// Records in one request at most.
    pub(super) batch: usize,
    pub(super) service_name: Option<String>,
    pub(super) resource: Vec<(String, String)>,
}

/// Where one signal goes.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) timeout: Duration,
    pub(super) gzip: bool,
    /// Roots in a PEM file, in place of the machine's.
    pub(super) certificate: Option<PathBuf>,
}

impl Endpoint {
    /// `collector:4318`: neither its user nor its path.
    pub(super) fn shown(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port_or_known_default() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("at", &self.shown())
            .finish_non_exhaustive()
    }
}

/// A variable says what cannot be. Completes "failed to export: ".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    variable: String,
    wanted: &'static str,
    /// Absent where it may be secret.
    found: Option<String>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: wanted {}", self.variable, self.wanted)?;
        match &self.found {
            Some(found) => write!(f, ", found `{found}`"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SettingsError {}

/// A variable and what it says.
struct Said {
    variable: String,
    value: String,
}

impl Said {
    fn wrong(&self, wanted: &'static str) -> SettingsError {
        SettingsError {
            variable: self.variable.clone(),
            wanted,
            found: Some(escape(&self.value, 60)),
        }
    }

    fn secretly_wrong(&self, wanted: &'static str) -> SettingsError {
        SettingsError {
            found: None,
            ..self.wrong(wanted)
        }
    }

    fn number(&self) -> Result<u64, SettingsError> {
        let number = self.value.trim().parse();
        number.map_err(|_| self.wrong("a whole number"))
    }

    fn millis(&self) -> Result<Duration, SettingsError> {
        match self.number()? {
            0 => Err(self.wrong("milliseconds above 0")),
            millis => Ok(Duration::from_millis(millis)),
        }
    }

    fn count(&self) -> Result<usize, SettingsError> {
        match self.number()? {
            count @ 1..=LARGEST => Ok(count as usize),
            _ => Err(self.wrong("1 to 100000")),
        }
    }

    /// `key=value,key2=value2`, each value percent-encoded.
    fn pairs(&self) -> Result<Vec<(String, String)>, SettingsError> {
        let wrong = || self.secretly_wrong("`key=value,key2=value2`, percent-encoded");
        let parts = self.value.split(',').map(str::trim);
        let parts = parts.filter(|part| !part.is_empty());
        parts
            .map(|part| {
                let (key, value) = part.split_once('=').ok_or_else(wrong)?;
                let decode = |text: &str| {
                    let decoded = percent_decode_str(text.trim()).decode_utf8();
                    decoded.map(Cow::into_owned).map_err(|_| wrong())
                };
                let (key, value) = (decode(key)?, decode(value)?);
                (!key.is_empty()).then_some((key, value)).ok_or_else(wrong)
            })
            .collect()
    }
}

/// Reads the variables.
struct Reader<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Reader<'_> {
    /// A variable that is empty is not set, as the specification says.
    fn read(&self, variable: &str) -> Option<Said> {
        let value = (self.0)(variable).filter(|value| !value.trim().is_empty())?;
        Some(Said {
            variable: variable.to_owned(),
            value,
        })
    }

    /// That of the signal alone, else that of all.
    fn of_signal(&self, signal: &str, name: &str) -> Option<Said> {
        self.read(&format!("OTEL_EXPORTER_OTLP_{signal}_{name}"))
            .or_else(|| self.read(&format!("OTEL_EXPORTER_OTLP_{name}")))
    }

    fn or<T>(
        &self,
        variable: &str,
        default: T,
        parse: impl Fn(&Said) -> Result<T, SettingsError>,
    ) -> Result<T, SettingsError> {
        self.read(variable).map_or(Ok(default), |said| parse(&said))
    }

    fn endpoint(&self, signal: &str, path: &str) -> Result<Option<Endpoint>, SettingsError> {
        if let Some(exporter) = self.read(&format!("OTEL_{signal}_EXPORTER")) {
            match exporter.value.trim() {
                "none" => return Ok(None),
                "otlp" => {}
                _ => return Err(exporter.wrong("`otlp` or `none`")),
            }
        }
        let own = self.read(&format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"));
        let url = match (own, self.read("OTEL_EXPORTER_OTLP_ENDPOINT")) {
            (Some(own), _) => url(&own)?,
            (None, Some(base)) => {
                let mut url = url(&base)?;
                let longer = format!("{}/{path}", url.path().trim_end_matches('/'));
                url.set_path(&longer);
                url
            }
            (None, None) => return Ok(None),
        };
        if let Some(protocol) = self.of_signal(signal, "PROTOCOL")
            && protocol.value.trim() != "http/protobuf"
        {
            return Err(protocol.wrong("`http/protobuf`"));
        }
        let headers = self.of_signal(signal, "HEADERS");
        let timeout = self.of_signal(signal, "TIMEOUT");
        let gzip = match self.of_signal(signal, "COMPRESSION") {
            None => false,
            Some(said) => match said.value.trim() {
                "gzip" => true,
                "none" => false,
                _ => return Err(said.wrong("`gzip` or `none`")),
            },
        };
        let certificate = self.of_signal(signal, "CERTIFICATE");
        Ok(Some(Endpoint {
            url,
            headers: headers.map_or(Ok(HeaderMap::new()), |said| self::headers(&said))?,
            timeout: timeout.map_or(Ok(TIMEOUT), |said| said.millis())?,
            gzip,
            certificate: certificate.map(|said| said.value.into()),
        }))
    }
}

fn url(said: &Said) -> Result<Url, SettingsError> {
    // It may hold a password.
    let wrong = || said.secretly_wrong("a URL, `http://` or `https://`, a host and a port");
    let url = Url::parse(said.value.trim()).map_err(|_| wrong())?;
    let is_http = matches!(url.scheme(), "http" | "https") && url.has_host();
    is_http.then_some(url).ok_or_else(wrong)
}

fn headers(said: &Said) -> Result<HeaderMap, SettingsError> {
    let wrong = |_| said.secretly_wrong("names and values of HTTP headers");
    let mut headers = HeaderMap::new();
    for (name, value) in said.pairs()? {
        let name = HeaderName::try_from(name).map_err(|_| wrong(()))?;
        let mut value = HeaderValue::try_from(value).map_err(|_| wrong(()))?;
        // Not to be shown, nor to be remembered by HTTP/2.
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

impl Settings {
    /// Where it is exported to, without anything secret: `collector:4318`, or both of two places.
    #[must_use]
    pub fn shown(&self) -> String {
        let both = [&self.metrics, &self.logs].into_iter().flatten();
        let mut shown: Vec<_> = both.map(Endpoint::shown).collect();
        shown.dedup();
        shown.join(",")
    }

    /// Whether an export could begin with them: reads the files of roots.
    ///
    /// # Errors
    /// One of them cannot be read, or holds no roots.
    pub fn check(&self) -> Result<(), StartError> {
        let mut both = [&self.metrics, &self.logs].into_iter().flatten();
        both.try_for_each(|endpoint| tls(endpoint).map(drop))
    }

    /// What the variables say, which `read` reads. `None`: nothing is to be exported, as no endpoint is named.
    ///
    /// # Errors
    /// The first variable that says what cannot be.
    pub fn read(read: &dyn Fn(&str) -> Option<String>) -> Result<Option<Self>, SettingsError> {
        let reader = Reader(read);
        let disabled = reader.read("OTEL_SDK_DISABLED");
        if disabled.is_some_and(|said| said.value.trim().eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let metrics = reader.endpoint("METRICS", "v1/metrics")?;
        let logs = reader.endpoint("LOGS", "v1/logs")?;
        if metrics.is_none() && logs.is_none() {
            return Ok(None);
        }
        let batch = reader.or("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", BATCH, Said::count)?;
        Ok(Some(Self {
            metrics,
            logs,
            interval: reader.or("OTEL_METRIC_EXPORT_INTERVAL", INTERVAL, Said::millis)?,
            delay: reader.or("OTEL_BLRP_SCHEDULE_DELAY", DELAY, Said::millis)?,
            queue: reader.or("OTEL_BLRP_MAX_QUEUE_SIZE", QUEUE, Said::count)?,
            batch,
            service_name: reader.read("OTEL_SERVICE_NAME").map(|said| said.value),
            resource: reader.or("OTEL_RESOURCE_ATTRIBUTES", Vec::new(), Said::pairs)?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Settings>, SettingsError> {
        Settings::read(&|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    const BASE: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

    #[test]
    fn nothing_is_exported_unless_an_endpoint_is_named() {
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[("OTEL_SERVICE_NAME", "x")]).unwrap().is_none());
        assert!(
            read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")])
                .unwrap()
                .is_none()
        );
        assert!(
            read(&[BASE, ("OTEL_SDK_DISABLED", "True")])
                .unwrap()
                .is_none()
        );
        let off = [
            BASE,
            ("OTEL_LOGS_EXPORTER", "none"),
            ("OTEL_METRICS_EXPORTER", "none"),
        ];
        assert!(read(&off).unwrap().is_none());
    }

    #[test]
    fn the_base_gets_a_path_and_a_signals_own_endpoint_holds_as_it_is() {
        let settings = read(&[
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "https://collector.test/otlp/",
            ),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://logs.test:99/in"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=1"),
            (
                "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
                "authorization=Bearer%20x%2Cy , b=2",
            ),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "250"),
            ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "gzip"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "5000"),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "deployment.environment.name=prod,team=a%20b",
            ),
        ]);
        let settings = settings.unwrap().unwrap();
        assert_eq!(settings.shown(), "collector.test:443,logs.test:99");
        let (metrics, logs) = (settings.metrics.unwrap(), settings.logs.unwrap());
        assert_eq!(
            metrics.url.as_str(),
            "https://collector.test/otlp/v1/metrics"
        );
        assert_eq!(logs.url.as_str(), "http://logs.test:99/in");
        assert_eq!(
            (metrics.shown(), logs.shown()),
            ("collector.test:443".into(), "logs.test:99".into())
        );
        assert_eq!(metrics.headers["a"], "1");
        assert_eq!(logs.headers["authorization"], "Bearer x,y");
        assert!(logs.headers["authorization"].is_sensitive() && logs.headers.get("a").is_none());
        assert_eq!(logs.timeout, Duration::from_millis(250));
        assert!(metrics.gzip && !logs.gzip);
        assert_eq!(settings.interval, Duration::from_secs(5));
        assert_eq!(settings.resource[1], ("team".to_owned(), "a b".to_owned()));
    }

    #[track_caller]
    fn wrong(variable: &str, value: &str, expected: &str) {
        let error = read(&[BASE, (variable, value)]).unwrap_err();
        assert_eq!(error.to_string(), format!("{variable}: {expected}"));
    }

    #[test]
    fn what_cannot_be_is_named_and_secrets_are_not_shown() {
        wrong(
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "grpc",
            "wanted `http/protobuf`, found `grpc`",
        );
        wrong(
            "OTEL_EXPORTER_OTLP_TIMEOUT",
            "10s",
            "wanted a whole number, found `10s`",
        );
        wrong(
            "OTEL_METRIC_EXPORT_INTERVAL",
            "0",
            "wanted milliseconds above 0, found `0`",
        );
        wrong(
            "OTEL_BLRP_MAX_QUEUE_SIZE",
            "0",
            "wanted 1 to 100000, found `0`",
        );
        wrong(
            "OTEL_EXPORTER_OTLP_COMPRESSION",
            "zstd",
            "wanted `gzip` or `none`, found `zstd`",
        );
        wrong(
            "OTEL_LOGS_EXPORTER",
            "console",
            "wanted `otlp` or `none`, found `console`",
        );
        let url = "wanted a URL, `http://` or `https://`, a host and a port";
        wrong("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "collector:4318", url);
        wrong(
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
            "grpc://u:geheim@x:1",
            url,
        );
        let pairs = "wanted `key=value,key2=value2`, percent-encoded";
        wrong("OTEL_EXPORTER_OTLP_HEADERS", "geheim", pairs);
        wrong("OTEL_EXPORTER_OTLP_HEADERS", "a=%ff", pairs);
        wrong(
            "OTEL_EXPORTER_OTLP_HEADERS",
            "a b=1",
            "wanted names and values of HTTP headers",
        );
        wrong(
            "OTEL_EXPORTER_OTLP_HEADERS",
            "a=1%0a2",
            "wanted names and values of HTTP headers",
        );
        let secret = ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=geheim");
        let endpoint = (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "http://u:geheim@collector:1/x?y=geheim",
        );
        let settings = read(&[endpoint, secret]).unwrap();
        assert!(!format!("{settings:?}").contains("geheim"));
    }
}
