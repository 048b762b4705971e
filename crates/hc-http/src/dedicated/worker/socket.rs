//! One connection of a worker: what is kept of it, and the hold that a target or a check has on it.

use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use hc_core::Nudge;
use mio::net::TcpStream;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use super::{Inner, Scratch, Worker, stamp};
use crate::dedicated::session::{Session, State};

/// So often in a row is read what says nothing.
const LOOKS: usize = 32;

/// An idle one costs a descriptor and these bytes.
pub(super) struct Socket {
    /// `None`: closed.
    pub(super) stream: Option<TcpStream>,
    pub(super) tls: Option<Box<Tls>>,
    pub(super) waker: Option<Waker>,
    pub(super) nudge: Nudge,
    /// While parked: since when. When closed meanwhile: after how long.
    pub(super) millis: u32,
    /// While parked: for how long it may lie.
    pub(super) keep: u32,
    /// While parked: after so long the peer's close is no news; 0: it always is.
    pub(super) expected: u32,
    pub(super) state: Flags,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    /// There may be something to read.
    pub(super) readable: bool,
    /// The peer will send no more, or there is an error: reading goes on to the end.
    pub(super) ending: bool,
    /// Received to the end.
    pub(super) ended: bool,
    pub(super) parked: bool,
    /// Who waits wants to know at once.
    pub(super) prompt: bool,
    /// It is in the epoll of the prompt ones.
    pub(super) heard: bool,
    /// The kernel tells when it received what is read.
    pub(super) stamped: bool,
}

/// TLS over a connection.
pub(super) struct Tls {
    pub(super) session: Session,
    /// Records that the socket did not take yet, from `gone` on.
    unsent: Vec<u8>,
    gone: usize,
    /// It broke behind what it said last.
    is_broken: bool,
}

impl Tls {
    fn flush(&mut self, mut stream: &TcpStream) -> io::Result<()> {
        while self.gone < self.unsent.len() {
            self.gone += retried(|| stream.write(&self.unsent[self.gone..]))?;
        }
        (self.unsent, self.gone) = (Vec::new(), 0);
        Ok(())
    }
}

impl Socket {
    pub(super) fn connecting(stamped: bool) -> Self {
        Self {
            stream: None,
            tls: None,
            waker: None,
            nudge: Nudge::nowhere(),
            millis: 0,
            keep: 0,
            expected: 0,
            state: Flags {
                stamped,
                ..Flags::default()
            },
        }
    }

    /// Lets its events call the loop, or no longer. One that is closed leaves by itself.
    fn hear(&mut self, registry: &Registry, key: usize, prompt: bool) {
        let Some(stream) = &self.stream else {
            return;
        };
        let fd = stream.as_raw_fd();
        let (mut source, interest) = (SourceFd(&fd), Interest::READABLE | Interest::WRITABLE);
        let result = match prompt {
            true => registry.register(&mut source, Token(key), interest),
            false => registry.deregister(&mut source),
        };
        // Without it looks by the clock have to do.
        self.state.heard = prompt && result.is_ok();
    }

    fn stream(&self) -> io::Result<&TcpStream> {
        self.stream
            .as_ref()
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// What arrived on a parked connection: whether it can still be used.
    pub(super) fn survives(&mut self, scratch: &mut Scratch) -> bool {
        let (Some(stream), Some(tls)) = (&self.stream, &mut self.tls) else {
            // Nothing may come unasked.
            return false;
        };
        // A ticket, or a new key; a flood of them is neither.
        for _ in 0..LOOKS {
            let received = stamp::receive(stream, &mut scratch.cipher, &mut scratch.control);
            let count = match received {
                Ok((0, _)) => return false,
                Ok((count, _)) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.state.readable = false;
                    return !self.state.ending;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return false,
            };
            scratch.plain.clear();
            let read = tls.session.advance_in_place(
                &mut scratch.cipher[..count],
                &mut scratch.plain,
                &mut tls.unsent,
            );
            let is_open = matches!(read, Ok(State::Open)) && scratch.plain.is_empty();
            if !is_open || tls.flush(stream).is_err() {
                return false;
            }
        }
        false
    }

    /// Whether there is nothing to read.
    fn is_quiet(&self, scratch: &mut Scratch) -> bool {
        let stream = self.stream.as_ref();
        let look = stream
            .map(|stream| stamp::receive(stream, &mut scratch.cipher[..1], &mut scratch.control));
        matches!(look, Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Closes it; a TLS peer is told so.
    pub(super) fn close(&mut self) {
        if let (Some(stream), Some(mut tls)) = (self.stream.take(), self.tls.take()) {
            tls.session.close(&mut tls.unsent);
            // The peer may be gone: then nobody is owed a goodbye.
            let _ = tls.flush(&stream);
        }
    }
}

/// How a parked connection is to lie.
pub(crate) struct Parking {
    /// Whom to tell when the peer closes it.
    pub(crate) nudge: Nudge,
    /// For how long, in milliseconds.
    pub(crate) keep: u32,
    /// After so many milliseconds a close is no news; 0: it always is.
    pub(crate) expected: u32,
}

/// What became of a parked connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It can be used; it lay for so many milliseconds.
    Open(u32),
    /// The peer closed it after so many milliseconds.
    Closed(u32),
    /// It lay for too long, and was closed by us.
    Expired,
}

/// What one look at a connection brought.
pub(crate) enum Received<'a> {
    /// Bytes, and when the kernel had them.
    Bytes(&'a [u8], Option<SystemTime>),
    /// The peer sends no more.
    End,
}

/// A hold on a connection; it is closed with it.
pub(crate) struct Link {
    worker: Arc<Worker>,
    key: usize,
}

impl Link {
    pub(super) fn new(worker: Arc<Worker>, key: usize) -> Self {
        Self { worker, key }
    }

    pub(crate) fn worker(&self) -> &Arc<Worker> {
        &self.worker
    }

    /// Ready once it is connected, or has failed to.
    pub(crate) fn poll_connected(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.worker.inner();
        let socket = &mut inner.sockets[self.key];
        let stream = socket.stream()?;
        // Nearby it is connected already: the answer to this call tells, and so does the one to a first write.
        match stream.peer_addr() {
            Ok(_) => Poll::Ready(Ok(())),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                if let Some(error) = stream.take_error()? {
                    return Poll::Ready(Err(error));
                }
                // A connection begins seldom, and how long that takes is told: here the loop wakes.
                inner.wait(self.key, cx.waker(), true);
                self.worker.ring(inner);
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Small writes are not to wait for each other's acknowledgement. A single one never does.
    pub(crate) fn hurry(&self) {
        let inner = self.worker.inner();
        if let Some(stream) = &inner.sockets[self.key].stream {
            // A kernel without it loses nothing but time.
            let _ = stream.set_nodelay(true);
        }
    }

    /// Sends it all, or as much as fits and waits then. `sent` counts. Over TLS it is sealed when `sent` is 0.
    pub(crate) fn poll_send(
        &self,
        cx: &Context<'_>,
        bytes: &[u8],
        sent: &mut usize,
    ) -> Poll<io::Result<()>> {
        let mut inner = self.worker.inner();
        let socket = &mut inner.sockets[self.key];
        let stream = socket.stream.as_ref();
        let mut stream = stream.ok_or(io::ErrorKind::NotConnected)?;
        let result = match &mut socket.tls {
            Some(tls) => {
                if *sent == 0 {
                    let sealed = tls.session.seal(bytes, &mut tls.unsent);
                    sealed.map_err(broken)?;
                    *sent = bytes.len();
                }
                tls.flush(stream)
            }
            None => loop {
                match retried(|| stream.write(&bytes[*sent..])) {
                    Ok(count) => *sent += count,
                    Err(error) => break Err(error),
                }
                if *sent == bytes.len() {
                    break Ok(());
                }
            },
        };
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                inner.wait(self.key, cx.waker(), true);
                self.worker.ring(inner);
                Poll::Pending
            }
            other => Poll::Ready(other),
        }
    }

    /// Hands over what came, once; waits while nothing has.
    pub(crate) fn poll_receive<R>(
        &self,
        cx: &Context<'_>,
        prompt: bool,
        take: impl FnOnce(Received<'_>) -> R,
    ) -> Poll<io::Result<R>> {
        let mut inner = self.worker.inner();
        let Inner {
            sockets, scratch, ..
        } = &mut *inner;
        let socket = &mut sockets[self.key];
        for _ in 0..LOOKS {
            if socket.state.ended {
                return Poll::Ready(match &socket.tls {
                    Some(tls) if tls.is_broken => Err(io::ErrorKind::UnexpectedEof.into()),
                    _ => Ok(take(Received::End)),
                });
            }
            if !socket.state.readable && !socket.state.ending {
                inner.wait(self.key, cx.waker(), prompt);
                self.worker.ring(inner);
                return Poll::Pending;
            }
            let stream = socket.stream.as_ref();
            let stream = stream.ok_or(io::ErrorKind::NotConnected)?;
            let received = stamp::receive(stream, &mut scratch.cipher, &mut scratch.control);
            let (count, at) = match received {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // Whatever was seen of an end, it has not come yet.
                    socket.state.readable = false;
                    socket.state.ending = false;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Poll::Ready(Err(error)),
            };
            // A short read has emptied the socket (epoll(7), question 9), unless the peer's end lies behind it.
            socket.state.readable = count == scratch.cipher.len();
            let Some(tls) = &mut socket.tls else {
                socket.state.ended = count == 0;
                return Poll::Ready(Ok(match count {
                    0 => take(Received::End),
                    count => take(Received::Bytes(&scratch.cipher[..count], at)),
                }));
            };
            if count == 0 {
                socket.state.ended = true;
                // Without a goodbye the end may be somebody else's work.
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            scratch.plain.clear();
            let state = tls.session.advance_in_place(
                &mut scratch.cipher[..count],
                &mut scratch.plain,
                &mut tls.unsent,
            );
            // An alert, or an answer to a new key; what does not fit now goes out with the next records.
            let _ = tls.flush(stream);
            socket.state.ended |= matches!(state, Ok(State::PeerClosed));
            if !scratch.plain.is_empty() {
                tls.is_broken = state.is_err();
                socket.state.ended |= tls.is_broken;
                return Poll::Ready(Ok(take(Received::Bytes(&scratch.plain, at))));
            }
            state.map_err(broken)?;
        }
        // A peer that sends records without end, and nothing in them, is not all that there is to do.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// TLS from here on.
    pub(crate) fn secure(&self, session: Session) {
        self.hurry();
        self.worker.inner().sockets[self.key].tls = Some(Box::new(Tls {
            session,
            unsent: Vec::new(),
            gone: 0,
            is_broken: false,
        }));
    }

    /// Carries the handshake on, beginning with what has been received already; `Ready(false)`: more bytes have
    /// come, and it is not done.
    pub(crate) fn poll_handshake(
        &self,
        cx: &Context<'_>,
        is_first: bool,
        early: &[u8],
    ) -> Poll<io::Result<bool>> {
        let mut inner = self.worker.inner();
        let Inner {
            sockets, scratch, ..
        } = &mut *inner;
        let socket = &mut sockets[self.key];
        let stream = socket.stream.as_ref();
        let stream = stream.ok_or(io::ErrorKind::NotConnected)?;
        let tls = socket.tls.as_mut().ok_or(io::ErrorKind::InvalidInput)?;
        let incoming: &[u8] = if is_first {
            early
        } else {
            if !socket.state.readable && !socket.state.ending {
                inner.wait(self.key, cx.waker(), true);
                self.worker.ring(inner);
                return Poll::Pending;
            }
            match stamp::receive(stream, &mut scratch.cipher, &mut scratch.control) {
                Ok((0, _)) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Ok((count, _)) => {
                    socket.state.readable = count == scratch.cipher.len();
                    &scratch.cipher[..count]
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    (socket.state.readable, socket.state.ending) = (false, false);
                    inner.wait(self.key, cx.waker(), true);
                    self.worker.ring(inner);
                    return Poll::Pending;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        };
        scratch.plain.clear();
        let state = tls
            .session
            .advance(incoming, &mut scratch.plain, &mut tls.unsent);
        let flushed = tls.flush(stream);
        match state.map_err(broken)? {
            State::Open if !scratch.plain.is_empty() => {
                // Before the first request nobody has anything to say to us.
                Poll::Ready(Err(io::ErrorKind::InvalidData.into()))
            }
            // What the socket does not take yet goes out before the request.
            State::Open => Poll::Ready(match flushed {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
                _ => Ok(true),
            }),
            State::PeerClosed => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            State::Handshaking => Poll::Ready(match flushed {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
                _ => Ok(false),
            }),
        }
    }

    /// Reads something of the TLS session.
    pub(crate) fn session<R>(&self, read: impl FnOnce(&Session) -> R) -> Option<R> {
        let inner = self.worker.inner();
        let tls = inner.sockets[self.key].tls.as_ref();
        tls.map(|tls| read(&tls.session))
    }

    /// Whether something came unasked that nobody has looked at yet, an end say. Unless it must be known, it is only
    /// asked for where the kernel stamps nothing: else the stamps tell, and a call is saved.
    pub(crate) fn has_news(&self, must_know: bool) -> bool {
        let mut inner = self.worker.inner();
        let Inner {
            sockets, scratch, ..
        } = &mut *inner;
        let socket = &mut sockets[self.key];
        match socket.tls {
            None => (must_know || !socket.state.stamped) && !socket.is_quiet(scratch),
            Some(_) => must_know && !socket.survives(scratch),
        }
    }

    /// Makes the next look ask the kernel, whether the loop has seen something or not.
    pub(crate) fn look_again(&self) {
        let mut inner = self.worker.inner();
        inner.sockets[self.key].state.readable = true;
    }

    /// Lays it down until the next check.
    pub(crate) fn park(&self, parking: Parking) {
        let now = self.worker.millis();
        let mut inner = self.worker.inner();
        let socket = &mut inner.sockets[self.key];
        socket.nudge = parking.nudge;
        socket.millis = now;
        socket.keep = parking.keep;
        socket.expected = parking.expected;
        socket.state.parked = true;
        // What has been seen already: the peer closed behind its answer.
        let is_over = socket.state.ended || socket.state.ending;
        if is_over {
            socket.close();
            socket.millis = 0;
            return;
        }
        inner.parked += 1;
        self.worker.ring(inner);
    }

    /// Takes it up again.
    pub(crate) fn take_up(&self) -> Fate {
        let now = self.worker.millis();
        let mut inner = self.worker.inner();
        let socket = &mut inner.sockets[self.key];
        let was_parked = std::mem::take(&mut socket.state.parked);
        let (lay, keep) = (now.wrapping_sub(socket.millis), socket.keep);
        if socket.stream.is_none() {
            return match socket.expected {
                EXPIRED => Fate::Expired,
                _ => Fate::Closed(socket.millis),
            };
        }
        inner.parked -= u32::from(was_parked);
        match lay > keep {
            true => Fate::Expired,
            false => Fate::Open(lay),
        }
    }

    /// Takes the connection out of the worker, for who drives it otherwise: its socket and its TLS.
    pub(crate) fn detach(self) -> io::Result<(std::net::TcpStream, Option<Session>)> {
        let mut inner = self.worker.inner();
        let Inner {
            poll,
            prompt_poll,
            sockets,
            ..
        } = &mut *inner;
        let socket = &mut sockets[self.key];
        let tls = socket.tls.take().map(|tls| tls.session);
        if socket.state.heard {
            socket.hear(prompt_poll.registry(), self.key, false);
        }
        let mut stream = socket.stream.take().ok_or(io::ErrorKind::NotConnected)?;
        poll.registry().deregister(&mut stream)?;
        Ok((stream.into(), tls))
    }
}

/// Stands in `expected` of a socket that we closed ourselves.
pub(super) const EXPIRED: u32 = u32::MAX;

impl Drop for Link {
    fn drop(&mut self) {
        let mut inner = self.worker.inner();
        let Some(mut socket) = inner.sockets.try_remove(self.key) else {
            return;
        };
        inner.forget(&socket);
        socket.close();
        drop(inner);
    }
}

impl Inner {
    /// Notes who is to be woken by the next event of a connection.
    pub(super) fn wait(&mut self, key: usize, waker: &Waker, prompt: bool) {
        let socket = &mut self.sockets[key];
        if socket.state.heard != prompt {
            socket.hear(self.prompt_poll.registry(), key, prompt);
        }
        match &mut socket.waker {
            Some(known) => known.clone_from(waker),
            None => {
                socket.waker = Some(waker.clone());
                socket.state.prompt = prompt;
                self.waiting += 1;
                self.prompt += u32::from(prompt);
            }
        }
    }

    /// Counts a connection out.
    fn forget(&mut self, socket: &Socket) {
        if socket.waker.is_some() {
            self.waiting -= 1;
            self.prompt -= u32::from(socket.state.prompt);
        }
        self.parked -= u32::from(socket.state.parked && socket.stream.is_some());
    }
}

fn retried<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// The reason stays to be found in it.
fn broken(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
