//! A stream that watches one exchange at a time: it marks the phases, and keeps the answer's first bytes.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use hc_core::{CheckContext, Phase};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Enough to recognise what answered instead of an HTTP server.
const FIRST_BYTES: usize = 80;

/// What is known of the exchange under way. Shared between the stream and the transport.
#[derive(Clone, Default)]
pub(super) struct Wire(Arc<Mutex<Watch>>);

#[derive(Default)]
struct Watch {
    check: Option<CheckContext>,
    phase: Option<Phase>,
    first: Vec<u8>,
}

impl Wire {
    /// An exchange begins.
    pub(super) fn begin(&self, cx: &CheckContext) {
        let mut watch = self.watch();
        *watch = Watch {
            check: Some(cx.clone()),
            phase: None,
            first: Vec::new(),
        };
        watch.enter(Phase::Send);
    }

    /// It has ended; nothing is marked any more.
    pub(super) fn end(&self) {
        self.watch().check = None;
    }

    /// The first bytes that came since the beginning.
    pub(super) fn first_bytes(&self) -> Vec<u8> {
        self.watch().first.clone()
    }

    /// The phase that the exchange has reached; a broken answer is still waited for.
    pub(super) fn phase(&self) -> Phase {
        self.watch()
            .phase
            .map_or(Phase::Send, |phase| phase.min(Phase::Wait))
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    fn enter(&mut self, phase: Phase) {
        if let Some(cx) = &self.check
            && self.phase != Some(phase)
        {
            cx.enter(phase);
            self.phase = Some(phase);
        }
    }

    fn writes(&mut self) {
        if self.phase == Some(Phase::Wait) {
            self.enter(Phase::Send);
        }
    }

    fn wrote(&mut self) {
        if self.phase == Some(Phase::Send) {
            self.enter(Phase::Wait);
        }
    }

    fn read(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() && self.check.is_some() {
            self.enter(Phase::Receive);
            let room = FIRST_BYTES.saturating_sub(self.first.len());
            self.first
                .extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }
}

/// A stream of bytes, plain or TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// The stream under watch.
pub(super) struct Watched {
    pub(super) stream: Box<dyn Stream>,
    pub(super) wire: Wire,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.wire.watch().read(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.wire.watch().writes();
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.wire.watch().wrote();
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
