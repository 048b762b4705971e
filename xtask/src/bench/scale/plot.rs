//! Three panels over the number of targets, both scales logarithmic: processor time a check, bytes a target, lateness.
//! A line that does not rise is what linear looks like.

use super::super::picture::page;
use super::super::report::short;
use super::runs::Point;

/// Where the scale of targets begins and ends.
const SCALE: (f64, f64) = (70.0, 820.0);
const PANEL: f64 = 190.0;
/// Above a panel's scale, and below it.
const HEAD: f64 = 44.0;
const FOOT: f64 = 30.0;

/// A figure of a point.
type Figure = fn(&Point) -> f64;

pub(super) fn svg(real: &[Point], simulated: &[Point]) -> String {
    let panels: [(&str, Figure); 3] = [
        ("CPU per check, us", |point| point.cpu_us),
        ("resident bytes a target", |point| point.bytes_a_target),
        ("lateness p99, ms", |point| point.late_p99_ms),
    ];
    let mut body = String::new();
    let mut top = 0.0;
    for (title, of) in panels {
        panel(&mut body, title, of, real, simulated, top);
        top += PANEL;
    }
    page(top, &body)
}

fn panel(
    body: &mut String,
    title: &str,
    of: fn(&Point) -> f64,
    real: &[Point],
    simulated: &[Point],
    top: f64,
) {
    let all = || real.iter().chain(simulated);
    let ends = |values: Vec<f64>| {
        let shown = values.into_iter().filter(|value| *value > 0.0);
        shown.fold((f64::INFINITY, 0.0_f64), |(low, high), value| {
            (low.min(value), high.max(value))
        })
    };
    let (few, many) = ends(all().map(|point| point.targets as f64).collect());
    let (low, high) = ends(all().map(of).collect());
    if few > many || low > high {
        return;
    }
    let (few, many, low, high) = (few / 1.3, many * 1.3, low / 2.0, high * 1.6);
    let part = |value: f64, low: f64, high: f64| (value / low).ln() / (high / low).ln();
    let x = |point: &Point| SCALE.0 + (SCALE.1 - SCALE.0) * part(point.targets as f64, few, many);
    let bottom = top + PANEL - FOOT;
    let y = |value: f64| bottom - (PANEL - HEAD - FOOT) * part(value, low, high);
    *body += &format!(
        "<text x=\"16\" y=\"{:.0}\" font-weight=\"bold\">{title}</text>\n\
         <line x1=\"{1:.1}\" x2=\"{2:.1}\" y1=\"{bottom:.1}\" y2=\"{bottom:.1}\" stroke=\"#bbb\"/>\n",
        top + 26.0,
        SCALE.0,
        SCALE.1
    );
    for (points, name, colour) in [
        (real, "real", "#0b6e4f"),
        (simulated, "simulated", "#b5532a"),
    ] {
        let shown: Vec<_> = points.iter().filter(|point| of(point) > 0.0).collect();
        let line: Vec<_> = shown
            .iter()
            .map(|point| format!("{:.1},{:.1}", x(point), y(of(point))))
            .collect();
        *body += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n",
            line.join(" ")
        );
        for point in &shown {
            *body += &format!(
                "<circle cx=\"{0:.1}\" cy=\"{1:.1}\" r=\"3.5\" fill=\"{colour}\"/>\
                 <text x=\"{0:.1}\" y=\"{2:.1}\" text-anchor=\"middle\" fill=\"{colour}\">{3}</text>\
                 <text x=\"{0:.1}\" y=\"{4:.1}\" text-anchor=\"middle\" fill=\"#666\" font-size=\"11\">{5}</text>\n",
                x(point),
                y(of(point)),
                y(of(point)) - 8.0,
                short(of(point)),
                bottom + if name == "real" { 13.0 } else { 25.0 },
                count(point.targets)
            );
        }
        if let Some(last) = shown.last() {
            *body += &format!(
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{colour}\">{name}</text>\n",
                x(last) + 10.0,
                y(of(last)) + 20.0
            );
        }
    }
}

/// As people write them.
fn count(targets: usize) -> String {
    match targets {
        millions if millions % 1_000_000 == 0 && millions > 0 => {
            format!("{}M", millions / 1_000_000)
        }
        thousands if thousands % 1_000 == 0 && thousands > 0 => format!("{}k", thousands / 1_000),
        few => few.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::runs::made_up;
    use super::{count, svg};

    #[test]
    fn every_point_is_a_dot_in_each_panel() {
        let picture = svg(
            &[made_up(100, 9.0), made_up(1_000, 8.0)],
            &[made_up(10_000, 1.0)],
        );
        assert_eq!(picture.matches("<circle").count(), 9, "{picture}");
        assert!(!picture.contains("NaN") && !picture.contains("inf"));
        let empty = svg(&[], &[]);
        assert!(!empty.contains("NaN") && empty.ends_with("</svg>\n"));
    }

    #[test]
    fn counts_are_short() {
        assert_eq!([100, 15_000, 1_000_000].map(count), ["100", "15k", "1M"]);
    }
}
