//! What is seen of a checker: calm, and under a load.

use std::fmt;

/// Without a load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calm {
    /// Answers a second.
    pub(super) rate: f64,
    /// Processor time for each.
    pub(super) cpu_us: f64,
}

/// What a load did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effect {
    /// Targets called unhealthy, from its begin until all was normal.
    pub(super) false_transitions: u64,
    /// Answers a second while it lasted.
    pub(super) rate: f64,
    /// Of its processor, while it lasted.
    pub(super) share: f64,
    /// Answers, to as many as the interval asks for or the time it could have had is enough for.
    pub(super) of_possible: Option<f64>,
    /// From its end, in seconds; none: longer than was waited for.
    pub(super) to_normal: Option<f64>,
    /// Still called unhealthy when waiting ended.
    pub(super) left: usize,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let normal = self
            .to_normal
            .map_or_else(|| "not yet".to_owned(), |it| format!("{it:.1} s"));
        write!(
            f,
            "{} false transitions, {:.0} answers/s on {:.0} %, normal after: {normal}",
            self.false_transitions,
            self.rate,
            100.0 * self.share
        )
    }
}
