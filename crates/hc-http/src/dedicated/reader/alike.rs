//! Recognises a head that says what an earlier one said: most servers answer a health check with the same bytes each
//! time, but for the date, and most servers of a fleet alike. To compare costs a tenth of what parsing does.
//!
//! It remembers a few heads a thread, of those that came in one piece. What it finds is what parsing those bytes would
//! have said: they are the same, but for the letters of a `Date`, which bears on nothing.

use std::cell::RefCell;
use std::ops::Range;

use http::HeaderMap;

use super::Asked;
use super::head::Head;

/// Heads that a thread remembers, each in the place of its piece's length: kinds of servers mostly differ in that.
const PLACES: usize = 8;
/// A longer one is not remembered.
const LONGEST: usize = 1_024;
/// The bytes of a date as servers have to send it (RFC 9110 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
const DATE: usize = 29;
/// So many that are not like the one in their place come before one of them takes it: where each answer has a number of
/// its own, remembering them all would be for nothing.
const PATIENCE: u8 = 8;

struct Known {
    bytes: Vec<u8>,
    /// Where the date is; empty where there is none.
    date: Range<usize>,
    is_head: bool,
    max_headers: u32,
    /// What it says; without its headers.
    says: Head,
    /// So many were not like it.
    misses: u8,
}

thread_local! {
    static KNOWN: RefCell<[Option<Known>; PLACES]> = const { RefCell::new([const { None }; PLACES]) };
}

fn place(piece: &[u8]) -> usize {
    piece.len() % PLACES
}

/// What the head says that a piece begins with, and how many bytes it has, if one like it was learnt.
pub(super) fn recall(piece: &[u8], asked: &Asked) -> Option<(Head, usize)> {
    if asked.wants_headers {
        return None;
    }
    let recalled = KNOWN.try_with(|all| {
        let all = all.try_borrow().ok()?;
        let known = all[place(piece)].as_ref()?;
        known
            .is_like(piece, asked)
            .then(|| (bare(&known.says), known.bytes.len()))
    });
    // A thread that ends has forgotten.
    recalled.ok().flatten()
}

/// Remembers what the first bytes of a piece say: a whole head, final, parsed as asked.
pub(super) fn learn(piece: &[u8], length: usize, asked: &Asked, says: &Head) {
    if asked.wants_headers || length > LONGEST || says.is_interim() {
        return;
    }
    let learnt = KNOWN.try_with(|all| {
        let Ok(mut all) = all.try_borrow_mut() else {
            return;
        };
        let known = &mut all[place(piece)];
        if let Some(known) = known {
            known.misses += 1;
            if known.misses < PATIENCE {
                return;
            }
        }
        let bytes = &piece[..length];
        let mut room = known.take().map_or_else(Vec::new, |known| known.bytes);
        room.clear();
        room.extend_from_slice(bytes);
        *known = Some(Known {
            bytes: room,
            date: date(bytes),
            is_head: asked.is_head,
            max_headers: asked.max_headers,
            says: bare(says),
            misses: 0,
        });
    });
    // A thread that ends learns nothing more.
    let _ = learnt;
}

impl Known {
    fn is_like(&self, piece: &[u8], asked: &Asked) -> bool {
        let Some(head) = piece.get(..self.bytes.len()) else {
            return false;
        };
        let (begin, end) = (self.date.start, self.date.end);
        (asked.is_head, asked.max_headers) == (self.is_head, self.max_headers)
            && head[end..] == self.bytes[end..]
            && head[..begin] == self.bytes[..begin]
            && is_plain(&head[begin..end])
    }
}

/// Without its headers.
fn bare(says: &Head) -> Head {
    Head {
        headers: HeaderMap::new(),
        ..*says
    }
}

/// Where a head's date is, if it has one as it is to be.
fn date(head: &[u8]) -> Range<usize> {
    let names = memchr::memmem::find_iter(head, b"ate: ");
    let is_one = |name: &usize| {
        let is_line = matches!(&head[..*name], [.., b'\r', b'\n', b'D' | b'd']);
        let text = head.get(name + 5..name + 5 + DATE);
        is_line && text.is_some_and(is_plain) && head[name + 5 + DATE..].starts_with(b"\r\n")
    };
    let found = names.into_iter().find(is_one);
    found.map_or(0..0, |name| name + 5..name + 5 + DATE)
}

/// Letters, digits and what a date has between them, with no space at either end: whatever they are, the header is as
/// long, and nothing else is.
fn is_plain(text: &[u8]) -> bool {
    let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b',' | b':');
    text.iter().all(is_inner) && text.first() != Some(&b' ') && text.last() != Some(&b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_found_as_servers_send_it() {
        let at = |text: &str| date(text.replace('|', "\r\n").as_bytes());
        let first = "HTTP/1.1 200 OK|Date: Sun, 06 Nov 1994 08:49:37 GMT||";
        assert_eq!(at(first), 23..52);
        assert_eq!(at(&first.replace("Date", "date")), 23..52);
        for other in [
            "HTTP/1.1 200 OK||",
            "HTTP/1.1 200 OK|Date: today||",
            "HTTP/1.1 200 OK|Date: Sun, 06 Nov 1994 08:49:37 GMT, or so||",
            "HTTP/1.1 200 OK|Date: Sun, 06 Nov 1994 08:49:37 (GMT|X: 1||",
            "HTTP/1.1 200 OK|Date:  Sun, 06 Nov 1994 08:49:37 GM|X: 1||",
        ] {
            assert_eq!(at(other), 0..0, "{other}");
        }
    }
}
