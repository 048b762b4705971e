//! All points as a table.

use serde_json::{Value, json};

use super::super::report::{Setting, short};
use super::super::spread::table;
use super::runs::{Outage, Point};

/// Everything of a run.
pub(super) struct Outcome {
    setting: Setting,
    seconds: u64,
    pub(super) real: Vec<Point>,
    pub(super) simulated: Vec<Point>,
    pub(super) outage: Option<Outage>,
}

impl Outcome {
    pub(super) fn new(setting: Setting, seconds: u64) -> Self {
        Self {
            setting,
            seconds,
            real: Vec::new(),
            simulated: Vec::new(),
            outage: None,
        }
    }

    pub(super) fn markdown(&self) -> String {
        let mut out = format!(
            "{}\nEach measured for {} s. Real targets are asked every second over loopback; of simulated ones, whose probes ask \
             nobody, 100,000 checks a second are made in all.\n\n",
            self.setting.line("scale"),
            self.seconds
        );
        let headings = [
            "targets",
            "",
            "checks/s",
            "CPU us a check",
            "bytes a target",
            "MiB resident",
            "late p99, ms",
        ];
        let mut rows = vec![headings.map(ToOwned::to_owned).to_vec()];
        for (points, kind) in [(&self.real, "real"), (&self.simulated, "simulated")] {
            for point in points {
                let row = [
                    point.targets.to_string(),
                    kind.to_owned(),
                    short(point.rate),
                    short(point.cpu_us),
                    short(point.bytes_a_target),
                    short(point.rss_kib / 1024.0),
                    short(point.late_p99_ms),
                ];
                rows.push(row.to_vec());
            }
        }
        out += &table(&rows);
        out += "\nBytes a target are what is resident beyond the process with one target (real) or with none (simulated), code \
                that is paged in by work included, over all targets: of few, an upper bound. Lateness is start minus due, the \
                worst second of a real run.\n";
        for (points, kind) in [(&self.real, "real"), (&self.simulated, "simulated")] {
            if let [first, .., last] = points.as_slice() {
                let (grew, cost) = (
                    last.targets as f64 / first.targets as f64,
                    (last.cpu_us * last.rate) / (first.cpu_us * first.rate),
                );
                let checks = last.rate / first.rate;
                out += &format!(
                    "\n- {kind}: {} times the targets and {} times the checks cost {} times the processor time.\n",
                    short(grew),
                    short(checks),
                    short(cost)
                );
            }
        }
        if let Some(it) = self.outage {
            let mib = |kib: u64| short(kib as f64 / 1024.0);
            out += &format!(
                "\nAn outage of all of {} targets for ten seconds ({} called unhealthy): {} MiB resident before, {} at most, {} half a \
                 minute after it: {:.2} times.\n",
                it.targets,
                it.unhealthy,
                mib(it.before_kib),
                mib(it.peak_kib),
                mib(it.after_kib),
                it.after_kib as f64 / it.before_kib as f64
            );
        }
        out
    }

    pub(super) fn json(&self) -> Value {
        let points = |points: &[Point]| {
            let each = points.iter().map(|it| {
                json!({
                    "targets": it.targets, "rate": it.rate, "cpu_us_per_check": it.cpu_us, "rss_kib": it.rss_kib,
                    "bytes_a_target": it.bytes_a_target, "late_p99_ms": it.late_p99_ms,
                })
            });
            Value::Array(each.collect())
        };
        let outage = self.outage.map(|it| {
            json!({
                "targets": it.targets, "before_kib": it.before_kib, "peak_kib": it.peak_kib, "after_kib": it.after_kib,
                "unhealthy": it.unhealthy,
            })
        });
        json!({
            "bench": "scale", "setting": self.setting.line("scale"), "seconds": self.seconds,
            "real": points(&self.real), "simulated": points(&self.simulated), "outage": outage,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::runs::{Outage, made_up};
    use super::{Outcome, Setting};

    #[test]
    fn growth_is_told() {
        let mut outcome = Outcome::new(Setting::made_up(), 5);
        outcome.real = vec![made_up(100, 20.0), made_up(1_000, 10.0)];
        outcome.outage = Some(Outage {
            targets: 10,
            before_kib: 1024,
            peak_kib: 4096,
            after_kib: 1024,
            unhealthy: 10,
        });
        let text = outcome.markdown();
        assert!(
            text.contains("10.0 times the targets and 10.0 times the checks cost 5.00 times"),
            "{text}"
        );
        assert!(text.contains("4.00 at most, 1.00 half a minute after it: 1.00 times"));
    }
}
