//! Who looks in: threads that ask, read and count, and programs on a terminal of their own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::super::rig::{Arena, Child};
use crate::clock::Started;

/// A way of looking in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nobody can.
    Blind,
    /// The control socket, as by default; nobody does.
    Control,
    /// An address is listened on; nobody asks.
    Listen,
    /// `/metrics` once a second; with histograms of each target or without.
    Scrape { full: bool },
    /// So many readers of the event stream.
    Readers(u32),
    /// `hc top` on a terminal of 160 x 50.
    Top,
}

impl Look {
    pub(super) fn all(readers: u32) -> Vec<Self> {
        vec![
            Self::Blind,
            Self::Control,
            Self::Listen,
            Self::Scrape { full: false },
            Self::Scrape { full: true },
            Self::Readers(readers),
            Self::Top,
        ]
    }

    pub(super) fn name(self) -> String {
        match self {
            Self::Blind => "blind".into(),
            Self::Control => "control".into(),
            Self::Listen => "listen".into(),
            Self::Scrape { full: false } => "scrape".into(),
            Self::Scrape { full: true } => "scrape-full".into(),
            Self::Readers(_) => "readers".into(),
            Self::Top => "top".into(),
        }
    }

    pub(super) fn about(self) -> String {
        match self {
            Self::Blind => "`control: none`: nobody can look".into(),
            Self::Control => "the default: a control socket, and nobody looks".into(),
            Self::Listen => "`listen`, and nobody asks".into(),
            Self::Scrape { full: false } => {
                "`/metrics` each second, uncompressed, `per_target: basic`".into()
            }
            Self::Scrape { full: true } => "the same, `per_target: full`".into(),
            Self::Readers(count) => format!("{count} readers of the event stream"),
            Self::Top => "`hc top` over the control socket, 160 x 50".into(),
        }
    }

    /// What it is compared with: the same without anybody looking.
    pub(super) fn without(self) -> Option<Self> {
        match self {
            Self::Blind => None,
            Self::Control | Self::Listen => Some(Self::Blind),
            Self::Scrape { .. } | Self::Readers(_) => Some(Self::Listen),
            Self::Top => Some(Self::Control),
        }
    }
}

/// What they got so far.
#[derive(Debug, Default)]
struct Got {
    /// Answers, or events.
    count: AtomicU64,
    bytes: AtomicU64,
    /// Of all answers, in microseconds.
    time_us: AtomicU64,
    trouble: AtomicU64,
}

/// What they got by a moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gotten {
    pub(super) count: u64,
    pub(super) bytes: u64,
    pub(super) time: Duration,
}

/// Those who look. They stop when this is dropped.
pub(super) struct Lookers {
    got: Arc<Got>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    /// A program that looks.
    _program: Option<Child>,
}

impl Lookers {
    /// # Errors
    /// When a thread or a program cannot be started.
    pub(super) fn start(
        look: Look,
        arena: &Arena,
        (address, control): (SocketAddr, &Path),
        (hc, folder): (&Path, &Path),
    ) -> Result<Self> {
        let mut lookers = Self {
            got: Arc::default(),
            stop: Arc::default(),
            threads: Vec::new(),
            _program: None,
        };
        match look {
            Look::Blind | Look::Control | Look::Listen => {}
            Look::Scrape { .. } => lookers.spawn(move |got, stop| scrape(address, got, stop))?,
            Look::Readers(count) => {
                for _ in 0..count {
                    lookers.spawn(move |got, stop| follow(address, got, stop))?;
                }
            }
            Look::Top => {
                let shell = format!(
                    "stty cols 160 rows 50; exec '{}' top --url 'unix:{}'",
                    hc.display(),
                    control.display()
                );
                // script gives it a terminal, and an end of input would be an end of the program.
                let line =
                    format!("sleep 3600 | TERM=xterm-256color script -qfec \"{shell}\" /dev/null");
                let arguments = ["-c", &line];
                let log = folder.join("top.log");
                let program = Child::start(arena.other, Path::new("sh"), arguments, &log)?;
                lookers._program = Some(program);
            }
        }
        Ok(lookers)
    }

    fn spawn(&mut self, work: impl Fn(&Got, &AtomicBool) + Send + 'static) -> Result<()> {
        let (got, stop) = (self.got.clone(), self.stop.clone());
        let thread = thread::Builder::new().spawn(move || work(&got, &stop));
        self.threads
            .push(thread.context("failed to start a thread")?);
        Ok(())
    }

    /// # Errors
    /// When somebody met something else than an answer.
    pub(super) fn gotten(&self) -> Result<Gotten> {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let trouble = load(&self.got.trouble);
        ensure!(trouble == 0, "{trouble} answers were none");
        Ok(Gotten {
            count: load(&self.got.count),
            bytes: load(&self.got.bytes),
            time: Duration::from_micros(load(&self.got.time_us)),
        })
    }
}

impl Drop for Lookers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn ask(address: SocketAddr, path: &str, accept: &str) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SECOND / 4))?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}

/// Reads what there is: `None` after the end or for a while without anything.
fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> std::io::Result<Option<usize>> {
    match stream.read(buffer) {
        Ok(0) => Ok(None),
        Ok(count) => Ok(Some(count)),
        Err(error) => Err(error),
    }
}

fn scrape(address: SocketAddr, got: &Got, stop: &AtomicBool) {
    let mut buffer = vec![0; 1 << 18];
    while !stop.load(Ordering::Relaxed) {
        let begun = Started::now();
        let mut once = || -> std::io::Result<usize> {
            let mut stream = ask(address, "/metrics", "text/plain")?;
            stream.set_read_timeout(Some(10 * SECOND))?;
            let (mut bytes, mut is_answer) = (0, false);
            while let Some(count) = read(&mut stream, &mut buffer)? {
                is_answer |= bytes == 0 && buffer.starts_with(b"HTTP/1.1 200");
                bytes += count;
            }
            Ok(if is_answer { bytes } else { 0 })
        };
        let bytes = once().unwrap_or(0);
        let add = |counter: &AtomicU64, by: u64| counter.fetch_add(by, Ordering::Relaxed);
        add(&got.trouble, u64::from(bytes == 0));
        add(&got.count, 1);
        add(&got.bytes, bytes as u64);
        add(&got.time_us, begun.elapsed().as_micros() as u64);
        thread::sleep(SECOND.saturating_sub(begun.elapsed()));
    }
}

fn follow(address: SocketAddr, got: &Got, stop: &AtomicBool) {
    let mut buffer = vec![0; 1 << 16];
    let add = |counter: &AtomicU64, by: u64| counter.fetch_add(by, Ordering::Relaxed);
    let Ok(mut stream) = ask(address, "/api/v1/events", "text/event-stream") else {
        add(&got.trouble, 1);
        return;
    };
    while !stop.load(Ordering::Relaxed) {
        match read(&mut stream, &mut buffer) {
            Ok(Some(count)) => {
                // An event has one line of an id, and a line of two reads is missed once in very many.
                let lines = buffer[..count].windows(4).filter(|it| it == b"\nid:");
                add(&got.count, lines.count() as u64);
                add(&got.bytes, count as u64);
            }
            // A stream without an event for a while.
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Ok(None) | Err(_) => {
                add(&got.trouble, 1);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Look;

    #[test]
    fn each_way_has_its_name_and_something_to_be_compared_with() {
        let all = Look::all(50);
        let mut names: Vec<_> = all.iter().map(|look| look.name()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all.len());
        let alone: Vec<_> = all.iter().filter(|it| it.without().is_none()).collect();
        assert_eq!(alone, [&Look::Blind]);
        assert!(
            all.iter()
                .all(|it| it.without().is_none_or(|it| all.contains(&it)))
        );
    }
}
