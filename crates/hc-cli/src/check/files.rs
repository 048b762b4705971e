//! How many checks at once the limit of open files allows.

use crate::host;
use crate::term::Term;

/// Standard streams, epoll, signals, a report being written.
const OWN: usize = 16;

/// So many checks at once may wait for a name to be resolved, with two files each instead of one.
const RESOLVING: usize = 32;

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
    let free = limit.saturating_sub(OWN);
    (free / 2).max(free.saturating_sub(RESOLVING)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_files_are_left_for_hc_itself() {
        assert_eq!(allowed(1024), 976);
        assert_eq!(allowed(64), 24);
        assert_eq!(allowed(0), 1);
    }
}
