//! What all rounds of all sites gave: for each fault and checker the time until a target was called unhealthy.

use serde_json::{Value, json};

use super::super::report::{Setting, short};
use super::super::spread::{Spread, table};
use super::site::{Site, TARGETS};
use super::watch::Watch;

/// All of a run.
pub(super) struct Outcome {
    setting: Setting,
    rounds: u32,
    checkers: Vec<Named>,
    faults: Vec<OfFault>,
    missing: Vec<(&'static str, String)>,
}

struct Named {
    key: &'static str,
    title: String,
    about: &'static str,
    wrongly: u32,
    alarms: Vec<String>,
}

struct OfFault {
    key: &'static str,
    title: &'static str,
    rounds: usize,
    patience: f64,
    /// In the checkers' order: each target's time in each round, in seconds; those never noticed are not in it.
    times: Vec<Vec<f64>>,
}

impl OfFault {
    fn occasions(&self) -> usize {
        self.rounds * usize::from(TARGETS)
    }

    fn cell(&self, times: &[f64]) -> String {
        let never = self.occasions() - times.len();
        let Some(it) = Spread::of(times) else {
            return format!("not within {} s", short(self.patience));
        };
        let mut cell = format!(
            "{} ({} to {})",
            seconds(it.median),
            seconds(it.least),
            seconds(it.most)
        );
        if never > 0 {
            cell += &format!(", {never} of {} never", self.occasions());
        }
        cell
    }
}

fn seconds(value: f64) -> String {
    if value < 1.0 {
        format!("{:.0} ms", value * 1000.0)
    } else {
        format!("{} s", short(value))
    }
}

impl Outcome {
    pub(super) fn new(setting: Setting, rounds: u32) -> Self {
        Self {
            setting,
            rounds,
            checkers: Vec::new(),
            faults: Vec::new(),
            missing: Vec::new(),
        }
    }

    pub(super) fn miss(&mut self, title: &'static str, why: &str) {
        eprintln!("  without {title}: {why}");
        self.missing.push((title, why.to_owned()));
    }

    pub(super) fn take(&mut self, sites: &[Site], watches: &[Watch]) {
        self.checkers = watches
            .iter()
            .map(|watch| {
                let version = &watch.version;
                let (name, manner) = watch.checker.title.split_at(
                    watch
                        .checker
                        .title
                        .find(',')
                        .unwrap_or(watch.checker.title.len()),
                );
                Named {
                    key: watch.checker.key,
                    title: format!("{}{manner}", format!("{name} {version}").trim_end()),
                    about: watch.checker.about,
                    wrongly: watch.wrongly,
                    alarms: watch.alarms.clone(),
                }
            })
            .collect();
        self.faults = sites
            .iter()
            .map(|site| OfFault {
                key: site.fault.key(),
                title: site.fault.title(),
                rounds: site.past.len(),
                patience: site.patience().as_secs_f64(),
                times: watches
                    .iter()
                    .map(|watch| {
                        let rounds = site.past.iter();
                        let of = rounds.filter_map(|round| round.get(watch.checker.key));
                        of.flat_map(|times| times.values().map(std::time::Duration::as_secs_f64))
                            .collect()
                    })
                    .collect(),
            })
            .collect();
    }

    pub(super) fn markdown(&self) -> String {
        let mut out = format!(
            "{}\n{TARGETS} targets behind one backend, all checkers at once, {} rounds (see the last column). From the fault to the published \
             transition: median over rounds and targets (least to most).\nEach asks every 5 s within 2 s, 3 failures are down; the fault comes at a random point of the interval.\n\n",
            self.setting.line("detect"),
            self.rounds
        );
        let mut head = vec!["fault".to_owned()];
        head.extend(self.checkers.iter().map(|it| it.title.clone()));
        head.push("rounds".to_owned());
        let mut rows = vec![head];
        for fault in &self.faults {
            let mut row = vec![fault.title.to_owned()];
            row.extend(fault.times.iter().map(|times| fault.cell(times)));
            row.push(fault.rounds.to_string());
            rows.push(row);
        }
        let mut row = vec!["called unhealthy, or suspect, without a fault".to_owned()];
        row.extend(self.checkers.iter().map(|it| it.wrongly.to_string()));
        row.push(String::new());
        rows.push(row);
        out += &table(&rows);
        out += "\n";
        for it in &self.checkers {
            out += &format!("- {}: {}.\n", it.title, it.about);
            for alarm in it.alarms.iter().take(3) {
                out += &format!("  - it said: `{alarm}`\n");
            }
        }
        out += "- Logs are looked at every 2 ms. hc publishes `suspect` in its view and summaries and writes no line for it: an embedder's \
                observer hears of it.\n\
                - Packets are dropped by a rule of routing on what comes from the targets: requests and attempts to connect get no answer. \
                A reference target still answers, else hc would take such silence for its own.\n\
                - Envoy would call a target unhealthy on its first answer of 500; `retriable_statuses` makes it count to 3, as the others do.\n";
        for (title, why) in &self.missing {
            out += &format!("- **Not measured**: {title}: {why}.\n");
        }
        out
    }

    pub(super) fn json(&self) -> Value {
        let faults = self.faults.iter().map(|fault| {
            let checkers = self.checkers.iter().zip(&fault.times).map(|(it, times)| {
                json!({
                    "key": it.key, "seconds": Spread::of(times).map(Spread::json),
                    "never": fault.occasions() - times.len(), "all": times,
                })
            });
            json!({
                "key": fault.key, "title": fault.title, "rounds": fault.rounds, "patience_s": fault.patience,
                "checkers": checkers.collect::<Vec<_>>(),
            })
        });
        let checkers = self.checkers.iter().map(|it| {
            json!({"key": it.key, "title": it.title, "about": it.about, "wrongly": it.wrongly, "alarms": it.alarms})
        });
        let missing = self.missing.iter();
        json!({
            "bench": "detect", "setting": self.setting.line("detect"), "targets": TARGETS,
            "checkers": checkers.collect::<Vec<_>>(), "faults": faults.collect::<Vec<_>>(),
            "missing": missing.map(|(title, why)| json!({"title": title, "why": why})).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::OfFault;

    #[test]
    fn who_never_noticed_is_said() {
        let fault = OfFault {
            key: "deaf",
            title: "deaf",
            rounds: 1,
            patience: 30.0,
            times: Vec::new(),
        };
        assert_eq!(fault.cell(&[]), "not within 30.0 s");
        let nearly = [vec![0.045; 18], vec![2.0]].concat();
        assert_eq!(
            fault.cell(&nearly),
            "45 ms (45 ms to 2.00 s), 1 of 20 never"
        );
    }
}
