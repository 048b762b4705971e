//! A sink's own copy of all words, kept right by the feed, and made right again after a lag.

use std::collections::HashMap;
use std::sync::Arc;

use crate::event::{Event, EventKind};
use crate::id::TargetId;
use crate::view::{FeedItem, HealthView, Subscription};
use crate::word::Word;

/// What changed in a mirror.
#[derive(Clone, Debug)]
pub enum Change {
    /// An event of the feed that is newer than what the mirror knew.
    Event(Arc<Event>),
    /// The mirror lagged and took the words of the view anew.
    Resynced {
        /// How many events it missed.
        missed: u64,
        /// Each target whose word differs now: before and after; `None` where it was or is unknown.
        changed: Vec<(TargetId, Option<Word>, Option<Word>)>,
    },
}

/// Holds the rules of following a view for all sinks: it never misses a state, never goes back, and after a lag
/// ends with the right picture and the number of changes it missed.
#[derive(Debug)]
pub struct Mirror {
    view: HealthView,
    feed: Subscription,
    known: HashMap<TargetId, Word>,
}

impl Mirror {
    /// Notes the feed's next number, then reads all words.
    #[must_use]
    pub fn new(view: HealthView) -> Self {
        let feed = view.subscribe();
        let known = words(&view);
        Self { view, feed, known }
    }

    /// The state of a target, as far as this mirror has followed.
    #[must_use]
    pub fn get(&self, target: &str) -> Option<Word> {
        self.known.get(target).copied()
    }

    /// All targets and states, as far as this mirror has followed.
    pub fn iter(&self) -> impl Iterator<Item = (&TargetId, Word)> {
        self.known.iter().map(|(id, word)| (id, *word))
    }

    /// How many targets it knows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether it knows none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The next change, if there is one now.
    pub fn try_next(&mut self) -> Option<Change> {
        loop {
            let item = self.feed.try_next()?;
            if let Some(change) = self.take(item) {
                return Some(change);
            }
        }
    }

    /// Waits for the next change; `None` once the feed has ended.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Change> {
        loop {
            let item = self.feed.next().await?;
            if let Some(change) = self.take(item) {
                return Some(change);
            }
        }
    }

    fn take(&mut self, item: FeedItem) -> Option<Change> {
        match item {
            FeedItem::Event(event) => self.apply(&event).then_some(Change::Event(event)),
            FeedItem::Missed(missed) => Some(self.resync(missed)),
        }
    }

    /// Whether the event is news.
    fn apply(&mut self, event: &Event) -> bool {
        match &event.kind {
            EventKind::Added { target, word, .. } => {
                let newer = self
                    .known
                    .get(target)
                    .is_none_or(|known| known.sequence() < event.sequence);
                if newer {
                    self.known.insert(target.clone(), *word);
                }
                newer
            }
            EventKind::Removed { target } => {
                let newer = self
                    .known
                    .get(target)
                    .is_some_and(|known| known.sequence() < event.sequence);
                if newer {
                    self.known.remove(target);
                }
                newer
            }
            EventKind::Transition { target, word, .. }
            | EventKind::Overlay { target, word, .. } => {
                // Unknown: it was gone before the words were read.
                match self.known.get_mut(target) {
                    Some(known) if known.sequence() < event.sequence => {
                        *known = *word;
                        true
                    }
                    _ => false,
                }
            }
            EventKind::Overlap { .. }
            | EventKind::Panicked { .. }
            | EventKind::Overload { .. }
            | EventKind::Isolated { .. } => true,
        }
    }

    fn resync(&mut self, missed: u64) -> Change {
        self.feed = self.view.subscribe();
        let fresh = words(&self.view);
        let mut changed = Vec::new();
        for (id, word) in &fresh {
            let before = self.known.get(id).copied();
            if before != Some(*word) {
                changed.push((id.clone(), before, Some(*word)));
            }
        }
        for (id, word) in &self.known {
            if !fresh.contains_key(id) {
                changed.push((id.clone(), Some(*word), None));
            }
        }
        self.known = fresh;
        Change::Resynced { missed, changed }
    }
}

fn words(view: &HealthView) -> HashMap<TargetId, Word> {
    view.handles()
        .iter()
        .map(|handle| (handle.id().clone(), handle.word()))
        .filter(|(_, word)| !word.is_removed())
        .collect()
}
