//! What a soak saw: each minute's samples, what hc's log said, and whether what must hold did.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;

use super::super::report::Setting;
use super::super::rig::Told;
use super::Options;

/// Memory may be so many times what it was after two minutes.
const GROWTH: f64 = 1.2;

/// One minute's end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Minute {
    /// hc's, since its start.
    pub(super) cpu: Duration,
    pub(super) rss_kib: u64,
    pub(super) threads: usize,
    pub(super) files: usize,
    pub(super) counted: Told,
}

/// Everything seen.
pub(super) struct Record {
    pub(super) setting: Setting,
    pub(super) targets: u32,
    pub(super) interval_ms: u64,
    pub(super) closes: u32,
    pub(super) seed: u64,
    pub(super) version: String,
    pub(super) minutes: Vec<Minute>,
    pub(super) first_healthy: Option<u64>,
    pub(super) heard: Heard,
}

/// Out of hc's log.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    /// Each of these is false: every target is healthy all the time.
    pub(super) transitions: Vec<String>,
    /// Isolation, overload, overlaps, staleness, panics: how often, and the first of each.
    pub(super) alarms: BTreeMap<String, (u64, String)>,
    pub(super) checks: u64,
    pub(super) failures: u64,
    pub(super) inconclusive: u64,
    pub(super) late_p99_ms: f64,
    pub(super) most_suspect: u64,
}

impl Heard {
    fn alarm(&mut self, event: &str, line: &str) {
        // How something ends is not one more of it.
        if !event.ends_with("_end") {
            let first = || (0, line.to_owned());
            let entry = self.alarms.entry(event.to_owned()).or_insert_with(first);
            entry.0 += 1;
        }
    }

    pub(super) fn alarms(&self) -> u64 {
        self.alarms.values().map(|(count, _)| count).sum()
    }
}

impl Record {
    pub(super) fn new(setting: Setting, options: &Options, version: &str) -> Self {
        Self {
            setting,
            targets: options.targets,
            interval_ms: options.interval_ms,
            closes: options.closes,
            seed: options.seed,
            version: version.to_owned(),
            minutes: Vec::new(),
            first_healthy: None,
            heard: Heard::default(),
        }
    }

    /// Every target was asked once.
    pub(super) fn swept(&self) -> bool {
        self.first_healthy.is_some()
    }

    /// A line of hc's log.
    pub(super) fn hear(&mut self, line: &str) {
        let Ok(value) = serde_json::from_str::<Value>(line) else {
            // hc speaks JSON once it runs; what it says before is a warning.
            self.heard.alarm("warning", line);
            return;
        };
        let number = |key: &str| value[key].as_u64().unwrap_or_default();
        match value["event"].as_str().unwrap_or_default() {
            "summary" => {
                self.heard.checks += number("checks");
                self.heard.failures += number("failures");
                self.heard.inconclusive += number("inconclusive");
                self.heard.most_suspect = self.heard.most_suspect.max(number("suspect"));
                let late = value["late_p99_ms"].as_f64().unwrap_or_default();
                self.heard.late_p99_ms = self.heard.late_p99_ms.max(late);
            }
            "first_sweep" => self.first_healthy = Some(number("healthy")),
            "start" | "stopped" => {}
            // `transitions` is how many were folded into one line.
            "transition" | "transitions" => self.heard.transitions.push(line.to_owned()),
            event => self.heard.alarm(event, line),
        }
    }

    pub(super) fn span(&self) -> Option<(&Minute, &Minute)> {
        Some((self.minutes.first()?, self.minutes.last()?))
    }

    pub(super) fn answers(&self) -> u64 {
        self.span().map_or(0, |(first, last)| {
            last.counted.answers - first.counted.answers
        })
    }

    pub(super) fn opened(&self) -> u64 {
        self.span().map_or(0, |(first, last)| {
            last.counted.connections - first.counted.connections
        })
    }

    fn seconds(&self) -> f64 {
        60.0 * self.minutes.len().saturating_sub(1) as f64
    }

    /// Answers to those that the interval alone would have brought.
    pub(super) fn kept_up(&self) -> f64 {
        let planned = f64::from(self.targets) * self.seconds() * 1000.0 / self.interval_ms as f64;
        self.answers() as f64 / planned
    }

    /// Memory at the end to that after two minutes.
    fn growth(&self) -> Option<f64> {
        let early = self.minutes.get(2)?.rss_kib;
        Some(self.minutes.last()?.rss_kib as f64 / early as f64)
    }

    pub(super) fn progress(&self) -> String {
        let Some((first, last)) = self.span() else {
            return String::new();
        };
        let cpu = (last.cpu - first.cpu).as_secs_f64() / self.seconds();
        format!(
            "minute {}: {} answers, {} connections, {} false transitions, {} alarms, {} MiB, {:.0} % of a processor",
            self.minutes.len() - 1,
            self.answers(),
            self.opened(),
            self.heard.transitions.len(),
            self.heard.alarms(),
            last.rss_kib / 1024,
            100.0 * cpu
        )
    }

    /// # Errors
    /// What did not hold.
    pub(super) fn judge(&self) -> Result<()> {
        let wrong = self.wrong();
        if !wrong.is_empty() {
            bail!("{}", wrong.join("; "));
        }
        Ok(())
    }

    pub(super) fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut must = |holds: bool, otherwise: String| {
            if !holds {
                wrong.push(otherwise);
            }
        };
        let heard = &self.heard;
        let first = heard.transitions.first().cloned().unwrap_or_default();
        let count = heard.transitions.len();
        must(
            count == 0,
            format!("{count} false transitions, the first: {first}"),
        );
        let healthy = self.first_healthy.unwrap_or_default();
        must(
            healthy == u64::from(self.targets),
            format!("only {healthy} healthy at first"),
        );
        let most = self
            .span()
            .map_or(0, |(_, last)| last.counted.most_between_answers);
        must(most <= 2, format!("{most} connections in one check"));
        must(
            self.opened() <= 2 * self.answers(),
            "more than two connections a check".to_owned(),
        );
        let kept_up = self.kept_up();
        must(
            kept_up > 0.9,
            format!("only {:.0} % of the planned checks", 100.0 * kept_up),
        );
        let growth = self.growth().unwrap_or(1.0);
        must(
            growth <= GROWTH,
            format!("memory grew to {growth:.2} times"),
        );
        wrong
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{Duration, Minute, Options, Record, Setting, Told};

    fn record() -> Record {
        let options = Options::parse_from(["--targets", "10"]);
        let mut record = Record::new(Setting::made_up(), &options, "0.1.0");
        record.hear(r#"{"event":"first_sweep","healthy":10}"#);
        for minute in 0..3 {
            let counted = Told {
                connections: 10 + 30 * minute,
                answers: 600 * minute,
                most_between_answers: 2,
                ..Told::default()
            };
            record.minutes.push(Minute {
                cpu: Duration::from_secs(minute),
                rss_kib: 2048,
                threads: 2,
                files: 20,
                counted,
            });
        }
        record
    }

    #[test]
    fn a_good_hour_holds_and_its_table_says_so() {
        let record = record();
        assert!(record.swept());
        assert_eq!(record.wrong(), [""; 0]);
        let text = record.markdown();
        assert!(text.contains("connections per check"), "{text}");
        assert!(text.contains("| 0.050"), "{text}");
    }

    #[test]
    fn one_false_transition_and_it_does_not() {
        let mut record = record();
        record.hear(r#"{"event":"transition","from":"healthy","to":"unhealthy"}"#);
        record.minutes[2].counted.most_between_answers = 3;
        let wrong = record.wrong();
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(record.judge().is_err());
    }
}
