//! What is known of each name, and until when. Bounded; reads no clock and asks nobody.

use std::collections::HashMap;
use std::time::Duration;

use hc_core::{Blame, Failure, Timestamp};
use tokio::runtime::Id;
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
    known: Option<Noted>,
    /// Why there is no (new) answer, and until when nobody asks again.
    refusal: Option<(Failure, Timestamp)>,
    /// Under way: one for each runtime that asks, as one may be asleep while another waits.
    queries: Vec<Query>,
}

/// An answer.
struct Noted {
    known: Known,
    /// Since when.
    since: Timestamp,
    /// Until when it is not asked for again.
    until: Timestamp,
}

struct Query {
    home: Id,
    told: watch::Receiver<Option<Answer>>,
    since: Timestamp,
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
    /// The old answer, with its age.
    fn stale(&self, now: Timestamp) -> Option<Known> {
        let noted = self.known.as_ref()?;
        (now.since(noted.until) <= IN_TROUBLE).then(|| Known {
            age: Some(now.since(noted.since)),
            ..noted.known.clone()
        })
    }

    fn at_once(&self, now: Timestamp) -> Option<Answer> {
        if let Some(noted) = &self.known
            && now < noted.until
        {
            return Some(Ok(noted.known.clone()));
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

    /// What is known of a name; with a sender if the caller is the one to ask. A query of another runtime than
    /// `home`, the caller's, is not waited for.
    pub(super) fn look(
        &mut self,
        name: &str,
        home: Id,
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
        let known = entry.queries.iter().find(|query| query.home == home);
        let mut begun = None;
        let (query, since) = match known {
            Some(query) => (query.told.clone(), query.since),
            None => {
                let (tell, told) = watch::channel(None);
                begun = Some(tell);
                entry.queries.push(Query {
                    home,
                    told: told.clone(),
                    since: now,
                });
                (told, now)
            }
        };
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

    /// Notes what a query of a runtime came to, and says what those who wait for it are told.
    pub(super) fn keep(
        &mut self,
        name: &str,
        home: Id,
        now: Timestamp,
        outcome: Outcome,
    ) -> Answer {
        let entry = self.names.entry(name.to_owned()).or_default();
        let query = entry.queries.iter().position(|query| query.home == home);
        let begun = query.map(|nth| entry.queries.swap_remove(nth).since);
        // A runtime that was asleep meanwhile brings no news.
        if let (Some(begun), Some(noted)) = (begun, &entry.known)
            && begun < noted.since
            && now < noted.until
        {
            return Ok(noted.known.clone());
        }
        match outcome {
            Ok((known, ttl)) => {
                let longest = match known.unsure {
                    Some(_) => UNSURE,
                    None => LONGEST,
                };
                entry.known = Some(Noted {
                    known: known.clone(),
                    since: now,
                    until: now + ttl.clamp(SHORTEST, longest),
                });
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

    /// A query of a runtime ended without a word.
    pub(super) fn forget_query(&mut self, name: &str, home: Id) {
        if let Some(entry) = self.names.get_mut(name) {
            entry.queries.retain(|query| query.home != home);
        }
    }

    /// Forgets an eighth of the names, those unused the longest, if there is no room: once for so many new names.
    fn make_room(&mut self) {
        if self.names.len() < self.room {
            return;
        }
        let idle = self.names.values().filter(|entry| entry.queries.is_empty());
        let mut uses: Vec<u64> = idle.map(|entry| entry.used).collect();
        if uses.is_empty() {
            return;
        }
        let at = (self.room / 8).min(uses.len() - 1);
        let (_, &mut last, _) = uses.select_nth_unstable(at);
        self.names
            .retain(|_, entry| !entry.queries.is_empty() || entry.used > last);
    }

    #[cfg(test)]
    pub(super) fn query(&self, name: &str) -> Option<watch::Receiver<Option<Answer>>> {
        let query = self.names.get(name)?.queries.first()?;
        Some(query.told.clone())
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }
}
