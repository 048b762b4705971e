//! Saves the state while the service runs, and once more when it has ended.
//!
//! The driver is asked for some hundreds of targets at a time, and is held for no longer; lines are made and written on a
//! thread for such things. What lies between them is bounded. A disk that fails or hangs costs the file, and no check.

use std::io::{self, Write};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hc_config::{Imprint, Outline};
use hc_scheduler::{MonitorHandle, Remains, Remembered};
use hc_server::Ledger;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::format::Writer;
use super::line::Line;
use super::place::Place;
use super::{State, StateError};
use crate::chronicle::first_sweep;
use crate::journal::{Level, Record, Value};

/// Targets that the driver is asked for at once: a tenth of a millisecond of its time.
const AT_ONCE: usize = 500;

/// How many times as many wait for the disk.
const WAITING: usize = 4;

/// So long is waited for the last events to be heard, which takes no time where anybody listens.
const LAST_NEWS: Duration = Duration::from_secs(1);

/// A target that is to be remembered, and by what it is known again.
type Known = (Imprint, Remembered);

/// What is left of a service that has ended.
#[derive(Debug)]
pub struct Left {
    pub(crate) outline: Outline,
    pub(crate) remains: Remains,
}

/// Saves the state now and then. Dropped, it saves no more, and what was saved stays.
#[derive(Debug)]
pub struct Keeper {
    place: Arc<Place>,
    ledger: Option<Arc<Ledger>>,
    stop: oneshot::Sender<()>,
    saving: JoinHandle<()>,
}

impl State {
    /// Saves the state of that monitor from now on, on the current tokio runtime. `outline` says what its targets are, also
    /// after a reload; `tell` hears what is worth a line of the log, and must not block.
    pub fn keep(
        self,
        monitor: MonitorHandle,
        outline: watch::Receiver<Outline>,
        tell: impl Fn(Record) + Send + 'static,
    ) -> Keeper {
        let (stop, stopped) = oneshot::channel();
        let (place, ledger) = (self.place.clone(), self.ledger.clone());
        let saving = Saving {
            state: self,
            monitor,
            outline,
            failing_since: None,
        };
        Keeper {
            place,
            ledger,
            stop,
            saving: tokio::spawn(saving.run(stopped, tell)),
        }
    }
}

impl Keeper {
    /// So long may the last save take. That of a million targets takes some seconds, and what the disk needs.
    pub const LAST_SAVE: Duration = Duration::from_secs(15);

    /// Saves what is left of the service, once no other save is under way. What is worth a line of the log comes back.
    ///
    /// # Cancel safety
    /// What was saved before stays, or the new state is there.
    pub async fn close(self, left: Option<Left>, wall: SystemTime) -> Option<Record> {
        let Self {
            place,
            ledger,
            stop,
            saving,
        } = self;
        drop(stop);
        let path = place.path().to_owned();
        let last = async {
            // It fails only by a bug, which the panic's hook has told.
            let _ = saving.await;
            let Some(left) = left else {
                return Ok(());
            };
            if let Some(ledger) = &ledger {
                // What happened last is on its way to it; without that the file is right too.
                let _ = tokio::time::timeout(LAST_NEWS, ledger.heard_all()).await;
            }
            let written = tokio::task::spawn_blocking(move || {
                write_left(&place, &left, ledger.as_deref(), wall)
            });
            written.await.map_err(io::Error::other)?
        };
        let source = match tokio::time::timeout(Self::LAST_SAVE, last).await {
            Ok(Ok(())) => return None,
            Ok(Err(source)) => source,
            Err(_) => io::Error::new(io::ErrorKind::TimedOut, "the disk takes too long"),
        };
        Some(failed(wall, &StateError { path, source }))
    }
}

/// A save that did not come about.
enum Unsaved {
    /// The monitor has stopped meanwhile: who stopped it saves what is left.
    Stopped,
    Failed(io::Error),
}

struct Saving {
    state: State,
    monitor: MonitorHandle,
    outline: watch::Receiver<Outline>,
    failing_since: Option<SystemTime>,
}

impl Saving {
    async fn run(mut self, mut stopped: oneshot::Receiver<()>, tell: impl Fn(Record)) {
        let mut ticks = tokio::time::interval(self.state.every);
        // After a save that took long the next one has its full distance.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is now: there is nothing to save yet. There is when all were asked once, and a start that is
        // followed by an end that nobody announced is no rare thing.
        ticks.reset();
        let mut swept = pin!(first_sweep(self.monitor.clone()));
        let mut is_swept = false;
        loop {
            tokio::select! {
                _ = &mut stopped => return,
                () = &mut swept, if !is_swept => {
                    is_swept = true;
                    ticks.reset();
                }
                _ = ticks.tick() => {}
            }
            // Not cut off by the end: two would write at once.
            if let Some(record) = self.save().await {
                tell(record);
            }
        }
    }

    /// Saves once. What is told: that it fails, and that it does no more.
    async fn save(&mut self) -> Option<Record> {
        let wall = self.monitor.wall();
        let outcome = self.try_save(wall).await;
        let wall = self.monitor.wall();
        match (outcome, self.failing_since) {
            (Err(Unsaved::Stopped), _) | (Ok(()), None) | (Err(_), Some(_)) => None,
            (Err(Unsaved::Failed(source)), None) => {
                self.failing_since = Some(wall);
                let path = self.state.path().to_owned();
                Some(failed(wall, &StateError { path, source }))
            }
            (Ok(()), Some(since)) => {
                self.failing_since = None;
                let lasted = wall.duration_since(since).unwrap_or_default();
                let record = Record::new(wall, Level::Info, "state_end");
                Some(record.with("lasted", Value::Span(lasted)))
            }
        }
    }

    async fn try_save(&self, wall: SystemTime) -> Result<(), Unsaved> {
        let (pages, waiting) = mpsc::channel(WAITING);
        let (place, ledger) = (self.state.place.clone(), self.state.ledger.clone());
        let writing = tokio::task::spawn_blocking(move || {
            write_pages(&place, waiting, ledger.as_deref(), wall)
        });
        let told = self.tell_all(pages).await;
        let written = writing.await.map_err(io::Error::other);
        let written = written.and_then(|written| written);
        match (told, written) {
            (Err(Unsaved::Stopped), _) => Err(Unsaved::Stopped),
            (_, Err(error)) => Err(Unsaved::Failed(error)),
            (told, Ok(())) => told,
        }
    }

    /// Hands all targets on, some at a time, and says when those were all.
    async fn tell_all(&self, pages: mpsc::Sender<Page>) -> Result<(), Unsaved> {
        // The writer that is gone has said why.
        let gone = |_| Unsaved::Failed(io::ErrorKind::BrokenPipe.into());
        let outline = self.outline.borrow().clone();
        for from in (0..outline.len()).step_by(AT_ONCE) {
            let some: Vec<_> = outline.imprints(from, AT_ONCE).collect();
            let ids = some.iter().map(|(id, _)| (*id).clone()).collect();
            let told = self.monitor.remember_these(ids).await;
            let mut told: std::collections::HashMap<_, _> = told
                .map_err(|_| Unsaved::Stopped)?
                .into_iter()
                .map(|remembered| (remembered.id.clone(), remembered))
                .collect();
            let known = some
                .iter()
                .filter_map(|(id, imprint)| Some((*imprint, told.remove(*id)?)));
            let page = Page::Some(known.collect());
            pages.send(page).await.map_err(gone)?;
        }
        pages.send(Page::End).await.map_err(gone)
    }
}

enum Page {
    Some(Vec<Known>),
    End,
}

/// Writes what comes. Without an end it is not the whole, and the file stays what it was.
fn write_pages(
    place: &Place,
    mut pages: mpsc::Receiver<Page>,
    ledger: Option<&Ledger>,
    wall: SystemTime,
) -> io::Result<()> {
    place.replace(|out| {
        let mut writer = Writer::begin(out, wall)?;
        loop {
            match pages.blocking_recv() {
                Some(Page::Some(known)) => {
                    for (imprint, remembered) in &known {
                        add(&mut writer, *imprint, remembered, ledger)?;
                    }
                }
                Some(Page::End) => return writer.finish().map(drop),
                None => return Err(io::ErrorKind::Interrupted.into()),
            }
        }
    })
}

fn write_left(
    place: &Place,
    left: &Left,
    ledger: Option<&Ledger>,
    wall: SystemTime,
) -> io::Result<()> {
    place.replace(|out| {
        let mut writer = Writer::begin(out, wall)?;
        for (id, imprint) in left.outline.imprints(0, usize::MAX) {
            if let Some(remembered) = left.remains.remember(id.as_str()) {
                add(&mut writer, imprint, &remembered, ledger)?;
            }
        }
        writer.finish().map(drop)
    })
}

fn add(
    writer: &mut Writer<impl Write>,
    imprint: Imprint,
    remembered: &Remembered,
    ledger: Option<&Ledger>,
) -> io::Result<()> {
    let name = remembered.id.as_str();
    let past = ledger.and_then(|ledger| ledger.recollect(name));
    let line = Line::new(name, imprint, &remembered.memory, past.as_ref());
    writer.add(&line)
}

fn failed(wall: SystemTime, error: &StateError) -> Record {
    let message = format!("{error}; what was saved before stays");
    Record::new(wall, Level::Warn, "state").with_message(message)
}
