//! Where the reader is meant to differ from hyper. Each with its reason; everything else is a find.

use hc_core::{Kind, Phase};

use super::super::ours::Out;
use super::super::{LINE_ROOM, MAX_INTERIM};
use super::case::Case;

const BROKEN: Out = Out::Fails(Kind::Protocol, Some(Phase::Wait), Some("not_http"));
const OVER: Out = Out::Fails(Kind::Limit, Some(Phase::Wait), Some("headers"));
const CLOSED: Out = Out::Fails(Kind::Reset, Some(Phase::Wait), Some("closed"));

/// Why the outcomes may differ, if they may.
pub(super) fn reason(case: &Case, ours: &Out, theirs: &Out) -> Option<&'static str> {
    let text = String::from_utf8_lossy(&case.bytes).to_ascii_lowercase();
    let is = |pair: (&Out, &Out)| (ours, theirs) == pair;
    if *ours == OVER && text.matches(" 1").count() > usize::from(MAX_INTERIM) {
        return Some(
            "hyper skips interim answers without end; the kept transport counts them beside it",
        );
    }
    if is((&BROKEN, &CLOSED)) || is((&BROKEN, &Out::Waits)) {
        return Some(
            "hyper parses a head's first piece and the whole; we look at it again as it grows, and at its end",
        );
    }
    if is((&CLOSED, &BROKEN)) && matches!(case.bytes.first(), Some(b'\r' | b'\n')) {
        return Some(
            "the kept transport looks at the first bytes alone; an interim answer after blank lines is HTTP",
        );
    }
    if is((&BROKEN, &OVER)) && text.contains("1844674407370955161") {
        return Some("a length that no body can have is broken, not a limit of headers");
    }
    if *ours == OVER && (case.bytes.len() > case.max_headers as usize + LINE_ROOM) {
        return Some("idle white space and folds count too");
    }
    if *ours == OVER && (text.contains("\n ") || text.contains("\n\t")) {
        return Some("a folded header counts as it was sent");
    }
    if empty_coding(&text) {
        return Some(
            "RFC 9110 5.6.1: empty elements of a list are no elements, so `chunked,` is chunked",
        );
    }
    None
}

/// Whether a list of codings has an empty element, or may have one by a fold.
fn empty_coding(text: &str) -> bool {
    text.lines().any(|line| {
        let value = line.strip_prefix("transfer-encoding:");
        let folded = line.starts_with([' ', '\t']).then_some(line);
        value
            .or(folded)
            .is_some_and(|value| value.split(',').any(|coding| coding.trim().is_empty()))
    })
}
