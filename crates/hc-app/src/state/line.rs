//! A target as a line of the file. What is as it usually is, is left out.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use hc_config::Imprint;
use hc_core::{Leaning, Memory, MemoryParts, nanos};
use hc_server::Recollection;
use serde::{Deserialize, Serialize};

use super::past::Past;

/// Nanoseconds since 1970; what lies before it is 1970.
pub(super) fn to_nanos(wall: SystemTime) -> u64 {
    nanos(
        wall.duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default(),
    )
}

/// The same back.
pub(super) fn from_nanos(nanos: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
}

pub(super) fn is_usual<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One target. Times are nanoseconds since 1970.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    identity: u64,
    asked: u64,
    health: Health,
    #[serde(default, skip_serializing_if = "is_usual")]
    past: Option<Past>,
}

/// As [`MemoryParts`], which says what each means.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Health {
    since: u64,
    #[serde(skip_serializing_if = "is_usual")]
    decided: bool,
    #[serde(skip_serializing_if = "is_usual")]
    failing: bool,
    #[serde(skip_serializing_if = "is_usual")]
    against_failing: u8,
    #[serde(skip_serializing_if = "is_usual")]
    impaired: bool,
    #[serde(skip_serializing_if = "is_usual")]
    against_impaired: u8,
    #[serde(skip_serializing_if = "is_usual")]
    heard: bool,
    #[serde(skip_serializing_if = "is_usual")]
    changes: u32,
    #[serde(skip_serializing_if = "is_usual")]
    flapping: bool,
    #[serde(skip_serializing_if = "is_usual")]
    recent: u8,
    #[serde(skip_serializing_if = "is_usual")]
    recent_failures: u32,
    #[serde(skip_serializing_if = "is_usual")]
    unsteady: bool,
    #[serde(skip_serializing_if = "is_usual")]
    passes: u32,
    #[serde(skip_serializing_if = "is_usual")]
    clean: u32,
    #[serde(skip_serializing_if = "is_usual")]
    unclean: u32,
    #[serde(skip_serializing_if = "is_usual")]
    failures: u32,
    #[serde(skip_serializing_if = "is_usual")]
    failures_after_turn: u32,
    #[serde(skip_serializing_if = "is_usual")]
    failed_in: Option<String>,
    #[serde(skip_serializing_if = "is_usual")]
    flapping_since: Option<u64>,
    #[serde(skip_serializing_if = "is_usual")]
    unsteady_since: Option<u64>,
    #[serde(skip_serializing_if = "is_usual")]
    paused_since: Option<u64>,
}

impl<'a> Line<'a> {
    pub(super) fn new(
        name: &'a str,
        imprint: Imprint,
        memory: &Memory,
        past: Option<&Recollection>,
    ) -> Self {
        Self {
            name: Cow::Borrowed(name),
            identity: imprint.identity,
            asked: imprint.asked,
            health: Health::of(&memory.parts()),
            past: past.and_then(Past::of),
        }
    }

    pub(super) fn imprint(&self) -> Imprint {
        Imprint {
            identity: self.identity,
            asked: self.asked,
        }
    }

    /// What else it tells.
    pub(super) fn past(&self) -> Option<Recollection> {
        self.past.as_ref().map(Past::recollection)
    }

    /// The health that it tells of.
    ///
    /// # Errors
    /// There is no such health.
    pub(super) fn memory(&self) -> Result<Memory, String> {
        let parts = self.health.parts()?;
        Memory::try_new(&parts).map_err(|error| error.to_string())
    }
}

impl Health {
    fn of(parts: &MemoryParts) -> Self {
        Self {
            since: to_nanos(parts.since),
            decided: parts.decided,
            failing: parts.failing.on,
            against_failing: parts.failing.against,
            impaired: parts.impaired.on,
            against_impaired: parts.impaired.against,
            heard: parts.heard,
            changes: parts.changes,
            flapping: parts.is_flapping,
            recent: parts.recent,
            recent_failures: parts.recent_failures,
            unsteady: parts.is_unsteady,
            passes: parts.passes,
            clean: parts.clean,
            unclean: parts.unclean,
            failures: parts.failures,
            failures_after_turn: parts.failures_after_turn,
            failed_in: parts.failed_in.map(|phase| phase.as_str().to_owned()),
            flapping_since: parts.flapping_since.map(to_nanos),
            unsteady_since: parts.unsteady_since.map(to_nanos),
            paused_since: parts.paused_since.map(to_nanos),
        }
    }

    fn parts(&self) -> Result<MemoryParts, String> {
        let leaning = |on, against| Leaning { on, against };
        let phase = self.failed_in.as_deref().map(str::parse);
        let phase = phase.transpose();
        Ok(MemoryParts {
            decided: self.decided,
            failing: leaning(self.failing, self.against_failing),
            impaired: leaning(self.impaired, self.against_impaired),
            heard: self.heard,
            changes: self.changes,
            is_flapping: self.flapping,
            recent: self.recent,
            recent_failures: self.recent_failures,
            is_unsteady: self.unsteady,
            since: from_nanos(self.since),
            passes: self.passes,
            clean: self.clean,
            unclean: self.unclean,
            failures: self.failures,
            failures_after_turn: self.failures_after_turn,
            failed_in: phase.map_err(|_| "it failed in no phase that there is".to_owned())?,
            flapping_since: self.flapping_since.map(from_nanos),
            unsteady_since: self.unsteady_since.map(from_nanos),
            paused_since: self.paused_since.map(from_nanos),
        })
    }
}
