//! What was wanted of hc beside the others, and whether this run shows it.

use super::outcome::{Contender, OfLoad, Outcome};
use crate::bench::report::short;
use crate::bench::spread::table;

/// A figure that is to be at most so much.
struct Goal {
    what: &'static str,
    /// The checker that it is wanted of, and the load.
    of: (&'static str, usize),
    most: f64,
    figure: fn(&OfLoad, &Contender) -> Option<f64>,
}

fn to_envoy(load: &OfLoad, it: &Contender) -> Option<f64> {
    Some(load.ratio(it, "envoy")?.median)
}

fn to_floor(load: &OfLoad, it: &Contender) -> Option<f64> {
    Some(load.ratio(it, "floor-woken")?.median)
}

fn memory(load: &OfLoad, it: &Contender) -> Option<f64> {
    Some(it.kib_per_target(load.targets)?.median)
}

fn syscalls(_: &OfLoad, it: &Contender) -> Option<f64> {
    Some(it.figure(|sample| sample.syscalls)?.median)
}

fn lateness(_: &OfLoad, it: &Contender) -> Option<f64> {
    Some(it.figure(|sample| sample.late_p99_ms)?.median)
}

/// Set before the first line was written, from prototypes: hard but possible.
const GOALS: [Goal; 10] = [
    Goal {
        what: "CPU to Envoy's",
        of: ("hc", 9_000),
        most: 0.40,
        figure: to_envoy,
    },
    Goal {
        what: "CPU to Envoy's",
        of: ("hc", 1_000),
        most: 0.70,
        figure: to_envoy,
    },
    Goal {
        what: "CPU to Envoy's",
        of: ("hc-20ms", 1_000),
        most: 0.55,
        figure: to_envoy,
    },
    Goal {
        what: "CPU to a loop's woken by answers",
        of: ("hc", 9_000),
        most: 0.90,
        figure: to_floor,
    },
    Goal {
        what: "CPU to a loop's woken by answers",
        of: ("hc", 1_000),
        most: 1.0,
        figure: to_floor,
    },
    Goal {
        what: "CPU to Envoy's",
        of: ("hc-pooled", 9_000),
        most: 1.0,
        figure: to_envoy,
    },
    Goal {
        what: "KiB a kept plain target",
        of: ("hc", 9_000),
        most: 1.2,
        figure: memory,
    },
    Goal {
        what: "syscalls a check",
        of: ("hc", 9_000),
        most: 2.15,
        figure: syscalls,
    },
    Goal {
        what: "syscalls a check",
        of: ("hc", 1_000),
        most: 3.0,
        figure: syscalls,
    },
    Goal {
        what: "lateness p99, ms: a slot and 5",
        of: ("hc", 9_000),
        most: 15.0,
        figure: lateness,
    },
];

/// A table of those that this run speaks to; nothing if it speaks to none.
pub(super) fn markdown(outcome: &Outcome) -> String {
    let headings = ["goal", "of", "targets", "at most", "measured", ""];
    let mut rows = vec![headings.map(ToOwned::to_owned).to_vec()];
    for goal in &GOALS {
        let (key, targets) = goal.of;
        let load = outcome.loads.iter().find(|load| load.targets == targets);
        let figure = load.and_then(|load| {
            let it = load.contenders.iter().find(|it| it.checker.key == key)?;
            Some((&it.title, (goal.figure)(load, it)?))
        });
        let Some((title, figure)) = figure else {
            continue;
        };
        let verdict = if figure <= goal.most {
            "met"
        } else {
            "**missed**"
        };
        rows.push(vec![
            goal.what.to_owned(),
            title.clone(),
            targets.to_string(),
            short(goal.most),
            short(figure),
            verdict.to_owned(),
        ]);
    }
    if rows.len() == 1 || outcome.interval_ms != 1_000 {
        return String::new();
    }
    format!("\n### Goals\n\n{}", table(&rows))
}

#[cfg(test)]
mod tests {
    use super::super::outcome::made_up;
    use super::markdown;

    #[test]
    fn a_goal_is_met_missed_or_not_spoken_of() {
        let mut outcome = made_up();
        assert_eq!(markdown(&outcome), "", "its load is no goal's");
        outcome.loads[0].targets = 9_000;
        let text = markdown(&outcome);
        let rows: Vec<_> = text
            .lines()
            .filter(|line| line.contains("hc, ded"))
            .collect();
        assert_eq!(rows.len(), 3, "{text}");
        assert!(rows[0].contains("| 0.40    | 0.33     | met "), "{text}");
        outcome.loads[0].contenders[0]
            .samples
            .iter_mut()
            .flatten()
            .for_each(|it| it.cpu_us = 20.0);
        assert!(markdown(&outcome).contains("| 0.83     | **missed** |"));
    }
}
