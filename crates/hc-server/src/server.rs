//! The server: what its handlers share, and its life from the first connection to the last.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use hc_core::Timestamp;
use hc_scheduler::{Counters, MonitorHandle};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::ledger::Ledger;
use crate::listen::{Connections, Hosts, Sockets, Via, serve};
use crate::metrics::{MetricsSettings, PerTarget};
use crate::routes;
use crate::shown::{Catalogue, SinkGauge};

/// Event streams at once. Each costs a task and a place in the feed.
pub(crate) const STREAMS: usize = 64;

/// Scrapes that are made or read at once: each is a whole text, 0.7 KB a target, until its reader has taken it.
const SCRAPES: usize = 4;

/// What is bounded for those who come over the network, and by itself for those of this machine: a flood of the ones
/// takes nothing from the others.
pub(crate) struct Bounds {
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) scrapes: Arc<Semaphore>,
}

impl Bounds {
    fn new() -> Self {
        Self {
            streams: Arc::new(Semaphore::new(STREAMS)),
            scrapes: Arc::new(Semaphore::new(SCRAPES)),
        }
    }
}

/// Rates are over so many samples, one each [`SAMPLE`].
const SAMPLES: usize = 7;
const SAMPLE: Duration = Duration::from_secs(10);

/// What the process says of itself.
#[derive(Clone, Debug)]
pub struct About {
    /// This checker's name.
    pub instance: String,
    /// The release of hc: `0.1.0`.
    pub version: String,
    /// The commit it was built from; empty if that is not known.
    pub revision: String,
    /// When the process started.
    pub started: SystemTime,
}

/// What a config says to the server, and a reload may change.
pub(crate) struct Configured {
    pub(crate) catalogue: Arc<dyn Catalogue>,
    pub(crate) hosts: Hosts,
    pub(crate) metrics: MetricsSettings,
}

/// What handlers share.
pub(crate) struct State {
    pub(crate) monitor: MonitorHandle,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) about: About,
    configured: RwLock<Arc<Configured>>,
    pub(crate) reloads: [AtomicU64; 2],
    pub(crate) last_reload_failed: AtomicBool,
    pub(crate) is_swept: AtomicBool,
    bounds: [Bounds; 2],
    /// Events that streams were too slow for.
    pub(crate) missed: AtomicU64,
    pub(crate) sinks: Mutex<Vec<Arc<dyn SinkGauge>>>,
    samples: Mutex<VecDeque<(Timestamp, Counters)>>,
    /// Turns true when streams are to end.
    pub(crate) stopping: watch::Sender<bool>,
}

impl State {
    pub(crate) fn configured(&self) -> Arc<Configured> {
        self.configured
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn add_sink(&self, sink: Arc<dyn SinkGauge>) {
        self.sinks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(sink);
    }

    pub(crate) fn bounds(&self, via: Via) -> &Bounds {
        &self.bounds[via as usize]
    }

    /// Names this process's run: the first half of an event's id.
    pub(crate) fn run(&self) -> String {
        let since = self.about.started.duration_since(SystemTime::UNIX_EPOCH);
        format!("{:x}", since.unwrap_or_default().as_millis())
    }

    /// What was counted about a minute ago, and when; the start, while that is less.
    pub(crate) fn minute_ago(&self) -> (Timestamp, Counters) {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let first = samples.front().cloned();
        first.unwrap_or_else(|| (self.monitor.started(), Counters::default()))
    }

    async fn sample(&self) {
        let mut ticks = tokio::time::interval(SAMPLE);
        // A sample that was missed is none: rates are over the time that passed.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Ok(stats) = self.monitor.stats().await else {
                return;
            };
            let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
            if samples.len() == SAMPLES {
                samples.pop_front();
            }
            samples.push_back((stats.at, stats.counters));
        }
    }

    async fn sweep(&self) {
        if self.monitor.first_sweep().await.is_ok() {
            self.is_swept.store(true, Ordering::Release);
        }
    }
}

/// What the server shows. Cheap to clone.
#[derive(Clone)]
pub struct Server(Arc<State>);

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("about", &self.0.about)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// A server over a monitor, whose observer is the ledger.
    #[must_use]
    pub fn new(
        monitor: MonitorHandle,
        ledger: Arc<Ledger>,
        about: About,
        catalogue: Arc<dyn Catalogue>,
    ) -> Self {
        let configured = Configured {
            catalogue,
            hosts: Hosts::default(),
            metrics: MetricsSettings::default(),
        };
        Self(Arc::new(State {
            monitor,
            ledger,
            about,
            configured: RwLock::new(Arc::new(configured)),
            reloads: Default::default(),
            last_reload_failed: AtomicBool::new(false),
            is_swept: AtomicBool::new(false),
            bounds: [Bounds::new(), Bounds::new()],
            missed: AtomicU64::new(0),
            sinks: Mutex::default(),
            samples: Mutex::default(),
            stopping: watch::Sender::new(false),
        }))
    }

    /// Goes over to what a config says: the catalogue, the names that requests may carry beside addresses and
    /// `localhost`, and what is exported.
    pub fn configure(
        &self,
        catalogue: Arc<dyn Catalogue>,
        hosts: impl IntoIterator<Item = String>,
        metrics: MetricsSettings,
    ) {
        self.0
            .ledger
            .set_full(metrics.per_target == PerTarget::Full);
        let configured = Arc::new(Configured {
            catalogue,
            hosts: Hosts::new(hosts),
            metrics,
        });
        *self
            .0
            .configured
            .write()
            .unwrap_or_else(PoisonError::into_inner) = configured;
    }

    /// Counts a reload.
    pub fn reloaded(&self, succeeded: bool) {
        self.0.reloads[usize::from(!succeeded)].fetch_add(1, Ordering::Relaxed);
        self.0
            .last_reload_failed
            .store(!succeeded, Ordering::Relaxed);
    }

    /// Shows a sink's queue in the metrics.
    pub fn add_sink(&self, sink: Arc<dyn SinkGauge>) {
        self.0.add_sink(sink);
    }

    /// Begins to tell a collector too what is shown, on the current tokio runtime. `tell` hears of its trouble.
    ///
    /// # Errors
    /// A file of roots that cannot be read.
    #[cfg(feature = "otlp")]
    pub fn export(
        &self,
        settings: crate::otlp::Settings,
        tell: crate::otlp::Tell,
    ) -> Result<crate::otlp::Exporting, crate::otlp::StartError> {
        crate::otlp::start(self.0.clone(), settings, tell)
    }

    /// Begins to answer, on the current tokio runtime, and to follow the feed.
    #[must_use = "the server ends when this is dropped"]
    pub fn serve(&self, sockets: Sockets) -> Serving {
        let mut tasks = JoinSet::new();
        let state = self.0.clone();
        tasks.spawn(async move { state.ledger.follow().await });
        let state = self.0.clone();
        tasks.spawn(async move { state.sample().await });
        let state = self.0.clone();
        tasks.spawn(async move { state.sweep().await });
        let graceful = Arc::new(GracefulShutdown::new());
        let router = routes::router(self.0.clone());
        let most = sockets.connections();
        let Sockets { tcp, unix, .. } = sockets;
        let (mut listeners, mut files) = (JoinSet::new(), Vec::new());
        for tcp in tcp {
            let connections = Connections::Tcp(tcp);
            listeners.spawn(serve(connections, most, router.clone(), graceful.clone()));
        }
        for (unix, file) in unix {
            let connections = Connections::Unix(unix);
            listeners.spawn(serve(connections, most, router.clone(), graceful.clone()));
            files.push(file);
        }
        Serving {
            stopping: self.0.stopping.clone(),
            graceful,
            listeners,
            _tasks: tasks,
            _files: files,
        }
    }
}

/// A server that answers. Dropped, it hears nobody any more, and its socket files are gone.
pub struct Serving {
    stopping: watch::Sender<bool>,
    graceful: Arc<GracefulShutdown>,
    listeners: JoinSet<()>,
    _tasks: JoinSet<()>,
    _files: Vec<crate::listen::SocketFile>,
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").finish_non_exhaustive()
    }
}

impl Serving {
    /// Hears nobody new, ends event streams, lets answers under way be read for so long, and removes socket files.
    pub async fn close(mut self, grace: Duration) {
        self.listeners.shutdown().await;
        self.stopping.send_replace(true);
        if let Some(graceful) = Arc::into_inner(self.graceful) {
            // Who reads slower than that has had time enough.
            let _ = tokio::time::timeout(grace, graceful.shutdown()).await;
        }
    }
}
