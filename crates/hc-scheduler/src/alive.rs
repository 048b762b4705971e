//! That a worker lives: the last one to end closes the feed, and one that ends unasked is told of.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hc_core::Publisher;
use tokio::sync::mpsc;

/// How a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was shut down, or nobody holds a handle any more.
    AsTold,
    /// It panicked, or its runtime went away.
    Unasked,
}

/// Held by a worker as long as it lives.
pub(crate) struct Alive {
    publisher: Publisher,
    left: Arc<AtomicUsize>,
    ended: Option<mpsc::UnboundedSender<Ended>>,
    is_over: bool,
}

impl Alive {
    /// One for each of the workers, in their order, and where their ends are told.
    pub(crate) fn of_workers(
        publishers: &[Publisher],
    ) -> (Vec<Self>, mpsc::UnboundedReceiver<Ended>) {
        let left = Arc::new(AtomicUsize::new(publishers.len()));
        // At most one message a worker.
        let (ended, ends) = mpsc::unbounded_channel();
        let alive = publishers.iter().map(|publisher| Self {
            publisher: publisher.clone(),
            left: left.clone(),
            ended: Some(ended.clone()),
            is_over: false,
        });
        (alive.collect(), ends)
    }

    /// It ends as it was told to.
    pub(crate) fn end(&mut self) {
        self.over(Ended::AsTold);
    }

    fn over(&mut self, how: Ended) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.publisher.close();
        }
        if let Some(ended) = self.ended.take() {
            // With one worker nobody listens.
            let _ = ended.send(how);
        }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.over(Ended::Unasked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_to_end_closes_the_feed_and_an_end_unasked_is_told() {
        let (publishers, view) = hc_core::view_of_workers(8, 2);
        let mut feed = view.subscribe();
        let (mut alive, mut ends) = Alive::of_workers(&publishers);
        alive.remove(0).end();
        assert_eq!(ends.recv().await, Some(Ended::AsTold));
        assert!(feed.try_next().is_none());
        drop(alive);
        assert_eq!(ends.recv().await, Some(Ended::Unasked));
        assert!(feed.next().await.is_none());
    }
}
