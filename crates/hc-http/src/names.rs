//! Names and their addresses: asked once for all who wait, kept for a while, kept longer while the resolver is silent.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hc_core::{Blame, CheckContext, Failure, Phase, Timestamp};
use tokio::sync::watch;

use crate::classify;

/// The system's resolver tells no time to live; half a minute follows a change soon and asks each name twice a minute.
const KEPT: Duration = Duration::from_secs(30);
/// An old answer serves so long while the resolver itself fails.
const KEPT_IN_SILENCE: Duration = Duration::from_secs(300);
/// Above so many names those without a use are forgotten: redirects may name ever new ones.
const MANY: usize = 4_096;

type Answer = Result<Arc<[IpAddr]>, Failure>;

/// What is known of names. One query a name is under way at most, however many checks wait or were given up.
#[derive(Clone, Default)]
pub(crate) struct Names(Arc<Mutex<HashMap<String, Name>>>);

#[derive(Default)]
struct Name {
    known: Option<(Timestamp, Arc<[IpAddr]>)>,
    query: Option<watch::Receiver<Option<Answer>>>,
}

impl Name {
    fn known_since(&self, now: Timestamp, span: Duration) -> Option<Arc<[IpAddr]>> {
        let (at, addresses) = self.known.as_ref()?;
        (now.since(*at) <= span).then(|| addresses.clone())
    }
}

impl Names {
    /// The addresses of a name, in the resolver's order.
    pub(crate) async fn resolve(&self, cx: &CheckContext, name: &str) -> Answer {
        let mut query = {
            let mut names = self.names();
            let now = cx.now();
            if names.len() >= MANY {
                names.retain(|_, name| {
                    name.query.is_some() || name.known_since(now, KEPT_IN_SILENCE).is_some()
                });
            }
            let entry = names.entry(name.to_owned()).or_default();
            if let Some(addresses) = entry.known_since(now, KEPT) {
                return Ok(addresses);
            }
            entry
                .query
                .get_or_insert_with(|| self.ask(cx, name))
                .clone()
        };
        cx.enter(Phase::Resolve);
        let answer = query
            .wait_for(Option::is_some)
            .await
            .map(|answer| answer.clone());
        answer.ok().flatten().unwrap_or_else(|| {
            // The query's task died with its runtime.
            Err(classify::resolve_error(
                name,
                &std::io::Error::other("the query was dropped"),
            ))
        })
    }

    /// Asks in a task of its own: a check that is given up does not make the next one ask again.
    fn ask(&self, cx: &CheckContext, name: &str) -> watch::Receiver<Option<Answer>> {
        let (tell, query) = watch::channel(None);
        let (names, clock, name) = (self.clone(), cx.clock().clone(), name.to_owned());
        tokio::spawn(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let answer = match found {
                Ok(found) => Ok(found.map(|address| address.ip()).collect::<Arc<[IpAddr]>>()),
                Err(error) => Err(classify::resolve_error(&name, &error)),
            };
            // Nobody may be waiting any more; the answer is kept all the same.
            tell.send_replace(Some(names.keep(&name, clock.now(), answer)));
        });
        query
    }

    /// Notes an answer; while the resolver itself fails, an old one stands in.
    fn keep(&self, name: &str, now: Timestamp, answer: Answer) -> Answer {
        let mut names = self.names();
        let entry = names.entry(name.to_owned()).or_default();
        entry.query = None;
        match answer {
            Ok(addresses) => {
                entry.known = Some((now, addresses.clone()));
                Ok(addresses)
            }
            Err(failure) if failure.blame == Blame::Local => {
                entry.known_since(now, KEPT_IN_SILENCE).ok_or(failure)
            }
            Err(failure) => {
                names.remove(name);
                Err(failure)
            }
        }
    }

    fn names(&self) -> MutexGuard<'_, HashMap<String, Name>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use hc_core::Kind;

    use super::*;

    #[test]
    fn an_old_answer_stands_in_while_the_resolver_fails_and_no_longer() {
        let names = Names::default();
        let at = |seconds: u64| Timestamp::from_millis(seconds * 1_000);
        let known: Arc<[IpAddr]> = ["10.0.0.7".parse().unwrap()].into();
        let silent = || Err(Failure::new(Kind::Resolver, Phase::Resolve, "silent"));
        assert!(names.keep("a.test", at(0), silent()).is_err());
        names.keep("a.test", at(1), Ok(known.clone())).unwrap();
        assert_eq!(names.keep("a.test", at(300), silent()), Ok(known.clone()));
        assert!(names.keep("a.test", at(302), silent()).is_err());
        names.keep("a.test", at(400), Ok(known)).unwrap();
        let gone = Failure::new(Kind::Resolve, Phase::Resolve, "a.test does not exist");
        assert!(names.keep("a.test", at(401), Err(gone)).is_err());
        assert!(
            names.keep("a.test", at(402), silent()).is_err(),
            "what does not exist is not kept"
        );
    }
}
