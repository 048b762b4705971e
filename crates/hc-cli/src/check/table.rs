//! The table for people: aligned, a row a target, a reason below what did not pass.

use hc_core::{CheckResult, Connection, Fact, Phase};

use super::Row;
use super::ask::{Asked, Outcome};
use crate::term::{Term, Tone};

/// What is said of a certificate that nobody verified.
pub(super) const INSECURE: &str = "insecure: the certificate was not verified";

const INDENT: &str = "     ";

/// The phases that have a column: heading and width.
const COLUMNS: [(Phase, &str, usize); 5] = [
    (Phase::Resolve, "RESOLVE", 7),
    (Phase::Connect, "CONNECT", 7),
    (Phase::Tls, "TLS", 6),
    (Phase::Wait, "WAIT", 6),
    (Phase::Receive, "RECV", 6),
];

/// The whole table; nothing if nothing is to be shown.
pub(super) fn table(rows: &[Row<'_>], term: &Term, heading: &str) -> String {
    let shown: Vec<(&Asked, &Outcome)> = rows
        .iter()
        .filter_map(|(asked, outcome)| Some((*asked, outcome.as_ref()?)))
        .collect();
    if shown.is_empty() {
        return String::new();
    }
    let widths = Widths::of(&shown, heading);
    let mut out = header(&widths, heading);
    for (asked, outcome) in shown {
        out.push_str(&row(asked, outcome, &widths, term));
        out.push_str(&below(asked, outcome, term));
    }
    out
}

/// A row's first word. It says the same without its colour.
pub(super) fn word(result: CheckResult) -> (&'static str, Tone) {
    match result {
        CheckResult::Pass => ("ok", Tone::Good),
        CheckResult::Degraded => ("warn", Tone::Odd),
        CheckResult::Failure => ("FAIL", Tone::Bad),
        CheckResult::Inconclusive => ("????", Tone::Unknown),
    }
}

struct Widths {
    target: usize,
    time: usize,
}

impl Widths {
    fn of(shown: &[(&Asked, &Outcome)], heading: &str) -> Self {
        let widest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
        let target = widest(&mut shown.iter().map(|(asked, _)| asked.shown.chars().count()));
        let time = widest(&mut shown.iter().map(|(_, outcome)| time(outcome).len()));
        Self {
            target: target.max(heading.len()),
            time: time.max("TIME".len()),
        }
    }
}

fn header(widths: &Widths, heading: &str) -> String {
    let mut out = format!(
        "{INDENT}{heading:<target$} {time:>width$}",
        target = widths.target,
        time = "TIME",
        width = widths.time
    );
    for (_, name, width) in COLUMNS {
        out.push_str(&format!(" {name:>width$}"));
    }
    out.push('\n');
    out
}

fn row(asked: &Asked, outcome: &Outcome, widths: &Widths, term: &Term) -> String {
    let (word, tone) = word(outcome.result);
    let mut out = format!(
        "{} {:<target$} {:>time$}",
        term.tone(tone, &format!("{word:<4}")),
        asked.shown,
        time(outcome),
        target = widths.target,
        time = widths.time
    );
    for (phase, _, width) in COLUMNS {
        let spent = outcome.evidence.phases.get(phase);
        let spent = spent.map_or_else(|| "-".to_owned(), |spent| millis(spent.as_secs_f64()));
        out.push_str(&format!(" {spent:>width$}"));
    }
    out.push('\n');
    out
}

/// The lines below a row: why, and with `-v` what was seen.
fn below(asked: &Asked, outcome: &Outcome, term: &Term) -> String {
    let mut out = String::new();
    if let Some(failure) = &outcome.failure {
        out.push_str(&format!("{INDENT}{failure}\n"));
    }
    if asked.is_insecure {
        out.push_str(&format!("{INDENT}{}\n", term.tone(Tone::Odd, INSECURE)));
    }
    let seen = seen(asked, outcome);
    if term.verbose && !seen.is_empty() {
        out.push_str(&format!("{INDENT}{}\n", term.tone(Tone::Faint, &seen)));
    }
    out
}

/// What was seen, in one line: whom, over what, what came.
pub(super) fn seen(asked: &Asked, outcome: &Outcome) -> String {
    let mut parts = Vec::new();
    if asked.shown != asked.url {
        parts.push(asked.url.clone());
    }
    if let Some(address) = outcome.evidence.address {
        parts.push(address.to_string());
        match outcome.evidence.connection {
            Some(Connection::New) => parts.push("new connection".to_owned()),
            Some(Connection::Reused) => parts.push("kept connection".to_owned()),
            None => {}
        }
    }
    for fact in &outcome.evidence.facts {
        parts.push(match fact {
            Fact::HttpVersion(version) => format!("HTTP/{version}"),
            Fact::HttpStatus(status) => format!("status {status}"),
            Fact::BodyBytes(bytes) => format!("{bytes} bytes"),
            Fact::BodyCut => "body cut".to_owned(),
            Fact::CertificateExpiry(end) => {
                format!("certificate until {}", hc_app::journal::rfc3339(*end))
            }
            Fact::AddressAge(age) => {
                let seconds = age.as_secs();
                format!("address {seconds} s old, as the resolver gives no newer one")
            }
            Fact::Own(name, value) => format!("{name}={value}"),
            _ => continue,
        });
    }
    parts.join(", ")
}

fn time(outcome: &Outcome) -> String {
    format!("{} ms", millis(outcome.total.as_secs_f64()))
}

fn millis(seconds: f64) -> String {
    format!("{:.0}", seconds * 1e3)
}

#[cfg(test)]
mod tests {
    use super::super::tally::Tally;
    use super::super::tests::{failed, passed, plain};
    use super::*;

    /// The sample of the user's contract.
    #[test]
    fn the_table_of_the_reference() {
        let shop = passed(
            "https://shop.test/",
            41,
            &[
                (Phase::Resolve, 2),
                (Phase::Connect, 8),
                (Phase::Tls, 19),
                (Phase::Wait, 11),
                (Phase::Receive, 1),
            ],
        );
        let local = failed(
            "http://localhost:8081/",
            1,
            &[(Phase::Resolve, 0), (Phase::Connect, 1)],
            hc_core::Failure::new(
                hc_core::Kind::Refused,
                Phase::Connect,
                "127.0.0.1:8081 refused the connection (and [::1])",
            ),
        );
        let remote = failed(
            "http://10.0.0.9/",
            12,
            &[(Phase::Connect, 1), (Phase::Wait, 10), (Phase::Receive, 1)],
            hc_core::Failure::unexpected("status", Phase::Wait, "200-299", "503"),
        );
        let all = [shop, local, remote];
        let rows: Vec<Row<'_>> = all
            .iter()
            .map(|(asked, o)| (asked, Some(o.clone())))
            .collect();
        let expected = "     URL                     TIME RESOLVE CONNECT    TLS   WAIT   RECV
ok   https://shop.test/     41 ms       2       8     19     11      1
FAIL http://localhost:8081/  1 ms       0       1      -      -      -
     refused in connect: 127.0.0.1:8081 refused the connection (and [::1])
FAIL http://10.0.0.9/       12 ms       -       1      -     10      1
     unexpected in wait: status: wanted 200-299, found 503
";
        assert_eq!(table(&rows, &plain(), "URL"), expected);
        let tally = Tally::of(&rows, false);
        assert_eq!(tally.line(), "1 of 3 healthy; 1 refused, 1 unexpected");
    }
}
