//! Several rounds: what they say together. `10 rounds: 9 pass, ms min 1.1 p50 1.3 p99 4.0`.

use hc_core::CheckResult;

use super::Row;
use crate::exit::ExitCode;

/// So many times are kept for percentiles in all (8 MB); of more rounds it is the last ones.
const MOST_TIMES: usize = 1_000_000;

/// Results of all rounds, by target.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    series: Vec<Series>,
    most_times: usize,
}

#[derive(Clone, Debug, Default)]
struct Series {
    shown: String,
    rounds: u32,
    passes: u32,
    times_ms: std::collections::VecDeque<f64>,
}

impl Spread {
    /// Of so many targets.
    pub(super) fn new(targets: usize) -> Self {
        Self {
            series: vec![Series::default(); targets],
            most_times: (MOST_TIMES / targets.max(1)).clamp(100, 10_000),
        }
    }

    /// One more round.
    pub(super) fn add(&mut self, rows: &[Row<'_>]) {
        for (series, (asked, outcome)) in self.series.iter_mut().zip(rows) {
            let Some(outcome) = outcome else { continue };
            series.shown.clone_from(&asked.shown);
            series.rounds += 1;
            series.passes += u32::from(outcome.result == CheckResult::Pass);
            if series.times_ms.len() == self.most_times {
                series.times_ms.pop_front();
            }
            series.times_ms.push_back(outcome.total.as_secs_f64() * 1e3);
        }
    }

    /// A line a target; of one target without its name.
    pub(super) fn lines(&self) -> String {
        let asked: Vec<_> = self
            .series
            .iter()
            .filter(|series| series.rounds > 0)
            .collect();
        let mut out = String::new();
        for series in &asked {
            if asked.len() > 1 {
                out.push_str(&format!("{}  ", series.shown));
            }
            out.push_str(&series.line());
            out.push('\n');
        }
        out
    }

    /// The same as JSON, schema `hc.rounds/1`.
    pub(super) fn json(&self) -> String {
        let mut out = String::new();
        for series in self.series.iter().filter(|series| series.rounds > 0) {
            let times = series.sorted();
            let line = serde_json::json!({
                "schema": "hc.rounds/1",
                "target": series.shown,
                "rounds": series.rounds,
                "pass": series.passes,
                "min_ms": hundredth(nearest(&times, 0.0)),
                "p50_ms": hundredth(nearest(&times, 0.5)),
                "p99_ms": hundredth(nearest(&times, 0.99)),
            });
            out.push_str(&format!("{line}\n"));
        }
        out
    }
}

fn hundredth(millis: f64) -> f64 {
    (millis * 100.0).round() / 100.0
}

impl Series {
    fn sorted(&self) -> Vec<f64> {
        let mut times: Vec<f64> = self.times_ms.iter().copied().collect();
        times.sort_by(f64::total_cmp);
        times
    }

    fn line(&self) -> String {
        let times = self.sorted();
        let plural = if self.rounds == 1 { "" } else { "s" };
        format!(
            "{} round{plural}: {} pass, ms min {:.1} p50 {:.1} p99 {:.1}",
            self.rounds,
            self.passes,
            nearest(&times, 0.0),
            nearest(&times, 0.5),
            nearest(&times, 0.99),
        )
    }
}

/// The nearest rank of sorted values.
fn nearest(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// The worse of two rounds: 1 beats 3 beats 0.
pub(super) fn worse(one: ExitCode, other: ExitCode) -> ExitCode {
    let rank = |code| match code {
        ExitCode::Failed => 2,
        ExitCode::Inconclusive => 1,
        _ => 0,
    };
    if rank(other) > rank(one) { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_round_holds() {
        use ExitCode::{Failed, Inconclusive, Ok};
        assert_eq!(worse(Ok, Inconclusive), Inconclusive);
        assert_eq!(worse(Inconclusive, Failed), Failed);
        assert_eq!(worse(Failed, Inconclusive), Failed);
        assert_eq!(worse(Failed, Ok), Failed);
    }

    #[test]
    fn a_line_of_ten_rounds() {
        let series = Series {
            shown: "a".to_owned(),
            rounds: 10,
            passes: 9,
            times_ms: [1.3, 1.1, 1.2, 1.3, 1.3, 1.4, 1.5, 1.6, 2.0, 4.0].into(),
        };
        assert_eq!(
            series.line(),
            "10 rounds: 9 pass, ms min 1.1 p50 1.3 p99 4.0"
        );
    }
}
