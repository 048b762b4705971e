//! Collects what somebody set, checks all of it at once, and fills in the rest.

use std::fmt;
use std::time::Duration;

use super::{BasisPoints, Flap, Passive, Policy, Start, Unsteady, Weights};
use crate::failure::Kind;

/// One thing that is wrong with a policy: the key, and what was wanted and found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// The setting, spelt as in the config.
    pub key: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

/// All that is wrong with a policy, not only the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyErrors(pub Vec<PolicyError>);

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, PolicyError { key, problem }) in self.0.iter().enumerate() {
            write!(f, "{}{key}: {problem}", if i == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyErrors {}

/// Collects settings for a [`Policy`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct PolicyBuilder {
    interval: Option<Duration>,
    timeout: Option<Duration>,
    rise: Option<u32>,
    fall: Option<u32>,
    start: Start,
    fast_interval: Option<Duration>,
    min_interval: Option<Duration>,
    max_interval: Option<Duration>,
    backoff: Option<f64>,
    jitter: Option<BasisPoints>,
    weights: Weights,
    flap: Option<Option<Flap>>,
    unsteady: Option<Option<Unsteady>>,
    passive: Passive,
    suspect_after: Option<u16>,
    quiet: bool,
}

impl PolicyBuilder {
    /// See [`Policy::interval`].
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// See [`Policy::timeout`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// See [`Policy::rise`].
    pub fn rise(mut self, passes: u32) -> Self {
        self.rise = Some(passes);
        self
    }

    /// See [`Policy::fall`].
    pub fn fall(mut self, failures: u32) -> Self {
        self.fall = Some(failures);
        self
    }

    /// See [`Policy::start`].
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// See [`Policy::fast_interval`]. Left out, it is at most the interval.
    pub fn fast_interval(mut self, interval: Duration) -> Self {
        self.fast_interval = Some(interval);
        self
    }

    /// See [`Policy::min_interval`]. Left out, it is the fast interval.
    pub fn min_interval(mut self, interval: Duration) -> Self {
        self.min_interval = Some(interval);
        self
    }

    /// See [`Policy::max_interval`]. Left out, it is twice the interval.
    pub fn max_interval(mut self, interval: Duration) -> Self {
        self.max_interval = Some(interval);
        self
    }

    /// See [`Policy::backoff`].
    pub fn backoff(mut self, factor: f64) -> Self {
        self.backoff = Some(factor);
        self
    }

    /// See [`Policy::jitter`].
    pub fn jitter(mut self, share: BasisPoints) -> Self {
        self.jitter = Some(share);
        self
    }

    /// One failure of `kind` counts for so many. 1 to 100.
    pub fn weight(mut self, kind: Kind, weight: u8) -> Self {
        self.weights.set(kind, weight);
        self
    }

    /// See [`Policy::flap`]; `None` turns it off.
    pub fn flap(mut self, flap: Option<Flap>) -> Self {
        self.flap = Some(flap);
        self
    }

    /// See [`Policy::unsteady`]; `None` turns it off.
    pub fn unsteady(mut self, unsteady: Option<Unsteady>) -> Self {
        self.unsteady = Some(unsteady);
        self
    }

    /// See [`Policy::passive`].
    pub fn passive(mut self, passive: Passive) -> Self {
        self.passive = passive;
        self
    }

    /// See [`Policy::suspect_after`].
    pub fn suspect_after(mut self, failures: u16) -> Self {
        self.suspect_after = Some(failures);
        self
    }

    /// See [`Policy::quiet`].
    pub fn quiet(mut self, quiet: bool) -> Self {
        self.quiet = quiet;
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    /// All settings that are out of range or contradict each other. An interval that nobody set gives way;
    /// only set ones are errors.
    pub fn build(self) -> Result<Policy, PolicyErrors> {
        let mut errors = Errors::default();
        let interval = self.interval.unwrap_or(Duration::from_secs(5));
        errors.duration(
            "interval",
            interval,
            Duration::from_millis(10),
            Duration::from_secs(86_400),
        );
        let timeout = self.timeout.unwrap_or(Duration::from_secs(2));
        errors.duration(
            "timeout",
            timeout,
            Duration::from_millis(1),
            Duration::from_secs(300),
        );
        let rise = errors.count("rise", self.rise.unwrap_or(2));
        let fall = errors.count("fall", self.fall.unwrap_or(3));

        // Settings that were left out give way, smallest first.
        let max_interval = self.max_interval.unwrap_or(interval.saturating_mul(2));
        errors.order(
            "max_interval",
            max_interval,
            "interval",
            interval,
            Order::AtLeast,
        );
        let fast_interval = self
            .fast_interval
            .unwrap_or(Duration::from_millis(500).min(interval));
        errors.order(
            "fast_interval",
            fast_interval,
            "interval",
            interval,
            Order::AtMost,
        );
        errors.duration(
            "fast_interval",
            fast_interval,
            Duration::from_millis(1),
            Duration::from_secs(86_400),
        );
        let min_interval = self.min_interval.unwrap_or(fast_interval);
        errors.order(
            "min_interval",
            min_interval,
            "fast_interval",
            fast_interval,
            Order::AtMost,
        );

        let backoff = self.backoff.unwrap_or(2.0);
        if !(1.0..=10.0).contains(&backoff) {
            errors.push("backoff", format!("wanted 1 to 10, found {backoff}"));
        }
        let jitter = self.jitter.unwrap_or(BasisPoints::percent(10));
        if jitter > BasisPoints::percent(25) {
            errors.push(
                "jitter",
                format!("wanted at most 25 %, found {} %", jitter.ratio() * 100.0),
            );
        }
        for kind in Kind::ALL {
            if !(1..=100).contains(&self.weights.get(*kind)) {
                let found = self.weights.get(*kind);
                errors.push("weight", format!("{kind}: wanted 1 to 100, found {found}"));
            }
        }
        let flap = self.flap.unwrap_or_else(|| Some(Flap::default()));
        if let Some(Flap { high, low }) = flap
            && (low >= high || high > BasisPoints::percent(100))
        {
            errors.push("flap", "wanted low < high <= 100 %".to_owned());
        }
        let unsteady = self.unsteady.unwrap_or_else(|| Some(Unsteady::default()));
        if let Some(Unsteady {
            failures,
            until,
            of,
            ..
        }) = unsteady
            && !(until < failures && failures <= of && of <= 32)
        {
            errors.push("unsteady", "wanted until < failures <= of <= 32".to_owned());
        }
        let suspect_after = self.suspect_after.unwrap_or(5);
        if suspect_after == 0 {
            errors.push("suspect_after", "wanted 1 or more, found 0".to_owned());
        }
        errors.finish()?;
        Ok(Policy {
            interval,
            timeout,
            rise,
            fall,
            start: self.start,
            fast_interval,
            min_interval,
            max_interval,
            backoff,
            jitter,
            weights: self.weights,
            flap,
            unsteady,
            passive: self.passive,
            suspect_after,
            quiet: self.quiet,
        })
    }
}

#[derive(Clone, Copy)]
enum Order {
    AtLeast,
    AtMost,
}

#[derive(Default)]
struct Errors(Vec<PolicyError>);

impl Errors {
    fn push(&mut self, key: &'static str, problem: String) {
        self.0.push(PolicyError { key, problem });
    }

    fn duration(&mut self, key: &'static str, found: Duration, least: Duration, most: Duration) {
        if found < least || found > most {
            self.push(
                key,
                format!("wanted {least:?} to {most:?}, found {found:?}"),
            );
        }
    }

    fn count(&mut self, key: &'static str, found: u32) -> u8 {
        match u8::try_from(found) {
            Ok(count @ 1..=100) => count,
            _ => {
                self.push(key, format!("wanted 1 to 100, found {found}"));
                1
            }
        }
    }

    fn order(
        &mut self,
        key: &'static str,
        found: Duration,
        bound_key: &'static str,
        bound: Duration,
        order: Order,
    ) {
        let (holds, words) = match order {
            Order::AtLeast => (found >= bound, "at least"),
            Order::AtMost => (found <= bound, "at most"),
        };
        if !holds {
            self.push(
                key,
                format!("wanted {words} {bound_key} ({bound:?}), found {found:?}"),
            );
        }
    }

    fn finish(self) -> Result<(), PolicyErrors> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(PolicyErrors(self.0))
        }
    }
}
