//! Through which a running service is seen: sockets bound before anything is asked, and the server behind them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hc_config::{Config, Effective, PerTarget, Shown};
use hc_core::HealthView;
use hc_scheduler::{Checked, MonitorHandle, Observer};
use hc_server::{
    About, Address, BindError, Catalogue, Control, Ledger, MetricsSettings, Server, Serving,
    Setting, SinkGauge, Sockets,
};

use crate::journal::{Level, Record};

/// Where the control socket goes by default: what the environment says of this process and its user.
#[derive(Clone, Debug)]
pub struct Home {
    /// What a service manager has made for this process alone (the first of `RUNTIME_DIRECTORY`), if it has.
    pub service: Option<PathBuf>,
    /// The user's runtime directory (`XDG_RUNTIME_DIR`), if there is one.
    pub runtime: Option<PathBuf>,
    /// The directory for temporary files.
    pub temporary: PathBuf,
    /// The user's number.
    pub user: u32,
    /// This process's number.
    pub process: u32,
}

impl Home {
    /// Where the default control socket of this process goes: into the service's own directory, else the user's.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        let own = self.service.as_ref().filter(|path| path.is_absolute());
        let users = || Control::directory(self.runtime.as_deref(), &self.temporary, self.user);
        own.cloned().unwrap_or_else(users)
    }
}

/// What was built.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// The release.
    pub version: &'static str,
    /// The commit it was built of; empty where that is not known.
    pub revision: &'static str,
}

/// Bound, and not open yet: nobody is answered.
#[derive(Debug)]
pub struct Window {
    sockets: Sockets,
    ledger: Arc<Ledger>,
    sight: Sight,
}

/// What a config says that is seen. Made before a config is given away.
#[derive(Clone, Debug)]
pub struct Sight {
    effective: Effective,
    hosts: Vec<String>,
    metrics: MetricsSettings,
}

impl Sight {
    /// What that config says.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let names = config.listen.iter().filter_map(|text| match text.parse() {
            Ok(Address::Tcp(host, _)) => Some(host),
            _ => None,
        });
        let hosts = config.allowed_hosts.iter().cloned();
        Self {
            effective: config.effective(),
            hosts: names.chain(hosts).collect(),
            metrics: MetricsSettings {
                per_target: match config.metrics.per_target {
                    PerTarget::Basic => hc_server::PerTarget::Basic,
                    PerTarget::Full => hc_server::PerTarget::Full,
                    PerTarget::Off => hc_server::PerTarget::None,
                },
                labels: config.metrics.labels.clone(),
            },
        }
    }

    fn apply(self, server: &Server) {
        let Self {
            effective,
            hosts,
            metrics,
        } = self;
        server.configure(Arc::new(Shows(effective)), hosts, metrics);
    }
}

impl Window {
    /// Binds what the config says. `None`: nobody is to look in, and nothing is remembered for them. What is worth a line
    /// of the log comes beside it.
    ///
    /// # Errors
    /// An address that was asked for cannot be had. Of the default control socket that is only told.
    pub async fn bind(
        config: &Config,
        home: &Home,
        wall: SystemTime,
    ) -> Result<(Option<Self>, Vec<Record>), BindError> {
        let (mut sockets, mut told) = (Sockets::none(), Vec::new());
        for text in &config.listen {
            let address = text.parse::<Address>();
            let address = address.expect("hc-config takes what hc-server takes");
            sockets.bind(&address).await?;
        }
        match &config.control {
            hc_config::Control::Off => {}
            hc_config::Control::At(path) => sockets.bind_control(path)?,
            hc_config::Control::Auto => told.extend(bind_usual(&mut sockets, home, wall)),
        }
        let window = (!sockets.is_empty()).then(|| Self {
            sockets,
            ledger: Arc::new(Ledger::new()),
            sight: Sight::of(config),
        });
        Ok((window, told))
    }

    /// One that nobody looks through: what it remembers is for exporters.
    #[must_use]
    pub fn closed(config: &Config) -> Self {
        Self {
            sockets: Sockets::none(),
            ledger: Arc::new(Ledger::new()),
            sight: Sight::of(config),
        }
    }

    /// Takes as many connections as there are to be file descriptors for: an eighth of `limit` at most, so that those who
    /// look in take none from checks. How many that are.
    pub fn limit_connections(&mut self, limit: usize) -> usize {
        let listeners = self.sockets.listeners();
        let each = (limit / 8 / listeners.max(1)).clamp(1, hc_server::CONNECTIONS);
        self.sockets.limit_connections(each);
        each * listeners
    }

    /// What is listened on, the control socket excepted.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.sockets.addresses()
    }

    /// Where the control socket is, if there is one.
    #[must_use]
    pub fn control(&self) -> Option<PathBuf> {
        self.sockets.control().map(ToOwned::to_owned)
    }

    /// What is remembered for those who look in.
    #[must_use]
    pub fn ledger(&self) -> Arc<Ledger> {
        self.ledger.clone()
    }

    /// Who is to hear of every check: what people will see of it, and `other` beside it.
    #[must_use]
    pub fn observer(&self, other: Arc<dyn Observer>) -> Arc<dyn Observer> {
        let ledger = self.ledger.clone();
        Arc::new(Both { ledger, other })
    }

    /// Begins to answer, on the current tokio runtime.
    #[must_use = "it closes when this is dropped"]
    pub fn open(self, monitor: MonitorHandle, instance: String, build: Build) -> Open {
        let about = About {
            instance,
            version: build.version.to_owned(),
            revision: build.revision.to_owned(),
            started: started(&monitor),
        };
        let shows = Arc::new(Shows(self.sight.effective.clone()));
        let server = Server::new(monitor, self.ledger, about, shows);
        self.sight.apply(&server);
        let serving = server.serve(self.sockets);
        Open {
            server,
            serving,
            #[cfg(feature = "otlp")]
            exporting: None,
        }
    }
}

fn started(monitor: &MonitorHandle) -> SystemTime {
    let since = monitor.now().since(monitor.started());
    monitor
        .wall()
        .checked_sub(since)
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The default control socket; what is to be told of it, if it is not the usual one.
fn bind_usual(sockets: &mut Sockets, home: &Home, wall: SystemTime) -> Option<Record> {
    let directory = home.directory();
    let warning =
        |message: String| Some(Record::new(wall, Level::Warn, "control").with_message(message));
    if let Err(error) = Control::prepare(&directory, home.user) {
        return warning(format!(
            "no control socket, so hc status and hc top cannot find this process: {}: {error}",
            directory.display()
        ));
    }
    let usual = sockets.bind_control(&directory.join(Control::FILE));
    let Err(trouble) = usual else {
        return None;
    };
    let is_taken = trouble.source.kind() == std::io::ErrorKind::AddrInUse;
    let own = directory.join(Control::file_of(home.process));
    match is_taken.then(|| sockets.bind_control(&own)) {
        Some(Ok(())) => warning(format!(
            "another hc of this user has the usual control socket; this one listens on {}",
            own.display()
        )),
        Some(Err(error)) => warning(format!("no control socket: {error}")),
        None => warning(format!("no control socket: {trouble}")),
    }
}

/// Open: people look in.
#[derive(Debug)]
pub struct Open {
    server: Server,
    serving: Serving,
    #[cfg(feature = "otlp")]
    exporting: Option<hc_server::otlp::Exporting>,
}

#[cfg(feature = "otlp")]
impl Open {
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) fn exports(&mut self, exporting: hc_server::otlp::Exporting) {
        self.exporting = Some(exporting);
    }
}

impl Open {
    /// A reload has succeeded, and this is what is seen from now on.
    pub fn reloaded(&self, sight: Sight) {
        sight.apply(&self.server);
        self.server.reloaded(true);
    }

    /// A reload has failed: what is seen is the config before.
    pub fn reload_failed(&self) {
        self.server.reloaded(false);
    }

    /// Shows a sink's queue.
    pub fn add_sink(&self, sink: Arc<dyn SinkGauge>) {
        self.server.add_sink(sink);
    }

    /// Ends event streams, and lets answers under way be read, and exporters send what is left, for so long.
    pub async fn close(self, grace: Duration) {
        #[cfg(feature = "otlp")]
        if let Some(exporting) = self.exporting {
            tokio::join!(self.serving.close(grace), exporting.close(grace));
            return;
        }
        self.serving.close(grace).await;
    }
}

/// A config's values as the server shows them.
struct Shows(Effective);

impl Catalogue for Shows {
    fn url(&self, target: &str) -> Option<Arc<str>> {
        self.0.url(target)
    }

    fn target(&self, target: &str) -> Option<Vec<Setting>> {
        Some(self.0.target(target)?.into_iter().map(setting).collect())
    }

    fn process(&self) -> Vec<Setting> {
        self.0.process().into_iter().map(setting).collect()
    }
}

fn setting(shown: Shown) -> Setting {
    Setting {
        origin: shown.origin.to_string(),
        place: (!shown.place.is_empty()).then_some(shown.place),
        keys: shown.keys,
        value: shown.value,
    }
}

/// Two who hear of every check.
struct Both {
    ledger: Arc<Ledger>,
    other: Arc<dyn Observer>,
}

impl Observer for Both {
    fn starts(&self, view: &HealthView) {
        self.ledger.starts(view);
        self.other.starts(view);
    }

    fn check_ended(&self, check: &Checked) {
        self.ledger.check_ended(check);
        if self.other.is_listening() {
            self.other.check_ended(check);
        }
    }
}
