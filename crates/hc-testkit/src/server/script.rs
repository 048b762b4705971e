//! What a server may do, and answers worth sending.

use std::time::Duration;

/// One thing that a server does to a request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes again and again, until the client is gone.
    Repeat(Vec<u8>),
    /// Sends these bytes one by one, with a gap after each.
    Drip(Vec<u8>, Duration),
    /// Waits.
    Pause(Duration),
    /// Neither answers nor closes.
    Hang,
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
}

impl Act {
    /// Sends a text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Send(text.as_bytes().to_vec())
    }
}

/// Ready-made answers.
pub mod http {
    use super::Act;

    /// A whole answer with that status line's end and body, the connection kept.
    #[must_use]
    pub fn answer(status: &str, body: &str) -> Vec<Act> {
        let length = body.len();
        vec![Act::text(&format!(
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}"
        ))]
    }

    /// `200 OK` and a short body.
    #[must_use]
    pub fn ok() -> Vec<Act> {
        answer("200 OK", "ok")
    }

    /// A redirect.
    #[must_use]
    pub fn redirect(to: &str) -> Vec<Act> {
        vec![Act::text(&format!(
            "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"
        ))]
    }

    /// Headers without end.
    #[must_use]
    pub fn header_flood() -> Vec<Act> {
        vec![
            Act::text("HTTP/1.1 200 OK\r\n"),
            Act::Repeat(b"X-Flood: 0123456789012345678901234567890123456789\r\n".repeat(20)),
        ]
    }

    /// Interim answers without end.
    #[must_use]
    pub fn endless_interim() -> Vec<Act> {
        vec![Act::Repeat(b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec())]
    }

    /// A body without end, its length not announced.
    #[must_use]
    pub fn endless_body() -> Vec<Act> {
        vec![
            Act::text("HTTP/1.1 200 OK\r\n\r\n"),
            Act::Repeat(vec![b'x'; 4096]),
        ]
    }

    /// A body of so many bytes.
    #[must_use]
    pub fn body_of(bytes: usize) -> Vec<Act> {
        answer("200 OK", &"x".repeat(bytes))
    }
}
