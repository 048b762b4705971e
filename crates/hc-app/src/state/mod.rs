//! State over a restart: what is known of each target, in a file that is read at the start and written again and again.
//!
//! [`State`] is a file that is this process's alone. [`State::recall`] reads what another one left there,
//! [`Keeper`] saves it while the service runs and when it has ended. Whatever is wrong with a file is told
//! and costs what it held, never the start; only a file that somebody named and that cannot be had is an error. Knows
//! nothing of schedules, and prints nothing.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hc_config::{Config, StateFile};
use hc_server::Ledger;

use crate::journal::{Level, Record, Value, spell_span};

mod format;
mod home;
mod keeper;
mod line;
mod memories;
mod past;
mod place;

pub use home::StateHome;
pub use keeper::{Keeper, Left};
pub use memories::Memories;

use format::Unfit;
use place::Place;

/// A clock that was set back by no more than this is taken for one that was not: time servers do that.
const STEP: Duration = Duration::from_secs(5);

/// A file for the state of this process alone.
#[derive(Debug)]
pub struct State {
    place: Arc<Place>,
    max_age: Duration,
    every: Duration,
    /// Who knows what became of targets, if anybody does.
    ledger: Option<Arc<Ledger>>,
}

/// The state cannot be kept where it was to be: completes "failed to ".
#[derive(Debug)]
pub struct StateError {
    /// Where.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        write!(f, "failed to keep state in {path}: {}", self.source)
    }
}

impl std::error::Error for StateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl State {
    /// Takes the file that the config says, which by default has its name from the config's own, `file`. `None`: no state
    /// is kept. What is worth a line of the log comes beside it.
    ///
    /// # Errors
    /// The file was named, and cannot be had. Of the default one that is only told.
    pub fn open(
        config: &Config,
        file: Option<&Path>,
        home: &StateHome,
        wall: SystemTime,
    ) -> Result<(Option<Self>, Option<Record>), StateError> {
        let Some(wanted) = &config.state else {
            return Ok((None, None));
        };
        let of = |place| Self {
            place: Arc::new(place),
            max_age: wanted.max_age,
            every: wanted.every,
            ledger: None,
        };
        match (&wanted.file, file) {
            (StateFile::At(path), _) => match Place::take(path) {
                Ok(place) => Ok((Some(of(place)), None)),
                Err(source) => Err(StateError {
                    path: path.clone(),
                    source,
                }),
            },
            (StateFile::Auto, None) => Ok((None, None)),
            (StateFile::Auto, Some(file)) => match usual(home, file) {
                Ok(place) => Ok((Some(of(place)), None)),
                Err(error) => {
                    let message = format!("{error}; a restart forgets what is known (--state)");
                    let record = Record::new(wall, Level::Warn, "state");
                    Ok((None, Some(record.with_message(message))))
                }
            },
        }
    }

    /// The same with what that ledger knows of the past. To be said before anything is read.
    #[must_use]
    pub fn with_past(self, ledger: Option<Arc<Ledger>>) -> Self {
        Self { ledger, ..self }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Reads what is remembered of the config's targets, if it is not too old. What is worth a line of the log comes
    /// beside it.
    pub fn recall(&self, config: &Config, wall: SystemTime) -> (Memories, Option<Record>) {
        match self.read(config, wall) {
            Ok(Some(memories)) => (memories, None),
            Ok(None) => (Memories::none(), None),
            Err(NotRecalled(level, why)) => {
                let record = Record::new(wall, level, "state").with("file", self.shown());
                (Memories::none(), Some(record.with_message(why)))
            }
        }
    }

    fn read(&self, config: &Config, wall: SystemTime) -> Result<Option<Memories>, NotRecalled> {
        let warn = |why: String| NotRecalled(Level::Warn, why);
        let input = match self.place.open() {
            Ok(Some(input)) => input,
            Ok(None) => return Ok(None),
            Err(error) => return Err(warn(format!("nothing is restored: {error}"))),
        };
        let known: HashSet<&str> = config.targets.iter().map(|t| t.name.as_str()).collect();
        let mut memories = Memories::of(self.ledger.clone());
        let is_fit = |saved| age(saved, wall).is_ok_and(|age| age <= self.max_age);
        let read = format::read(input, is_fit, |line| memories.keep(&line, &known));
        let saved = match read {
            Ok(saved) => saved,
            Err(unfit @ Unfit::Damaged(_)) => return Err(warn(self.set_aside(&unfit))),
            Err(unfit) => return Err(warn(format!("nothing is restored: {unfit}"))),
        };
        match age(saved, wall) {
            Err(ahead) => Err(warn(format!(
                "nothing is restored: it was saved {} from now; the clock was set back",
                spell_span(ahead)
            ))),
            Ok(age) if age > self.max_age => Err(NotRecalled(
                Level::Info,
                format!(
                    "nothing is restored: it was saved {} ago, and state.max_age is {}",
                    spell_span(age),
                    hc_config::format_duration(self.max_age)
                ),
            )),
            Ok(age) => Ok(Some(memories.of_age(age))),
        }
    }

    /// A damaged file is kept for whoever wants to know, and is in nobody's way.
    fn set_aside(&self, unfit: &Unfit) -> String {
        match self.place.set_aside() {
            Ok(aside) => format!(
                "nothing is restored: {unfit}; set aside as {}",
                aside.display()
            ),
            Err(error) => format!("nothing is restored: {unfit}; it stays there: {error}"),
        }
    }

    fn shown(&self) -> String {
        self.path().display().to_string()
    }

    /// What is told of those who took their memories.
    #[must_use]
    pub fn restored(&self, memories: &Memories, of: usize, wall: SystemTime) -> Option<Record> {
        let age = memories.age()?;
        let record = Record::new(wall, Level::Info, "restored")
            .with("targets", memories.taken())
            .with("of", of)
            .with("age", Value::Span(age));
        Some(record.with("file", self.shown()))
    }
}

/// Why nothing was recalled, and how much that matters.
struct NotRecalled(Level, String);

/// How long ago that was; `Err`: so long ahead.
fn age(saved: SystemTime, wall: SystemTime) -> Result<Duration, Duration> {
    match wall.duration_since(saved) {
        Ok(age) => Ok(age),
        Err(ahead) if ahead.duration() <= STEP => Ok(Duration::ZERO),
        Err(ahead) => Err(ahead.duration()),
    }
}

fn usual(home: &StateHome, config: &Path) -> io::Result<Place> {
    let directory = home
        .prepare()
        .map_err(|error| io::Error::new(error.kind(), format!("no state is kept: {error}")))?;
    let path = directory.join(home::file_name(config));
    Place::take(&path).map_err(|error| {
        let message = format!("no state is kept in {}: {error}", path.display());
        io::Error::new(error.kind(), message)
    })
}

#[cfg(test)]
mod tests;
