//! The families of targets and groups, in the order of the reference page.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use hc_core::{CheckResult, Phase, Status, Timestamp};
use hc_scheduler::Stats;

use super::encode::{Encoder, Form, Kind, label, labels};
use super::{MetricsSettings, PerTarget, itself};
use crate::ledger::{GroupSeen, Histogram, Seen};
use crate::wire::target::overlays;

/// What one scrape is made of.
pub(crate) struct Facts {
    pub(crate) form: Form,
    pub(crate) settings: MetricsSettings,
    pub(crate) now: Timestamp,
    pub(crate) started: SystemTime,
    pub(crate) version: String,
    pub(crate) revision: String,
    pub(crate) targets: Vec<Seen>,
    pub(crate) groups: BTreeMap<Arc<str>, GroupSeen>,
    pub(crate) lateness: Histogram,
    pub(crate) waits: Histogram,
    pub(crate) stats: Stats,
    /// Queue length (where there is one queue) and dropped, by sink.
    pub(crate) sinks: Vec<(&'static str, Option<u64>, u64)>,
    /// Succeeded, failed.
    pub(crate) reloads: [u64; 2],
    pub(crate) last_reload_failed: bool,
}

impl Facts {
    /// Targets by group and state. Every status is there, also with 0: an alert on it is then never without data.
    pub(crate) fn states(&self) -> BTreeMap<(&str, &str), u64> {
        let mut states: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for seen in &self.targets {
            let group = &*seen.about.group;
            for status in Status::ALL {
                states.entry((group, status.as_str())).or_default();
            }
            let status = seen.handle.status().as_str();
            let overlays = overlays(&seen.handle, self.now).map(hc_core::Overlay::as_str);
            for state in std::iter::once(status).chain(overlays) {
                *states.entry((group, state)).or_default() += 1;
            }
        }
        states
    }
}

/// Bytes of a target's series, roughly: to grow rarely.
const ROOM_A_TARGET: usize = 1_000;

/// The whole text of a scrape.
pub(crate) fn render(facts: &Facts) -> String {
    let mut out = Encoder::new(facts.form, 16_384 + facts.targets.len() * ROOM_A_TARGET);
    if facts.settings.per_target != PerTarget::None {
        targets(&mut out, facts);
    }
    fleet(&mut out, facts);
    groups(&mut out, facts);
    itself::render(&mut out, facts);
    out.finish()
}

/// A target with its labels written once: they stand in each of its series.
struct Labelled<'a> {
    seen: &'a Seen,
    status: Status,
    /// `target="api-1"` and the exported labels.
    alone: &'a str,
    /// The same with the group.
    grouped: &'a str,
}

fn targets(out: &mut Encoder, facts: &Facts) {
    let mut text = String::with_capacity(facts.targets.len() * 64);
    let ends: Vec<(usize, usize)> = facts
        .targets
        .iter()
        .map(|seen| {
            label(&mut text, "group", &seen.about.group);
            text.push(',');
            let alone = text.len();
            label(&mut text, "target", seen.handle.id().as_str());
            for name in &facts.settings.labels {
                if let Some(value) = seen.about.labels.get(name) {
                    text.push(',');
                    label(&mut text, name, value);
                }
            }
            (alone, text.len())
        })
        .collect();
    let mut start = 0;
    let mut all = Vec::with_capacity(ends.len());
    for (seen, (alone, end)) in facts.targets.iter().zip(ends) {
        all.push(Labelled {
            seen,
            status: seen.handle.status(),
            alone: &text[alone..end],
            grouped: &text[start..end],
        });
        start = end;
    }
    states(out, &all, facts.now);
    times(out, &all);
    counts(out, &all);
}

fn states(out: &mut Encoder, all: &[Labelled<'_>], now: Timestamp) {
    let help = "1 healthy or degraded, 0 unhealthy, absent while unknown.";
    out.family(Kind::Gauge, "hc_target_healthy", None, help);
    for target in all.iter().filter(|target| target.status != Status::Unknown) {
        out.sample(&[target.grouped], target.status != Status::Unhealthy);
    }
    let help = "1 for the status and for each overlay that holds.";
    out.family(Kind::Gauge, "hc_target_state", None, help);
    for target in all {
        let overlays = overlays(&target.seen.handle, now).map(hc_core::Overlay::as_str);
        for state in std::iter::once(target.status.as_str()).chain(overlays) {
            out.sample(&[target.grouped, ",state=\"", state, "\""], true);
        }
    }
    let help = "Why the target is not well, while it is not.";
    out.family(Kind::Info, "hc_target_failure", None, help);
    for target in all {
        let Some(why) = &target.seen.why else {
            continue;
        };
        let parts = [
            target.alone,
            ",kind=\"",
            why.kind.as_str(),
            "\",code=\"",
            why.code.unwrap_or_default(),
            "\",phase=\"",
            why.phase.map_or("", Phase::as_str),
            "\",blame=\"",
            why.blame.as_str(),
            "\"",
        ];
        out.sample(&parts, true);
    }
}

/// Seconds since 1970, to the millisecond.
pub(crate) fn unix(at: SystemTime) -> f64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_millis() as f64 / 1e3
}

fn times(out: &mut Encoder, all: &[Labelled<'_>]) {
    const SECONDS: Option<&str> = Some("seconds");
    let name = "hc_target_status_since_timestamp_seconds";
    out.family(Kind::Gauge, name, SECONDS, "Since when the status holds.");
    for target in all {
        out.sample(&[target.alone], unix(target.seen.since));
    }
    let name = "hc_target_last_check_timestamp_seconds";
    out.family(Kind::Gauge, name, SECONDS, "When the last check ended.");
    for target in all {
        if let Some(last) = target.seen.last {
            out.sample(&[target.alone], unix(last.wall));
        }
    }
    let name = "hc_target_certificate_expiry_timestamp_seconds";
    let help = "When the certificate of the target ends.";
    out.family(Kind::Gauge, name, SECONDS, help);
    for target in all {
        if target.seen.certificate_expiry > 0 {
            out.sample(&[target.alone], target.seen.certificate_expiry);
        }
    }
    let name = "hc_target_last_check_duration_seconds";
    out.family(Kind::Gauge, name, SECONDS, "How long the last check took.");
    for target in all {
        if let Some(took) = target.seen.last.and_then(|last| last.duration.get()) {
            out.sample(&[target.alone], took.as_secs_f64());
        }
    }
    let name = "hc_target_next_interval_seconds";
    let help = "From the end of the last check to when the next was due then.";
    out.family(Kind::Gauge, name, SECONDS, help);
    for target in all {
        if let Some(wait) = target.seen.last.and_then(|last| last.to_next.get()) {
            out.sample(&[target.alone], wait.as_millis() as f64 / 1e3);
        }
    }
}

fn counts(out: &mut Encoder, all: &[Labelled<'_>]) {
    out.family(
        Kind::Counter,
        "hc_target_transitions",
        None,
        "Changes of status.",
    );
    for target in all {
        out.sample(&[target.alone], target.seen.transitions);
    }
    out.family(
        Kind::Counter,
        "hc_target_failures",
        None,
        "Checks that failed.",
    );
    for target in all {
        out.sample(&[target.alone], target.seen.failures);
    }
}

fn fleet(out: &mut Encoder, facts: &Facts) {
    let help = "Targets by status, and by each overlay that lies over some.";
    out.family(Kind::Gauge, "hc_targets", None, help);
    for ((group, state), count) in facts.states() {
        let labels = labels(&[("group", group), ("state", state)]);
        out.sample(&[&labels], count);
    }
}

fn groups(out: &mut Encoder, facts: &Facts) {
    out.family(
        Kind::Counter,
        "hc_checks",
        None,
        "Checks that ended, by result.",
    );
    for (name, group) in &facts.groups {
        for (probe, results) in &group.results {
            for result in CheckResult::ALL {
                let pairs = [
                    ("group", &**name),
                    ("probe", probe),
                    ("result", result.as_str()),
                ];
                out.sample(&[&labels(&pairs)], results[result as usize]);
            }
        }
    }
    let help = "Checks that did not pass, by reason; blame local: hc's own trouble.";
    out.family(Kind::Counter, "hc_check_failures", None, help);
    for (name, group) in &facts.groups {
        for ((kind, phase, blame), count) in &group.counted.failures {
            let pairs = [
                ("group", &**name),
                ("kind", kind.as_str()),
                ("phase", phase.map_or("", Phase::as_str)),
                ("blame", blame.as_str()),
            ];
            out.sample(&[&labels(&pairs)], *count);
        }
    }
    durations(out, facts);
    type Of = fn(&crate::ledger::Counted) -> u64;
    let counters: [(&'static str, &str, Of); 6] = [
        (
            "hc_connections_opened",
            "Connections that checks opened.",
            |c| c.opened,
        ),
        (
            "hc_connections_reused",
            "Checks over a kept connection.",
            |c| c.reused,
        ),
        (
            "hc_retries",
            "Checks tried again on a fresh connection.",
            |c| c.retries,
        ),
        (
            "hc_nudges",
            "Checks that were made early because of a nudge.",
            |c| c.nudges,
        ),
        (
            "hc_overlaps",
            "Due times that passed while the check before was in flight.",
            |c| c.overlaps,
        ),
        (
            "hc_skipped_ticks",
            "Due times that backoff and slowness left out.",
            |c| c.skipped_ticks,
        ),
    ];
    for (name, help, of) in counters {
        out.family(Kind::Counter, name, None, help);
        for (group, seen) in &facts.groups {
            out.sample(&[&labels(&[("group", group)])], of(&seen.counted));
        }
    }
}

/// Of groups; where targets have histograms of their own, of these instead, so that no check is in two series.
fn durations(out: &mut Encoder, facts: &Facts) {
    const SECONDS: Option<&str> = Some("seconds");
    let is_full = facts.settings.per_target == PerTarget::Full;
    let own = || {
        facts.targets.iter().filter_map(|seen| {
            let pairs = [
                ("group", &*seen.about.group),
                ("target", seen.handle.id().as_str()),
            ];
            Some((labels(&pairs), seen.own.as_deref()?))
        })
    };
    let name = "hc_check_duration_seconds";
    out.family(Kind::Histogram, name, SECONDS, "How long checks took.");
    if is_full {
        own().for_each(|(labels, own)| out.histogram(&labels, &own.duration));
    } else {
        for (name, group) in &facts.groups {
            out.histogram(&labels(&[("group", name)]), &group.counted.duration);
        }
    }
    let name = "hc_check_phase_duration_seconds";
    out.family(
        Kind::Histogram,
        name,
        SECONDS,
        "How long the phases of checks took.",
    );
    let mut phases = |labels: &str, phases: &[Histogram; 6]| {
        for (phase, histogram) in Phase::ALL.iter().zip(phases) {
            if histogram.count() > 0 {
                out.histogram(&format!("{labels},phase=\"{}\"", phase.as_str()), histogram);
            }
        }
    };
    if is_full {
        own().for_each(|(labels, own)| phases(&labels, &own.phases));
    } else {
        for (name, group) in &facts.groups {
            phases(&labels(&[("group", name)]), &group.counted.phases);
        }
    }
}
