//! The log's way out: a thread of its own and a bounded queue, so that a stopped reader of our output delays no check.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use hc_app::SinkGauge;
use tokio::sync::Notify;

/// Lines that may wait for a slow reader. What is over is dropped and counted.
const WAITING: usize = 4_096;

/// How long the end waits for a reader that has stopped.
const LAST_WORDS: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Shared {
    /// Since it was last told.
    dropped: AtomicU64,
    /// Since the start.
    lost: AtomicU64,
    queued: AtomicU64,
    taken: AtomicU64,
    closed: AtomicBool,
    reader_gone: Notify,
}

impl Shared {
    fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::AcqRel);
        self.lost.fetch_add(1, Ordering::Relaxed);
    }
}

/// The log as metrics show it. It keeps no writer waiting for its end.
pub(super) struct LinesGauge(Arc<Shared>);

impl SinkGauge for LinesGauge {
    fn name(&self) -> &'static str {
        "log"
    }

    fn queue_length(&self) -> u64 {
        let taken = self.0.taken.load(Ordering::Relaxed);
        self.0.queued.load(Ordering::Relaxed).saturating_sub(taken)
    }

    fn dropped(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }
}

/// Takes lines and never blocks. Cheap to clone.
#[derive(Clone)]
pub(super) struct Lines {
    queue: SyncSender<String>,
    shared: Arc<Shared>,
}

/// The thread that writes.
pub(super) struct Writer {
    thread: JoinHandle<()>,
    done: Receiver<()>,
}

/// Starts the thread that writes to `out`; `tell_dropped` makes the line that tells how many were dropped.
pub(super) fn start(
    out: impl Write + Send + 'static,
    tell_dropped: impl Fn(u64) -> String + Send + 'static,
) -> io::Result<(Lines, Writer)> {
    let (queue, lines) = sync_channel(WAITING);
    let (finished, done) = sync_channel(1);
    let shared = Arc::new(Shared::default());
    let told = shared.clone();
    let thread = std::thread::Builder::new()
        .name("hc-log".into())
        .spawn(move || {
            if write_all(out, &lines, &told, tell_dropped).is_err() {
                // The reader has gone: there is nobody left to tell anything.
                told.closed.store(true, Ordering::Release);
                told.reader_gone.notify_one();
            }
            // Nobody waits if the end came otherwise.
            let _ = finished.try_send(());
        })?;
    Ok((Lines { queue, shared }, Writer { thread, done }))
}

fn write_all(
    mut out: impl Write,
    lines: &Receiver<String>,
    shared: &Shared,
    tell_dropped: impl Fn(u64) -> String,
) -> io::Result<()> {
    while let Ok(line) = lines.recv() {
        shared.taken.fetch_add(1, Ordering::Relaxed);
        write_line(&mut out, &line, shared)?;
        // What waits is written together, and is flushed before the next wait.
        while let Ok(line) = lines.try_recv() {
            shared.taken.fetch_add(1, Ordering::Relaxed);
            write_line(&mut out, &line, shared)?;
        }
        // Lines are dropped while the queue is full: they would stand behind what was in it.
        let missed = shared.dropped.swap(0, Ordering::AcqRel);
        if missed > 0 && !write_line(&mut out, &tell_dropped(missed), shared)? {
            // Told when there is room: one of what has come since is this line, which nobody misses.
            shared.dropped.fetch_add(missed - 1, Ordering::AcqRel);
            shared.lost.fetch_sub(1, Ordering::Relaxed);
        }
        let flushed = out.flush();
        still_read(flushed)?;
    }
    Ok(())
}

/// Writes a line, or counts it as dropped; whether it was written.
///
/// # Errors
/// Nobody reads any more.
fn write_line(out: &mut impl Write, line: &str, shared: &Shared) -> io::Result<bool> {
    let written = out
        .write_all(line.as_bytes())
        .and_then(|()| out.write_all(b"\n"));
    let is_written = still_read(written)?;
    if !is_written {
        shared.drop_one();
    }
    Ok(is_written)
}

/// Whether it was written: a full disk or a pipe that does not wait costs lines, and the checks go on.
///
/// # Errors
/// Nobody reads any more: a closed pipe, or a terminal that is gone.
fn still_read(written: io::Result<()>) -> io::Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(error),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
            Err(error)
        }
        Err(_) => Ok(false),
    }
}

impl Lines {
    /// Queues a line, or drops and counts it.
    pub(super) fn write(&self, line: String) {
        // Before it is taken: the difference is never negative.
        self.shared.queued.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = self.queue.try_send(line) {
            self.shared.queued.fetch_sub(1, Ordering::Relaxed);
            // If the reader has gone, `reader_gone` tells of it.
            if let TrySendError::Full(_) = error {
                self.shared.drop_one();
            }
        }
    }

    /// What there is to count of it.
    pub(super) fn gauge(&self) -> LinesGauge {
        LinesGauge(self.shared.clone())
    }

    /// Resolves when the reader of our output has closed it.
    pub(super) async fn reader_gone(&self) {
        while !self.shared.closed.load(Ordering::Acquire) {
            self.shared.reader_gone.notified().await;
        }
    }
}

impl Writer {
    /// Lets the thread write what waits, for a bounded time. All [`Lines`] must be gone.
    pub(super) fn finish(self) {
        if self.done.recv_timeout(LAST_WORDS) != Err(RecvTimeoutError::Timeout) {
            // The thread has said that it is done; its panic would have been told by the hook.
            let _ = self.thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>, Arc<Mutex<()>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _open = self.1.lock().unwrap();
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stopped_reader_costs_lines_and_blocks_nobody() {
        let sink = Sink::default();
        let stopped = sink.1.lock().unwrap();
        let (lines, writer) = start(sink.clone(), |missed| format!("dropped {missed}")).unwrap();
        for n in 0..WAITING * 2 {
            lines.write(n.to_string());
        }
        let gauge = lines.gauge();
        assert!(gauge.queue_length() >= WAITING as u64);
        let dropped = gauge.dropped();
        drop(stopped);
        drop(lines);
        writer.finish();
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert!(text.starts_with("0\n"), "{text:.20}");
        assert!(text.lines().count() > WAITING);
        assert!(text.lines().count() < WAITING * 2);
        let last = text.lines().last().unwrap();
        assert_eq!(last, format!("dropped {dropped}"));
        assert_eq!(gauge.queue_length(), 0);
    }

    /// A disk that is full for its first `0` writes.
    struct Disk(u32, Arc<Mutex<Vec<u8>>>);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 > 0 {
                self.0 -= 1;
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.1.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_costs_lines_and_is_told_when_there_is_room() {
        let (queue, lines) = sync_channel(8);
        for line in ["a", "b", "c"] {
            queue.send(line.to_owned()).unwrap();
        }
        drop(queue);
        let text = Arc::default();
        let shared = Shared::default();
        let disk = Disk(2, Arc::clone(&text));
        write_all(disk, &lines, &shared, |missed| format!("dropped {missed}")).unwrap();
        assert_eq!(*text.lock().unwrap(), b"c\ndropped 2\n");

        let (queue, lines) = sync_channel(8);
        queue.send("a".to_owned()).unwrap();
        drop(queue);
        write_all(Disk(9, text), &lines, &shared, |_| String::new()).unwrap();
        assert_eq!(
            shared.dropped.into_inner(),
            1,
            "the line that could not tell is none"
        );
    }

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_closed_pipe_is_told() {
        let (lines, writer) = start(Closed, |_| String::new()).unwrap();
        lines.write("x".to_owned());
        lines.reader_gone().await;
        drop(lines);
        writer.finish();
    }
}
