//! One target's published state in 64 bits: status and overlays in 16, the number of its last change in 48.

use std::fmt;

use crate::machine::Health;
use crate::policy::Policy;
use crate::status::{Overlay, Overlays, Status};

const HEALTHY: u64 = 1 << 2;
const REMOVED: u64 = 1 << 3;
const OVERLAYS: u32 = 4;
const SEQUENCE: u32 = 16;

/// A target's published state. Read with one atomic load.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Word(u64);

impl Word {
    /// The state of a target with that health; its sequence is zero until it is published.
    #[must_use]
    pub fn new(health: &Health, policy: &Policy, paused: bool) -> Self {
        let mut overlays = health.overlays();
        overlays.set(Overlay::Paused, paused);
        Self::from_parts(health.status(), health.is_healthy(policy), overlays)
    }

    /// A state made of its parts.
    #[must_use]
    pub fn from_parts(status: Status, is_healthy: bool, overlays: Overlays) -> Self {
        let healthy = if is_healthy { HEALTHY } else { 0 };
        Self(status as u64 | healthy | u64::from(overlays.bits()) << OVERLAYS)
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn with_sequence(self, sequence: u64) -> Self {
        Self(self.0 & ((1 << SEQUENCE) - 1) | sequence << SEQUENCE)
    }

    pub(crate) const fn removed(self) -> Self {
        Self(self.0 & !HEALTHY | REMOVED)
    }

    /// The status.
    #[must_use]
    pub const fn status(self) -> Status {
        match self.0 & 3 {
            0 => Status::Unknown,
            1 => Status::Healthy,
            2 => Status::Degraded,
            _ => Status::Unhealthy,
        }
    }

    /// Whether it should get traffic. Of a removed target: no.
    #[must_use]
    pub const fn is_healthy(self) -> bool {
        self.0 & HEALTHY != 0
    }

    /// Whether the target is gone.
    #[must_use]
    pub const fn is_removed(self) -> bool {
        self.0 & REMOVED != 0
    }

    /// What lies over the status (staleness excepted: it is a matter of time, not of change).
    #[must_use]
    pub const fn overlays(self) -> Overlays {
        Overlays::from_bits((self.0 >> OVERLAYS) as u8)
    }

    /// The number of the last event about it.
    #[must_use]
    pub const fn sequence(self) -> u64 {
        self.0 >> SEQUENCE
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Word")
            .field("status", &self.status())
            .field("is_healthy", &self.is_healthy())
            .field("overlays", &self.overlays())
            .field("removed", &self.is_removed())
            .field("sequence", &self.sequence())
            .finish()
    }
}
