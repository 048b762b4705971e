//! For tests: what the reader makes of an answer in pieces, as a value to compare.

use hc_core::{Failure, Kind, Phase};

use super::{Asked, Reader, Step};

/// What came out, comparable. Of a failure not the sentence: it may show the bytes that had come by then.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Out {
    Waits,
    Fails(Kind, Option<Phase>, Option<&'static str>),
    Answers {
        status: u16,
        version: &'static str,
        body: Vec<u8>,
        cut: bool,
        reusable: bool,
        keep_alive: Option<u64>,
    },
}

fn step(result: Result<Step, Failure>) -> Option<Out> {
    match result {
        Ok(Step::More) => None,
        Ok(Step::Done(answer)) => Some(Out::Answers {
            status: answer.status,
            version: answer.version,
            body: answer.body,
            cut: answer.cut,
            reusable: answer.reusable,
            keep_alive: answer.keep_alive.map(|time| time.as_secs()),
        }),
        Err(failure) => Some(Out::Fails(failure.kind, failure.phase, failure.code)),
    }
}

/// Reads pieces, then a close if `ends`. As a transport does, it does not reuse a connection on which more came.
pub(super) fn read(asked: Asked, pieces: &[&[u8]], ends: bool) -> Out {
    let mut reader = Reader::new(asked);
    for (nth, piece) in pieces.iter().enumerate() {
        if let Some(mut out) = step(reader.take(piece)) {
            if let Out::Answers { reusable, .. } = &mut out {
                *reusable &= pieces[nth + 1..].iter().all(|rest| rest.is_empty());
            }
            return out;
        }
    }
    let ended = if ends { step(reader.end()) } else { None };
    ended.unwrap_or(Out::Waits)
}
