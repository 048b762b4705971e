//! A TLS client session without a socket: bytes go in and come out, and none are kept while it is idle.
//!
//! rustls' buffered sessions keep 4 KB of buffers each for ever; over its unbuffered ones this keeps a record that came
//! in part, and nothing else. It leaves sockets, deadlines and the wording of errors to others.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, UnbufferedStatus, WriteTraffic,
};
use rustls::{ClientConfig, Error};
#[cfg(test)]
use rustls::{HandshakeKind, ProtocolVersion};
use rustls_pki_types::{CertificateDer, ServerName};

/// The client's end of a TLS connection.
pub(crate) struct Session {
    connection: UnbufferedClientConnection,
    /// Records that came in part.
    partial: Vec<u8>,
    /// What a peer that speaks first, as in HTTP/2, has said with the end of its handshake.
    early: Vec<u8>,
    /// The peer has said that it sends no more.
    is_closed: bool,
    /// What ended it; rustls wants to be asked nothing then.
    failed: Option<Box<Error>>,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The peer's turn.
    Handshaking,
    /// Requests can be sealed.
    Open,
    /// The peer has said goodbye. What it said before is in `plain`.
    PeerClosed,
}

impl Session {
    /// A session with `name`; [`advance`](Self::advance) without bytes begins it.
    ///
    /// # Errors
    /// If the configuration is of no use.
    pub(crate) fn try_new(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Self, Error> {
        Ok(Self {
            connection: UnbufferedClientConnection::new(config, name)?,
            partial: Vec::new(),
            early: Vec::new(),
            is_closed: false,
            failed: None,
        })
    }

    /// Takes what arrived; appends what it says to `plain`, and what is to be sent to `out`.
    ///
    /// # Errors
    /// If the session has come to its end. `out` may then hold an alert, which the peer is still to be told, and
    /// `plain` what came before.
    pub(crate) fn advance(
        &mut self,
        incoming: &[u8],
        plain: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<State, Error> {
        let mut bytes = std::mem::take(&mut self.partial);
        bytes.extend_from_slice(incoming);
        let (used, state) = self.turn(&mut bytes, plain, out, None);
        bytes.drain(..used);
        if !bytes.is_empty() {
            self.partial = bytes;
        }
        state
    }

    /// The same, but decrypts in place: nothing is copied unless a record came in part.
    ///
    /// # Errors
    /// As [`advance`](Self::advance).
    pub(crate) fn advance_in_place(
        &mut self,
        incoming: &mut [u8],
        plain: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<State, Error> {
        if !self.partial.is_empty() {
            return self.advance(incoming, plain, out);
        }
        let (used, state) = self.turn(incoming, plain, out, None);
        if used < incoming.len() {
            self.partial = incoming[used..].to_vec();
        }
        state
    }

    /// Appends records that carry `plain` to `out`.
    ///
    /// # Errors
    /// If the session is not open, or its keys are worn out.
    pub(crate) fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let most = plain.len() + (plain.len() / FRAGMENT + 1) * OVERHEAD;
        self.write(out, most, |traffic, room| traffic.encrypt(plain, room))
    }

    /// Appends a goodbye to `out`, if there is a session to end.
    pub(crate) fn close(&mut self, out: &mut Vec<u8>) {
        // A session that never came to be needs no goodbye.
        let _ = self.write(out, 2 * OVERHEAD, |traffic, room| {
            traffic.queue_close_notify(room)
        });
    }

    fn write(
        &mut self,
        out: &mut Vec<u8>,
        most: usize,
        mut write: impl FnMut(&mut Traffic<'_>, &mut [u8]) -> Result<usize, EncryptError>,
    ) -> Result<(), Error> {
        let mut bytes = std::mem::take(&mut self.partial);
        let mut act = |traffic: &mut Traffic<'_>, out: &mut Vec<u8>| {
            appended(out, most, |room| match write(traffic, room) {
                Ok(count) => Ok(Ok(count)),
                Err(EncryptError::InsufficientSize(size)) => Err(size.required_size),
                Err(EncryptError::EncryptExhausted) => Ok(Err(Error::EncryptError)),
            })
        };
        // All that came has been read; nothing is left to be said in the clear.
        let (_, state) = self.turn(&mut bytes, &mut Vec::new(), out, Some(&mut act));
        self.partial = bytes;
        match state? {
            State::Handshaking => Err(Error::HandshakeNotComplete),
            State::Open | State::PeerClosed => Ok(()),
        }
    }

    /// What a peer of HTTP/2 said together with the end of its handshake (RFC 8446 4.4.4 lets it); it is not in
    /// `plain`, and is to be read first.
    pub(crate) fn take_early(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.early)
    }

    /// The protocol that was negotiated.
    pub(crate) fn alpn(&self) -> Option<&[u8]> {
        self.connection.alpn_protocol()
    }

    /// The peer's own certificate; of a resumed session, that of the one it goes back to.
    pub(crate) fn peer_certificate(&self) -> Option<&CertificateDer<'static>> {
        self.connection.peer_certificates()?.first()
    }

    #[cfg(test)]
    pub(crate) fn version(&self) -> Option<ProtocolVersion> {
        self.connection.protocol_version()
    }

    #[cfg(test)]
    pub(crate) fn is_resumed(&self) -> bool {
        self.connection.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Goes as far as the bytes allow; tells how many of them are done with. `act` is called once, where the session
    /// takes traffic.
    fn turn(
        &mut self,
        bytes: &mut [u8],
        plain: &mut Vec<u8>,
        out: &mut Vec<u8>,
        mut act: Option<Act<'_>>,
    ) -> (usize, Result<State, Error>) {
        if let Some(error) = &self.failed {
            return (bytes.len(), Err((**error).clone()));
        }
        let mut used = 0;
        let before = plain.len();
        let is_handshake = self.connection.is_handshaking();
        loop {
            let UnbufferedStatus { discard, state } =
                self.connection.process_tls_records(&mut bytes[used..]);
            let state = match state {
                Ok(state) => state,
                Err(error) => {
                    self.last_words(out);
                    self.failed = Some(Box::new(error.clone()));
                    return (bytes.len(), Err(error));
                }
            };
            let mut next = None;
            match state {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        match record {
                            Ok(record) => plain.extend_from_slice(record.payload),
                            Err(error) => return (used, Err(error)),
                        }
                    }
                }
                ConnectionState::EncodeTlsData(mut data) => encoded(&mut data, out),
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::BlockedHandshake => next = Some(Ok(State::Handshaking)),
                ConnectionState::WriteTraffic(mut traffic) => {
                    next = Some(match &mut act {
                        Some(act) => act(&mut traffic, out).map(|()| State::Open),
                        None => Ok(State::Open),
                    });
                }
                ConnectionState::PeerClosed => self.is_closed = true,
                ConnectionState::Closed => next = Some(Ok(State::PeerClosed)),
                _ => next = Some(Err(Error::General("no such state of a client".into()))),
            }
            used += discard;
            let Some(state) = next else {
                continue;
            };
            if is_handshake && plain.len() > before && self.alpn() == Some(b"h2") {
                self.early = plain.split_off(before);
            }
            return match self.is_closed {
                // What comes after a goodbye is nobody's.
                true => (bytes.len(), state.map(|_| State::PeerClosed)),
                false => (used, state),
            };
        }
    }

    /// After an error: the alert that says it to the peer.
    fn last_words(&mut self, out: &mut Vec<u8>) {
        while self.connection.wants_write() {
            match self.connection.process_tls_records(&mut []).state {
                Ok(ConnectionState::EncodeTlsData(mut data)) => encoded(&mut data, out),
                _ => return,
            }
        }
    }
}

type Traffic<'a> = WriteTraffic<'a, ClientConnectionData>;
type Act<'a> = &'a mut dyn FnMut(&mut Traffic<'_>, &mut Vec<u8>) -> Result<(), Error>;

/// So much a record carries at most.
const FRAGMENT: usize = 16_384;
/// More than a record costs beside what it carries.
const OVERHEAD: usize = 64;

fn encoded(
    data: &mut rustls::unbuffered::EncodeTlsData<'_, ClientConnectionData>,
    out: &mut Vec<u8>,
) {
    let done = appended(out, 1_024, |room| match data.encode(room) {
        Ok(count) => Ok(Ok(count)),
        Err(EncodeError::InsufficientSize(size)) => Err(size.required_size),
        Err(EncodeError::AlreadyEncoded) => Ok(Ok(0)),
    });
    debug_assert!(done.is_ok(), "encoding needs room and nothing else");
}

/// Appends what `write` writes; it says what room it needs if that is not enough.
fn appended(
    out: &mut Vec<u8>,
    mut room: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<Result<usize, Error>, usize>,
) -> Result<(), Error> {
    let at = out.len();
    loop {
        out.resize(at + room, 0);
        match write(&mut out[at..]) {
            Ok(result) => {
                out.truncate(at + *result.as_ref().unwrap_or(&0));
                return result.map(drop);
            }
            Err(required) => room = required.max(room + 1),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("is_closed", &self.is_closed)
            .finish_non_exhaustive()
    }
}
