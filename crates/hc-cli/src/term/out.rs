//! Standard output on a thread of its own, so that a reader who stands still delays no check.
//!
//! What waits is bounded by what the caller hands over: `check` hands over at most one round before it flushes.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

enum Order {
    Write(String),
    Tell(oneshot::Sender<()>),
}

/// Writes to standard output in the order given.
#[derive(Debug)]
pub(crate) struct Out {
    orders: Option<Sender<Order>>,
    is_closed: Arc<AtomicBool>,
    failure: Arc<OnceLock<io::Error>>,
    thread: Option<JoinHandle<()>>,
}

impl Out {
    /// Begins to write.
    pub(crate) fn start() -> Self {
        let (orders, inbox) = channel();
        let is_closed = Arc::new(AtomicBool::new(false));
        let closed = Arc::clone(&is_closed);
        let failure = Arc::new(OnceLock::new());
        let failed = Arc::clone(&failure);
        let thread = std::thread::spawn(move || write(&inbox, &closed, &failed));
        Self {
            orders: Some(orders),
            is_closed,
            failure,
            thread: Some(thread),
        }
    }

    /// Hands over text.
    pub(crate) fn put(&self, text: String) {
        self.order(Order::Write(text));
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Why results were lost, if they were, and not because their reader closed them: a full disk, say.
    pub(crate) fn failure(&self) -> Option<&io::Error> {
        self.failure.get()
    }

    /// Waits until all that was handed over is written, or nobody reads any more.
    pub(crate) async fn flushed(&self) {
        let (told, heard) = oneshot::channel();
        self.order(Order::Tell(told));
        // The thread is gone with its reader: there is nothing to wait for.
        let _ = heard.await;
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // The thread ends only after us.
            let _ = orders.send(order);
        }
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // It cannot panic: it only writes.
            let _ = thread.join();
        }
    }
}

fn write(inbox: &Receiver<Order>, is_closed: &AtomicBool, failure: &OnceLock<io::Error>) {
    let mut stdout = io::stdout().lock();
    while let Ok(first) = inbox.recv() {
        // All that has come by now is written at once.
        let mut told = Vec::new();
        let mut text = String::new();
        for order in std::iter::once(first).chain(inbox.try_iter()) {
            match order {
                Order::Write(more) => text.push_str(&more),
                Order::Tell(sender) => told.push(sender),
            }
        }
        if !is_closed.load(Ordering::Relaxed)
            && let Err(error) = stdout
                .write_all(text.as_bytes())
                .and_then(|()| stdout.flush())
        {
            if error.kind() != io::ErrorKind::BrokenPipe {
                failure.get_or_init(|| error);
            }
            is_closed.store(true, Ordering::Release);
        }
        for sender in told {
            // Nobody waits any more.
            let _ = sender.send(());
        }
    }
}
