//! `hc run`: watches until it is told to stop. Reads the config, owns the signals, and writes the log.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use hc_app::journal::{self, Level, Record, Value};
use hc_app::{
    Build, Chronicle, Export, Keeper, Memories, Open, Reloaded, Service, Sight, State,
    Surroundings, Telling, Window,
};
use hc_config::{Config, ConfigErrors, Disk, Overrides, ProbeSpec, ProcessEnv, Source};
use hc_scheduler::{MonitorHandle, Observer};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::args::RunArgs;
use crate::exit::ExitCode;
use crate::term::Term;

mod files;
mod log;
mod supervisor;
mod writer;

use files::Files;
use log::Log;
pub(crate) use log::Style;
use supervisor::{Said, Supervisor};

/// Watches until it is told to stop.
pub(crate) fn run(args: &RunArgs, term: &Term) -> anyhow::Result<ExitCode> {
    let Some(source) = WhatToRun::of(args, term.json).map(Arc::new) else {
        term.trouble(NOTHING_TO_WATCH);
        return Ok(ExitCode::Usage);
    };
    let config = match source.load() {
        Ok(config) => config,
        Err(errors) => {
            term.note(errors.render(term.stderr_color).trim_end());
            return Ok(ExitCode::Usage);
        }
    };
    let export = match Export::by(&|name| std::env::var(name).ok()) {
        Ok(export) => export,
        Err(error) => {
            term.trouble(&format!("failed to export: {error}"));
            return Ok(ExitCode::Usage);
        }
    };
    if let Err(error) = export.check() {
        term.trouble(&format!("failed to export: {error}"));
        return Ok(ExitCode::Usage);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    let style = Style::new(config.log.format, term.color);
    let tell_dropped = move |lines: u64| {
        let record = Record::new(now(), Level::Warn, "dropped")
            .with("lines", lines)
            .with_message("the reader of this log was too slow");
        style.line(&record)
    };
    let (lines, writer) =
        writer::start(std::io::stdout(), tell_dropped).context("failed to start the log")?;
    let log = Log::new(lines, style, config.log.level);
    let code = runtime.block_on(watch(config, &source, export, log));
    // What is still under way, as a file being read, holds nothing that matters.
    runtime.shutdown_background();
    writer.finish();
    code
}

const NOTHING_TO_WATCH: &str = "hc run: nothing to watch: give URLs (hc run localhost:8080) or a config \
                                (-c FILE, HC_CONFIG, ./hc.yaml; hc init writes one)";

/// Where the targets come from: it is asked again at a reload.
struct WhatToRun {
    path: Option<PathBuf>,
    urls: Vec<String>,
    overrides: Overrides,
}

impl WhatToRun {
    /// What the arguments say; `None` if there is nothing to watch.
    fn of(args: &RunArgs, json: bool) -> Option<Self> {
        let path = match &args.config {
            None if !args.urls.is_empty() => None,
            explicit => hc_config::find_file(explicit.as_deref(), &ProcessEnv, &Disk),
        };
        if path.is_none() && args.urls.is_empty() {
            return None;
        }
        let mut overrides = args.overrides();
        if json && args.log_format.is_none() {
            overrides = overrides.set("--json", "log.format", "json");
        }
        Some(Self {
            path,
            urls: args.urls.clone(),
            overrides,
        })
    }

    fn shown(&self) -> String {
        self.path
            .as_ref()
            .map_or_else(|| "none".to_owned(), |path| path.display().to_string())
    }

    /// The file's targets, and the URLs as if they were among them; of two of one name the file's.
    fn load(&self) -> Result<Config, ConfigErrors> {
        let urls = self.urls.clone();
        let source = match &self.path {
            Some(path) => Source::FileAndUrls {
                path: path.clone(),
                urls,
            },
            None => Source::Urls(urls),
        };
        hc_config::load_with(&source, &self.overrides, &ProcessEnv, &Disk)
    }
}

async fn watch(
    mut config: Config,
    source: &Arc<WhatToRun>,
    export: Export,
    log: Log,
) -> anyhow::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate()).context("failed to hear SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to hear SIGINT")?;
    let mut hangup = signal(SignalKind::hangup()).context("failed to hear SIGHUP")?;
    let supervisor = Supervisor::of(&Said::by_environment(), std::process::id(), &log);

    // What is told at the start is told in this order, as of this moment.
    let begun = now();
    let (mut window, warnings) = match Window::bind(&config, &crate::host::home(), begun).await {
        Ok(bound) => bound,
        Err(error) => {
            log.write(&failed(&error));
            return Ok(ExitCode::Failed);
        }
    };
    let exported = export.shown();
    if window.is_none() && exported.is_some() {
        window = Some(Window::closed(&config));
    }
    let home = crate::host::state_home();
    let (state, warning) = match State::open(&config, source.path.as_deref(), &home, begun) {
        Ok(opened) => opened,
        Err(error) => {
            log.write(&failed(&error));
            return Ok(ExitCode::Failed);
        }
    };
    let limit = crate::host::most_open_files();
    let lookers = window
        .as_mut()
        .map_or(0, |window| window.limit_connections(limit));
    let files = Files::share(limit.saturating_sub(lookers), &config);
    let short_of_files = files.fit(&mut config);
    let around = surroundings(files.in_flight(), &log, window.as_ref());
    let instance = config
        .instance
        .clone()
        .unwrap_or_else(|| around.host_name.clone());
    let mut start = start(&config, source, window.as_ref(), begun);
    if let Some(place) = exported {
        start[0] = start[0].clone().with("export", place);
    }
    start.extend(warnings);
    start.extend(warning);
    start.extend(short_of_files);
    start.extend(export.warning(now()));
    let log_settings = config.log;
    let of = config.targets.len();
    let ledger = window.as_ref().map(Window::ledger);
    let state = state.map(|state| state.with_past(ledger));
    let (mut memories, warning) = match &state {
        Some(state) => state.recall(&config, now()),
        None => (Memories::none(), None),
    };
    start.extend(warning);
    let mut service = match Service::restart(config, &around, &mut memories) {
        Ok(service) => service,
        Err(error) => {
            log.write(&failed(&error));
            return Ok(ExitCode::Failed);
        }
    };
    let restored = state
        .as_ref()
        .map(|state| state.restored(&memories, of, now()));
    start.extend(restored.flatten());
    // As many as there are targets, if they are of another config.
    drop(memories);
    let mut window = window.map(|window| {
        let monitor = service.monitor().clone();
        let open = window.open(monitor, instance, BUILD);
        open.add_sink(Arc::new(log.gauge()));
        open
    });
    if let Some(window) = &mut window {
        let (monitor, sink) = (service.monitor().clone(), log.clone());
        if let Err(error) = export.begin(window, monitor, move |record| sink.write(record)) {
            log.write(&failed(&error));
            return Ok(ExitCode::Failed);
        }
    }
    start.iter().for_each(|record| log.write(record));
    let (telling, heard) = watch::channel(telling(log_settings));
    let chronicle = Chronicle::new(service.monitor().clone(), heard);
    let sink = log.clone();
    let chronicle = tokio::spawn(chronicle.run(move |record| sink.write(&record)));

    let keeper = state.map(|state| {
        let log = log.clone();
        let (monitor, outlines) = (service.monitor().clone(), service.outlines());
        state.keep(monitor, outlines, move |record| log.write(&record))
    });
    supervisor.ready(service.ids().count()).await;
    let pulse = tokio::spawn(supervisor.clone().pulse(service.monitor().clone()));

    let started = service.monitor().now();
    let mut loading = None;
    let (signal, code) = loop {
        tokio::select! {
            _ = terminate.recv() => break ("SIGTERM", ExitCode::Ok),
            _ = interrupt.recv() => break ("SIGINT", ExitCode::Interrupted),
            () = log.reader_gone() => break ("SIGPIPE", ExitCode::Ok),
            () = ended_unasked(service.monitor().clone()) => {
                log.write(&nobody_asks());
                break ("none", ExitCode::Failed);
            }
            // Those that come meanwhile are one more.
            _ = hangup.recv(), if loading.is_none() => {
                supervisor.reloading().await;
                loading = Some(load_again(source));
            }
            Some(loaded) = loaded(&mut loading) => {
                loading = None;
                let settings = reload(&mut service, loaded, files, source, window.as_ref(), &log).await;
                supervisor.reloaded(settings.is_some()).await;
                if let Some(settings) = settings {
                    telling.send_replace(self::telling(settings));
                    log.set_level(settings.level);
                }
            }
        }
    };
    let monitor = service.monitor().clone();
    let saving = keeper
        .as_ref()
        .map_or(Duration::ZERO, |_| Keeper::LAST_SAVE);
    let at_most = service.grace() + saving + LAST_STEPS;
    supervisor.stopping(at_most).await;
    let last = async {
        let (ended, left) = service.shutdown_and_remember().await;
        let unsaved = match keeper {
            Some(keeper) => keeper.close(left, now()).await,
            None => None,
        };
        (ended, unsaved)
    };
    let (ended, unsaved) = tokio::select! {
        ended = last => ended,
        // Asked twice: at once.
        () = again(&mut terminate, &mut interrupt) => return Ok(code),
    };
    // The feed has ended, and with it the streams of those who look in.
    if let Some(window) = window {
        window.close(LAST_READ).await;
    }
    // The log tells what is left, and then the last line.
    let _ = tokio::time::timeout(Duration::from_secs(1), chronicle).await;
    unsaved.iter().for_each(|record| log.write(record));
    let uptime = monitor.now().since(started);
    log.write(&journal::stopped(monitor.wall(), signal, ended, uptime));
    // It has ended with the monitor; a message that nobody takes is not waited for.
    pulse.abort();
    Ok(code)
}

/// Resolves when the feed has ended though nobody stopped the monitor: a worker is gone, and with it the others.
async fn ended_unasked(monitor: MonitorHandle) {
    let mut feed = monitor.subscribe();
    while feed.next().await.is_some() {}
}

fn nobody_asks() -> Record {
    Record::new(now(), Level::Error, "failed")
        .with_message("a worker has ended by a bug, and no target is asked any more")
}

async fn again(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// `cargo xtask dist` says the commit.
const BUILD: Build = Build {
    version: env!("CARGO_PKG_VERSION"),
    revision: match option_env!("HC_REVISION") {
        Some(revision) => revision,
        None => "",
    },
};

fn telling(settings: hc_config::Log) -> Telling {
    Telling {
        summary: settings.summary,
        burst: settings.burst,
    }
}

/// How long answers under way may be read at the end.
const LAST_READ: Duration = Duration::from_secs(1);

/// What follows the grace of the checks: the last answers, the last lines, each a second, and room.
const LAST_STEPS: Duration = Duration::from_secs(5);

fn surroundings(descriptors: usize, log: &Log, window: Option<&Window>) -> Surroundings {
    let mut around = Surroundings::default();
    around.host_name = crate::host::name();
    around.seed = crate::host::seed();
    around.descriptors = descriptors;
    let log: Arc<dyn Observer> = Arc::new(log.clone());
    around.observer = Some(match window {
        Some(window) => window.observer(log),
        None => log,
    });
    around.own_threads = true;
    around
}

fn now() -> SystemTime {
    crate::host::wall()
}

/// What is told at the start.
fn start(
    config: &Config,
    source: &WhatToRun,
    window: Option<&Window>,
    begun: SystemTime,
) -> Vec<Record> {
    let mut start = Record::new(begun, Level::Info, "start")
        .with("version", env!("CARGO_PKG_VERSION"))
        .with("config", source.shown())
        .with("targets", config.targets.len())
        .with("profile", config.profile.as_str());
    let listening = window.map(Window::addresses).unwrap_or_default();
    if !listening.is_empty() {
        start = start.with("listen", listening.join(","));
    }
    let mut records = vec![start];
    records.extend(config.warnings.iter().map(|warning| {
        Record::new(begun, Level::Warn, "config")
            .with("at", format!("{}:{}", warning.file, warning.line))
            .with("key", warning.path.clone())
            .with_message(warning.message.clone())
    }));
    let insecure = config
        .targets
        .iter()
        .filter(|target| matches!(&target.probe, ProbeSpec::Http(http) if http.tls.insecure));
    let insecure = insecure.count();
    if insecure > 0 {
        let record = Record::new(begun, Level::Warn, "insecure")
            .with("targets", insecure)
            .with_message("the certificates of these targets are not verified");
        records.push(record);
    }
    records
}

fn failed(error: &impl std::error::Error) -> Record {
    Record::new(now(), Level::Error, "failed").with_message(error.to_string())
}

/// A config that is being read.
type Loading = JoinHandle<Result<Config, ConfigErrors>>;

/// Why a config was not read.
enum NotLoaded {
    Wrong(ConfigErrors),
    /// The reading panicked, which the panic's hook has told.
    Bug,
}

type Loaded = Result<Config, NotLoaded>;

/// Reads on a thread of its own: a file on a dead disk must hold up neither the checks nor the end.
fn load_again(source: &Arc<WhatToRun>) -> Loading {
    let source = source.clone();
    tokio::task::spawn_blocking(move || source.load())
}

/// What was read; `None` if nothing is being read.
///
/// # Cancel safety
/// The reading goes on when this is dropped, and is waited for by the next call.
async fn loaded(loading: &mut Option<Loading>) -> Option<Loaded> {
    let read = loading.as_mut()?.await;
    Some(match read {
        Ok(read) => read.map_err(NotLoaded::Wrong),
        Err(_) => Err(NotLoaded::Bug),
    })
}

fn not_loaded(why: &NotLoaded, source: &WhatToRun) -> Record {
    let (errors, message) = match why {
        NotLoaded::Wrong(errors) => (
            errors.errors.len(),
            format!("old config kept: hc validate {}", source.shown()),
        ),
        NotLoaded::Bug => (1, "old config kept: a bug while it was read".to_owned()),
    };
    Record::new(now(), Level::Error, "reload_failed")
        .with("errors", errors)
        .with_message(message)
}

/// All or nothing: a file with errors changes nothing, and says so. What holds of the log from now on, if it changed.
async fn reload(
    service: &mut Service,
    loaded: Loaded,
    files: Files,
    source: &WhatToRun,
    window: Option<&Open>,
    log: &Log,
) -> Option<hc_config::Log> {
    let mut settings = None;
    let record = match loaded {
        Err(why) => not_loaded(&why, source),
        Ok(mut config) => {
            let short_of_files = files.fit(&mut config);
            let (wanted, sight) = (config.log, Sight::of(&config));
            match service.reload(config).await {
                Ok(reloaded) => {
                    settings = Some(wanted);
                    if let Some(window) = window {
                        window.reloaded(sight);
                    }
                    if let Some(record) = short_of_files {
                        log.write(&record);
                    }
                    told(&reloaded)
                }
                Err(error) => Record::new(now(), Level::Error, "reload_failed")
                    .with("errors", 1_usize)
                    .with_message(format!("old config kept: {error}")),
            }
        }
    };
    if let Some(window) = window.filter(|_| settings.is_none()) {
        window.reload_failed();
    }
    log.write(&record);
    settings
}

fn told(reloaded: &Reloaded) -> Record {
    let took = reloaded.took.as_millis();
    let mut record = Record::new(now(), Level::Info, "reload")
        .with("added", reloaded.added)
        .with("removed", reloaded.removed)
        .with("changed", reloaded.changed)
        .with("kept", reloaded.kept)
        .with(
            "took_ms",
            Value::Count(u64::try_from(took).unwrap_or(u64::MAX)),
        );
    if !reloaded.restart_only.is_empty() {
        record = record
            .with("restart_only", reloaded.restart_only.join(","))
            .with_message("these keys take effect at a restart");
    }
    record
}

#[cfg(test)]
mod tests {
    use hc_scheduler::Monitor;

    use super::*;

    #[tokio::test]
    async fn a_config_whose_reading_panics_is_a_reload_that_failed() {
        let reading = tokio::task::spawn_blocking(|| panic!("this is the test's own"));
        let Some(Err(why)) = loaded(&mut Some(reading)).await else {
            panic!("nothing was read");
        };
        let source = WhatToRun {
            path: None,
            urls: Vec::new(),
            overrides: Overrides::default(),
        };
        let line = not_loaded(&why, &source).logfmt(journal::TimeStyle::None);
        assert_eq!(
            line,
            "ERROR reload_failed errors=1 msg=\"old config kept: a bug while it was read\""
        );
    }

    #[tokio::test]
    async fn a_monitor_that_ends_is_heard_of_whenever_one_listens() {
        let monitor = Monitor::builder().build().start();
        let before = tokio::spawn(ended_unasked(monitor.clone()));
        monitor.shutdown(Duration::ZERO).await;
        before.await.unwrap();
        ended_unasked(monitor).await;
    }
}
