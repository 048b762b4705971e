//! A plan as text and as JSON.

use std::cmp::Reverse;

use hc_config::{Config, Profile};
use serde_json::json;

use super::figures::{Fleet, Row};
use super::layout::Layout;

/// The longest bar.
const BAR: usize = 8;

/// So many checks that several targets share are named.
const PARTIES: usize = 3;

/// So many seconds a line: 80 columns hold them.
const A_LINE: usize = 5;

/// For people.
pub(super) fn text(config: &Config, fleet: &Fleet, layout: &Layout) -> String {
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let mut out = format!(
        "{} target{}, profile {}   {:.1} checks/s   {} kept connection{}, {:.1} new/s\n",
        fleet.targets,
        plural(fleet.targets),
        config.profile,
        fleet.checks_per_second,
        fleet.kept,
        plural(fleet.kept),
        fleet.new_per_second
    );
    out.push_str(&table(&fleet.rows));
    out.push_str(&histogram(fleet, layout));
    out.push_str(&shared(&fleet.shared));
    if fleet.paused > 0 {
        out.push_str(&format!("{} paused, not counted\n", fleet.paused));
    }
    if Profile::for_targets(fleet.targets) == Profile::Large && config.profile != Profile::Large {
        let suggestion = "`profile: large` asks fleets over 100 targets less often";
        out.push_str(&format!("{suggestion}; nothing switches by itself\n"));
    }
    out
}

/// The largest, by name, and how many others.
fn shared(parties: &[Vec<String>]) -> String {
    let mut parties: Vec<_> = parties.iter().collect();
    parties.sort_by_key(|party| Reverse(party.len()));
    let (shown, others) = parties.split_at(parties.len().min(PARTIES));
    let mut out = String::new();
    for party in shown {
        if let [first, rest @ ..] = party.as_slice() {
            let (all, rest) = (party.len(), rest.len());
            out.push_str(&format!(
                "asked once for {all} targets: {first} and {rest} more\n"
            ));
        }
    }
    if !others.is_empty() {
        let targets: usize = others.iter().map(|party| party.len()).sum();
        let checks = others.len();
        out.push_str(&format!("and {checks} more checks for {targets} targets\n"));
    }
    out
}

fn table(rows: &[Row]) -> String {
    let widest = rows
        .iter()
        .map(|row| row.name.chars().count())
        .max()
        .unwrap_or(0);
    let name = widest.max("policy ".len());
    let mut out = format!(
        "{:<name$}  targets  every checks/s in flight  seen down: dies     hangs    back\n\
         {:<name$}                          at worst     typ worst   typ worst  worst\n",
        "policy", ""
    );
    for row in rows {
        let seen = row.seen;
        out.push_str(&format!(
            "{:<name$} {:>8} {:>6} {:>8.1} {:>9} {:>6.1} {:>5.1} {:>5.1} {:>5.1} {:>6.1}\n",
            row.name,
            row.targets,
            hc_config::format_duration(row.every),
            row.checks_per_second,
            row.in_flight,
            seen.dies.0,
            seen.dies.1,
            seen.hangs.0,
            seen.hangs.1,
            seen.back,
        ));
    }
    out
}

fn histogram(fleet: &Fleet, layout: &Layout) -> String {
    let most = layout.seconds.iter().copied().max().unwrap_or(0).max(1);
    let pieces: Vec<String> = layout
        .seconds
        .iter()
        .enumerate()
        .map(|(second, count)| {
            let bar = "#".repeat(count * BAR / most);
            format!("{second}s {count} {bar}").trim_end().to_owned()
        })
        .collect();
    let mut out = String::new();
    for line in pieces.chunks(A_LINE) {
        out.push_str(&format!("{}\n", line.join(" ")));
    }
    out.push_str(&format!(
        "busiest 100 ms: {} (average {:.1})\n",
        layout.busiest,
        fleet.checks_per_second / 10.0
    ));
    out
}

/// For programs, schema `hc.plan/1`.
pub(super) fn json(config: &Config, fleet: &Fleet, layout: &Layout) -> String {
    let policies: Vec<_> = fleet.rows.iter().map(policy).collect();
    let plan = json!({
        "schema": "hc.plan/1",
        "targets": fleet.targets,
        "paused": fleet.paused,
        "profile": config.profile.as_str(),
        "checks_per_second": tenth(fleet.checks_per_second),
        "kept_connections": fleet.kept,
        "new_connections_per_second": tenth(fleet.new_per_second),
        "asked_once": fleet.shared,
        "policies": policies,
        "first_seconds": layout.seconds,
        "busiest_100_ms": layout.busiest,
    });
    format!("{plan}\n")
}

fn policy(row: &Row) -> serde_json::Value {
    let millis = |seconds: f64| (seconds * 1e3).round();
    json!({
        "policy": row.name,
        "targets": row.targets,
        "interval_ms": row.every.as_millis(),
        "checks_per_second": tenth(row.checks_per_second),
        "in_flight_worst": row.in_flight,
        "dies_typical_ms": millis(row.seen.dies.0),
        "dies_worst_ms": millis(row.seen.dies.1),
        "hangs_typical_ms": millis(row.seen.hangs.0),
        "hangs_worst_ms": millis(row.seen.hangs.1),
        "back_worst_ms": millis(row.seen.back),
    })
}

fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::super::figures::tests::sample;
    use super::*;

    #[test]
    fn the_plan_of_the_reference() {
        let config = hc_config::load_str("hc.yaml", &sample()).unwrap();
        let layout = Layout {
            seconds: vec![35, 36, 40, 38, 38, 38, 38, 38, 38, 38],
            busiest: 9,
        };
        let expected = "\
200 targets, profile large   38.0 checks/s   200 kept connections, 1.9 new/s
policy   targets  every checks/s in flight  seen down: dies     hangs    back
                                 at worst     typ worst   typ worst  worst
default      180    10s     18.0        36    7.0  13.0  13.0  19.0   32.0
edge          20     1s     20.0        20    2.5   3.1   8.5   9.1    4.1
0s 35 ####### 1s 36 ####### 2s 40 ######## 3s 38 ####### 4s 38 #######
5s 38 ####### 6s 38 ####### 7s 38 ####### 8s 38 ####### 9s 38 #######
busiest 100 ms: 9 (average 3.8)
";
        assert_eq!(text(&config, &Fleet::of(&config), &layout), expected);
    }

    #[test]
    fn who_is_asked_at_once_is_said_and_many_are_counted() {
        let party = |name: &str, size: usize| -> Vec<String> {
            (0..size).map(|n| format!("{name}{n}")).collect()
        };
        assert_eq!(shared(&[]), "");
        let parties = [party("a", 2), party("b", 9), party("c", 3)];
        let expected = "\
asked once for 9 targets: b0 and 8 more
asked once for 3 targets: c0 and 2 more
asked once for 2 targets: a0 and 1 more
";
        assert_eq!(shared(&parties), expected);
        let more = [&parties[..], &[party("d", 2), party("e", 2)]].concat();
        let expected = format!("{expected}and 2 more checks for 4 targets\n");
        assert_eq!(shared(&more), expected);
    }
}
