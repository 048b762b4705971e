//! The outcome as Markdown that also reads well in a terminal: columns are padded.

use super::goals;
use super::measure::Sample;
use super::outcome::{Contender, OfLoad, Outcome, STANDARDS};
use crate::bench::report::short;
use crate::bench::spread::{Spread, table};

const HEADINGS: [&str; 12] = [
    "checker",
    "CPU us a check",
    "least to most",
    STANDARDS[0].1,
    STANDARDS[1].1,
    STANDARDS[2].1,
    "KiB a target",
    "MiB resident",
    "syscalls a check",
    "connections per 100 checks",
    "late p99, ms",
    "answers/s",
];

pub(super) fn markdown(outcome: &Outcome) -> String {
    let mut out = format!("{}\n", outcome.setting.line("peers"));
    let rounds = outcome.loads.iter().flat_map(|load| &load.contenders);
    let rounds = rounds.map(|it| it.samples.len()).max().unwrap_or_default();
    out += &format!(
        "Medians of {rounds} interleaved rounds of {} s; a ratio is the median of the rounds' ratios, its extremes behind it.\n",
        outcome.seconds
    );
    if outcome.hc_was_given {
        out += "hc was not built for this run, and may be of another commit.\n";
    }
    for load in &outcome.loads {
        out += &format!(
            "\n### {} targets every {} ms\n\n{}",
            load.targets,
            outcome.interval_ms,
            of_load(load)
        );
        for failed in load.contenders.iter().filter(|it| it.failure.is_some()) {
            let times = failed.samples.iter().filter(|it| it.is_none()).count();
            let why = failed.failure.as_deref().unwrap_or_default();
            out += &format!(
                "\n- **{}** gave nothing in {times} rounds: {why}\n",
                failed.title
            );
        }
    }
    out += &goals::markdown(outcome);
    out += "\n";
    let mut told = Vec::new();
    for it in outcome.loads.iter().flat_map(|load| &load.contenders) {
        if !told.contains(&it.checker.key) {
            told.push(it.checker.key);
            out += &format!("- {}: {}.\n", it.title, it.checker.about);
        }
    }
    for (title, why) in &outcome.missing {
        out += &format!("- **Not measured**: {title}: {why}.\n");
    }
    out
}

fn of_load(load: &OfLoad) -> String {
    let mut rows = vec![HEADINGS.map(ToOwned::to_owned).to_vec()];
    rows.extend(load.contenders.iter().map(|it| row(load, it)));
    table(&rows)
}

fn row(load: &OfLoad, it: &Contender) -> Vec<String> {
    let middle = |of: fn(&Sample) -> Option<f64>| Spread::middle(it.figure(of));
    let cpu = it.figure(|sample| Some(sample.cpu_us));
    let spread = |it: Spread| format!("{} to {}", short(it.least), short(it.most));
    let mut row = vec![
        it.title.clone(),
        Spread::middle(cpu),
        cpu.map_or_else(String::new, spread),
    ];
    row.extend(
        STANDARDS
            .iter()
            .map(|(key, _)| Spread::ratio(load.ratio(it, key))),
    );
    row.extend([
        Spread::middle(it.kib_per_target(load.targets)),
        middle(|sample| Some(sample.rss_kib / 1024.0)),
        middle(|sample| sample.syscalls),
        middle(|sample| Some(sample.opened_percent)),
        middle(|sample| sample.late_p99_ms),
        middle(|sample| Some(sample.rate)),
    ]);
    row
}

#[cfg(test)]
mod tests {
    use super::super::outcome::made_up;
    use super::markdown;

    #[test]
    fn a_table_says_what_was_measured_and_who_was_not() {
        let text = markdown(&made_up());
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(
            lines.iter().all(|line| line.len() == lines[0].len()),
            "{text}"
        );
        let cells: Vec<_> = lines[2].split('|').map(str::trim).collect();
        assert_eq!(
            cells[1..9],
            [
                "hc, dedicated",
                "10.0",
                "8.00 to 12.0",
                "0.33 (0.33-0.33)",
                "",
                "",
                "1.00",
                "9.77"
            ]
        );
        assert!(
            text.ends_with("- **Not measured**: HAProxy: not installed.\n"),
            "{text}"
        );
    }
}
