//! The series of hc under OpenTelemetry's names. Written with dots and units, they are those of `/metrics` again where
//! Prometheus's own rules translate them: `hc.check.duration` in `s` is `hc_check_duration_seconds`.

use std::time::SystemTime;

use hc_core::{CheckResult, Overlay, Phase, Status};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_semantic_conventions::{attribute as otel, metric as process};

use super::points::Points;
use super::words::{BLAME, CODE, GROUP, LABEL, PHASE, PROBE, RESULT, SINK, STATE, TARGET, text};
use crate::ledger::{Counted, Histogram, Seen};
use crate::metrics::{Facts, PerTarget, Process, unix};
use crate::wire::target::overlays;

/// Targets whose metrics go into one request: about a megabyte.
const CHUNK: usize = 2_000;

/// How many requests the metrics of these facts take.
pub(super) fn parts(facts: &Facts) -> usize {
    match facts.settings.per_target {
        PerTarget::None => 1,
        _ => 1 + facts.targets.len().div_ceil(CHUNK),
    }
}

/// One part of them: first hc itself and its groups, then targets, some thousands in each.
pub(super) fn part(facts: &Facts, part: usize, now: SystemTime) -> Vec<Metric> {
    let mut points = Points::of(facts.started, now);
    match part.checked_sub(1) {
        None => {
            fleet(&mut points, facts);
            groups(&mut points, facts);
            itself(&mut points, facts);
            process(&mut points, facts, now);
        }
        Some(chunk) => {
            if let Some(seen) = facts.targets.chunks(CHUNK).nth(chunk) {
                targets(&mut points, facts, seen);
            }
        }
    }
    points.finish()
}

/// One point without attributes.
fn one<N>(number: N) -> [(Vec<KeyValue>, N); 1] {
    [(Vec::new(), number)]
}

fn group(name: &str) -> Vec<KeyValue> {
    vec![text(GROUP, name)]
}

/// A target with the attributes that all of its points have.
struct Named<'a>(&'a Seen, Vec<KeyValue>);

impl Named<'_> {
    fn and(&self, more: impl IntoIterator<Item = KeyValue>) -> Vec<KeyValue> {
        let mut all = self.1.clone();
        all.extend(more);
        all
    }
}

fn named<'a>(facts: &Facts, seen: &'a Seen) -> Named<'a> {
    let mut attributes = group(&seen.about.group);
    attributes.push(text(TARGET, seen.handle.id().as_str()));
    for name in &facts.settings.labels {
        if let Some(value) = seen.about.labels.get(name) {
            attributes.push(text(&format!("{LABEL}{name}"), value));
        }
    }
    Named(seen, attributes)
}

fn targets(points: &mut Points, facts: &Facts, seen: &[Seen]) {
    let all: Vec<_> = seen.iter().map(|seen| named(facts, seen)).collect();
    let known = all
        .iter()
        .filter(|each| each.0.handle.status() != Status::Unknown);
    points.gauge(
        "hc.target.healthy",
        "",
        "1 healthy or degraded, 0 unhealthy, absent while unknown.",
        known.map(|each| (each.and([]), each.0.handle.status() != Status::Unhealthy)),
    );
    let states = all.iter().flat_map(|each| {
        let overlays = overlays(&each.0.handle, facts.now).map(Overlay::as_str);
        let states = std::iter::once(each.0.handle.status().as_str()).chain(overlays);
        states.map(|state| (each.and([text(STATE, state)]), true))
    });
    points.gauge(
        "hc.target.state",
        "",
        "1 for the status and for each overlay that holds.",
        states,
    );
    let why = all.iter().filter_map(|each| {
        let why = each.0.why.as_ref()?;
        let code = why.code.map(|code| text(CODE, code));
        let phase = why.phase.map(|phase| text(PHASE, phase.as_str()));
        let kind = [
            text(otel::ERROR_TYPE, why.kind.as_str()),
            text(BLAME, why.blame.as_str()),
        ];
        Some((each.and(kind.into_iter().chain(code).chain(phase)), true))
    });
    points.gauge(
        "hc.target.failure.info",
        "",
        "Why the target is not well, while it is not.",
        why,
    );
    times(points, &all);
    let changes = all.iter().map(|each| (each.and([]), each.0.transitions));
    points.counter(
        "hc.target.transitions",
        "{transition}",
        "Changes of status.",
        changes,
    );
    let failures = all.iter().map(|each| (each.and([]), each.0.failures));
    points.counter(
        "hc.target.failures",
        "{check}",
        "Checks that failed.",
        failures,
    );
    if facts.settings.per_target == PerTarget::Full {
        let own = || {
            all.iter()
                .filter_map(|each| Some((each, each.0.own.as_deref()?)))
        };
        durations(
            points,
            own().map(|(each, own)| (each.and([]), &own.duration)),
            own().map(|(each, own)| (each.and([]), &own.phases)),
        );
    }
}

fn times(points: &mut Points, all: &[Named<'_>]) {
    let since = all.iter().map(|each| (each.and([]), unix(each.0.since)));
    points.gauge(
        "hc.target.status_since.timestamp",
        "s",
        "Since when the status holds.",
        since,
    );
    let last = || all.iter().filter_map(|each| Some((each, each.0.last?)));
    let ended = last().map(|(each, last)| (each.and([]), unix(last.wall)));
    points.gauge(
        "hc.target.last_check.timestamp",
        "s",
        "When the last check ended.",
        ended,
    );
    let took =
        last().filter_map(|(each, last)| Some((each.and([]), last.duration.get()?.as_secs_f64())));
    points.gauge(
        "hc.target.last_check.duration",
        "s",
        "How long the last check took.",
        took,
    );
    let next =
        last().filter_map(|(each, last)| Some((each.and([]), last.to_next.get()?.as_secs_f64())));
    points.gauge(
        "hc.target.next_interval",
        "s",
        "From the end of the last check to when the next was due then.",
        next,
    );
    let ends = all.iter().filter(|each| each.0.certificate_expiry > 0);
    points.gauge(
        "hc.target.certificate_expiry.timestamp",
        "s",
        "When the certificate of the target ends.",
        ends.map(|each| (each.and([]), each.0.certificate_expiry)),
    );
}

fn durations<'a>(
    points: &mut Points,
    whole: impl IntoIterator<Item = (Vec<KeyValue>, &'a Histogram)>,
    parts: impl IntoIterator<Item = (Vec<KeyValue>, &'a [Histogram; 6])>,
) {
    points.histogram("hc.check.duration", "How long checks took.", whole);
    let parts = parts.into_iter().flat_map(|(attributes, phases)| {
        let measured = Phase::ALL
            .iter()
            .zip(phases)
            .filter(|(_, spent)| spent.count() > 0);
        measured.map(move |(phase, spent)| {
            let mut attributes = attributes.clone();
            attributes.push(text(PHASE, phase.as_str()));
            (attributes, spent)
        })
    });
    points.histogram(
        "hc.check.phase.duration",
        "How long the phases of checks took.",
        parts,
    );
}

fn fleet(points: &mut Points, facts: &Facts) {
    let states = facts
        .states()
        .into_iter()
        .map(|((name, state), count)| (vec![text(GROUP, name), text(STATE, state)], count));
    let help = "Targets by status, and by each overlay that lies over some.";
    points.up_down("hc.targets", "{target}", help, states);
}

fn groups(points: &mut Points, facts: &Facts) {
    let results = facts.groups.iter().flat_map(|(name, seen)| {
        seen.results.iter().flat_map(move |(probe, results)| {
            CheckResult::ALL.map(|result| {
                let what = [text(PROBE, *probe), text(RESULT, result.as_str())];
                let mut attributes = group(name);
                attributes.extend(what);
                (attributes, results[result as usize])
            })
        })
    });
    points.counter(
        "hc.checks",
        "{check}",
        "Checks that ended, by result.",
        results,
    );
    let failures = facts.groups.iter().flat_map(|(name, seen)| {
        seen.counted
            .failures
            .iter()
            .map(move |((kind, phase, blame), count)| {
                let mut attributes = group(name);
                attributes.push(text(otel::ERROR_TYPE, kind.as_str()));
                attributes.push(text(BLAME, blame.as_str()));
                attributes.extend(phase.map(|phase| text(PHASE, phase.as_str())));
                (attributes, *count)
            })
    });
    let help = "Checks that did not pass, by reason; blame local: hc's own trouble.";
    points.counter("hc.check.failures", "{check}", help, failures);
    if facts.settings.per_target != PerTarget::Full {
        let each = || {
            facts
                .groups
                .iter()
                .map(|(name, seen)| (group(name), &seen.counted))
        };
        durations(
            points,
            each().map(|(attributes, counted)| (attributes, &counted.duration)),
            each().map(|(attributes, counted)| (attributes, &counted.phases)),
        );
    }
    type Of = fn(&Counted) -> u64;
    let counters: [(&str, &str, &str, Of); 6] = [
        (
            "hc.connections.opened",
            "{connection}",
            "Connections that checks opened.",
            |c| c.opened,
        ),
        (
            "hc.connections.reused",
            "{check}",
            "Checks over a kept connection.",
            |c| c.reused,
        ),
        (
            "hc.retries",
            "{check}",
            "Checks tried again on a fresh connection.",
            |c| c.retries,
        ),
        (
            "hc.nudges",
            "{check}",
            "Checks that were made early because of a nudge.",
            |c| c.nudges,
        ),
        (
            "hc.overlaps",
            "{tick}",
            "Due times that passed while the check before was in flight.",
            |c| c.overlaps,
        ),
        (
            "hc.skipped_ticks",
            "{tick}",
            "Due times that backoff and slowness left out.",
            |c| c.skipped_ticks,
        ),
    ];
    for (name, unit, help, of) in counters {
        let counted = facts
            .groups
            .iter()
            .map(|(name, seen)| (group(name), of(&seen.counted)));
        points.counter(name, unit, help, counted);
    }
}

fn itself(points: &mut Points, facts: &Facts) {
    let stats = &facts.stats;
    let help = "From when a check was due to when it started, less the wait for a permit.";
    points.histogram(
        "hc.scheduler.lateness",
        help,
        [(Vec::new(), &facts.lateness)],
    );
    let help = "How long checks waited for a permit, those that had to.";
    points.histogram("hc.admission.wait", help, [(Vec::new(), &facts.waits)]);
    let help = "Rows of reported failures that were acted on.";
    points.counter("hc.reports", "{report}", help, one(stats.counters.reports));
    points.up_down(
        "hc.checks.in_flight",
        "{check}",
        "Checks in flight.",
        one(stats.in_flight),
    );
    let help = "Targets that are due and wait for a permit.";
    points.up_down("hc.admission.waiting", "{target}", help, one(stats.waiting));
    let help = "Real time over running time: 1 unless hc lacks processor time.";
    points.gauge("hc.interval.stretch", "1", help, one(stats.stretch));
    let help = "1 while nothing answers any more, so that failures do not count.";
    points.gauge("hc.isolated", "", help, one(stats.isolated));
    let sink = |name: &str| vec![text(SINK, name)];
    let lengths = facts
        .sinks
        .iter()
        .filter_map(|(name, length, _)| Some((sink(name), (*length)?)));
    points.up_down(
        "hc.sink.queue_length",
        "{sample}",
        "What waits in a sink's queue.",
        lengths,
    );
    let dropped = facts
        .sinks
        .iter()
        .map(|(name, _, dropped)| (sink(name), *dropped));
    points.counter(
        "hc.sink.dropped_samples",
        "{sample}",
        "What a sink was too slow for.",
        dropped,
    );
    let reloads = ["success", "failure"].into_iter().zip(facts.reloads);
    let reloads = reloads.map(|(result, count)| (vec![text(RESULT, result)], count));
    points.counter(
        "hc.config.reloads",
        "{reload}",
        "Reloads of the config.",
        reloads,
    );
    let help = "0 while the config on disk was refused and an older one holds.";
    points.gauge(
        "hc.config.last_reload_successful",
        "",
        help,
        one(!facts.last_reload_failed),
    );
}

fn process(points: &mut Points, facts: &Facts, now: SystemTime) {
    let read = Process::read();
    let modes = [("user", read.user_seconds), ("system", read.system_seconds)];
    let spent = modes
        .into_iter()
        .filter_map(|(mode, seconds)| Some((vec![text(otel::CPU_MODE, mode)], seconds?)));
    let help = "Processor time of this process.";
    points.counter(process::PROCESS_CPU_TIME, "s", help, spent);
    for (name, unit, help, value) in [
        (
            process::PROCESS_MEMORY_USAGE,
            "By",
            "Memory in use.",
            read.resident_bytes,
        ),
        (
            process::PROCESS_MEMORY_VIRTUAL,
            "By",
            "Address space in use.",
            read.virtual_bytes,
        ),
        (
            process::PROCESS_THREAD_COUNT,
            "{thread}",
            "Threads.",
            read.threads,
        ),
        (
            process::PROCESS_UNIX_FILE_DESCRIPTOR_COUNT,
            "{file_descriptor}",
            "Open files.",
            read.open_fds,
        ),
    ] {
        let value = value.map(|value| (Vec::new(), value));
        points.up_down(name, unit, help, value);
    }
    let up = now.duration_since(facts.started).unwrap_or_default();
    let help = "For how long the process has run.";
    points.gauge(process::PROCESS_UPTIME, "s", help, one(up.as_secs_f64()));
}
