//! What each load did to each checker, as a table.

use serde_json::{Value, json};

use super::super::report::{Setting, short};
use super::super::spread::table;
use super::effect::{Calm, Effect};
use super::{LOADS, Load, Options};

/// All of a run.
pub(super) struct Outcome {
    setting: Setting,
    targets: u32,
    interval_ms: u64,
    timeout_ms: u64,
    seconds: u64,
    pub(super) subjects: Vec<Suffered>,
    pub(super) missing: Vec<(&'static str, String)>,
}

/// One checker's.
pub(super) struct Suffered {
    pub(super) title: String,
    pub(super) calm: Calm,
    pub(super) loads: Vec<(Load, Effect)>,
}

impl Outcome {
    pub(super) fn new(setting: Setting, options: &Options) -> Self {
        Self {
            setting,
            targets: options.targets,
            interval_ms: options.interval_ms,
            timeout_ms: options.timeout_ms,
            seconds: options.seconds,
            subjects: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// Answers a second that the interval asks for.
    pub(super) fn planned(&self) -> f64 {
        f64::from(self.targets) * 1000.0 / self.interval_ms as f64
    }

    pub(super) fn markdown(&self) -> String {
        let mut out = format!(
            "{}\n{} targets every {} ms within {} ms, healthy all the time; each load lasts {} s, and the next comes when all is normal again.\n\n",
            self.setting.line("overload"),
            self.targets,
            self.interval_ms,
            self.timeout_ms,
            self.seconds
        );
        let headings = [
            "load",
            "checker",
            "false transitions",
            "answers/s",
            "of its processor",
            "work done of what was possible",
            "normal again after",
        ];
        let mut rows = vec![headings.map(ToOwned::to_owned).to_vec()];
        for it in &self.subjects {
            let used = it.calm.rate * it.calm.cpu_us / 1e6;
            let row = [
                "none".to_owned(),
                it.title.clone(),
                String::new(),
                short(it.calm.rate),
                percent(used),
                String::new(),
                String::new(),
            ];
            rows.push(row.to_vec());
        }
        for (index, load) in LOADS.iter().enumerate() {
            for it in &self.subjects {
                if let Some((_, effect)) = it.loads.get(index) {
                    rows.push(row(*load, &it.title, effect).to_vec());
                }
            }
        }
        out += &table(&rows);
        out += "\n- A false transition is a target called unhealthy, from the load's begin until all is normal.\n\
                - What was possible: as many answers as without a load, or as many as the processor time is enough for that the checker got \
                or, where that is more, had a right to beside the loops, at its own price of a check without a load. \
                More than 100 % is a lower price.\n\
                - Normal: 95 % of the answers without a load, nobody called unhealthy, and both for two seconds; within 25 s.\n\
                - Envoy's checks are spread (`initial_jitter`), as hc's are, and begin over five seconds: it cannot open so many connections at once.\n";
        for it in &self.subjects {
            if it.calm.rate < 0.95 * self.planned() {
                out += &format!(
                    "- **Not calm**: {} was short of time before any load: {} of {} answers a second. The machine had other work.\n",
                    it.title,
                    short(it.calm.rate),
                    short(self.planned())
                );
            }
        }
        for (title, why) in &self.missing {
            out += &format!("- **Not measured**: {title}: {why}.\n");
        }
        out
    }

    pub(super) fn json(&self) -> Value {
        let subjects = self.subjects.iter().map(|it| {
            let loads = it.loads.iter().map(|(load, effect)| {
                json!({
                    "load": load.title(), "false_transitions": effect.false_transitions, "rate": effect.rate,
                    "share": effect.share, "of_possible": effect.of_possible, "to_normal_s": effect.to_normal,
                    "left_unhealthy": effect.left,
                })
            });
            json!({
                "title": it.title, "calm_rate": it.calm.rate, "calm_cpu_us": it.calm.cpu_us,
                "loads": loads.collect::<Vec<_>>(),
            })
        });
        let missing = self.missing.iter();
        json!({
            "bench": "overload", "setting": self.setting.line("overload"), "targets": self.targets,
            "interval_ms": self.interval_ms, "timeout_ms": self.timeout_ms, "seconds": self.seconds, "subjects": subjects.collect::<Vec<_>>(),
            "missing": missing.map(|(title, why)| json!({"title": title, "why": why})).collect::<Vec<_>>(),
        })
    }
}

fn row(load: Load, title: &str, effect: &Effect) -> [String; 7] {
    let normal = match effect.to_normal {
        Some(time) => format!("{time:.1} s"),
        None if effect.left > 0 => format!("not yet, {} unhealthy", effect.left),
        None => "not yet".to_owned(),
    };
    [
        load.title(),
        title.to_owned(),
        effect.false_transitions.to_string(),
        short(effect.rate),
        percent(effect.share),
        effect.of_possible.map_or_else(String::new, percent),
        normal,
    ]
}

fn percent(share: f64) -> String {
    format!("{} %", short(100.0 * share))
}

#[cfg(test)]
mod tests {
    use super::{Effect, Load, row};

    #[test]
    fn who_is_not_normal_yet_is_said() {
        let effect = Effect {
            false_transitions: 9,
            rate: 100.0,
            share: 0.5,
            of_possible: Some(1.0),
            to_normal: None,
            left: 3,
        };
        let row = row(Load::Loops(1), "x", &effect);
        assert_eq!(row[2], "9");
        assert_eq!(row[6], "not yet, 3 unhealthy");
    }
}
