//! What is known of each name, and until when. Bounded; reads no clock and asks nobody.

use std::collections::HashMap;
use std::time::Duration;

use hc_core::{Blame, Failure, Timestamp};
use tokio::sync::watch;

use super::Answer;
use super::query::{Known, Outcome};

/// An answer is kept at least so long, whatever its time to live: names are not asked at every check.
const SHORTEST: Duration = Duration::from_secs(5);
/// And at most so long: a change is followed at last.
const LONGEST: Duration = Duration::from_secs(300);
/// Where a family's addresses are not known, as the resolver was silent about them, they are asked again so soon.
const UNSURE: Duration = Duration::from_secs(30);
/// An answer serves so long after its time while the resolver is in trouble: a server seldom moves in the very hour
/// in which the resolver is down, and a check of an old address tells more than none.
const IN_TROUBLE: Duration = Duration::from_secs(3_600);
/// A resolver in trouble is asked for the same name again after so long, where an old answer serves...
const PAUSE: Duration = Duration::from_secs(5);
/// ...and where none does.
const SHORT_PAUSE: Duration = Duration::from_secs(1);
/// Above so many names those unused the longest are forgotten: redirects may name ever new ones.
const MANY: usize = 4_096;

/// The names. The answer of a name is looked up under a lock, once for each new connection.
pub(super) struct Book {
    names: HashMap<String, Entry>,
    room: usize,
    uses: u64,
}

#[derive(Default)]
struct Entry {
    used: u64,
    known: Option<(Known, Timestamp)>,
    /// Why there is no (new) answer, and until when nobody asks again.
    refusal: Option<(Failure, Timestamp)>,
    query: Option<(watch::Receiver<Option<Answer>>, Timestamp)>,
}

/// What a check that looks a name up finds.
pub(super) enum Look {
    /// An answer.
    Now(Answer),
    /// A query under way since `since`, and an old answer that may stand in.
    Wait {
        query: watch::Receiver<Option<Answer>>,
        stale: Option<Known>,
        since: Timestamp,
    },
}

impl Entry {
    fn stale(&self, now: Timestamp) -> Option<Known> {
        let (known, until) = self.known.as_ref()?;
        (now.since(*until) <= IN_TROUBLE).then(|| known.clone())
    }

    fn at_once(&self, now: Timestamp) -> Option<Answer> {
        if let Some((known, until)) = &self.known
            && now < *until
        {
            return Some(Ok(known.clone()));
        }
        let (failure, until) = self.refusal.as_ref()?;
        (now < *until).then(|| self.stale(now).ok_or_else(|| failure.clone()))
    }
}

impl Book {
    pub(super) fn new(room: usize) -> Self {
        Self {
            names: HashMap::new(),
            room: room.max(MANY),
            uses: 0,
        }
    }

    /// What is known of a name; with a sender if the caller is the one to ask.
    pub(super) fn look(
        &mut self,
        name: &str,
        now: Timestamp,
    ) -> (Option<watch::Sender<Option<Answer>>>, Look) {
        self.uses += 1;
        if !self.names.contains_key(name) {
            self.make_room();
            self.names.insert(name.to_owned(), Entry::default());
        }
        let entry = self
            .names
            .get_mut(name)
            .expect("it was there, or is there now");
        entry.used = self.uses;
        if let Some(answer) = entry.at_once(now) {
            return (None, Look::Now(answer));
        }
        let mut begun = None;
        let (query, since) = entry
            .query
            .get_or_insert_with(|| {
                let (tell, query) = watch::channel(None);
                begun = Some(tell);
                (query, now)
            })
            .clone();
        let stale = entry.stale(now);
        (
            begun,
            Look::Wait {
                query,
                stale,
                since,
            },
        )
    }

    /// Notes what a query came to, and says what those who wait for it are told.
    pub(super) fn keep(&mut self, name: &str, now: Timestamp, outcome: Outcome) -> Answer {
        let entry = self.names.entry(name.to_owned()).or_default();
        entry.query = None;
        match outcome {
            Ok((known, ttl)) => {
                let longest = match known.unsure {
                    Some(_) => UNSURE,
                    None => LONGEST,
                };
                entry.known = Some((known.clone(), now + ttl.clamp(SHORTEST, longest)));
                entry.refusal = None;
                Ok(known)
            }
            Err((failure, _)) if failure.blame == Blame::Local => {
                let stale = entry.stale(now);
                let pause = match stale {
                    Some(_) => PAUSE,
                    None => SHORT_PAUSE,
                };
                entry.refusal = Some((failure.clone(), now + pause));
                stale.ok_or(failure)
            }
            Err((failure, ttl)) => {
                entry.known = None;
                entry.refusal = Some((failure.clone(), now + ttl.clamp(SHORTEST, LONGEST)));
                Err(failure)
            }
        }
    }

    /// A query ended without a word.
    pub(super) fn forget_query(&mut self, name: &str) {
        if let Some(entry) = self.names.get_mut(name) {
            entry.query = None;
        }
    }

    /// Forgets an eighth of the names, those unused the longest, if there is no room: once for so many new names.
    fn make_room(&mut self) {
        if self.names.len() < self.room {
            return;
        }
        let idle = self.names.values().filter(|entry| entry.query.is_none());
        let mut uses: Vec<u64> = idle.map(|entry| entry.used).collect();
        if uses.is_empty() {
            return;
        }
        let at = (self.room / 8).min(uses.len() - 1);
        let (_, &mut last, _) = uses.select_nth_unstable(at);
        self.names
            .retain(|_, entry| entry.query.is_some() || entry.used > last);
    }

    #[cfg(test)]
    pub(super) fn query(&self, name: &str) -> Option<watch::Receiver<Option<Answer>>> {
        let (query, _) = self.names.get(name)?.query.as_ref()?;
        Some(query.clone())
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }
}
