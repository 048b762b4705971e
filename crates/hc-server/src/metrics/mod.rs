//! `/metrics`: every series of hc, rendered from copies. Knows no HTTP but the two forms' content types.

use std::fmt;

mod encode;
mod families;
mod itself;
mod process;

pub(crate) use encode::Form;
#[cfg(feature = "otlp")]
pub(crate) use families::unix;
pub(crate) use families::{Facts, render};
#[cfg(feature = "otlp")]
pub(crate) use process::Process;

/// How many series a target has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PerTarget {
    /// Eight, and one an overlay, one with TLS, one while it is not well.
    #[default]
    Basic,
    /// These, and its own histograms in place of its group's.
    Full,
    /// None: groups alone.
    None,
}

/// What is exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetricsSettings {
    /// How many series a target has.
    pub per_target: PerTarget,
    /// Labels of the config that the series of targets carry too.
    pub labels: Vec<String>,
}

/// A label of the config cannot be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelError {
    /// Prometheus takes letters, digits and `_`, and no digit first.
    Name,
    /// hc's own series carry one of that name.
    Taken,
}

impl fmt::Display for LabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "wanted letters, digits and `_`, no digit first",
            Self::Taken => "hc's own series carry a label of that name",
        })
    }
}

impl std::error::Error for LabelError {}

/// What hc's own series carry, and what Prometheus itself sets.
const TAKEN: [&str; 12] = [
    "target", "group", "state", "kind", "code", "phase", "blame", "probe", "result", "le", "job",
    "instance",
];

/// Whether a label of the config can be one of a series.
///
/// # Errors
/// Why not.
pub fn check_label(name: &str) -> Result<(), LabelError> {
    let is_right = |at: usize, byte: u8| {
        byte.is_ascii_alphabetic() || byte == b'_' || (at > 0 && byte.is_ascii_digit())
    };
    let mut bytes = name.bytes().enumerate();
    // Two underlines first are Prometheus's own.
    if name.is_empty() || name.starts_with("__") || !bytes.all(|(at, byte)| is_right(at, byte)) {
        return Err(LabelError::Name);
    }
    match TAKEN.contains(&name) {
        true => Err(LabelError::Taken),
        false => Ok(()),
    }
}
