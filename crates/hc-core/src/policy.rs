//! How a target's answers are judged and how often it is asked: validated once, then never checked again.

use std::fmt;
use std::time::Duration;

use crate::failure::Kind;

mod builder;

pub use builder::{PolicyBuilder, PolicyError, PolicyErrors};

/// What holds before the first conclusive checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Start {
    /// Unknown until the first verdict, which decides.
    #[default]
    First,
    /// Taken for healthy until a verdict confirms it or `fall` failures turn it.
    Healthy,
    /// Taken for unhealthy until `rise` passes turn it.
    Unhealthy,
}

/// A share in hundredths of a percent, so that thresholds compare exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BasisPoints(pub u16);

impl BasisPoints {
    /// So many whole percent.
    #[must_use]
    pub const fn percent(percent: u16) -> Self {
        Self(percent.saturating_mul(100))
    }

    /// As a share of one.
    #[must_use]
    pub fn ratio(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }
}

/// When a target is called flapping: the weighted share of changes among its last 21 statuses (Nagios' measure).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flap {
    /// It begins at this share or more.
    pub high: BasisPoints,
    /// It ends at this share or less.
    pub low: BasisPoints,
}

impl Default for Flap {
    fn default() -> Self {
        Self {
            high: BasisPoints::percent(20),
            low: BasisPoints::percent(5),
        }
    }
}

/// What becomes of an unsteady target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnsteadyVerdict {
    /// Its passes are heard as warnings: it becomes Degraded and stays in rotation.
    #[default]
    Degraded,
    /// The failure that completes the count turns it Unhealthy.
    Unhealthy,
}

/// When a target is called unsteady: it often fails, never often enough in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsteady {
    /// It begins at this many failures among the last `of` results.
    pub failures: u8,
    /// It ends at this many or fewer. A gap between the two keeps it from fluttering.
    pub until: u8,
    /// How many results are looked at, at most 32.
    pub of: u8,
    /// What it means.
    pub verdict: UnsteadyVerdict,
}

impl Default for Unsteady {
    fn default() -> Self {
        // Measured: alternation shows after 13 checks, while targets failing 5 % of their checks at random
        // are Degraded 0.1 % of the time.
        Self {
            failures: 6,
            until: 2,
            of: 20,
            verdict: UnsteadyVerdict::Degraded,
        }
    }
}

/// What failures that an embedder's own traffic saw may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Passive {
    /// A row of them asks for an early check, which decides.
    #[default]
    Hint,
    /// A row of them also counts as one failure, at most once per `fast_interval`.
    Counts,
    /// Nothing.
    Ignore,
}

/// How many failures one of each kind counts for; 1 unless said otherwise.
#[derive(Clone, PartialEq, Eq)]
pub struct Weights([u8; Kind::COUNT]);

impl Default for Weights {
    fn default() -> Self {
        Self([1; Kind::COUNT])
    }
}

impl Weights {
    /// The weight of a kind.
    #[must_use]
    pub fn get(&self, kind: Kind) -> u8 {
        self.0[kind as usize]
    }

    /// Sets the weight of a kind.
    pub fn set(&mut self, kind: Kind, weight: u8) {
        self.0[kind as usize] = weight;
    }
}

impl fmt::Debug for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heavier = Kind::ALL
            .iter()
            .map(|kind| (kind, self.get(*kind)))
            .filter(|(_, w)| *w != 1);
        f.debug_map().entries(heavier).finish()
    }
}

/// How a target's answers are judged and how often it is asked.
///
/// Made by [`Policy::builder`], which refuses what cannot work. Defaults are those of the `medium` profile.
///
/// ```
/// use std::time::Duration;
/// use hc_core::Policy;
///
/// let policy = Policy::builder().interval(Duration::from_secs(1)).fall(5).build()?;
/// assert_eq!(policy.fall(), 5);
/// assert!(Policy::builder().rise(0).build().is_err());
/// # Ok::<(), hc_core::PolicyErrors>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    interval: Duration,
    timeout: Duration,
    rise: u8,
    fall: u8,
    start: Start,
    fast_interval: Duration,
    min_interval: Duration,
    max_interval: Duration,
    backoff: f64,
    jitter: BasisPoints,
    weights: Weights,
    flap: Option<Flap>,
    unsteady: Option<Unsteady>,
    passive: Passive,
    suspect_after: u16,
    quiet: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self::builder().build().expect("the defaults are valid")
    }
}

impl Policy {
    /// Starts from the defaults.
    pub fn builder() -> PolicyBuilder {
        PolicyBuilder::default()
    }

    /// Start to start of two checks, on the target's own grid. 10 ms to 24 h, default 5 s.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// How long a whole check may take. 1 ms to 5 min, default 2 s. Longer than the interval is legal.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Passes in a row that turn an unhealthy target. 1 to 100, default 2.
    #[must_use]
    pub fn rise(&self) -> u8 {
        self.rise
    }

    /// Failures in a row that turn a healthy target. 1 to 100, default 3.
    #[must_use]
    pub fn fall(&self) -> u8 {
        self.fall
    }

    /// What holds before the first conclusive checks.
    #[must_use]
    pub fn start(&self) -> Start {
        self.start
    }

    /// The interval while suspect or recovering. Default 500 ms, at most the interval.
    #[must_use]
    pub fn fast_interval(&self) -> Duration {
        self.fast_interval
    }

    /// Two nudged checks are at least this far apart. Default: the fast interval.
    #[must_use]
    pub fn min_interval(&self) -> Duration {
        self.min_interval
    }

    /// The longest interval that backoff, slowness and quiet may lead to. Default twice the interval.
    #[must_use]
    pub fn max_interval(&self) -> Duration {
        self.max_interval
    }

    /// The factor by which the interval grows per failed check while unhealthy. 1 to 10, default 2; 1 is none.
    #[must_use]
    pub fn backoff(&self) -> f64 {
        self.backoff
    }

    /// The share of the interval by which a check may come later at random. At most 25 %, default 10 %.
    #[must_use]
    pub fn jitter(&self) -> BasisPoints {
        self.jitter
    }

    /// How many failures one of that kind counts for: at least 1, at most `fall`.
    #[must_use]
    pub fn weight(&self, kind: Kind) -> u8 {
        self.weights.get(kind).clamp(1, self.fall)
    }

    /// When it is called flapping, if ever.
    #[must_use]
    pub fn flap(&self) -> Option<Flap> {
        self.flap
    }

    /// When it is called unsteady, if ever.
    #[must_use]
    pub fn unsteady(&self) -> Option<Unsteady> {
        self.unsteady
    }

    /// What reported failures may do.
    #[must_use]
    pub fn passive(&self) -> Passive {
        self.passive
    }

    /// How many reported failures in a row are acted on. Default 5.
    #[must_use]
    pub fn suspect_after(&self) -> u16 {
        self.suspect_after
    }

    /// Whether passes that traffic reports stretch the interval. Default no.
    #[must_use]
    pub fn quiet(&self) -> bool {
        self.quiet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(builder: PolicyBuilder) -> Vec<&'static str> {
        match builder.build() {
            Ok(_) => Vec::new(),
            Err(errors) => errors.0.iter().map(|e| e.key).collect(),
        }
    }

    #[test]
    fn all_errors_come_at_once() {
        let bad = Policy::builder()
            .interval(Duration::from_millis(9))
            .timeout(Duration::ZERO)
            .rise(0)
            .fall(101)
            .backoff(f64::NAN)
            .jitter(BasisPoints::percent(26))
            .weight(Kind::Tls, 0)
            .flap(Some(Flap {
                high: BasisPoints::percent(5),
                low: BasisPoints::percent(5),
            }))
            .unsteady(Some(Unsteady {
                of: 33,
                ..Unsteady::default()
            }))
            .suspect_after(0);
        assert_eq!(
            keys(bad),
            [
                "interval",
                "timeout",
                "rise",
                "fall",
                "backoff",
                "jitter",
                "weight",
                "flap",
                "unsteady",
                "suspect_after"
            ]
        );
    }

    #[test]
    fn what_nobody_set_gives_way() {
        let policy = Policy::builder()
            .interval(Duration::from_millis(100))
            .build()
            .unwrap();
        assert_eq!(policy.fast_interval(), Duration::from_millis(100));
        assert_eq!(policy.min_interval(), Duration::from_millis(100));
        assert_eq!(policy.max_interval(), Duration::from_millis(200));
        let fast = Policy::builder().fast_interval(Duration::from_secs(6));
        assert_eq!(keys(fast), ["fast_interval"]);
        let max = Policy::builder().max_interval(Duration::from_secs(4));
        assert_eq!(keys(max), ["max_interval"]);
        let min = Policy::builder().min_interval(Duration::from_secs(1));
        assert_eq!(keys(min), ["min_interval"]);
    }

    #[test]
    fn a_weight_never_exceeds_fall() {
        let policy = Policy::builder()
            .fall(3)
            .weight(Kind::Tls, 100)
            .build()
            .unwrap();
        assert_eq!(policy.weight(Kind::Tls), 3);
        assert_eq!(policy.weight(Kind::Refused), 1);
    }
}
