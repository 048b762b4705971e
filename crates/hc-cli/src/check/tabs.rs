//! Rows for other programs: word, kind, phase, milliseconds, target, message, with tabs between; `-` for nothing.

use super::ask::{Asked, Outcome};
use super::table::{INSECURE, word};

/// One row.
pub(super) fn line(asked: &Asked, outcome: &Outcome) -> String {
    let failure = outcome.failure.as_ref();
    let mut message = failure.map_or_else(String::new, |failure| failure.message.to_string());
    if asked.is_insecure {
        let comma = if message.is_empty() { "" } else { "; " };
        message = format!("{message}{comma}{INSECURE}");
    }
    format!(
        "{}\t{}\t{}\t{:.2}\t{}\t{}\n",
        word(outcome.result).0,
        failure.map_or("-", |failure| failure.kind.as_str()),
        failure
            .and_then(|failure| failure.phase)
            .map_or("-", hc_core::Phase::as_str),
        outcome.total.as_secs_f64() * 1e3,
        asked.shown,
        if message.is_empty() { "-" } else { &message },
    )
}

#[cfg(test)]
mod tests {
    use hc_core::{Failure, Kind, Phase};

    use super::super::tests::{failed, passed};
    use super::*;

    #[test]
    fn six_fields_always() {
        let refused = Failure::new(
            Kind::Refused,
            Phase::Connect,
            "10.0.0.7:80 refused the connection",
        );
        let (asked, outcome) = failed("http://h/", 1, &[], refused);
        assert_eq!(
            line(&asked, &outcome),
            "FAIL\trefused\tconnect\t1.00\thttp://h/\t10.0.0.7:80 refused the connection\n"
        );
        let (asked, outcome) = passed("http://h/", 12, &[]);
        assert_eq!(line(&asked, &outcome), "ok\t-\t-\t12.00\thttp://h/\t-\n");
    }

    #[test]
    fn nothing_from_a_peer_breaks_the_line() {
        let evil = Failure::new(Kind::Protocol, Phase::Wait, "a\tb\n\u{1b}[31mc");
        let (asked, outcome) = failed("http://h/", 1, &[], evil);
        let line = line(&asked, &outcome);
        assert_eq!(line.matches('\t').count(), 5);
        assert_eq!(line.matches('\n').count(), 1);
        assert!(!line.contains('\u{1b}'));
    }
}
