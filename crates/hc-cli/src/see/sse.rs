//! Server-sent events out of bytes (WHATWG HTML, 9.2.6), bounded: pure.

/// One event of ours is under 2 KiB; more than this is none.
const LONGEST: usize = 256 * 1024;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// Its name; empty: `message`.
    pub(super) event: String,
    pub(super) data: String,
}

/// It is more than any event of hc's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Reads lines as they come, and gives events as they end.
#[derive(Debug, Default)]
pub(super) struct Reader {
    line: Vec<u8>,
    message: Message,
    has_data: bool,
    /// The last byte was a carriage return: a line feed after it belongs to it.
    after_return: bool,
}

impl Reader {
    /// Takes bytes; gives the events that end in them.
    ///
    /// # Errors
    /// A line or an event is longer than any of ours.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Vec<Message>, TooLong> {
        let mut ended = Vec::new();
        for byte in bytes {
            let follows_return = std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if follows_return => {}
                b'\n' | b'\r' => {
                    self.after_return = *byte == b'\r';
                    let line = std::mem::take(&mut self.line);
                    ended.extend(self.line(&String::from_utf8_lossy(&line)));
                }
                byte => self.line.push(*byte),
            }
            if self.line.len() + self.message.data.len() > LONGEST {
                return Err(TooLong);
            }
        }
        Ok(ended)
    }

    fn line(&mut self, line: &str) -> Option<Message> {
        if line.is_empty() {
            let message = std::mem::take(&mut self.message);
            return std::mem::take(&mut self.has_data).then_some(message);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.message.event),
            "data" => {
                if self.has_data {
                    self.message.data.push('\n');
                }
                self.message.data.push_str(value);
                self.has_data = true;
            }
            // A comment has an empty name; ids are in the data too.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = ": keep\n\nevent: transition\ndata: {\"a\":1}\nid: 6-1\n\r\nevent:gap\r\ndata:x\r\ndata: y\r\n\r\n\
                        event: nothing\n\ndata\n\n";

    fn message(event: &str, data: &str) -> Message {
        Message {
            event: event.into(),
            data: data.into(),
        }
    }

    #[test]
    fn however_the_bytes_are_cut_the_events_are_the_same() {
        let expected = [
            message("transition", "{\"a\":1}"),
            message("gap", "x\ny"),
            message("", ""),
        ];
        for size in 1..=TEXT.len() {
            let mut reader = Reader::default();
            let chunks = TEXT.as_bytes().chunks(size);
            let read: Vec<_> = chunks.flat_map(|c| reader.take(c).unwrap()).collect();
            assert_eq!(read, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn what_never_ends_is_given_up() {
        let mut reader = Reader::default();
        let endless = vec![b'x'; LONGEST + 1];
        assert_eq!(reader.take(&endless), Err(TooLong));
        let mut reader = Reader::default();
        let line = format!("data: {}\n", "x".repeat(1_000));
        let mut all = (0..1_000).map(|_| reader.take(line.as_bytes()));
        assert!(all.any(|taken| taken.is_err()));
    }
}
