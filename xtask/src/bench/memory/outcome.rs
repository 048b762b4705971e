//! A kept target's memory as tables, and beside what was wanted.

use std::fmt;

use anyhow::Result;
use serde_json::{Value, json};

use super::super::report::Setting;
use super::super::spread::table;
use super::runs::{INTERVAL, Parts, Wire};
use super::stage::{Held, Said};

/// Everything of a run.
pub(super) struct Outcome {
    pub(super) setting: Setting,
    pub(super) targets: usize,
    /// Bytes of the certificate that each TLS target shows.
    pub(super) certificate: usize,
    pub(super) sides: Vec<Side>,
}

/// A kept target of one kind.
#[derive(Clone, Debug)]
pub(super) struct Side {
    wire: Wire,
    /// Each part, and what they come to.
    rows: Vec<(&'static str, Held)>,
    in_place: Vec<(String, u64)>,
    /// Resident in `hc run`, bytes: beyond it with so many targets.
    hc: Vec<(usize, f64)>,
}

/// What a kept target may cost, everything counted, in bytes.
const fn goal(wire: Wire) -> f64 {
    match wire {
        Wire::Plain => 1_200.0,
        Wire::Tls => 6_000.0,
    }
}

const IN_ALL: &str = "in all";

impl Side {
    /// Of the parts of a fleet of one and of a fleet of many, and of what `hc run` has resident in KiB with fewer
    /// targets and, last, with as many.
    ///
    /// # Errors
    /// When a stage is missing.
    pub(super) fn of(
        wire: Wire,
        [one, many]: [&Parts; 2],
        hc: &[(usize, f64)],
        count: usize,
    ) -> Result<Self> {
        let share = |[one, many]: [&Said; 2], stage: &str| -> Result<Held> {
            Ok(Held::a_target(many.stage(stage)?, one.stage(stage)?, count))
        };
        let part = |stage| share([&one.kept, &many.kept], stage);
        let outline = part("outline")?;
        let target = part("targets with probes")?;
        let plan = part("plan and view")?;
        let known = part("results and connections")?;
        let results = share([&one.unkept, &many.unkept], "results and connections")?;
        let hc = match hc.split_last() {
            Some((&(most, all), fewer)) => {
                let beyond = |&(fewer, kib): &(usize, f64)| {
                    (fewer, 1024.0 * (all - kib) / (most - fewer) as f64)
                };
                fewer.iter().map(beyond).collect()
            }
            None => Vec::new(),
        };
        Ok(Self {
            wire,
            rows: vec![
                ("config, gone once the targets are made", part("config")?),
                ("outline", outline),
                ("target with its probe", target),
                ("plan and view", plan),
                ("results of its checks", results),
                ("connection that is kept", known - results),
                (IN_ALL, outline + target + plan + known),
            ],
            in_place: many.kept.in_place.clone(),
            hc,
        })
    }

    fn in_all(&self) -> Held {
        let found = self.rows.iter().find(|(name, _)| *name == IN_ALL);
        found.map(|(_, held)| *held).unwrap_or_default()
    }

    /// What was measured of a goal: in which way, and how much.
    fn measured(&self) -> Vec<(String, f64)> {
        let asked = ("asked for".to_owned(), self.in_all().asked);
        let hc = self.hc.iter().map(|(fewer, bytes)| {
            let way = format!("resident in `hc run`, beyond {fewer}");
            (way, *bytes)
        });
        std::iter::once(asked).chain(hc).collect()
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, bytes a kept target:", self.wire.name())?;
        for (how, bytes) in self.measured() {
            write!(f, " {bytes:.0} {how};")?;
        }
        Ok(())
    }
}

impl Outcome {
    pub(super) fn markdown(&self) -> String {
        let mut out = format!(
            "{}\n{} targets, each with an address and a connection of its own, asked every {} s by one worker. Bytes a target.\n",
            self.setting.line("memory"),
            self.targets,
            INTERVAL.as_secs()
        );
        for side in &self.sides {
            out += &format!("\n### A kept {} target\n\n", side.wire.name());
            let headings = ["", "asked for, B", "blocks", "resident, B"];
            let mut rows = vec![headings.map(ToOwned::to_owned).to_vec()];
            for (name, held) in &side.rows {
                let row = [
                    (*name).to_owned(),
                    fixed(held.asked, 1),
                    fixed(held.blocks, 2),
                    fixed(held.resident, 0),
                ];
                rows.push(row.to_vec());
            }
            out += &table(&rows);
        }
        out += "\n### Goals\n\n";
        let headings = ["kept target", "measured", "at most, B", "B", ""];
        let mut rows = vec![headings.map(ToOwned::to_owned).to_vec()];
        for side in &self.sides {
            let most = goal(side.wire);
            for (how, bytes) in side.measured() {
                let verdict = if bytes <= most { "met" } else { "**missed**" };
                let row = [
                    side.wire.name().to_owned(),
                    how,
                    format!("{most:.0}"),
                    format!("{bytes:.0}"),
                    verdict.to_owned(),
                ];
                rows.push(row.to_vec());
            }
        }
        out + &table(&rows) + &self.notes()
    }

    fn notes(&self) -> String {
        let in_place = self.sides.first().map(|side| &side.in_place);
        let parts = in_place.into_iter().flatten();
        let parts: Vec<_> = parts
            .map(|(name, bytes)| format!("`{name}` {bytes}"))
            .collect();
        format!(
            "
- Asked for: counted by the allocator, to the byte, beyond the same with one target. Each block costs the C library some 8 to 24 more, which is in what is resident.
- Tables grow by doubling, so a fleet just below a power of two costs less than one just above it, each target some hundred bytes.
- Results are those of a fleet with `keep_alive: 0s`; the connection is what a kept one holds beyond that.
- Resident of a stage is what it added on top of freed memory that it could use again, so it may be less than what was asked for.
- What `hc run` has resident is looked at from outside once each target was asked three times: beyond it with one target, so that all that is paged in by work is in it, and beyond it with half as many, which is what a further target costs.
- The feed keeps 4,096 events, however many targets there are; it is in no part, and in what `hc run` has beyond one target.
- The kernel's own memory of a socket is in no figure. rustls keeps the chain that a server showed: here {} bytes, of one certificate.
- Sizes of parts that lie within these, in bytes: {}.
",
            self.certificate,
            parts.join(", ")
        )
    }

    pub(super) fn json(&self) -> Value {
        let sides = self.sides.iter().map(|side| {
            let rows = side.rows.iter().map(|(name, held)| {
                json!({"part": name, "asked": held.asked, "blocks": held.blocks, "resident": held.resident})
            });
            let goals = side.measured().into_iter().map(|(how, bytes)| {
                let most = goal(side.wire);
                json!({"measured": how, "bytes": bytes, "at_most": most, "met": bytes <= most})
            });
            json!({
                "target": side.wire.name(), "parts": Value::Array(rows.collect()), "goals": Value::Array(goals.collect()),
                "in_place": side.in_place.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            })
        });
        json!({
            "bench": "memory", "setting": self.setting.line("memory"), "targets": self.targets,
            "certificate_bytes": self.certificate, "sides": Value::Array(sides.collect()),
        })
    }
}

/// With so many digits after the point, and no minus before a nothing.
fn fixed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    match text.strip_prefix('-') {
        Some(nothing) if !nothing.contains(|each| matches!(each, '1'..='9')) => nothing.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Parts, Said, Setting, Side, Wire, fixed};

    fn said(stages: &[(&str, i64)]) -> Said {
        let line = |(stage, asked): &(&str, i64)| {
            format!("{{\"stage\":\"{stage}\",\"asked\":{asked},\"blocks\":2,\"resident\":4096}}\n")
        };
        Said::read(&stages.iter().map(line).collect::<String>()).unwrap()
    }

    /// So many targets that cost 100 bytes for each of outline, probe and plan, 50 for results, and `connection`; and a
    /// process that costs 1,000 for each of these.
    fn parts(targets: i64, connection: i64) -> Parts {
        let stage = |each: i64| 1_000 + targets * each;
        let fleet = |known: i64| {
            said(&[
                ("config", stage(900)),
                ("outline", stage(100)),
                ("targets with probes", stage(100)),
                ("plan and view", stage(100)),
                ("results and connections", stage(known)),
            ])
        };
        Parts {
            kept: fleet(50 + connection),
            unkept: fleet(50),
        }
    }

    fn side(wire: Wire, connection: i64) -> Side {
        let fleets = [parts(1, connection), parts(11, connection)];
        let hc = [(1, 5_000.0), (6, 5_006.0), (11, 5_010.0)];
        Side::of(wire, [&fleets[0], &fleets[1]], &hc, 11).unwrap()
    }

    #[test]
    fn the_parts_of_a_target_add_up() {
        let side = side(Wire::Plain, 77);
        let asked = |name| {
            let found = side.rows.iter().find(|(row, _)| *row == name);
            found.unwrap().1.asked
        };
        assert_eq!(asked("target with its probe"), 100.0);
        assert_eq!(asked("results of its checks"), 50.0);
        assert_eq!(asked("connection that is kept"), 77.0);
        assert_eq!(asked("in all"), 300.0 + 50.0 + 77.0);
        assert_eq!(side.hc, [(1, 1_024.0), (6, 0.8 * 1_024.0)]);
    }

    #[test]
    fn a_goal_is_met_or_missed_in_each_way() {
        let outcome = Outcome {
            setting: Setting::made_up(),
            targets: 11,
            certificate: 460,
            sides: vec![side(Wire::Plain, 850), side(Wire::Tls, 5_650)],
        };
        let text = outcome.markdown();
        let rows = [
            "| plain       | asked for                      | 1200       | 1200 | met |",
            "| plain       | resident in `hc run`, beyond 1 | 1200       | 1024 | met |",
            "| plain       | resident in `hc run`, beyond 6 | 1200       | 819  | met |",
            "| TLS         | asked for                      | 6000       | 6000 | met |",
        ];
        for row in rows {
            assert!(text.contains(row), "{row}\n{text}");
        }
        let missed = Outcome {
            sides: vec![side(Wire::Plain, 851)],
            ..outcome
        };
        let text = missed.markdown();
        assert!(text.contains("| 1201 | **missed** |"), "{text}");
        assert_eq!(missed.json()["sides"][0]["goals"][0]["met"], false);
        assert_eq!(missed.json()["sides"][0]["goals"][1]["met"], true);
    }

    #[test]
    fn a_nothing_is_not_negative() {
        let table = [
            (-0.004, "0.00"),
            (-0.006, "-0.01"),
            (-10.0, "-10.00"),
            (0.5, "0.50"),
        ];
        for (value, expected) in table {
            assert_eq!(fixed(value, 2), expected, "{value}");
        }
    }

    #[test]
    fn a_stage_that_was_not_told_is_an_error() {
        let mut many = parts(11, 1);
        many.unkept = Said::default();
        let error = Side::of(Wire::Tls, [&parts(1, 1), &many], &[], 11).unwrap_err();
        assert!(
            error.to_string().contains("`results and connections`"),
            "{error}"
        );
    }
}
