//! What concerns the whole process: limits, self-doubt, the log, the end, what is shown of it.

use std::time::Duration;

use hc_core::BasisPoints;

use crate::config::{
    Control, Isolate, Limits, Log, LogFormat, LogLevel, Metrics, Overload, PerTarget, Profile,
    Shutdown, State, StateFile,
};
use crate::settings::Settings;

/// A slot of 10 ms: one wake-up for ten checks costs a tenth of ten wake-ups, and nobody sees 10 ms.
const SLOT: Duration = Duration::from_millis(10);

/// A quarter of the timeout: measured, healthy targets on one starved core never turn.
const MAX_LATENESS: BasisPoints = BasisPoints::percent(25);

/// 20 silent targets on 5 hosts are the network, not the targets.
const ISOLATE_TARGETS: usize = 20;
const ISOLATE_HOSTS: usize = 5;

/// A line a minute is read; one a second is not.
const SUMMARY: Duration = Duration::from_secs(60);

/// More lines a second than this are nobody's reading.
const BURST: u32 = 100;

/// Covers the default timeout twice.
const GRACE: Duration = Duration::from_secs(5);

/// Beyond five minutes the first sweep knows better than what was known before.
const MAX_AGE: Duration = Duration::from_secs(300);

/// What a killed process forgets at most; ten thousand targets are 4 MB each time.
const EVERY: Duration = Duration::from_secs(30);

fn count(settings: &Settings, path: &str, usual: u64) -> usize {
    usize::try_from(settings.count(path).unwrap_or(usual)).unwrap_or(usize::MAX)
}

pub(crate) fn limits(settings: &Settings, profile: Profile) -> Limits {
    let preset = profile.preset();
    Limits {
        in_flight: count(settings, "limits.in_flight", preset.in_flight),
        per_host: count(settings, "limits.per_host", preset.per_host),
        slot: settings.duration("limits.slot").unwrap_or(SLOT),
        threads: count(settings, "limits.threads", 1),
    }
}

pub(crate) fn overload(settings: &Settings) -> Overload {
    Overload {
        max_lateness: settings
            .share("overload.max_lateness")
            .unwrap_or(MAX_LATENESS),
    }
}

pub(crate) fn isolate(settings: &Settings) -> Option<Isolate> {
    if settings.word("isolate") == Some("none") {
        return None;
    }
    Some(Isolate {
        targets: count(settings, "isolate.targets", ISOLATE_TARGETS as u64),
        min_hosts: count(settings, "isolate.min_hosts", ISOLATE_HOSTS as u64),
        reference: texts(settings, "isolate.reference"),
    })
}

pub(crate) fn log(settings: &Settings) -> Log {
    Log {
        format: match settings.word("log.format") {
            Some("json") => LogFormat::Json,
            _ => LogFormat::Text,
        },
        level: match settings.word("log.level") {
            Some("error") => LogLevel::Error,
            Some("warn") => LogLevel::Warn,
            Some("debug") => LogLevel::Debug,
            Some("trace") => LogLevel::Trace,
            _ => LogLevel::Info,
        },
        summary: match settings.word("log.summary") {
            Some("none") => None,
            _ => Some(settings.duration("log.summary").unwrap_or(SUMMARY)),
        },
        burst: settings
            .count("log.burst")
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(BURST),
    }
}

pub(crate) fn shutdown(settings: &Settings) -> Shutdown {
    Shutdown {
        grace: settings.duration("shutdown.grace").unwrap_or(GRACE),
    }
}

pub(crate) fn texts(settings: &Settings, path: &str) -> Vec<String> {
    let texts = settings.texts(path).unwrap_or_default().into_iter();
    texts.map(ToOwned::to_owned).collect()
}

pub(crate) fn control(settings: &Settings) -> Control {
    match (settings.word("control"), settings.text("control")) {
        (Some("none"), _) => Control::Off,
        (_, Some(path)) => Control::At(path.into()),
        _ => Control::Auto,
    }
}

pub(crate) fn state(settings: &Settings) -> Option<State> {
    if settings.word("state") == Some("none") {
        return None;
    }
    Some(State {
        file: settings
            .text("state.file")
            .map_or(StateFile::Auto, |path| StateFile::At(path.into())),
        max_age: settings.duration("state.max_age").unwrap_or(MAX_AGE),
        every: settings.duration("state.every").unwrap_or(EVERY),
    })
}

pub(crate) fn metrics(settings: &Settings) -> Metrics {
    Metrics {
        per_target: match settings.word("metrics.per_target") {
            Some("full") => PerTarget::Full,
            Some("none") => PerTarget::Off,
            _ => PerTarget::Basic,
        },
        labels: texts(settings, "metrics.labels"),
    }
}
