//! Metrics and transitions told to an OpenTelemetry collector (OTLP over HTTP, protobuf): pushed from time to time, and
//! as log records as they come.
//!
//! A sink like any other: it reads the feed, the view and the ledger, and nobody waits for it. Records wait in a bounded
//! queue; what a collector is too slow for, or away too long for, is dropped and counted. Metrics are those of now, so
//! that a push that failed is made up for by the next.

mod families;
mod logs;
mod points;
mod push;
mod records;
mod send;
mod settings;
mod way;
mod words;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

pub use send::StartError;
pub use settings::{Settings, SettingsError};

use crate::server::State;
use send::Sender;
use way::{Gauge, Way};

/// What is told to two ends: `metrics` and `logs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Pushed from time to time.
    Metrics,
    /// Log records, one an event.
    Logs,
}

impl Signal {
    /// The spelling in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }
}

/// What there is to say of an export: once when trouble begins, once when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Said {
    /// The collector does not take it.
    Failing {
        /// Which of the two.
        signal: Signal,
        /// A sentence for people, escaped, without anything secret.
        why: String,
    },
    /// It does again.
    Recovered {
        /// Which of the two.
        signal: Signal,
        /// For how long it had not.
        lasted: Duration,
        /// What was lost meanwhile, of both.
        dropped: u64,
    },
}

/// Hears what there is to say. It must not block.
pub type Tell = Arc<dyn Fn(Said) + Send + Sync>;

/// What both ends share.
struct Shared {
    state: Arc<State>,
    settings: Settings,
    gauge: Arc<Gauge>,
    tell: Tell,
    stopping: watch::Receiver<bool>,
}

/// A running export. Dropped, it ends at once.
pub struct Exporting {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl fmt::Debug for Exporting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporting").finish_non_exhaustive()
    }
}

/// Begins to export what that server shows, on the current tokio runtime.
pub(crate) fn start(
    state: Arc<State>,
    settings: Settings,
    tell: Tell,
) -> Result<Exporting, StartError> {
    let version = state.about.version.clone();
    let [metrics, logs] = [settings.metrics.clone(), settings.logs.clone()].map(|endpoint| {
        endpoint
            .map(|endpoint| Sender::try_new(endpoint, &version))
            .transpose()
    });
    let (metrics, logs) = (metrics?, logs?);
    let (stop, stopping) = watch::channel(false);
    let gauge = Arc::new(Gauge::default());
    state.add_sink(gauge.clone());
    let shared = Arc::new(Shared {
        state,
        settings,
        gauge,
        tell,
        stopping,
    });
    let way = |signal, sender| Way::new(signal, sender, shared.clone());
    let mut tasks = JoinSet::new();
    if let Some(sender) = metrics {
        tasks.spawn(push::push(way(Signal::Metrics, sender)));
    }
    if let Some(sender) = logs {
        let (queue, records) = mpsc::channel(shared.settings.queue);
        // From the first event that is kept: none of the first seconds is lost.
        let feed = shared.state.monitor.view().subscribe_after(0);
        tasks.spawn(logs::listen(shared.clone(), feed, queue));
        tasks.spawn(logs::write(way(Signal::Logs, sender), records));
    }
    Ok(Exporting { tasks, stop })
}

impl Exporting {
    /// Sends what waits, once, and the metrics of the end, and takes so long at most; the monitor has to have been shut
    /// down, so that its feed has ended. What does not get through is lost.
    pub async fn close(mut self, grace: Duration) {
        self.stop.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        // Who has not taken it by then has had time enough.
        let _ = tokio::time::timeout(grace, ended).await;
    }
}
