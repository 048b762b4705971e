//! What each runtime has for itself: tasks that wait for each other must not wait for a runtime that sleeps.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::{Handle, Id};

/// So many runtimes have theirs at once; above that the one unused the longest makes its own anew.
const MANY: usize = 64;

/// One `T` for each runtime.
pub(super) struct Homes<T>(Mutex<Vec<(Id, Arc<T>)>>);

impl<T> Default for Homes<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Homes<T> {
    /// That of the runtime that this is called in.
    pub(super) fn here(&self, make: impl FnOnce() -> T) -> Arc<T> {
        let here = Handle::current().id();
        // A panic cannot leave it half written: `make` is done before anything changes.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.iter().position(|(home, _)| *home == here);
        let (home, its) = match known {
            Some(nth) => all.remove(nth),
            None => (here, Arc::new(make())),
        };
        if all.len() >= MANY {
            all.remove(0);
        }
        all.push((home, its.clone()));
        its
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_runtime_has_its_own_and_they_are_bounded() {
        let runtime = || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.build().unwrap()
        };
        let homes = Homes::default();
        let here = |runtime: &tokio::runtime::Runtime, value: usize| {
            runtime.block_on(async { *homes.here(|| value) })
        };
        let (one, other) = (runtime(), runtime());
        assert_eq!((here(&one, 1), here(&other, 2)), (1, 2));
        assert_eq!((here(&one, 3), here(&other, 3)), (1, 2));
        for _ in 0..MANY - 1 {
            here(&runtime(), 4);
        }
        assert_eq!(homes.0.lock().unwrap().len(), MANY);
        assert_eq!((here(&other, 5), here(&one, 6)), (2, 6));
    }
}
