//! The primitives that publishing stands on, so that loom can take their place in its model of the order.

#[cfg(not(hc_loom))]
pub(crate) use std::sync::{Mutex, MutexGuard, RwLock, atomic};

#[cfg(hc_loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard, RwLock, atomic};
