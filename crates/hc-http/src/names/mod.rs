//! Names and their addresses: asked once for all who wait, kept as long as they are said to live, kept longer while the
//! resolver is silent. What is kept is [`book`]'s business, how a name is asked [`query`]'s.

mod book;
mod homes;
mod hosts;
mod order;
mod query;
mod servers;
mod system;
mod trouble;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hc_core::{CheckContext, Clock, Failure, Phase};
use tokio::runtime::{Handle, Id};
use tokio::sync::{Semaphore, watch};

use self::book::{Book, Look};
use self::homes::Homes;
use self::query::Known;
use self::system::System;
use crate::classify;
use crate::spec::IpFamily;

/// So long a check waits for a fresh answer while an old one could serve: a resolver nearby answers in a few
/// milliseconds, and a silent one must not cost each check its time.
const GRACE: Duration = Duration::from_millis(100);
/// So many names are asked at once in a runtime, each with two sockets: a fleet's start must neither flood the resolver nor use up
/// the descriptors.
const AT_ONCE: usize = 32;
/// So often a check asks anew when the task that asked for it died with its runtime.
const TURNS: usize = 3;

/// What a query came to, for those who wait for it.
type Answer = Result<Known, Failure>;

/// What is known of names. One query a name and runtime is under way at most, however many checks wait or were given
/// up. What one runtime learns serves all, but none waits for another, which may be asleep.
///
/// - An answer is kept for its time to live, but no shorter than 5 s and no longer than 5 min; a name that does not
///   exist likewise, by its zone's word.
/// - After that it serves up to an hour more while the resolver is silent or fails; checks wait for news no longer
///   than [`GRACE`].
/// - A resolver in trouble is asked for the same name again after 5 s (1 s if there is no old answer).
#[derive(Clone)]
pub(crate) struct Names(Arc<Shared>);

struct Shared {
    book: Mutex<Book>,
    system: System,
    /// For queries at once.
    permits: Homes<Semaphore>,
}

impl Default for Names {
    fn default() -> Self {
        Self::with_room(0)
    }
}

impl Names {
    /// None yet, with room for at least so many and for 4,096: those of a fleet must not push each other out.
    pub(crate) fn with_room(names: usize) -> Self {
        Self::of(names, System::default())
    }

    /// As if these servers were the system's, without search domains and without a file of hosts.
    #[cfg(test)]
    pub(crate) fn of_servers(servers: &[SocketAddr]) -> Self {
        Self::of(0, System::of_servers(servers))
    }

    fn of(room: usize, system: System) -> Self {
        Self(Arc::new(Shared {
            book: Mutex::new(Book::new(room)),
            system,
            permits: Homes::default(),
        }))
    }

    /// The addresses of a name: IPv6 and IPv4 in turns, the family first that this machine has a way to, IPv6 if
    /// both; inside a family in the resolver's order. What the file of hosts says is in the file's order.
    #[cfg(test)]
    pub(crate) async fn resolve(
        &self,
        cx: &CheckContext,
        name: &str,
    ) -> Result<Arc<[IpAddr]>, Failure> {
        if let Some(ip) = literal(name) {
            return Ok([ip].into());
        }
        self.known(cx, name).await.map(|known| known.addresses)
    }

    /// Those of one family, at least one; the check's marks have their age where they are past their time. That there is none is the target's fault only where the resolver said so.
    pub(crate) async fn resolve_family(
        &self,
        cx: &CheckContext,
        name: &str,
        family: IpFamily,
    ) -> Result<Arc<[IpAddr]>, Failure> {
        let known = match literal(name) {
            Some(ip) => Known::of([ip]),
            None => self.known(cx, name).await?,
        };
        let admits = |ip: &IpAddr| family.admits(&SocketAddr::new(*ip, 0));
        if known.addresses.iter().all(admits) && !known.addresses.is_empty() {
            return Ok(known.addresses);
        }
        let admitted: Arc<[IpAddr]> = known.addresses.iter().copied().filter(admits).collect();
        if !admitted.is_empty() {
            return Ok(admitted);
        }
        Err(known
            .unsure
            .unwrap_or_else(|| classify::no_address(name, family.name())))
    }

    async fn known(&self, cx: &CheckContext, name: &str) -> Answer {
        let answer = self.told(cx, name).await;
        if let Ok(Known { age: Some(age), .. }) = answer {
            cx.note_address_age(age);
        }
        answer
    }

    async fn told(&self, cx: &CheckContext, name: &str) -> Answer {
        let name = lower(name);
        let home = Handle::current().id();
        for _ in 0..TURNS {
            let now = cx.now();
            let (begun, look) = self.book().look(&name, home, now);
            // Outside of the lock: a runtime that ends drops a task as it is spawned.
            if let Some(tell) = begun {
                self.ask(cx.clock().clone(), name.clone(), home, tell);
            }
            let (mut query, stale, since) = match look {
                Look::Now(answer) => return answer,
                Look::Wait {
                    query,
                    stale,
                    since,
                } => (query, stale, since),
            };
            let told = query.wait_for(Option::is_some);
            let told = match stale {
                None => {
                    cx.enter(Phase::Resolve);
                    told.await
                }
                Some(stale) => {
                    let patience = GRACE.saturating_sub(now.since(since));
                    if patience.is_zero() {
                        return Ok(stale);
                    }
                    cx.enter(Phase::Resolve);
                    match tokio::time::timeout(patience, told).await {
                        Ok(told) => told,
                        Err(_) => return Ok(stale),
                    }
                }
            };
            if let Some(answer) = told.ok().and_then(|answer| answer.clone()) {
                return answer;
            }
        }
        Err(trouble::dropped(&name))
    }

    /// Asks in a task of its own: a check that is given up does not make the next one ask again.
    fn ask(
        &self,
        clock: Arc<dyn Clock>,
        name: String,
        home: Id,
        tell: watch::Sender<Option<Answer>>,
    ) {
        let mut asking = Asking {
            names: self.clone(),
            name,
            home,
            is_told: false,
        };
        tokio::spawn(async move {
            let shared = asking.names.0.clone();
            let permits = shared.permits.here(|| Semaphore::new(AT_ONCE));
            let permit = permits.acquire().await;
            let outcome = query::ask(&shared.system, clock.now(), &asking.name).await;
            drop(permit);
            asking.is_told = true;
            let Asking { names, name, .. } = &asking;
            let answer = names.book().keep(name, home, clock.now(), outcome);
            // Nobody may be waiting any more; the answer is kept all the same.
            tell.send_replace(Some(answer));
        });
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // A panic cannot leave it half written: each change is one assignment.
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A query under way. One that ends without an answer, as with its runtime, makes way for the next.
struct Asking {
    names: Names,
    name: String,
    home: Id,
    is_told: bool,
}

impl Drop for Asking {
    fn drop(&mut self) {
        if !self.is_told {
            self.names.book().forget_query(&self.name, self.home);
        }
    }
}

fn literal(name: &str) -> Option<IpAddr> {
    name.parse().ok()
}

fn lower(name: &str) -> String {
    // Names differ by no case (RFC 4343).
    name.to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
