//! The families of hc itself: its schedule, its sinks, its config, its process.

use super::encode::{Encoder, Kind, labels};
use super::families::{Facts, unix};
use super::process::Process;

pub(super) fn render(out: &mut Encoder, facts: &Facts) {
    scheduler(out, facts);
    own(out, facts);
    process(out, facts);
}

fn scheduler(out: &mut Encoder, facts: &Facts) {
    let stats = &facts.stats;
    let name = "hc_scheduler_lateness_seconds";
    let help = "From when a check was due to when it started, less the wait for a permit.";
    out.family(Kind::Histogram, name, Some("seconds"), help);
    out.histogram("", &facts.lateness);
    let name = "hc_admission_wait_seconds";
    let help = "How long checks waited for a permit, those that had to.";
    out.family(Kind::Histogram, name, Some("seconds"), help);
    out.histogram("", &facts.waits);
    let help = "Rows of reported failures that were acted on.";
    out.family(Kind::Counter, "hc_reports", None, help);
    out.sample(&[], stats.counters.reports);
    out.family(
        Kind::Gauge,
        "hc_checks_in_flight",
        None,
        "Checks in flight.",
    );
    out.sample(&[], stats.in_flight);
    let help = "Targets that are due and wait for a permit.";
    out.family(Kind::Gauge, "hc_admission_waiting", None, help);
    out.sample(&[], stats.waiting);
    let help = "Real time over running time: 1 unless hc lacks processor time.";
    out.family(
        Kind::Gauge,
        "hc_interval_stretch_ratio",
        Some("ratio"),
        help,
    );
    out.sample(&[], stats.stretch);
    let help = "1 while nothing answers any more, so that failures do not count.";
    out.family(Kind::Gauge, "hc_isolated", None, help);
    out.sample(&[], stats.isolated);
}

fn own(out: &mut Encoder, facts: &Facts) {
    let help = "What waits in a sink's queue.";
    out.family(Kind::Gauge, "hc_sink_queue_length", None, help);
    for (sink, length, _) in &facts.sinks {
        if let Some(length) = length {
            out.sample(&[&labels(&[("sink", sink)])], *length);
        }
    }
    let help = "What a sink was too slow for.";
    out.family(Kind::Counter, "hc_sink_dropped_samples", None, help);
    for (sink, _, dropped) in &facts.sinks {
        out.sample(&[&labels(&[("sink", sink)])], *dropped);
    }
    out.family(
        Kind::Counter,
        "hc_config_reloads",
        None,
        "Reloads of the config.",
    );
    for (result, count) in ["success", "failure"].iter().zip(facts.reloads) {
        out.sample(&[&labels(&[("result", result)])], count);
    }
    let name = "hc_config_last_reload_successful";
    let help = "0 while the config on disk was refused and an older one holds.";
    out.family(Kind::Gauge, name, None, help);
    out.sample(&[], !facts.last_reload_failed);
    out.family(
        Kind::Info,
        "hc_build",
        None,
        "The release, and the commit it was built from.",
    );
    let build = labels(&[("version", &facts.version), ("revision", &facts.revision)]);
    out.sample(&[&build], true);
}

fn process(out: &mut Encoder, facts: &Facts) {
    let read = Process::read();
    if let Some(seconds) = read.cpu_seconds() {
        let help = "Processor time of this process.";
        out.family(Kind::Counter, "process_cpu_seconds", Some("seconds"), help);
        out.sample(&[], seconds);
    }
    let bytes = Some("bytes");
    for (name, unit, help, value) in [
        (
            "process_resident_memory_bytes",
            bytes,
            "Memory in use.",
            read.resident_bytes,
        ),
        (
            "process_virtual_memory_bytes",
            bytes,
            "Address space in use.",
            read.virtual_bytes,
        ),
        ("process_threads", None, "Threads.", read.threads),
        ("process_open_fds", None, "Open files.", read.open_fds),
        (
            "process_max_fds",
            None,
            "Open files that there may be.",
            read.max_fds,
        ),
    ] {
        if let Some(value) = value {
            out.family(Kind::Gauge, name, unit, help);
            out.sample(&[], value);
        }
    }
    let name = "process_start_time_seconds";
    out.family(
        Kind::Gauge,
        name,
        Some("seconds"),
        "When the process started.",
    );
    out.sample(&[], unix(facts.started));
}
