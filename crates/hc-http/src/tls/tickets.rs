//! Sessions to go back to: one a name, for a bounded number of names.
//!
//! A resumed session spares the server its signature and shows no certificate, so a renewed one would stay unseen:
//! a connection that is opened to have a look ([`Anew`]) goes back to none, and after some resumptions a name's next
//! session begins anew in any case. rustls' own store holds 32 names of eight tickets each.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls_pki_types::ServerName;

/// So many names; a ticket with its chain is some 2 to 4 KB.
const MAX_NAMES: usize = 4_096;
/// So many sessions in a row may go back to one.
const MAX_RESUMED: u8 = 4;

/// The sessions of one TLS configuration.
#[derive(Default)]
pub(super) struct Tickets(Mutex<HashMap<ServerName<'static>, Entry>>);

#[derive(Default)]
struct Entry {
    group: Option<NamedGroup>,
    tls12: Option<Tls12ClientSessionValue>,
    tls13: Option<Tls13ClientSessionValue>,
    /// So many went back in a row.
    resumed: u8,
}

impl Tickets {
    fn names(&self) -> MutexGuard<'_, HashMap<ServerName<'static>, Entry>> {
        // A panic cannot leave an entry half written: each change is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn edit(&self, name: ServerName<'static>, edit: impl FnOnce(&mut Entry)) {
        let mut names = self.names();
        if names.len() >= MAX_NAMES && !names.contains_key(&name) {
            // Any will do: it costs that one a handshake.
            let other = names.keys().next().cloned();
            other.and_then(|other| names.remove(&other));
        }
        edit(names.entry(name).or_default());
    }

    /// What is known of a name is older than the session that begins now.
    fn begin_anew(&self, name: &ServerName<'_>) {
        if let Some(entry) = self.names().get_mut(&name.to_owned()) {
            (entry.resumed, entry.tls12, entry.tls13) = (0, None, None);
        }
    }

    /// What `of` finds, unless it is time to begin anew.
    fn resume<T>(
        &self,
        name: &ServerName<'_>,
        of: impl FnOnce(&mut Entry) -> Option<T>,
    ) -> Option<T> {
        let mut names = self.names();
        let entry = names.get_mut(&name.to_owned())?;
        let found = of(entry)?;
        if entry.resumed >= MAX_RESUMED {
            (entry.resumed, entry.tls12, entry.tls13) = (0, None, None);
            return None;
        }
        entry.resumed += 1;
        Some(found)
    }
}

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        self.edit(name, |entry| entry.group = Some(group));
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        self.names().get(name)?.group
    }

    fn set_tls12_session(&self, name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.edit(name, |entry| entry.tls12 = Some(value));
    }

    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.resume(name, |entry| entry.tls12.clone())
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        if let Some(entry) = self.names().get_mut(name) {
            entry.tls12 = None;
        }
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.edit(name, |entry| entry.tls13 = Some(value));
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.resume(name, |entry| entry.tls13.take())
    }
}

/// The same sessions, for connections that go back to none: what they bring replaces what was there.
#[derive(Debug)]
pub(super) struct Anew(pub(super) Arc<Tickets>);

impl ClientSessionStore for Anew {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        self.0.set_kx_hint(name, group);
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        self.0.kx_hint(name)
    }

    fn set_tls12_session(&self, name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.0.set_tls12_session(name, value);
    }

    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.0.begin_anew(name);
        None
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        self.0.remove_tls12_session(name);
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.0.insert_tls13_ticket(name, value);
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.0.begin_anew(name);
        None
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tickets(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded() {
        let tickets = Tickets::default();
        for nth in 0..MAX_NAMES + 10 {
            let name = ServerName::try_from(format!("n{nth}.test")).unwrap();
            tickets.set_kx_hint(name.clone(), NamedGroup::X25519);
            assert_eq!(tickets.kx_hint(&name), Some(NamedGroup::X25519));
        }
        assert_eq!(tickets.names().len(), MAX_NAMES);
    }
}
