//! What looking costs, as a table: medians over the rounds, and differences within a round to the same with nobody looking.

use serde_json::{Value, json};

use super::super::report::{Setting, median, short};
use super::super::spread::table;
use super::lookers::Look;
use super::stage::Seen;

/// Everything of a run.
pub(super) struct Outcome {
    setting: Setting,
    targets: u32,
    seconds: u64,
    /// In the order in which they are told, each with what its rounds gave.
    ways: Vec<(Look, Vec<Seen>)>,
}

impl Outcome {
    pub(super) fn new(setting: Setting, targets: u32, seconds: u64) -> Self {
        Self {
            setting,
            targets,
            seconds,
            ways: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, look: &Look, seen: Seen) {
        match self.ways.iter_mut().find(|(way, _)| way == look) {
            Some((_, rounds)) => rounds.push(seen),
            None => self.ways.push((*look, vec![seen])),
        }
    }

    fn rounds(&self, look: Look) -> &[Seen] {
        let found = self.ways.iter().find(|(way, _)| *way == look);
        found.map_or(&[], |(_, rounds)| rounds)
    }

    /// The middle one of the rounds.
    fn middle(&self, look: Look, pick: impl Fn(&Seen) -> f64) -> Option<f64> {
        median(&self.rounds(look).iter().map(pick).collect::<Vec<_>>())
    }

    /// How much more it is than with nobody looking, round by round.
    fn more(&self, look: Look, pick: impl Fn(&Seen) -> f64) -> Option<f64> {
        let without = self.rounds(look.without()?);
        let pairs = self.rounds(look).iter().zip(without);
        let each = pairs.map(|(with, without)| pick(with) - pick(without));
        median(&each.collect::<Vec<_>>())
    }

    /// Processor time of one answer, or of one event to one reader, in milliseconds.
    fn cpu_a_look(&self, look: Look) -> Option<f64> {
        let looks = self.middle(look, |seen| seen.looks)?;
        (looks > 0.0).then_some(self.more(look, |seen| seen.cpu_ms)? / looks)
    }

    pub(super) fn markdown(&self) -> String {
        let mut out = format!(
            "{}\nhc asks {} targets of nginx every second, and a hundred more that come and go every four seconds. Medians of {} \
             rounds of {} s.\n\n",
            self.setting.line("look"),
            self.targets,
            self.ways.iter().map(|(_, it)| it.len()).max().unwrap_or(0),
            self.seconds
        );
        let headings = [
            "",
            "CPU, ms a second",
            "more",
            "MiB",
            "more",
            "grown, KiB",
            "late p99, ms",
            "looks/s",
            "bytes",
            "took, ms",
            "CPU a look, ms",
        ];
        let mut rows = vec![headings.map(ToOwned::to_owned).to_vec()];
        let cell = |value: Option<f64>| value.map(short).unwrap_or_default();
        for look in Look::all(0).into_iter().map(|it| self.told_as(it)) {
            if self.rounds(look).is_empty() {
                continue;
            }
            let some = |value: Option<f64>| cell(value.filter(|value| *value > 0.0));
            rows.push(vec![
                look.name(),
                cell(self.middle(look, |it| it.cpu_ms)),
                cell(self.more(look, |it| it.cpu_ms)),
                cell(self.middle(look, |it| it.rss_kib / 1024.0)),
                cell(self.more(look, |it| it.rss_kib / 1024.0)),
                cell(self.middle(look, |it| it.grown_kib)),
                cell(self.middle(look, |it| it.late_p99_ms)),
                some(self.middle(look, |it| it.looks)),
                some(self.middle(look, |it| it.bytes)),
                some(self.middle(look, |it| it.took_ms)),
                cell(self.cpu_a_look(look)),
            ]);
        }
        out += &table(&rows);
        out += "\n\"More\" is the middle difference to the same with nobody looking: of control and listen to blind, of scrapes and \
                readers to listen, of top to control. A look is an answer, or an event that came to one reader.\n\n";
        for (look, _) in &self.ways {
            out += &format!("- {}: {}.\n", look.name(), look.about());
        }
        out
    }

    /// The way of that kind that was played.
    fn told_as(&self, look: Look) -> Look {
        let same = |way: &&(Look, Vec<Seen>)| way.0.name() == look.name();
        self.ways.iter().find(same).map_or(look, |(way, _)| *way)
    }

    pub(super) fn json(&self) -> Value {
        let ways = self.ways.iter().map(|(look, rounds)| {
            let rounds = rounds.iter().map(|it| {
                json!({
                    "cpu_ms_a_second": it.cpu_ms, "checks_a_second": it.checks, "rss_kib": it.rss_kib,
                    "grown_kib": it.grown_kib, "late_p99_ms": it.late_p99_ms, "looks_a_second": it.looks,
                    "bytes_a_look": it.bytes, "took_ms": it.took_ms,
                })
            });
            json!({
                "way": look.name(), "rounds": rounds.collect::<Vec<_>>(),
                "cpu_more_ms_a_second": self.more(*look, |it| it.cpu_ms), "cpu_ms_a_look": self.cpu_a_look(*look),
            })
        });
        json!({
            "bench": "look", "setting": self.setting.line("look"), "targets": self.targets, "seconds": self.seconds,
            "ways": ways.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::stage::Seen;
    use super::{Look, Outcome, Setting};

    fn seen(cpu_ms: f64, looks: f64) -> Seen {
        Seen {
            cpu_ms,
            checks: 10_000.0,
            rss_kib: 2048.0,
            grown_kib: 0.0,
            late_p99_ms: 9.0,
            looks,
            bytes: 10.0,
            took_ms: 1.0,
        }
    }

    #[test]
    fn what_a_look_costs_is_the_difference_within_a_round() {
        let mut outcome = Outcome::new(Setting::made_up(), 10, 5);
        let scrape = Look::Scrape { full: false };
        for (without, with) in [(100.0, 120.0), (200.0, 222.0), (150.0, 160.0)] {
            outcome.add(&Look::Listen, seen(without, 0.0));
            outcome.add(&scrape, seen(with, 2.0));
        }
        assert_eq!(outcome.cpu_a_look(scrape), Some(10.0));
        assert_eq!(outcome.cpu_a_look(Look::Listen), None);
        let text = outcome.markdown();
        assert!(
            text.contains("| scrape | 160              | 20.0 |"),
            "{text}"
        );
    }
}
