//! What headers say of the body's end and of the connection's future (RFC 9112 6 and 9).

use std::time::Duration;

use super::head::{Flaw, unfolded};

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// After so many bytes.
    Length(u64),
    /// By its last chunk.
    Chunked,
    /// By the connection's end.
    UntilClose,
}

/// All that is learnt from the headers, one at a time.
#[derive(Debug, Default)]
pub(super) struct Facts {
    length: Length,
    codings: Codings,
    says_close: bool,
    says_keep_alive: bool,
    /// Something odd that is not refused: no other request goes over this connection.
    is_odd: bool,
    /// The shortest time told.
    pub(super) keep_alive: Option<Duration>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Length {
    #[default]
    Untold,
    Told(u64),
    /// No number, one beyond all bounds, or several that differ.
    Broken,
}

#[derive(Debug, Default)]
struct Codings {
    are_told: bool,
    chunked: u32,
    ends_in_chunked: bool,
}

impl Facts {
    pub(super) fn learn(&mut self, name: &str, value: &[u8]) {
        let length = name.len();
        if !matches!(length, 10 | 14 | 17) {
            return;
        }
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match length {
            10 if is("connection") => self.learn_connection(&unfolded(value)),
            10 if is("keep-alive") => self.learn_keep_alive(&unfolded(value)),
            14 if is("content-length") => self.learn_length(&unfolded(value)),
            17 if is("transfer-encoding") => self.learn_codings(&unfolded(value)),
            _ => {}
        }
    }

    fn learn_connection(&mut self, value: &[u8]) {
        // What nearly all servers say.
        if value == b"keep-alive" {
            self.says_keep_alive = true;
            return;
        }
        self.is_odd |= !is_text(value);
        for token in elements(value) {
            self.says_close |= token.eq_ignore_ascii_case(b"close");
            self.says_keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    fn learn_keep_alive(&mut self, value: &[u8]) {
        /// A server's word is not trusted beyond a day.
        const LONGEST: u64 = 86_400;
        for element in elements(value) {
            let mut parts = element
                .splitn(2, |byte| *byte == b'=')
                .map(<[u8]>::trim_ascii);
            let is_timeout = parts
                .next()
                .is_some_and(|name| name.eq_ignore_ascii_case(b"timeout"));
            let Some(seconds) = parts.next().filter(|_| is_timeout) else {
                continue;
            };
            let seconds = seconds.strip_prefix(b"\"").unwrap_or(seconds);
            let seconds = seconds.strip_suffix(b"\"").unwrap_or(seconds);
            if seconds.is_empty() || !seconds.iter().all(u8::is_ascii_digit) {
                continue;
            }
            let told = Duration::from_secs(number(seconds).unwrap_or(LONGEST).min(LONGEST));
            self.keep_alive = Some(self.keep_alive.map_or(told, |known| known.min(told)));
        }
    }

    fn learn_length(&mut self, value: &[u8]) {
        // Equal ones, on several lines or in one list, are as good as one (RFC 9112 6.3).
        for element in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.length = match (number(element), &self.length) {
                (Some(told), Length::Untold) => Length::Told(told),
                (Some(told), Length::Told(known)) if told == *known => Length::Told(told),
                _ => Length::Broken,
            };
        }
    }

    fn learn_codings(&mut self, value: &[u8]) {
        let codings = &mut self.codings;
        codings.are_told = true;
        if !is_text(value) {
            codings.ends_in_chunked = false;
            self.is_odd = true;
            return;
        }
        // Others take an empty element for the last coding.
        let mut all = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        self.is_odd |= all.any(<[u8]>::is_empty);
        for coding in elements(value) {
            codings.ends_in_chunked = coding.eq_ignore_ascii_case(b"chunked");
            codings.chunked += u32::from(codings.ends_in_chunked);
        }
    }

    /// How the body of an answer with this status ends.
    ///
    /// # Errors
    /// If it cannot be told for sure.
    pub(super) fn framing(
        &self,
        status: u16,
        is_http11: bool,
        is_head: bool,
    ) -> Result<Framing, Flaw> {
        if is_head || matches!(status, 101 | 204 | 304) {
            return Ok(Framing::Length(0));
        }
        match (&self.length, self.codings.are_told) {
            // HTTP/1.0 knows no codings: what follows is anybody's guess.
            (_, true) if !is_http11 => Err(Flaw::Broken),
            (_, true) if self.codings.ends_in_chunked => Ok(Framing::Chunked),
            (_, true) | (Length::Untold, false) => Ok(Framing::UntilClose),
            (Length::Told(length), false) => Ok(Framing::Length(*length)),
            (Length::Broken, false) => Err(Flaw::Broken),
        }
    }

    /// Whether the connection may carry another request, once the body has come whole.
    pub(super) fn is_reusable(&self, status: u16, is_http11: bool) -> bool {
        let stays_open = !self.says_close && (is_http11 || self.says_keep_alive);
        let is_odd = self.is_odd
            || self.length == Length::Broken
            || self.codings.chunked > 1
            || (self.codings.are_told && (self.length != Length::Untold || !is_http11))
            // A body may follow where there must be none.
            || (status == 204
                && (self.codings.are_told
                    || !matches!(self.length, Length::Untold | Length::Told(0))));
        stays_open && !is_odd && status != 101
    }
}

/// The elements of a list; empty ones are skipped (RFC 9110 5.6.1).
fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

fn is_text(value: &[u8]) -> bool {
    value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}

/// A number of digits alone.
fn number(digits: &[u8]) -> Option<u64> {
    /// The last two would wrap in other implementations, and nobody sends them in earnest.
    const MOST: u64 = u64::MAX - 2;
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    });
    number.filter(|number| *number <= MOST)
}
