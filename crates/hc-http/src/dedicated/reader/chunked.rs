//! The chunked coding (RFC 9112 7.1), split anywhere. Extensions and trailers are skipped, and bounded.

/// Bytes of all chunks' size lines that carry nothing: extensions, white space, idle zeros.
const MAX_EXTRA: u32 = 16 << 10;
/// Digits of a chunk's size; more are extra.
const DIGITS: u8 = 16;
/// Bytes of all trailers.
const MAX_TRAILERS: usize = 16 << 10;
/// Trailers.
const MAX_TRAILER_COUNT: u16 = 512;

/// Where in the coding the last bytes ended.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    at: At,
    /// The size of the chunk, then what is left of it.
    size: u64,
    digits: u8,
    extra: u32,
    trailers: u16,
}

#[derive(Clone, Copy, Debug, Default)]
enum At {
    #[default]
    FirstDigit,
    Digits,
    Space,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// At the start of a line after the last chunk.
    Last,
    LastLf,
    Trailer,
    TrailerLf,
}

/// How much was taken.
#[derive(Debug)]
pub(super) enum Taken {
    /// All of it, and there is more to come.
    All,
    /// The body has ended; so many bytes were its own.
    End(usize),
    /// Nobody wants more of it.
    Enough,
}

/// It is no chunked coding, or beyond its bounds.
#[derive(Debug)]
pub(super) struct Broken;

impl Chunks {
    /// Takes bytes; `sink` gets the data and says whether that is enough, `trailers` gathers what comes at the end.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        trailers: &mut Vec<u8>,
        mut sink: impl FnMut(&[u8]) -> bool,
    ) -> Result<Taken, Broken> {
        let mut used = 0;
        while let Some(&byte) = bytes.get(used) {
            if let At::Data = self.at {
                let there = &bytes[used..];
                let data = &there[..super::within(self.size, there.len())];
                if sink(data) {
                    return Ok(Taken::Enough);
                }
                used += data.len();
                self.size -= data.len() as u64;
                if self.size == 0 {
                    self.at = At::DataCr;
                }
                continue;
            }
            used += 1;
            self.at = match (self.at, byte) {
                (At::FirstDigit | At::Digits, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                    self.digit(byte)?
                }
                (At::Digits | At::Space, b' ' | b'\t') => self.extra(At::Space)?,
                (At::Digits | At::Space, b';') => At::Extension,
                (At::Digits | At::Space | At::Extension, b'\r') => At::SizeLf,
                (At::Extension, b'\n') => return Err(Broken),
                (At::Extension, _) => self.extra(At::Extension)?,
                (At::SizeLf, b'\n') if self.size == 0 => At::Last,
                (At::SizeLf, b'\n') => At::Data,
                (At::DataCr, b'\r') => At::DataLf,
                (At::DataLf, b'\n') => {
                    self.digits = 0;
                    At::FirstDigit
                }
                (At::Last, b'\r') if trailers.is_empty() => At::LastLf,
                (At::Last, b'\r') => gather(trailers, byte, At::LastLf)?,
                (At::LastLf, b'\n') => {
                    if !trailers.is_empty() {
                        trailers.push(byte);
                        self.check(trailers)?;
                    }
                    return Ok(Taken::End(used));
                }
                (At::Trailer, b'\r') => gather(trailers, byte, At::TrailerLf)?,
                (At::Last | At::Trailer, _) => gather(trailers, byte, At::Trailer)?,
                (At::TrailerLf, b'\n') => {
                    self.trailers += 1;
                    if self.trailers > MAX_TRAILER_COUNT {
                        return Err(Broken);
                    }
                    gather(trailers, byte, At::Last)?
                }
                _ => return Err(Broken),
            };
        }
        Ok(Taken::All)
    }

    fn digit(&mut self, byte: u8) -> Result<At, Broken> {
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => byte - b'A' + 10,
        };
        let size = self.size.checked_mul(16).ok_or(Broken)?;
        self.size = size.checked_add(u64::from(value)).ok_or(Broken)?;
        if self.digits == DIGITS {
            return self.extra(At::Digits);
        }
        self.digits += 1;
        Ok(At::Digits)
    }

    fn extra(&mut self, at: At) -> Result<At, Broken> {
        self.extra += 1;
        match self.extra >= MAX_EXTRA {
            true => Err(Broken),
            false => Ok(at),
        }
    }

    /// Trailers are part of no expectation, but what is none may be a body that we took for its end.
    fn check(&self, trailers: &[u8]) -> Result<(), Broken> {
        let mut room = vec![httparse::EMPTY_HEADER; self.trailers.into()];
        match httparse::parse_headers(trailers, &mut room) {
            Ok(httparse::Status::Complete(_)) => Ok(()),
            _ => Err(Broken),
        }
    }
}

fn gather(trailers: &mut Vec<u8>, byte: u8, at: At) -> Result<At, Broken> {
    trailers.push(byte);
    match trailers.len() >= MAX_TRAILERS {
        true => Err(Broken),
        false => Ok(at),
    }
}
