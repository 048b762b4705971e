//! From merged settings to what hc-core and hc-http take: one file per part.

pub(crate) mod http;
pub(crate) mod policy;
pub(crate) mod process;
pub(crate) mod targets;

use crate::place::Place;
use crate::settings::{Origin, Settings};

/// Where the strongest of these keys was written: what a contradiction between them is blamed on.
pub(crate) fn strongest(settings: &Settings, keys: &[&str]) -> Option<Place> {
    let written = keys.iter().filter_map(|key| settings.get(key));
    written
        .max_by_key(|setting| rank(&setting.origin))
        .map(|setting| setting.place)
}

fn rank(origin: &Origin) -> u8 {
    match origin {
        Origin::BuiltIn => 0,
        Origin::Profile(_) => 1,
        Origin::File => 2,
        Origin::Defaults => 3,
        Origin::Flag(_) => 4,
        Origin::Group(_) => 5,
        Origin::Target => 6,
    }
}
