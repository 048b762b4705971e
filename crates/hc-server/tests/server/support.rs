//! A server with scripted targets, and a client that says exactly what it is told to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use hc_core::{
    CheckResult, Evidence, Fact, Failure, Kind, Labels, Phase, Policy, Target, probe_fn,
};
use hc_scheduler::{Monitor, MonitorHandle};
use hc_server::{
    About, Address, Catalogue, Ledger, MetricsSettings, Server, Serving, Setting, Sockets,
};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a target's probe says when it is asked next.
#[derive(Clone, Default)]
pub(crate) struct Switch(Arc<AtomicU8>);

impl Switch {
    pub(crate) fn set(&self, to: u8) {
        self.0.store(to, Ordering::Relaxed);
    }

    /// 0 passes, 1 is refused, 2 is degraded, 3 never answers.
    pub(crate) fn target(&self, name: &str) -> Target {
        let to = self.0.clone();
        let probe = probe_fn(move |cx| {
            let to = to.load(Ordering::Relaxed);
            async move {
                cx.enter(Phase::Connect);
                let refused = || Failure::new(Kind::Refused, Phase::Connect, "refused <b>it</b>");
                match to {
                    0 => Ok(Evidence::new().with(Fact::HttpStatus(200))),
                    1 => Err(refused()),
                    2 => {
                        let mut evidence = Evidence::new();
                        evidence.warn(Failure::unexpected("latency", Phase::Wait, "300 ms", "1 s"));
                        Ok(evidence)
                    }
                    _ => std::future::pending().await,
                }
            }
        });
        // Asked by the tests alone after its first check.
        let policy = Policy::builder()
            .interval(Duration::from_secs(86_400))
            .fast_interval(Duration::from_secs(43_200))
            .fall(1)
            .flap(None)
            .unsteady(None)
            .rise(1)
            .build()
            .unwrap();
        Target::new(name, probe)
            .with_policy(policy)
            .with_probe_name("http")
            .with_labels(Labels::from_iter([("zone", "a")]))
    }
}

struct Urls;

impl Catalogue for Urls {
    fn url(&self, target: &str) -> Option<Arc<str>> {
        Some(format!("http://{target}.test/").into())
    }

    fn target(&self, _: &str) -> Option<Vec<Setting>> {
        Some(self.process())
    }

    fn process(&self) -> Vec<Setting> {
        vec![Setting {
            keys: vec!["interval".into()],
            value: "5s".into(),
            origin: "built-in".into(),
            place: None,
        }]
    }
}

pub(crate) struct Site {
    pub(crate) monitor: MonitorHandle,
    pub(crate) server: Server,
    pub(crate) serving: Serving,
    pub(crate) at: SocketAddr,
    switches: Mutex<HashMap<String, Switch>>,
}

impl Site {
    /// A server over targets of these names, all of which were asked once and pass. Its feed keeps 64 events.
    pub(crate) async fn of(names: &[&str]) -> Self {
        let site = Self::unswept(names.iter().map(|name| (*name, Switch::default())), |t| t).await;
        // The first checks of many are spread over ten seconds; asked for, they come at once.
        for name in names {
            site.monitor.check_now(*name).await.unwrap();
        }
        site.monitor.first_sweep().await.unwrap();
        site
    }

    /// The same without waiting for the first checks, and with targets as `make` makes them.
    pub(crate) async fn unswept(
        targets: impl IntoIterator<Item = (&str, Switch)>,
        make: impl Fn(Target) -> Target,
    ) -> Self {
        let targets: Vec<(&str, Switch)> = targets.into_iter().collect();
        let ledger = Arc::new(Ledger::new());
        let monitor = Monitor::builder()
            .observer(ledger.clone())
            .feed_capacity(64)
            .in_flight(10_000)
            .targets(
                targets
                    .iter()
                    .map(|(name, switch)| make(switch.target(name))),
            )
            .build()
            .start();
        let site = Self::over(monitor, ledger).await;
        let switches = targets
            .into_iter()
            .map(|(name, switch)| (name.to_owned(), switch));
        *site.switches.lock().unwrap() = switches.collect();
        site
    }

    /// A server over a monitor that runs, and over what that is observed by.
    pub(crate) async fn over(monitor: MonitorHandle, ledger: Arc<Ledger>) -> Self {
        let about = About {
            instance: "test".into(),
            version: "0.1.0".into(),
            revision: String::new(),
            started: SystemTime::UNIX_EPOCH + Duration::from_millis(0x6ce1),
        };
        let server = Server::new(monitor.clone(), ledger, about, Arc::new(Urls));
        let mut sockets = Sockets::none();
        let address: Address = "127.0.0.1:0".parse().unwrap();
        sockets.bind(&address).await.unwrap();
        let at = sockets.tcp_addresses()[0];
        let serving = server.serve(sockets);
        Self {
            monitor,
            server,
            serving,
            at,
            switches: Mutex::default(),
        }
    }

    pub(crate) fn metrics(&self, metrics: MetricsSettings) {
        self.server
            .configure(Arc::new(Urls), ["hc.example".to_owned()], metrics);
    }

    /// Adds a target and has it asked once.
    pub(crate) async fn add(&self, target: Target) {
        self.monitor.add([target]).await.unwrap();
        self.monitor.first_sweep().await.unwrap();
    }

    /// Asks a target that answers so.
    pub(crate) async fn check(&self, name: &str, to: u8) -> CheckResult {
        let switch = self.switches.lock().unwrap()[name].clone();
        switch.set(to);
        self.monitor.check_now(name).await.unwrap().result
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(path, "").await
    }

    /// GET with further header lines, each with its end.
    pub(crate) async fn ask(&self, path: &str, headers: &str) -> Answer {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\r\n",
            self.at
        );
        self.say(&request).await
    }

    pub(crate) async fn say(&self, request: &str) -> Answer {
        let mut stream = self.open(request).await;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        Answer::of(&bytes)
    }

    pub(crate) async fn open(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert_eq!(
            answer.header("content-type"),
            Some("application/json"),
            "{path}"
        );
        answer.json()
    }

    pub(crate) async fn problem(&self, path: &str, status: u16, kind: &str) -> Value {
        self.get(path).await.problem(status, kind)
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        Self {
            status: status.unwrap_or_default(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn problem(&self, status: u16, kind: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let problem = self.json();
        assert_eq!(
            problem["type"],
            format!("urn:hc:problem:{kind}"),
            "{problem}"
        );
        assert_eq!(problem["status"], status);
        problem
    }
}

/// The names of a page, in its order.
pub(crate) fn names(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect()
}
