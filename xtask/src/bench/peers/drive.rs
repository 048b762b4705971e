//! For a checker that does not ask by itself: threads that ask it, over kept connections, to probe each target in turn,
//! at the load's rate or as fast as it can.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};

use super::measure::Load;
use crate::clock::Started;

/// So many probes are asked for at once.
const THREADS: usize = 16;

/// Asks until it is dropped.
pub(super) struct Driver {
    address: SocketAddr,
    targets: Arc<Vec<SocketAddr>>,
    /// Between one probe and the next, of all.
    pace: Duration,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Driver {
    /// Has a free address for the checker to listen on.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn new(targets: Vec<SocketAddr>, load: &Load) -> Result<Self> {
        let free = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)));
        let address = free.and_then(|free| free.local_addr());
        let count = u32::try_from(targets.len()).unwrap_or(u32::MAX);
        Ok(Self {
            address: address.context("failed to find a free port")?,
            targets: Arc::new(targets),
            pace: load.interval / count.max(1),
            over: Arc::default(),
            threads: Vec::new(),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to ask.
    pub(super) fn begin(&mut self) {
        let (next, begun) = (Arc::new(AtomicU64::new(0)), Started::now());
        for _ in 0..THREADS {
            let (next, over) = (Arc::clone(&next), Arc::clone(&self.over));
            let (targets, pace, address) = (Arc::clone(&self.targets), self.pace, self.address);
            self.threads.push(thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    // It may not listen yet, or close a connection: another is opened.
                    if ask(address, &targets, pace, begun, &next, &over).is_err() {
                        thread::sleep(Duration::from_millis(20));
                    }
                }
            }));
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so itself.
            let _ = thread.join();
        }
    }
}

fn ask(
    address: SocketAddr,
    targets: &[SocketAddr],
    pace: Duration,
    begun: Started,
    next: &AtomicU64,
    over: &AtomicBool,
) -> Result<()> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(3)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    while !over.load(Ordering::Relaxed) {
        let turn = next.fetch_add(1, Ordering::Relaxed);
        let due = pace.as_secs_f64() * turn as f64;
        let early = due - begun.elapsed().as_secs_f64();
        if early > 0.0 {
            thread::sleep(Duration::from_secs_f64(early.min(1.0)));
        }
        let target = targets[turn as usize % targets.len()];
        write!(
            stream,
            "GET /probe?module=health&target=http%3A%2F%2F{}%3A{}%2Fhealth HTTP/1.1\r\nHost: b\r\n\r\n",
            target.ip(),
            target.port()
        )?;
        answer(&mut reader)?;
    }
    Ok(())
}

/// Reads one answer and leaves the connection at the next one's begin.
fn answer(reader: &mut impl BufRead) -> Result<()> {
    let mut line = String::new();
    let mut next = |reader: &mut dyn BufRead| -> Result<String> {
        line.clear();
        anyhow::ensure!(reader.read_line(&mut line)? > 0, "closed");
        Ok(line.trim_end().to_ascii_lowercase())
    };
    let mut length = None;
    loop {
        let header = next(reader)?;
        if let Some(value) = header.strip_prefix("content-length:") {
            length = Some(value.trim().parse::<u64>()?);
        }
        if header.is_empty() {
            break;
        }
    }
    let skip = |reader: &mut dyn BufRead, bytes: u64| {
        std::io::copy(&mut reader.take(bytes), &mut std::io::sink())
    };
    if let Some(length) = length {
        skip(reader, length)?;
        return Ok(());
    }
    loop {
        let size = u64::from_str_radix(&next(reader)?, 16)?;
        // A chunk and its line end; the last one is empty, and nothing follows it.
        skip(reader, size + 2)?;
        if size == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::answer;

    #[test]
    fn an_answer_ends_where_it_says() {
        let table = [
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcrest",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\nrest",
        ];
        for text in table {
            let mut reader = text.as_bytes();
            answer(&mut reader).unwrap();
            let mut rest = String::new();
            reader.read_to_string(&mut rest).unwrap();
            assert_eq!(rest, "rest");
        }
        assert!(answer(&mut "HTTP/1.1 200 OK\r\n".as_bytes()).is_err());
    }
}
