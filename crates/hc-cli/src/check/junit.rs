//! A JUnit report: what CI systems show beside tests.

use hc_core::CheckResult;

use super::Row;
use super::ask::{Asked, Outcome};
use super::table::seen;
use super::tally::Tally;

/// The document.
pub(super) fn document(rows: &[Row<'_>], tally: &Tally, strict: bool) -> String {
    let asked = rows.iter().filter(|(_, outcome)| outcome.is_some()).count();
    let total: f64 = rows
        .iter()
        .filter_map(|(_, outcome)| Some(outcome.as_ref()?.total.as_secs_f64()))
        .sum();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str(&format!(
        "<testsuites>\n  <testsuite name=\"hc check\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{total:.3}\">\n",
        rows.len(),
        tally.not_healthy(),
        tally.inconclusive,
        rows.len() - asked,
    ));
    for (asked, outcome) in rows {
        out.push_str(&case(asked, outcome.as_ref(), strict));
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn case(asked: &Asked, outcome: Option<&Outcome>, strict: bool) -> String {
    let name = xml(&asked.shown);
    let class = xml(asked.target.probe_name);
    let Some(outcome) = outcome else {
        return format!(
            "    <testcase classname=\"{class}\" name=\"{name}\"><skipped message=\"not asked\"/></testcase>\n"
        );
    };
    let element = match outcome.result {
        CheckResult::Pass => None,
        CheckResult::Degraded => strict.then_some("failure"),
        CheckResult::Failure => Some("failure"),
        CheckResult::Inconclusive => Some("error"),
    };
    let mut out = format!(
        "    <testcase classname=\"{class}\" name=\"{name}\" time=\"{:.3}\">\n",
        outcome.total.as_secs_f64()
    );
    if let (Some(element), Some(failure)) = (element, &outcome.failure) {
        out.push_str(&format!(
            "      <{element} type=\"{}\" message=\"{}\"/>\n",
            failure.kind,
            xml(&failure.to_string())
        ));
    }
    let mut notes = seen(asked, outcome);
    if let Some(warning) = outcome.failure.as_ref().filter(|_| element.is_none()) {
        notes = format!("degraded: {warning}; {notes}");
    }
    if asked.is_insecure {
        notes = format!("{}; {notes}", super::table::INSECURE);
    }
    if !notes.is_empty() {
        out.push_str(&format!("      <system-out>{}</system-out>\n", xml(&notes)));
    }
    out.push_str("    </testcase>\n");
    out
}

/// Text for attributes and elements. Characters that XML 1.0 cannot hold are gone before: sentences are escaped.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use hc_core::{Failure, Kind, Phase};

    use super::super::tests::{failed, passed};
    use super::*;

    #[test]
    fn a_report_holds_every_target_and_breaks_on_none() {
        let (good, fine) = passed("http://a/?x=1&y=2", 3, &[]);
        let evil = Failure::new(
            Kind::Unexpected,
            Phase::Receive,
            "]]></failure><x y=\"\u{1}\">",
        );
        let (bad, broken) = failed("http://b/", 5, &[], evil);
        let (late, _) = passed("http://c/", 0, &[]);
        let local = Failure::new(
            Kind::Exhausted,
            Phase::Connect,
            "hc has no free file descriptor",
        );
        let (poor, lacking) = failed("http://d/", 0, &[], local);
        let rows: Vec<Row<'_>> = vec![
            (&good, Some(fine)),
            (&bad, Some(broken)),
            (&late, None),
            (&poor, Some(lacking)),
        ];
        let text = document(&rows, &Tally::of(&rows, false), false);
        assert!(
            text.contains("tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\""),
            "{text}"
        );
        assert!(text.contains("http://a/?x=1&amp;y=2"), "{text}");
        assert!(text.contains("]]&gt;&lt;/failure&gt;"), "{text}");
        assert_eq!(text.matches("</testcase>").count(), 4, "{text}");
        assert_eq!(text.matches("<failure").count(), 1, "{text}");
    }
}
