//! Looking into a running hc: where it is, how it is asked, and what went wrong where it cannot be.
//!
//! `status`, `events` and `top` stand on this. It knows the API's shapes from `hc-server`, and nothing of how they are
//! shown; it changes nothing of whom it asks.

mod client;
pub(crate) mod columns;
pub(crate) mod detail;
mod find;
#[cfg(test)]
pub(crate) mod fixture;
mod place;
mod sse;
mod trouble;
pub(crate) mod words;

use hc_server::wire::target::TargetPage;

use crate::term::Term;

pub(crate) use client::{Client, Item, Told};
pub(crate) use place::Place;
pub(crate) use trouble::Trouble;

/// Where to look: an address, or whichever hc of this user runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    /// Of `--url` or HC_URL.
    At(Place),
    /// Sought each time, since a restarted hc may have another socket.
    Found,
}

impl Whom {
    /// What the flag says, whose value may come from HC_URL.
    ///
    /// # Errors
    /// It is no address.
    pub(crate) fn of(url: Option<&str>) -> Result<Self, Trouble> {
        match url {
            None | Some("") => Ok(Self::Found),
            Some(url) => Ok(Self::At(url.parse()?)),
        }
    }

    /// A client of it. Where several run, a note says which one is asked, unless that was said before.
    ///
    /// # Errors
    /// None of this user runs.
    pub(crate) async fn client(&self) -> Result<(Client, Option<String>), Trouble> {
        match self {
            Self::At(place) => Ok((Client::new(place.clone()), None)),
            Self::Found => {
                let found = find::find(&find::directories()).await?;
                let note = found.note();
                Ok((Client::new(found.place), note))
            }
        }
    }
}

/// The runtime of a verb that looks: it waits for one answer at a time.
///
/// # Errors
/// The system has no means for it.
pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// Says which of several was chosen, on standard error.
pub(crate) fn say(note: Option<&str>, term: &Term) {
    if let Some(note) = note.filter(|_| !term.quiet) {
        term.note(&format!("hc: {note}"));
    }
}

/// Names like one that is not known, for a suggestion; none where asking for them fails too.
pub(crate) async fn alike(client: &mut Client, name: &str) -> Vec<String> {
    let query = words::percent(name);
    let path = format!("/api/v1/targets?q={query}&sort=name&limit=3");
    let page = client.get::<TargetPage>(&path).await;
    let items = page.map(|page| page.items).unwrap_or_default();
    items.into_iter().map(|target| target.name).collect()
}
