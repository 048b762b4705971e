//! What reaches an OpenTelemetry collector, by a collector that reads it; and that one which does not listen harms nobody.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hc_core::{Evidence, Fact, Failure, Labels, Phase, Policy, Target, probe_fn};
use hc_scheduler::{Monitor, MonitorHandle};
use hc_server::otlp::{Exporting, Said, Settings, Signal};
use hc_server::{
    About, Catalogue, Ledger, MetricsSettings, PerTarget, Server, Serving, Setting, Sockets,
};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data, number_data_point};
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How long anything is waited for before the test has failed.
const LONG: Duration = Duration::from_secs(30);

/// Answers of a collector that are no status.
const HANG: u16 = 1;
const PARTLY: u16 = 2;

/// What a collector got.
struct Got {
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// A collector that answers as it is told to, and tells what it got.
struct Collector {
    at: SocketAddr,
    answer: Arc<AtomicU16>,
    got: UnboundedReceiver<Got>,
}

impl Collector {
    async fn start(answer: u16) -> Self {
        let answer = Arc::new(AtomicU16::new(answer));
        let (tell, got) = unbounded_channel();
        let told = answer.clone();
        let router = Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let path = uri.path().to_owned();
            let body = unpack(&headers, &body);
            // Who asks no more has what they wanted.
            let _ = tell.send(Got {
                path,
                headers,
                body,
            });
            answered(told.load(Ordering::Relaxed))
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, router));
        Self { at, answer, got }
    }

    fn answers(&self, with: u16) {
        self.answer.store(with, Ordering::Relaxed);
    }

    async fn next(&mut self) -> Got {
        let got = tokio::time::timeout(LONG, self.got.recv()).await;
        got.expect("something comes").unwrap()
    }

    /// The next request with log records.
    async fn logs(&mut self) -> (ExportLogsServiceRequest, HeaderMap) {
        loop {
            let got = self.next().await;
            if got.path == "/v1/logs" {
                return (
                    ExportLogsServiceRequest::decode(&*got.body).unwrap(),
                    got.headers,
                );
            }
        }
    }

    async fn record(&mut self) -> LogRecord {
        let (request, _) = self.logs().await;
        let mut records = records(&request);
        assert_eq!(records.len(), 1, "{records:#?}");
        records.remove(0)
    }

    async fn metrics(&mut self) -> ExportMetricsServiceRequest {
        loop {
            let got = self.next().await;
            if got.path == "/v1/metrics" {
                return ExportMetricsServiceRequest::decode(&*got.body).unwrap();
            }
        }
    }
}

async fn serve(listener: tokio::net::TcpListener, router: Router) {
    while let Ok((stream, _)) = listener.accept().await {
        let service = TowerToHyperService::new(router.clone());
        let serving = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(serving);
    }
}

fn unpack(headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    if headers.get("content-encoding").is_none() {
        return body.to_vec();
    }
    let mut whole = Vec::new();
    flate2::read::GzDecoder::new(body)
        .read_to_end(&mut whole)
        .unwrap();
    whole
}

async fn answered(with: u16) -> Response {
    match with {
        HANG => std::future::pending().await,
        PARTLY => {
            let partial_success = Some(ExportLogsPartialSuccess {
                rejected_log_records: 1,
                error_message: "too\nlong".into(),
            });
            ExportLogsServiceResponse { partial_success }
                .encode_to_vec()
                .into_response()
        }
        status => {
            let again = [("retry-after", "0")];
            (StatusCode::from_u16(status).unwrap(), again).into_response()
        }
    }
}

fn records(request: &ExportLogsServiceRequest) -> Vec<LogRecord> {
    let scopes = request
        .resource_logs
        .iter()
        .flat_map(|resource| &resource.scope_logs);
    scopes.flat_map(|scope| scope.log_records.clone()).collect()
}

fn shown(value: &KeyValue) -> (String, String) {
    let value_text = match value.value.as_ref().unwrap().value.as_ref().unwrap() {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::DoubleValue(number) => format!("{number:.0}"),
        other => panic!("{other:?}"),
    };
    (value.key.clone(), value_text)
}

fn attributes(of: &[KeyValue]) -> BTreeMap<String, String> {
    of.iter().map(shown).collect()
}

fn body(record: &LogRecord) -> String {
    match record.body.clone().unwrap().value.unwrap() {
        Value::StringValue(text) => text,
        other => panic!("{other:?}"),
    }
}

struct Urls;

impl Catalogue for Urls {
    fn url(&self, target: &str) -> Option<Arc<str>> {
        Some(format!("http://{target}.test:8080/health").into())
    }

    fn target(&self, _: &str) -> Option<Vec<Setting>> {
        None
    }

    fn process(&self) -> Vec<Setting> {
        Vec::new()
    }
}

/// A target that fails while the switch says so, asked by the tests alone after its first check.
fn target(name: &str, fails: &Arc<AtomicU16>) -> Target {
    let fails = fails.clone();
    let probe = probe_fn(move |_| {
        let fails = fails.load(Ordering::Relaxed) > 0;
        async move {
            let mut evidence =
                Evidence::new().with(Fact::HttpStatus(if fails { 503 } else { 200 }));
            evidence.address = "10.0.0.9:80".parse().ok();
            if !fails {
                return Ok(evidence);
            }
            let mut failure = Failure::unexpected("status", Phase::Wait, "200-299", "503");
            failure.evidence = Some(Box::new(evidence));
            Err(failure)
        }
    });
    let policy = Policy::builder()
        .interval(Duration::from_secs(86_400))
        .fast_interval(Duration::from_secs(43_200))
        .fall(1)
        .rise(1)
        .flap(None)
        .unsteady(None)
        .build()
        .unwrap();
    Target::new(name, probe)
        .with_policy(policy)
        .with_probe_name("http")
        .with_group("edge")
        .with_labels(Labels::from_iter([("zone", "a")]))
}

/// A server that exports, with one target or more.
struct Site {
    monitor: MonitorHandle,
    fails: Arc<AtomicU16>,
    server: Server,
    at: SocketAddr,
    _serving: Serving,
    export: Exporting,
    said: Arc<Mutex<Vec<Said>>>,
}

impl Site {
    /// Exports to that place, by these variables too.
    async fn of(collector: SocketAddr, variables: &[(&str, &str)], targets: &[String]) -> Self {
        let fails = Arc::new(AtomicU16::new(0));
        let ledger = Arc::new(Ledger::new());
        let monitor = Monitor::builder()
            .observer(ledger.clone())
            .targets(targets.iter().map(|name| target(name, &fails)))
            .build()
            .start();
        let about = About {
            instance: "web1".into(),
            version: "0.1.0".into(),
            revision: String::new(),
            started: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000),
        };
        let server = Server::new(monitor.clone(), ledger, about, Arc::new(Urls));
        let metrics = MetricsSettings {
            labels: vec!["zone".into()],
            ..MetricsSettings::default()
        };
        server.configure(Arc::new(Urls), [], metrics);
        let mut sockets = Sockets::none();
        sockets.bind(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
        let at = sockets.tcp_addresses()[0];
        let serving = server.serve(sockets);
        let settings = Settings::read(&|name| {
            let own = variables.iter().find(|(key, _)| *key == name);
            match name {
                "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("http://{collector}")),
                // So that nothing but what a test is about takes its time.
                "OTEL_BLRP_SCHEDULE_DELAY" => Some("1".into()),
                _ => own.map(|(_, value)| (*value).to_owned()),
            }
        });
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = said.clone();
        let tell = Arc::new(move |what| heard.lock().unwrap().push(what));
        let export = server.export(settings.unwrap().unwrap(), tell).unwrap();
        Self {
            monitor,
            fails,
            server,
            at,
            _serving: serving,
            export,
            said,
        }
    }

    async fn one(collector: SocketAddr, variables: &[(&str, &str)]) -> Self {
        let site = Self::of(collector, variables, &["api-1".to_owned()]).await;
        site.monitor.check_now("api-1").await.unwrap();
        site
    }

    async fn turn(&self, fails: bool) {
        self.fails.store(fails.into(), Ordering::Relaxed);
        self.monitor.check_now("api-1").await.unwrap();
    }

    fn said(&self) -> Vec<Said> {
        self.said.lock().unwrap().clone()
    }

    /// Waits until the metrics say that.
    async fn shows(&self, line: &str) {
        let look = async {
            loop {
                let mut stream = tokio::net::TcpStream::connect(self.at).await.unwrap();
                let request =
                    "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
                stream.write_all(request.as_bytes()).await.unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await.unwrap();
                if answer.contains(&format!("{line}\n")) {
                    return;
                }
            }
        };
        let shown = tokio::time::timeout(LONG, look).await;
        assert!(shown.is_ok(), "{line} is not shown");
    }

    async fn close(self) {
        self.monitor.shutdown(Duration::ZERO).await;
        let closed = self.export.close(Duration::from_secs(1));
        tokio::time::timeout(LONG, closed)
            .await
            .expect("it is bounded");
        drop(self.server);
    }
}

#[tokio::test]
async fn a_transition_arrives_in_opentelemetrys_words() {
    let mut collector = Collector::start(200).await;
    let variables = [
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Bearer%20geheim",
        ),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=test,service.name=other",
        ),
        ("OTEL_SERVICE_NAME", "checks"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
    ];
    let site = Site::one(collector.at, &variables).await;
    site.turn(true).await;
    let (request, headers) = collector.logs().await;
    assert_eq!(headers["content-type"], "application/x-protobuf");
    assert_eq!(headers["authorization"], "Bearer geheim");
    assert_eq!(headers["user-agent"], "hc/0.1.0");

    let resource = request.resource_logs[0].resource.as_ref().unwrap();
    let mut resource = attributes(&resource.attributes);
    assert!(resource.remove("process.pid").is_some());
    let expected = [
        ("deployment.environment.name", "test"),
        ("service.instance.id", "web1"),
        ("service.name", "checks"),
        ("service.version", "0.1.0"),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(resource, BTreeMap::from(expected));

    // The first `healthy` is no record.
    let records = records(&request);
    let [record] = &records[..] else {
        panic!("{records:#?}");
    };
    assert_eq!(record.event_name, "hc.transition");
    assert_eq!(
        (record.severity_number, &*record.severity_text),
        (13, "WARN")
    );
    assert_eq!(
        body(record),
        "api-1: healthy -> unhealthy: status: wanted 200-299, found 503"
    );
    assert!(record.time_unix_nano > 0 && record.observed_time_unix_nano > 0);
    let mut found = attributes(&record.attributes);
    assert!(found.remove("hc.status.held").is_some());
    let expected = [
        ("error.type", "unexpected"),
        ("hc.failure.blame", "target"),
        ("hc.failure.code", "status"),
        ("hc.failure.found", "503"),
        ("hc.failure.wanted", "200-299"),
        ("hc.group.name", "edge"),
        ("hc.label.zone", "a"),
        ("hc.phase", "wait"),
        ("hc.status.from", "healthy"),
        ("hc.status.to", "unhealthy"),
        ("hc.streak", "1"),
        ("hc.target.name", "api-1"),
        ("http.response.status_code", "503"),
        ("network.peer.address", "10.0.0.9"),
        ("network.peer.port", "80"),
        ("server.address", "api-1.test"),
        ("server.port", "8080"),
        ("url.full", "http://api-1.test:8080/health"),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(found, BTreeMap::from(expected));

    site.turn(false).await;
    let record = collector.record().await;
    assert_eq!(
        (record.severity_number, &*record.severity_text),
        (9, "INFO")
    );
    assert_eq!(body(&record), "api-1: unhealthy -> healthy");
    assert_eq!(site.said(), []);
    site.close().await;
}

fn numbers(metric: &Metric) -> Vec<(BTreeMap<String, String>, f64)> {
    let points = match metric.data.as_ref().unwrap() {
        Data::Gauge(gauge) => &gauge.data_points,
        Data::Sum(sum) => &sum.data_points,
        other => panic!("{other:?}"),
    };
    let number = |value| match value {
        Some(number_data_point::Value::AsInt(number)) => number as f64,
        Some(number_data_point::Value::AsDouble(number)) => number,
        None => panic!("a point without a value"),
    };
    points
        .iter()
        .map(|point| (attributes(&point.attributes), number(point.value)))
        .collect()
}

/// Metrics by name; of a push in parts all of them.
fn by_name(requests: &[ExportMetricsServiceRequest]) -> BTreeMap<String, Metric> {
    let resources = requests
        .iter()
        .flat_map(|request| &request.resource_metrics);
    let scopes = resources.flat_map(|resource| &resource.scope_metrics);
    let metrics = scopes.flat_map(|scope| scope.metrics.clone());
    metrics
        .map(|metric| (metric.name.clone(), metric))
        .collect()
}

#[tokio::test]
async fn metrics_arrive_and_the_last_push_tells_the_end() {
    let mut collector = Collector::start(200).await;
    // Nothing is pushed for ten minutes, and then at the end.
    let site = Site::one(collector.at, &[("OTEL_METRIC_EXPORT_INTERVAL", "600000")]).await;
    site.turn(true).await;
    site.close().await;
    let last = by_name(&[collector.metrics().await, collector.metrics().await]);
    assert_eq!(numbers(&last["hc.target.failures"])[0].1, 1.0);
    assert_eq!(numbers(&last["hc.checks.in_flight"])[0].1, 0.0);

    let site = Site::one(collector.at, &[("OTEL_METRIC_EXPORT_INTERVAL", "5")]).await;
    site.turn(true).await;
    let mut failures = 0.0;
    // A push may have begun before the check ended.
    let metrics = loop {
        let both = [collector.metrics().await, collector.metrics().await];
        let metrics = by_name(&both);
        if let Some(failed) = metrics.get("hc.target.failures") {
            failures = numbers(failed)[0].1;
        }
        if failures > 0.0 && metrics.contains_key("hc.targets") {
            break metrics;
        }
    };
    let target = [
        ("hc.group.name", "edge"),
        ("hc.label.zone", "a"),
        ("hc.target.name", "api-1"),
    ];
    let with = |more: &[(&str, &str)]| -> BTreeMap<String, String> {
        let all = target.iter().chain(more);
        all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    };
    assert_eq!(numbers(&metrics["hc.target.healthy"]), [(with(&[]), 0.0)]);
    assert_eq!(
        numbers(&metrics["hc.target.state"]),
        [(with(&[("hc.state", "unhealthy")]), 1.0)]
    );
    let why = [
        ("error.type", "unexpected"),
        ("hc.failure.blame", "target"),
        ("hc.failure.code", "status"),
        ("hc.phase", "wait"),
    ];
    assert_eq!(
        numbers(&metrics["hc.target.failure.info"]),
        [(with(&why), 1.0)]
    );
    assert_eq!(metrics["hc.target.last_check.timestamp"].unit, "s");

    let group = |more: &[(&str, &str)]| -> BTreeMap<String, String> {
        let all = [("hc.group.name", "edge")];
        let all = all.iter().chain(more);
        all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    };
    let failed = group(&[
        ("error.type", "unexpected"),
        ("hc.failure.blame", "target"),
        ("hc.phase", "wait"),
    ]);
    assert_eq!(numbers(&metrics["hc.check.failures"]), [(failed, 1.0)]);
    let passed = group(&[("hc.probe.name", "http"), ("hc.result", "pass")]);
    assert!(numbers(&metrics["hc.checks"]).contains(&(passed, 1.0)));
    let Some(Data::Sum(checks)) = &metrics["hc.checks"].data else {
        panic!("checks are counted");
    };
    assert!(checks.is_monotonic && checks.aggregation_temporality == 2);
    assert_eq!(
        checks.data_points[0].start_time_unix_nano,
        1_000_000_000_000
    );
    let Some(Data::Histogram(durations)) = &metrics["hc.check.duration"].data else {
        panic!("durations are a histogram");
    };
    let durations = &durations.data_points[0];
    assert_eq!(durations.count, 2);
    assert_eq!(
        durations.bucket_counts.len(),
        durations.explicit_bounds.len() + 1
    );
    assert_eq!(durations.bucket_counts.iter().sum::<u64>(), 2);
    assert_eq!(durations.explicit_bounds[0], 0.0005);

    let sinks = numbers(&metrics["hc.sink.dropped_samples"]);
    assert!(
        sinks
            .iter()
            .any(|(sink, dropped)| sink["hc.sink.name"] == "otlp" && *dropped == 0.0)
    );
    let modes: Vec<_> = numbers(&metrics["process.cpu.time"]);
    assert_eq!(
        (&*modes[0].0["cpu.mode"], &*modes[1].0["cpu.mode"]),
        ("user", "system")
    );
    for name in [
        "process.memory.usage",
        "process.thread.count",
        "process.unix.file_descriptor.count",
        "process.uptime",
    ] {
        assert!(numbers(&metrics[name])[0].1 > 0.0, "{name}");
    }
    site.close().await;
}

/// Thousands of targets go in several requests, each of which a collector takes.
#[tokio::test]
async fn a_large_fleet_is_told_in_parts() {
    let mut collector = Collector::start(200).await;
    let names: Vec<_> = (0..2_500).map(|n| format!("t{n}")).collect();
    let variables = [
        ("OTEL_METRIC_EXPORT_INTERVAL", "5"),
        ("OTEL_LOGS_EXPORTER", "none"),
    ];
    let site = Site::of(collector.at, &variables, &names).await;
    let mut parts = Vec::new();
    // The first part names no target.
    while by_name(&[collector.metrics().await]).contains_key("hc.target.state") {}
    for _ in 0..2 {
        let metrics = by_name(&[collector.metrics().await]);
        parts.push(numbers(&metrics["hc.target.transitions"]).len());
    }
    assert_eq!(parts, [2_000, 500]);
    site.close().await;
}

/// `metrics.per_target` decides, as it does for a scrape, and a reload may change it.
#[tokio::test]
async fn how_much_is_told_of_a_target_follows_the_config() {
    let mut collector = Collector::start(200).await;
    let variables = [
        ("OTEL_METRIC_EXPORT_INTERVAL", "5"),
        ("OTEL_LOGS_EXPORTER", "none"),
    ];
    let site = Site::one(collector.at, &variables).await;
    let set = |per_target| {
        let settings = MetricsSettings {
            per_target,
            labels: Vec::new(),
        };
        site.server.configure(Arc::new(Urls), [], settings);
    };
    let of_targets = |metrics: &BTreeMap<String, Metric>| metrics.contains_key("hc.target.state");
    let durations = |metrics: &BTreeMap<String, Metric>| match &metrics
        .get("hc.check.duration")?
        .data
    {
        Some(Data::Histogram(histogram)) => Some(attributes(&histogram.data_points[0].attributes)),
        other => panic!("{other:?}"),
    };
    set(PerTarget::Full);
    // What is counted of a target begins with the next check; pushes on their way are of before.
    site.turn(true).await;
    let told = async {
        loop {
            let metrics = by_name(&[collector.metrics().await]);
            if of_targets(&metrics)
                && let Some(of) = durations(&metrics)
            {
                return of;
            }
        }
    };
    let of = tokio::time::timeout(LONG, told).await.unwrap();
    assert_eq!(of["hc.target.name"], "api-1");
    let groups = by_name(&[collector.metrics().await]);
    assert!(groups.contains_key("hc.targets") && durations(&groups).is_none());

    set(PerTarget::None);
    let told = async {
        // Two in a row without a target: none is told any more.
        let mut without = 0;
        while without < 2 {
            let metrics = by_name(&[collector.metrics().await]);
            without = if of_targets(&metrics) { 0 } else { without + 1 };
        }
    };
    tokio::time::timeout(LONG, told).await.unwrap();
    site.close().await;
}

#[tokio::test]
async fn a_collector_that_is_busy_gets_it_later_and_nothing_is_lost() {
    let mut collector = Collector::start(503).await;
    let site = Site::one(collector.at, &[("OTEL_METRICS_EXPORTER", "none")]).await;
    site.turn(true).await;
    let first = collector.record().await;
    collector.answers(200);
    site.shows("hc_sink_queue_length{sink=\"otlp\"} 0").await;
    // As often as it was told to before it was set to take it, and always the same.
    while let Ok(got) = collector.got.try_recv() {
        let request = ExportLogsServiceRequest::decode(&*got.body).unwrap();
        assert_eq!(records(&request), std::slice::from_ref(&first));
    }
    let said = site.said();
    let [
        Said::Failing { signal, why },
        Said::Recovered { dropped: 0, .. },
    ] = &said[..]
    else {
        panic!("{said:?}");
    };
    assert_eq!(*signal, Signal::Logs);
    assert_eq!(
        *why,
        format!("{} answered 503 Service Unavailable", collector.at)
    );
    site.close().await;
}

#[tokio::test]
async fn what_a_collector_refuses_for_good_is_dropped_and_counted() {
    let mut collector = Collector::start(400).await;
    let site = Site::one(collector.at, &[]).await;
    site.turn(true).await;
    assert!(body(&collector.record().await).contains("unhealthy"));
    site.shows("hc_sink_dropped_samples_total{sink=\"otlp\"} 1")
        .await;
    collector.answers(PARTLY);
    site.turn(false).await;
    // Not the one before again.
    assert!(body(&collector.record().await).ends_with("-> healthy"));
    site.shows("hc_sink_dropped_samples_total{sink=\"otlp\"} 2")
        .await;
    let said = site.said();
    assert_eq!(said.len(), 1, "told once: {said:?}");
    site.close().await;
}

/// It takes a request and never answers: the queue fills, what is over is dropped, and nothing waits for it.
#[tokio::test]
async fn a_collector_that_hangs_harms_nobody() {
    let mut collector = Collector::start(HANG).await;
    let variables = [
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "1"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "1"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "3600000"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "1"),
    ];
    let site = Site::one(collector.at, &variables).await;
    site.turn(true).await;
    collector.record().await;
    for fails in [false, true, false, true] {
        site.turn(fails).await;
        site.monitor.stats().await.unwrap();
    }
    // One is on its way, one waits; the metrics' own drops come on top.
    site.shows("hc_sink_queue_length{sink=\"otlp\"} 2").await;
    let told = |said: &[Said], wanted: Signal| {
        said.iter()
            .any(|said| matches!(said, Said::Failing { signal, .. } if *signal == wanted))
    };
    assert!(!told(&site.said(), Signal::Logs), "its time is not over");
    site.close().await;
}

#[tokio::test]
async fn a_collector_that_is_away_is_told_once_and_without_secrets() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let variables = [
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=geheim"),
        ("OTEL_METRICS_EXPORTER", "none"),
    ];
    let site = Site::one(closed, &variables).await;
    site.turn(true).await;
    let heard = async {
        while site.said().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, heard).await.unwrap();
    let said = site.said();
    let [
        Said::Failing {
            signal: Signal::Logs,
            why,
        },
    ] = &said[..]
    else {
        panic!("{said:?}");
    };
    assert!(
        why.starts_with(&format!("{closed}: ")) && why.contains("refused"),
        "{why}"
    );
    assert!(!why.contains("geheim"));
    site.close().await;
}
