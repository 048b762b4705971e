//! One worker a runtime, shared by all probes in it: found by the runtime that a check runs in.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::runtime::{Handle, Id};

use super::worker::Worker;

/// All workers of the process. They end with their last holder.
static ALL: Mutex<Vec<(Id, Weak<Worker>)>> = Mutex::new(Vec::new());

/// Remembers the worker that was used last, and keeps it alive.
#[derive(Default)]
pub(super) struct Workers(Mutex<Option<(Id, Arc<Worker>)>>);

impl Workers {
    /// The worker of the runtime that this is called in.
    pub(super) fn here(&self) -> io::Result<Arc<Worker>> {
        let here = Handle::current().id();
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((id, worker)) = &*last
            && *id == here
            && !worker.is_dead()
        {
            return Ok(worker.clone());
        }
        let worker = find(here)?;
        *last = Some((here, worker.clone()));
        Ok(worker)
    }
}

fn find(here: Id) -> io::Result<Arc<Worker>> {
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|(_, worker)| worker.strong_count() > 0);
    let known = all.iter().filter(|(id, _)| *id == here);
    let mut alive = known.filter_map(|(_, worker)| worker.upgrade());
    if let Some(worker) = alive.find(|worker| !worker.is_dead()) {
        return Ok(worker);
    }
    drop(alive);
    let worker = Worker::start()?;
    all.push((here, Arc::downgrade(&worker)));
    Ok(worker)
}
