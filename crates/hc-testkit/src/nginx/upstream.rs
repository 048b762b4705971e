//! The server behind nginx that answers late, or never: nginx itself has no such directive.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Result, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::Answer;

/// A listening thread, and one a request that waits. All end with the peer's connections.
#[derive(Debug)]
pub(super) struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// By address; who is not here is never answered.
    delays: Mutex<HashMap<IpAddr, Duration>>,
    over: AtomicBool,
}

impl Upstream {
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.over.load(Ordering::Relaxed) {
                    break;
                }
                let shared = Arc::clone(&accepting);
                // A request that breaks off is the test's doing.
                thread::spawn(move || stream.and_then(|stream| answer(stream, &shared)));
            }
        });
        Ok(Self { address, shared })
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// What requests for this address get from now on.
    pub(super) fn delay(&self, address: IpAddr, answer: Answer) {
        let mut delays = self
            .shared
            .delays
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match answer {
            Answer::Delayed(delay) => delays.insert(address, delay),
            _ => delays.remove(&address),
        };
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        // Wakes the accepting thread; if that fails, it is gone.
        drop(TcpStream::connect(self.address));
    }
}

/// Reads one request and answers it after its address's delay, unless the peer gives up before.
fn answer(mut stream: TcpStream, shared: &Shared) -> Result<()> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            read => head.extend_from_slice(&buffer[..read]),
        }
    }
    let target = target(&String::from_utf8_lossy(&head));
    let delay = target.and_then(|target| {
        let delays = shared.delays.lock().unwrap_or_else(PoisonError::into_inner);
        delays.get(&target).copied()
    });
    // Waiting is reading: whoever gives up closes the connection, and this thread is not kept for nothing.
    stream.set_read_timeout(delay.map(|delay| delay.max(Duration::from_millis(1))))?;
    match stream.read(&mut buffer) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
        }
        other => other.map(drop),
    }
}

/// The address that nginx says the request came in at.
fn target(head: &str) -> Option<IpAddr> {
    let line = head
        .lines()
        .find_map(|line| line.strip_prefix("Target: "))?;
    line.trim().parse().ok()
}
