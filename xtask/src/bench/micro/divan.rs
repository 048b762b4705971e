//! What a program of divan prints, read: a tree of cases with a row of times each, and below it a row of items a second
//! where an iteration has many.

/// A case's figures, in nanoseconds an iteration, or an item of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Case {
    /// `program/case`, and its argument after a space if it has one.
    pub(super) name: String,
    pub(super) fastest: f64,
    pub(super) median: f64,
    pub(super) slowest: f64,
}

/// All cases, in the order in which they stand there.
pub(super) fn parsed(said: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut program = "";
    // The case whose arguments follow, a step deeper.
    let mut parent = "";
    for line in said.lines() {
        let text = line.trim_start_matches(|sign: char| " │├╰─".contains(sign));
        let depth = line.chars().count() - text.chars().count();
        let cells: Vec<_> = text.split('│').map(str::trim).collect();
        let [first, slowest, median, _mean, _samples, iterations] = cells[..] else {
            continue;
        };
        let (name, fastest) = first.split_once(char::is_whitespace).unwrap_or((first, ""));
        if iterations == "iters" {
            program = name;
        } else if !iterations.is_empty() {
            let of = [fastest, median, slowest].map(|time| nanoseconds(time.trim()));
            if let [Some(fastest), Some(median), Some(slowest)] = of {
                let name = match depth > STEP {
                    true => format!("{program}/{parent} {name}"),
                    false => format!("{program}/{name}"),
                };
                cases.push(Case {
                    name,
                    fastest,
                    median,
                    slowest,
                });
            }
        } else if let (Some(rates), Some(case)) =
            (rates([first, median, slowest]), cases.last_mut())
        {
            [case.fastest, case.median, case.slowest] = rates.map(|rate| 1e9 / rate);
        } else if slowest.is_empty() {
            parent = name;
        }
    }
    cases
}

/// How far each level of the tree is set in.
const STEP: usize = 3;

/// `16.87 ns`
fn nanoseconds(text: &str) -> Option<f64> {
    let (number, unit) = text.split_once(' ')?;
    let unit = match unit {
        "ps" => 1e-3,
        "ns" => 1.0,
        "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * unit)
}

/// `41.47 Mitem/s`, each.
fn rates(texts: [&str; 3]) -> Option<[f64; 3]> {
    let rate = |text: &str| {
        let (number, unit) = text.strip_suffix("item/s")?.split_once(' ')?;
        let unit = match unit {
            "" => 1.0,
            "K" => 1e3,
            "M" => 1e6,
            "G" => 1e9,
            _ => return None,
        };
        Some(number.parse::<f64>().ok()? * unit)
    };
    let [a, b, c] = texts.map(rate);
    Some([a?, b?, c?])
}

#[cfg(test)]
mod tests {
    use super::{Case, parsed};

    const SAID: &str = "\
Timer precision: 30 ns
plan                     fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ is_healthy            24.1 µs       │ 25.17 µs      │ 24.98 µs      │ 24.79 µs      │ 5       │ 5
│                        40 Mitem/s    │ 500 Kitem/s   │ 1 Gitem/s     │ 40.32 Mitem/s │         │
├─ step_pass             16.87 ns      │ 1.134 µs      │ 17.18 ns      │ 240.5 ns      │ 5       │ 160
╰─ thousand_checks                     │               │               │               │         │
   ├─ 10000              402.9 µs      │ 745.6 µs      │ 479.2 µs      │ 520.9 µs      │ 5       │ 5
   │                     2 Mitem/s     │ 1 Mitem/s     │ 2 Mitem/s     │ 1.919 Mitem/s │         │
   ╰─ 1000000            525.5 µs      │ 3.59 ms       │ 949 µs        │ 1.664 ms      │ 5       │ 5

";

    #[test]
    fn times_are_read_and_items_where_there_are_any() {
        let case = |name: &str, [fastest, median, slowest]: [f64; 3]| Case {
            name: name.to_owned(),
            fastest,
            median,
            slowest,
        };
        let rounded = parsed(SAID).into_iter().map(|it| {
            let round = |value: f64| (value * 100.0).round() / 100.0;
            case(&it.name, [it.fastest, it.median, it.slowest].map(round))
        });
        let expected = [
            case("plan/is_healthy", [25.0, 1.0, 2_000.0]),
            case("plan/step_pass", [16.87, 17.18, 1_134.0]),
            case("plan/thousand_checks 10000", [500.0, 500.0, 1_000.0]),
            case(
                "plan/thousand_checks 1000000",
                [525_500.0, 949_000.0, 3_590_000.0],
            ),
        ];
        assert_eq!(rounded.collect::<Vec<_>>(), expected);
        assert_eq!(parsed("nothing of the kind\n"), []);
    }
}
