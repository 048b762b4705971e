//! A soak's record as a page and as JSON.

use serde_json::{Value, json};

use super::super::report::short;
use super::super::rig::Told;
use super::super::spread::table;
use super::record::{Minute, Record};

/// So many lines of a log are shown.
const SHOWN: usize = 5;

impl Record {
    pub(super) fn markdown(&self) -> String {
        let Some((first, last)) = self.span() else {
            return String::new();
        };
        let (answers, opened) = (self.answers().max(1) as f64, self.opened() as f64);
        let since = |of: fn(&Told) -> u64| of(&last.counted) - of(&first.counted);
        let heard = &self.heard;
        let rss = |of: Option<&Minute>| {
            of.map_or_else(String::new, |it| short(it.rss_kib as f64 / 1024.0))
        };
        let per_check = (last.cpu - first.cpu).as_secs_f64() * 1e6 / answers;
        let rows = [
            ["", "hc"].map(ToOwned::to_owned),
            ["minutes".into(), (self.minutes.len() - 1).to_string()],
            [
                "false transitions".into(),
                heard.transitions.len().to_string(),
            ],
            ["answers".into(), self.answers().to_string()],
            [
                "answers to those planned by the interval alone".into(),
                short(self.kept_up()),
            ],
            [
                "closes at a time of the server's choice".into(),
                since(|it| it.closed).to_string(),
            ],
            [
                "requests that met a close, so were sent again".into(),
                since(|it| it.met).to_string(),
            ],
            [
                "failures of checks that hc counted".into(),
                heard.failures.to_string(),
            ],
            ["inconclusive checks".into(), heard.inconclusive.to_string()],
            ["connections opened".into(), self.opened().to_string()],
            [
                "connections per check".into(),
                format!("{:.3}", opened / answers),
            ],
            [
                "most connections of one target between two answers".into(),
                last.counted.most_between_answers.to_string(),
            ],
            [
                "most suspect at once, each ten seconds".into(),
                heard.most_suspect.to_string(),
            ],
            [
                "worst lateness p99 of ten seconds, ms".into(),
                short(heard.late_p99_ms),
            ],
            ["processor time per check, us".into(), short(per_check)],
            [
                "resident after the first turn, MiB".into(),
                rss(self.minutes.first()),
            ],
            [
                "resident after two minutes, MiB".into(),
                rss(self.minutes.get(2)),
            ],
            ["resident at the end, MiB".into(), rss(self.minutes.last())],
            ["threads at the end".into(), last.threads.to_string()],
            ["open files at the end".into(), last.files.to_string()],
            [
                "overloads, isolations, overlaps and the like".into(),
                heard.alarms().to_string(),
            ],
        ];
        let mut out = format!(
            "{}\n{} targets every {} ms, all healthy; {} of 1,000 answers are followed by a close (seed {}). hc {}.\n\n",
            self.setting.line("soak"),
            self.targets,
            self.interval_ms,
            self.closes,
            self.seed,
            self.version
        );
        out += &table(&rows.map(Vec::from));
        out += "\nCloses are a FIN or a reset, at once, at any moment of the next interval, or aimed at the next request; some come \
                with the request, read or unread.\n";
        for wrong in self.wrong() {
            out += &format!("- **Wrong**: {wrong}.\n");
        }
        for line in heard.transitions.iter().take(SHOWN) {
            out += &format!("- hc said: `{line}`\n");
        }
        for (event, (count, first)) in &heard.alarms {
            out += &format!("- {count} times `{event}`, the first: `{first}`\n");
        }
        out
    }

    pub(super) fn json(&self) -> Value {
        let minutes = self.minutes.iter().map(|it| {
            json!({
                "cpu_s": it.cpu.as_secs_f64(), "rss_kib": it.rss_kib, "threads": it.threads, "files": it.files,
                "answers": it.counted.answers, "connections": it.counted.connections,
                "closed": it.counted.closed, "met": it.counted.met,
            })
        });
        let heard = &self.heard;
        let alarms = heard.alarms.iter();
        let alarms = alarms.map(|(event, (count, _))| (event.clone(), json!(count)));
        json!({
            "bench": "soak", "setting": self.setting.line("soak"), "version": self.version,
            "targets": self.targets, "interval_ms": self.interval_ms, "closes_of_1000": self.closes, "seed": self.seed,
            "first_healthy": self.first_healthy, "false_transitions": heard.transitions.len(), "the_first": heard.transitions.iter().take(SHOWN).collect::<Vec<_>>(),
            "alarms": alarms.collect::<serde_json::Map<_, _>>(),
            "checks": heard.checks, "failures": heard.failures, "inconclusive": heard.inconclusive,
            "worst_late_p99_ms": heard.late_p99_ms, "wrong": self.wrong(), "minutes": minutes.collect::<Vec<_>>(),
        })
    }
}
