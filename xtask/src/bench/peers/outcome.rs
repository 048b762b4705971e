//! What all rounds gave: each checker's samples by round, and the ratios of those that ran in the same round.

use anyhow::Result;
use serde_json::{Value, json};

use super::super::report::Setting;
use super::super::spread::Spread;
use super::checkers::{Checker, Prepared};
use super::measure::Sample;

/// Everything of one run of the benchmark.
pub(super) struct Outcome {
    pub(super) setting: Setting,
    pub(super) seconds: u64,
    pub(super) interval_ms: u64,
    /// It was built before, perhaps of another commit.
    pub(super) hc_was_given: bool,
    pub(super) loads: Vec<OfLoad>,
    /// Who could not take part, and why.
    pub(super) missing: Vec<(&'static str, String)>,
}

/// What one load gave.
pub(super) struct OfLoad {
    pub(super) targets: usize,
    pub(super) contenders: Vec<Contender>,
}

/// A checker under one load.
pub(super) struct Contender {
    pub(super) checker: &'static Checker,
    pub(super) title: String,
    /// Resident with one target.
    alone: Option<f64>,
    /// One a round; none where it failed.
    pub(super) samples: Vec<Option<Sample>>,
    pub(super) failed_in_a_row: u32,
    /// The last failure.
    pub(super) failure: Option<String>,
}

impl Contender {
    pub(super) fn new(checker: &'static Checker, prepared: &Prepared, alone: Option<f64>) -> Self {
        Self {
            checker,
            title: prepared.title.clone(),
            alone,
            samples: Vec::new(),
            failed_in_a_row: 0,
            failure: None,
        }
    }

    /// A round's sample, or why there is none.
    pub(super) fn take(&mut self, sample: Result<Sample>) {
        match sample {
            Ok(sample) => {
                self.failed_in_a_row = 0;
                self.samples.push(Some(sample));
            }
            Err(why) => {
                self.failed_in_a_row += 1;
                self.failure = Some(format!("{why:#}"));
                self.samples.push(None);
            }
        }
    }

    /// A round without it.
    pub(super) fn pass(&mut self) {
        self.samples.push(None);
    }

    /// A figure over its rounds.
    pub(super) fn figure(&self, of: impl Fn(&Sample) -> Option<f64>) -> Option<Spread> {
        let values: Vec<_> = self.samples.iter().flatten().filter_map(of).collect();
        Spread::of(&values)
    }

    /// Resident memory beyond that with one target, for each of them.
    pub(super) fn kib_per_target(&self, targets: usize) -> Option<Spread> {
        let alone = self.alone?;
        self.figure(|sample| (targets > 1).then(|| (sample.rss_kib - alone) / (targets - 1) as f64))
    }
}

impl OfLoad {
    /// A checker's time per check to another's, round by round.
    pub(super) fn ratio(&self, contender: &Contender, to: &str) -> Option<Spread> {
        let other = self.contenders.iter().find(|it| it.checker.key == to)?;
        let pairs = contender.samples.iter().zip(&other.samples);
        let times = pairs
            .filter_map(|(ours, theirs)| Some((ours.as_ref()?.cpu_us, theirs.as_ref()?.cpu_us)));
        Spread::of_ratios(times)
    }
}

/// What others are compared with: the key, and a heading.
pub(super) const STANDARDS: [(&str, &str); 3] = [
    ("envoy", "to Envoy"),
    ("floor-woken", "to floor, woken"),
    ("floor-harvested", "to floor, harvested"),
];

impl Outcome {
    pub(super) fn new(setting: Setting, seconds: u64, interval_ms: u64) -> Self {
        Self {
            setting,
            seconds,
            interval_ms,
            hc_was_given: false,
            loads: Vec::new(),
            missing: Vec::new(),
        }
    }

    pub(super) fn miss(&mut self, checker: &'static Checker, why: &str) {
        self.missing.push((checker.title, why.to_owned()));
    }

    pub(super) fn add(&mut self, targets: usize, contenders: Vec<Contender>) {
        self.loads.push(OfLoad {
            targets,
            contenders,
        });
    }

    /// Every sample, and the middles.
    pub(super) fn json(&self) -> Value {
        let loads = self.loads.iter().map(|load| {
            let contenders = load.contenders.iter().map(|it| {
                let ratios = STANDARDS.iter().filter_map(|(key, _)| {
                    Some(((*key).to_owned(), load.ratio(it, key)?.json()))
                });
                json!({
                    "key": it.checker.key,
                    "title": it.title,
                    "about": it.checker.about,
                    "cpu_us_per_check": it.figure(|sample| Some(sample.cpu_us)).map(Spread::json),
                    "ratios": Value::Object(ratios.collect()),
                    "kib_per_target": it.kib_per_target(load.targets).map(Spread::json),
                    "rss_kib_with_one_target": it.alone,
                    "failure": it.failure,
                    "rounds": it.samples.iter().map(|it| it.map(|it| it.json())).collect::<Vec<_>>(),
                })
            });
            json!({"targets": load.targets, "checkers": contenders.collect::<Vec<_>>()})
        });
        let missing = self
            .missing
            .iter()
            .map(|(title, why)| json!({"title": title, "why": why}));
        json!({
            "bench": "peers",
            "setting": self.setting.line("peers"),
            "seconds": self.seconds,
            "interval_ms": self.interval_ms,
            "hc_was_given": self.hc_was_given,
            "loads": loads.collect::<Vec<_>>(),
            "missing": missing.collect::<Vec<_>>(),
        })
    }
}

/// An outcome made up: two rounds, of which Envoy failed one.
#[cfg(test)]
pub(super) fn made_up() -> Outcome {
    use super::checkers::CHECKERS;

    let sample = |cpu_us: f64| {
        Some(Sample {
            cpu_us,
            rate: 9_000.0,
            opened_percent: 5.0,
            rss_kib: 10_000.0,
            late_p99_ms: None,
            syscalls: Some(2.0),
            nginx_us: 9.0,
        })
    };
    let contender = |index: usize, title: &str, samples: Vec<Option<Sample>>| Contender {
        checker: &CHECKERS[index],
        title: title.to_owned(),
        alone: Some(1_000.0),
        samples,
        failed_in_a_row: 0,
        failure: None,
    };
    let mut outcome = Outcome::new(Setting::made_up(), 5, 1_000);
    let ours = contender(0, "hc, dedicated", vec![sample(8.0), sample(12.0)]);
    let envoy = contender(1, "Envoy 1.40.0", vec![sample(24.0), None]);
    outcome.add(9_001, vec![ours, envoy]);
    outcome
        .missing
        .push(("HAProxy", "not installed".to_owned()));
    outcome
}

#[cfg(test)]
mod tests {
    use super::{Spread, made_up};

    #[test]
    fn ratios_are_of_the_same_round() {
        let outcome = made_up();
        let load = &outcome.loads[0];
        let ours = &load.contenders[0];
        let third = Spread {
            median: 8.0 / 24.0,
            least: 8.0 / 24.0,
            most: 8.0 / 24.0,
        };
        assert_eq!(load.ratio(ours, "envoy"), Some(third));
        assert_eq!(load.ratio(ours, "floor-woken"), None);
        assert_eq!(
            ours.figure(|it| Some(it.cpu_us)).map(|it| it.median),
            Some(10.0)
        );
        assert_eq!(ours.kib_per_target(9_001).map(|it| it.most), Some(1.0));
        let json = outcome.json();
        assert_eq!(
            json["loads"][0]["checkers"][1]["rounds"][1],
            serde_json::Value::Null
        );
        assert_eq!(json["missing"][0]["title"], "HAProxy");
    }
}
