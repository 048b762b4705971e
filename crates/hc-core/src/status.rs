//! The four statuses, and what may lie over them.

use std::fmt;

/// What is held to be true of a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// No conclusive check has decided yet.
    #[default]
    Unknown,
    /// It passes.
    Healthy,
    /// It passes, but slowly, with a warning, or not every time. It stays in rotation.
    Degraded,
    /// It fails.
    Unhealthy,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 4] = [
        Self::Unknown,
        Self::Healthy,
        Self::Degraded,
        Self::Unhealthy,
    ];

    /// The one spelling used everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What may lie over a status without being one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Overlay {
    /// Failures have begun, fewer than `fall`.
    Suspect,
    /// Passes have begun, fewer than `rise`.
    Recovering,
    /// The status changes too often.
    Flapping,
    /// Many of the last checks failed, never enough in a row.
    Unsteady,
    /// An operator wants it not asked.
    Paused,
    /// No conclusive check for three effective intervals and a timeout.
    Stale,
}

impl Overlay {
    /// Every overlay, in the order they are shown.
    pub const ALL: [Self; 6] = [
        Self::Suspect,
        Self::Recovering,
        Self::Flapping,
        Self::Unsteady,
        Self::Paused,
        Self::Stale,
    ];

    /// The one spelling used everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Suspect => "suspect",
            Self::Recovering => "recovering",
            Self::Flapping => "flapping",
            Self::Unsteady => "unsteady",
            Self::Paused => "paused",
            Self::Stale => "stale",
        }
    }
}

impl fmt::Display for Overlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A set of overlays.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Overlays(u8);

impl Overlays {
    pub(crate) const fn from_bits(bits: u8) -> Self {
        Self(bits & 0b11_1111)
    }

    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    /// Whether one lies over the status.
    #[must_use]
    pub const fn has(self, overlay: Overlay) -> bool {
        self.0 & (1 << overlay as u8) != 0
    }

    /// Lays one over the status or takes it off.
    pub const fn set(&mut self, overlay: Overlay, on: bool) {
        if on {
            self.0 |= 1 << overlay as u8;
        } else {
            self.0 &= !(1 << overlay as u8);
        }
    }

    /// Those that lie over the status, in the order they are shown.
    pub fn iter(self) -> impl Iterator<Item = Overlay> {
        Overlay::ALL
            .into_iter()
            .filter(move |overlay| self.has(*overlay))
    }
}

impl fmt::Debug for Overlays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
