//! The presets: what differs between small and large fleets.

use std::time::Duration;

use crate::config::Profile;
use crate::settings::Datum;

/// The table of the reference page.
pub(crate) struct Preset {
    pub(crate) interval: Duration,
    pub(crate) fast_interval: Duration,
    /// Times the interval. Small fleets are asked evenly, for people who watch; large ones back off.
    pub(crate) max_interval: f64,
    pub(crate) in_flight: u64,
    pub(crate) per_host: u64,
}

impl Profile {
    pub(crate) fn preset(self) -> Preset {
        let ms = Duration::from_millis;
        match self {
            Self::Small => Preset {
                interval: ms(5_000),
                fast_interval: ms(500),
                max_interval: 1.0,
                in_flight: 10,
                per_host: 10,
            },
            Self::Medium => Preset {
                interval: ms(5_000),
                fast_interval: ms(500),
                max_interval: 2.0,
                in_flight: 100,
                per_host: 16,
            },
            Self::Large => Preset {
                interval: ms(10_000),
                fast_interval: ms(1_000),
                max_interval: 3.0,
                in_flight: 1_000,
                per_host: 16,
            },
        }
    }

    /// What the profile says of a key, if it says anything.
    pub(crate) fn datum(self, path: &str) -> Option<Datum> {
        let preset = self.preset();
        Some(match path {
            "interval" => Datum::Duration(preset.interval),
            "fast_interval" => Datum::Duration(preset.fast_interval),
            "max_interval" => Datum::Times(preset.max_interval),
            "limits.in_flight" => Datum::Count(preset.in_flight),
            "limits.per_host" => Datum::Count(preset.per_host),
            _ => return None,
        })
    }
}
