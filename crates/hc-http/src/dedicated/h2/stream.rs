//! A stream of bytes for hyper: a socket, and the TLS session over it if there is one.

#[cfg(test)]
mod tests;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::dedicated::session::{Session, State};

/// One record of TLS is at most so long (RFC 8446 section 5.2), nearly.
const RECORD: usize = 16 << 10;

/// A socket with or without TLS, whose handshake is done.
pub(super) struct Stream {
    socket: TcpStream,
    tls: Option<Box<Tls>>,
}

struct Tls {
    session: Session,
    /// Ciphertext on its way in.
    cipher: Box<[u8]>,
    /// Plaintext that nobody has read yet, from `read` on.
    plain: Vec<u8>,
    read: usize,
    /// Ciphertext on its way out, from `gone` on.
    out: Vec<u8>,
    gone: usize,
    is_over: bool,
}

impl Stream {
    pub(super) fn new(socket: TcpStream, session: Option<Session>) -> Self {
        let tls = session.map(|mut session| {
            Box::new(Tls {
                cipher: vec![0; RECORD].into(),
                plain: session.take_early(),
                session,
                read: 0,
                out: Vec::new(),
                gone: 0,
                is_over: false,
            })
        });
        Self { socket, tls }
    }
}

impl Tls {
    fn poll_out(&mut self, socket: &mut TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.gone < self.out.len() {
            let left = &self.out[self.gone..];
            let sent = ready!(Pin::new(&mut *socket).poll_write(cx, left))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.gone += sent;
        }
        self.out.clear();
        self.gone = 0;
        Poll::Ready(Ok(()))
    }

    fn poll_in(&mut self, socket: &mut TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut buffer = ReadBuf::new(&mut self.cipher);
        ready!(Pin::new(&mut *socket).poll_read(cx, &mut buffer))?;
        let incoming = buffer.filled();
        if incoming.is_empty() {
            // Without a goodbye the end may be somebody else's work.
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        let state = self
            .session
            .advance(incoming, &mut self.plain, &mut self.out);
        // An alert, or an answer to a new key; what does not go out now goes with the next record.
        let _ = self.poll_out(socket, cx)?;
        match state {
            Ok(State::PeerClosed) => self.is_over = true,
            Ok(_) => {}
            Err(error) => {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { socket, tls } = self.get_mut();
        let Some(tls) = tls else {
            return Pin::new(socket).poll_read(cx, buf);
        };
        while tls.read == tls.plain.len() {
            if tls.is_over {
                return Poll::Ready(Ok(()));
            }
            (tls.read, tls.plain) = (0, Vec::new());
            ready!(tls.poll_in(socket, cx))?;
        }
        let unread = &tls.plain[tls.read..];
        let taken = unread.len().min(buf.remaining());
        buf.put_slice(&unread[..taken]);
        tls.read += taken;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { socket, tls } = self.get_mut();
        let Some(tls) = tls else {
            return Pin::new(socket).poll_write(cx, bytes);
        };
        // One record at a time: what is sealed is kept until the socket takes it.
        ready!(tls.poll_out(socket, cx))?;
        let taken = &bytes[..bytes.len().min(RECORD)];
        tls.session
            .seal(taken, &mut tls.out)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let _ = tls.poll_out(socket, cx)?;
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { socket, tls } = self.get_mut();
        if let Some(tls) = tls {
            ready!(tls.poll_out(socket, cx))?;
        }
        Pin::new(socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { socket, tls } = self.get_mut();
        if let Some(tls) = tls {
            if !tls.is_over {
                tls.is_over = true;
                tls.session.close(&mut tls.out);
            }
            ready!(tls.poll_out(socket, cx))?;
        }
        Pin::new(socket).poll_shutdown(cx)
    }
}
