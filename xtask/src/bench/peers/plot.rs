//! The outcome as a picture: CPU per check of each checker, every round a dot and the median a bar, on a scale of
//! decades, one panel a load, all to one scale.

use super::outcome::{Contender, OfLoad, Outcome};
use crate::bench::picture::page;
use crate::bench::report::short;

/// Where names end and the scale begins, and where it ends.
const SCALE: (f64, f64) = (230.0, 790.0);
const ROW: f64 = 24.0;
const HEAD: f64 = 56.0;
const FOOT: f64 = 44.0;

pub(super) fn svg(outcome: &Outcome) -> String {
    let all = outcome.loads.iter().flat_map(|load| &load.contenders);
    let all: Vec<_> = all
        .filter_map(|it| it.figure(|sample| Some(sample.cpu_us)))
        .collect();
    let least = all.iter().map(|it| it.least).fold(f64::INFINITY, f64::min);
    let most = all.iter().map(|it| it.most).fold(0.0, f64::max);
    let ends = (least.clamp(0.1, 1e6) * 0.8, most.max(1.0) * 1.15);
    let mut body = String::new();
    let mut top = 0.0;
    for load in &outcome.loads {
        top = panel(&mut body, load, outcome.interval_ms, ends, top);
    }
    page(top, &body)
}

/// Draws a load below `top`, and gives where the next begins.
fn panel(
    body: &mut String,
    load: &OfLoad,
    interval_ms: u64,
    (low, high): (f64, f64),
    top: f64,
) -> f64 {
    let mut shown: Vec<_> = load
        .contenders
        .iter()
        .filter_map(|it| Some((it, it.figure(|sample| Some(sample.cpu_us))?)))
        .collect();
    shown.sort_by(|(_, one), (_, two)| one.median.total_cmp(&two.median));
    let x = |value: f64| SCALE.0 + (SCALE.1 - SCALE.0) * (value / low).ln() / (high / low).ln();
    *body += &format!(
        "<text x=\"16\" y=\"{:.0}\" font-size=\"15\" font-weight=\"bold\">CPU per check, us, logarithmic: {} targets every {interval_ms} ms</text>\n",
        top + 30.0,
        load.targets
    );
    let bottom = top + HEAD + ROW * shown.len() as f64;
    for mark in marks(low, high) {
        *body += &format!(
            "<line x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"{1:.1}\" y2=\"{bottom:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{0:.1}\" y=\"{2:.1}\" text-anchor=\"middle\" fill=\"#666\">{mark}</text>\n",
            x(mark),
            top + HEAD - 10.0,
            bottom + 18.0
        );
    }
    for (index, (it, cpu)) in shown.iter().enumerate() {
        let middle = top + HEAD + ROW * (index as f64 + 0.5);
        let (colour, weight) = colours(it);
        *body += &format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" font-weight=\"{weight}\">{}</text>\n",
            SCALE.0 - 10.0,
            middle + 4.0,
            it.title.replace('&', "&amp;").replace('<', "&lt;")
        );
        for sample in it.samples.iter().flatten() {
            *body += &format!(
                "<circle cx=\"{:.1}\" cy=\"{middle:.1}\" r=\"3.5\" fill=\"{colour}\" fill-opacity=\"0.45\"/>",
                x(sample.cpu_us)
            );
        }
        *body += &format!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"3\" height=\"16\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#444\">{}</text>\n",
            x(cpu.median) - 1.5,
            middle - 8.0,
            x(cpu.most) + 9.0,
            middle + 4.0,
            short(cpu.median)
        );
    }
    bottom + FOOT
}

/// Ours stand out, floors stand back.
fn colours(it: &Contender) -> (&'static str, &'static str) {
    match it.checker.key.split('-').next() {
        Some("hc") => ("#0b6e4f", "bold"),
        Some("floor") => ("#999", "normal"),
        _ => ("#b5532a", "normal"),
    }
}

/// 1, 2 and 5 of each decade within.
fn marks(low: f64, high: f64) -> Vec<f64> {
    let decades = (-2..6).map(|power| 10_f64.powi(power));
    let all = decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|step| step * decade));
    all.filter(|mark| (low..=high).contains(mark)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::outcome::made_up;
    use super::{marks, svg};

    #[test]
    fn every_round_is_a_dot_and_every_checker_named() {
        let picture = svg(&made_up());
        assert_eq!(picture.matches("<circle").count(), 3, "{picture}");
        assert!(picture.contains(">hc, dedicated<") && picture.contains(">Envoy 1.40.0<"));
        assert!(!picture.contains("NaN") && !picture.contains("inf"));
    }

    #[test]
    fn the_scale_has_round_marks() {
        assert_eq!(marks(7.0, 300.0), [10.0, 20.0, 50.0, 100.0, 200.0]);
    }
}
