//! How many checks at once the limit of open files allows.

use crate::host;
use crate::term::Term;

/// Threads that resolve names at once; each may open a few files while it does.
pub(super) const RESOLVERS: usize = 16;

/// What hc itself has open: standard streams, epoll, signals, and what resolvers read.
const OWN: usize = 16 + 3 * RESOLVERS;

/// Checks in flight: what was wanted, unless open files do not suffice; that is said.
pub(super) fn parallel(wanted: usize, targets: usize, term: &Term) -> usize {
    let allowed = allowed(host::open_files());
    let needed = wanted.min(targets.max(1));
    if needed > allowed && !term.quiet {
        term.note(&format!(
            "hc: {allowed} checks at once instead of {needed}: so many files may be open (ulimit -n)"
        ));
    }
    needed.min(allowed)
}

/// A check holds one connection.
fn allowed(limit: usize) -> usize {
    limit.saturating_sub(OWN).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_files_are_left_for_hc_itself() {
        assert_eq!(allowed(1024), 960);
        assert_eq!(allowed(64), 1);
        assert_eq!(allowed(0), 1);
    }
}
