//! The outcome as Markdown that also reads well in a terminal: columns are padded.

use super::outcome::{Contender, OfLoad, Outcome, STANDARDS, Spread};
use crate::bench::report::short;

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
    for load in &outcome.loads {
        out += &format!(
            "\n### {} targets every {} ms\n\n{}",
            load.targets,
            outcome.interval_ms,
            table(load)
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

fn table(load: &OfLoad) -> String {
    let mut rows = vec![HEADINGS.map(ToOwned::to_owned)];
    rows.extend(load.contenders.iter().map(|it| row(load, it)));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..HEADINGS.len()).filter_map(width).collect();
    let mut out = String::new();
    for (index, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(&widths) {
            out += &format!("| {cell:<width$} ");
        }
        out += "|\n";
        if index == 0 {
            for width in &widths {
                out += &format!("| {} ", "-".repeat(*width));
            }
            out += "|\n";
        }
    }
    out
}

fn row(load: &OfLoad, it: &Contender) -> [String; HEADINGS.len()] {
    let middle = |spread: Option<Spread>| spread.map_or_else(String::new, |it| short(it.median));
    let ratio = |key: &str| {
        let ratio = load.ratio(it, key);
        ratio.map_or_else(String::new, |it| {
            format!("{:.2} ({:.2}-{:.2})", it.median, it.least, it.most)
        })
    };
    let cpu = it.figure(|sample| Some(sample.cpu_us));
    let spread = |it: Spread| format!("{} to {}", short(it.least), short(it.most));
    [
        it.title.clone(),
        middle(cpu),
        cpu.map_or_else(String::new, spread),
        ratio(STANDARDS[0].0),
        ratio(STANDARDS[1].0),
        ratio(STANDARDS[2].0),
        middle(it.kib_per_target(load.targets)),
        middle(it.figure(|sample| Some(sample.rss_kib / 1024.0))),
        middle(it.figure(|sample| sample.syscalls)),
        middle(it.figure(|sample| Some(sample.opened_percent))),
        middle(it.figure(|sample| sample.late_p99_ms)),
        middle(it.figure(|sample| Some(sample.rate))),
    ]
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
