//! How many checks at once the limit of open files allows.

use crate::host;
use crate::term::Term;

/// Most threads that resolve names at once: a few dead resolvers must not hold up the names behind them.
const MOST_RESOLVERS: usize = 64;

/// What one of them may have open while it resolves.
const OF_A_RESOLVER: usize = 3;

/// Standard streams, epoll, signals, a report being written.
const OWN: usize = 16;

/// Threads that resolve names: few where few files may be open.
pub(super) fn resolvers(limit: usize) -> usize {
    (limit / 16).clamp(1, MOST_RESOLVERS)
}

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
    limit
        .saturating_sub(OWN + OF_A_RESOLVER * resolvers(limit))
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_files_are_left_for_hc_itself() {
        assert_eq!(allowed(1024), 816);
        assert_eq!(allowed(64), 36);
        assert_eq!(allowed(0), 1);
    }
}
