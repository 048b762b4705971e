//! Reads one HTTP/1 answer from bytes as they arrive, in whatever pieces. Pure: no socket, no clock.
//!
//! It decides where the answer ends, what it costs at most, and whether its connection may carry another request.
//! When in doubt it may not: hc forwards nothing, so a mistake then costs a reconnect. It leaves connections,
//! deadlines and expectations to others.

mod alike;
mod answer;
mod chunked;
mod framing;
mod head;
mod search;

#[cfg(test)]
mod count;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod ours;
#[cfg(test)]
mod tests;

use hc_core::{Failure, Phase};

pub(crate) use self::answer::{Answer, Asked, Step};
use self::chunked::Chunks;
use self::framing::Framing;
use self::head::{Flaw, Head};
use self::search::Search;
use crate::classify;

/// So many interim answers (1xx) are skipped; more than a handful is a flood.
const MAX_INTERIM: u8 = 8;
/// A head on the wire may be so much longer than its headers alone: its status line, and idle white space.
const LINE_ROOM: usize = 1_024;
/// The shortest status line; until then each piece is looked at.
const STATUS_LINE: usize = 16;
/// Enough to recognise what answered instead of an HTTP server.
const FIRST_BYTES: usize = 80;

/// Reads the answer to one request.
#[derive(Debug)]
pub(crate) struct Reader {
    asked: Asked,
    state: State,
    /// A head that came in part; later the trailers. Nothing is copied here of a head that came whole.
    partial: Vec<u8>,
    search: Search,
    /// So long was the partial head when it was last parsed.
    parsed: usize,
    head: Option<Head>,
    body: Body,
    interim: u8,
    has_begun: bool,
}

#[derive(Debug)]
enum State {
    Head,
    /// So many bytes of the body are to come.
    Length(u64),
    Chunked(Chunks),
    UntilClose,
    Done,
}

impl Reader {
    pub(crate) fn new(asked: Asked) -> Self {
        Self {
            asked,
            state: State::Head,
            partial: Vec::new(),
            search: Search::default(),
            parsed: 0,
            head: None,
            body: Body {
                bytes: Vec::new(),
                length: 0,
                limit: asked.max_body,
                is_wanted: asked.wants_body,
            },
            interim: 0,
            has_begun: false,
        }
    }

    /// Takes what has arrived.
    ///
    /// # Errors
    /// If it is no HTTP, or over a limit.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) -> Result<Step, Failure> {
        self.has_begun |= !bytes.is_empty();
        loop {
            match &mut self.state {
                State::Head => match self.take_head(bytes)? {
                    Some(used) => bytes = &bytes[used..],
                    None => return Ok(Step::More),
                },
                State::Length(left) => {
                    let (data, rest) = bytes.split_at(within(*left, bytes.len()));
                    *left -= data.len() as u64;
                    let is_whole = *left == 0;
                    if self.body.append(data) {
                        return Ok(self.cut());
                    }
                    return Ok(match is_whole {
                        true => self.done(rest),
                        false => Step::More,
                    });
                }
                State::Chunked(chunks) => {
                    let body = &mut self.body;
                    let taken = chunks.take(bytes, &mut self.partial, |data| body.append(data));
                    return match taken {
                        Ok(chunked::Taken::All) => Ok(Step::More),
                        Ok(chunked::Taken::End(used)) => Ok(self.done(&bytes[used..])),
                        Ok(chunked::Taken::Enough) => Ok(self.cut()),
                        Err(chunked::Broken) => Err(classify::broken_chunks()),
                    };
                }
                State::UntilClose => {
                    return Ok(match self.body.append(bytes) {
                        true => self.cut(),
                        false => Step::More,
                    });
                }
                State::Done => return Ok(Step::More),
            }
        }
    }

    /// The peer has closed its sending side.
    ///
    /// # Errors
    /// If the answer was not whole.
    pub(crate) fn end(&mut self) -> Result<Step, Failure> {
        match self.state {
            State::Head => {
                let seen = self.partial.as_slice();
                if let Err(flaw) = head::parse(seen, &self.asked) {
                    return Err(self.refusal(flaw, seen));
                }
                // Blank lines alone are no beginning of an answer.
                let is_beginning = b"HTTP/".starts_with(&seen[..seen.len().min(5)])
                    || seen.starts_with(b"HTTP/")
                    || self.interim > 0;
                Err(match is_beginning {
                    true => classify::closed(Phase::Wait),
                    false => self.refusal(Flaw::Broken, seen),
                })
            }
            State::Length(_) | State::Chunked(_) => Err(classify::body_short()),
            State::UntilClose => Ok(self.done(&[])),
            State::Done => Ok(Step::More),
        }
    }

    /// Whether a byte of the answer has come: it must not be asked for again then.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Whether the final head is whole.
    pub(crate) fn is_past_head(&self) -> bool {
        !matches!(self.state, State::Head)
    }

    /// The phase that the exchange is in once its request is sent.
    #[cfg(test)]
    pub(crate) fn phase(&self) -> Phase {
        match self.state {
            State::Head if self.partial.is_empty() => Phase::Wait,
            _ => Phase::Receive,
        }
    }

    /// Takes a head, or a part of one; tells how many bytes a whole one took of these.
    fn take_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, Failure> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let before = self.partial.len();
        if before == 0
            && let Some((head, used)) = alike::recall(bytes, &self.asked)
        {
            self.has_head(head)?;
            return Ok(Some(used));
        }
        let most = self.asked.max_headers as usize + LINE_ROOM;
        let seen = match before {
            0 => bytes,
            _ => {
                let room = (most + 1).saturating_sub(before);
                self.partial
                    .extend_from_slice(&bytes[..bytes.len().min(room)]);
                &self.partial
            }
        };
        let seen = &seen[..seen.len().min(most + 1)];
        match self.search.end_of_head(seen) {
            Some(end) if end <= most => match head::parse(&seen[..end], &self.asked) {
                Ok(Some(head)) => {
                    if before == 0 {
                        alike::learn(bytes, end, &self.asked, &head);
                    }
                    self.has_head(head)?;
                }
                Ok(None) => return Err(self.refusal(Flaw::Broken, seen)),
                Err(flaw) => return Err(self.refusal(flaw, seen)),
            },
            None if seen.len() <= most => {
                // A peer that speaks something else never ends its head: look in time, and not at each byte.
                let line = &seen[self.search.leading()..];
                if line.len() < STATUS_LINE {
                    head::parse(line, &self.asked).map_err(|flaw| self.refusal(flaw, seen))?;
                }
                if seen.len() >= 2 * self.parsed {
                    head::parse(seen, &self.asked).map_err(|flaw| self.refusal(flaw, seen))?;
                    self.parsed = seen.len();
                }
                if before == 0 {
                    self.partial = seen.to_vec();
                }
                return Ok(None);
            }
            _ => {
                let flaw = match head::parse(&seen[..most], &self.asked) {
                    Err(flaw) => flaw,
                    Ok(_) => Flaw::TooLarge,
                };
                return Err(self.refusal(flaw, seen));
            }
        }
        let used = self.search.taken() - before;
        self.search = Search::default();
        self.parsed = 0;
        self.partial = Vec::new();
        Ok(Some(used))
    }

    fn has_head(&mut self, mut head: Head) -> Result<(), Failure> {
        if head.is_interim() {
            self.interim += 1;
            return match self.interim > MAX_INTERIM {
                true => Err(classify::too_many_interim(MAX_INTERIM.into())),
                false => Ok(()),
            };
        }
        self.state = match head.framing {
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunked(Chunks::default()),
            Framing::UntilClose => {
                head.reusable = false;
                State::UntilClose
            }
        };
        self.head = Some(head);
        Ok(())
    }

    fn refusal(&self, flaw: Flaw, seen: &[u8]) -> Failure {
        match flaw {
            Flaw::TooLarge => classify::too_many_headers(self.asked.max_headers),
            // An interim answer was HTTP.
            Flaw::Broken if self.interim > 0 => classify::not_http(Phase::Wait, b"HTTP/"),
            Flaw::Broken => classify::not_http(Phase::Wait, &seen[..seen.len().min(FIRST_BYTES)]),
        }
    }

    /// The body is whole, and these bytes came after it.
    fn done(&mut self, rest: &[u8]) -> Step {
        self.answer(false, rest.is_empty())
    }

    /// The body is longer than wanted.
    fn cut(&mut self) -> Step {
        self.answer(true, false)
    }

    fn answer(&mut self, cut: bool, is_clean: bool) -> Step {
        self.state = State::Done;
        let head = self.head.take().expect("a body comes after its head");
        Step::Done(Answer {
            status: head.status,
            version: head.version,
            headers: head.headers,
            body: std::mem::take(&mut self.body.bytes),
            length: self.body.length,
            cut,
            reusable: head.reusable && is_clean,
            keep_alive: head.keep_alive,
        })
    }
}

/// The lesser of a length told and a length there.
fn within(told: u64, there: usize) -> usize {
    usize::try_from(told).map_or(there, |told| told.min(there))
}

/// A body on its way.
#[derive(Debug)]
struct Body {
    bytes: Vec<u8>,
    length: u64,
    limit: u64,
    is_wanted: bool,
}

impl Body {
    /// Appends as far as the limit allows, and tells whether there was more.
    fn append(&mut self, data: &[u8]) -> bool {
        let room = self.limit - self.length;
        let fits = within(room, data.len());
        self.length += fits as u64;
        if self.is_wanted {
            self.bytes.extend_from_slice(&data[..fits]);
        }
        fits < data.len()
    }
}
