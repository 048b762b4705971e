//! What a plan is made with.

use std::time::Duration;

use hc_core::BasisPoints;

use crate::isolation::IsolationRules;

/// What a plan is made with. Plain data.
#[derive(Clone, Debug)]
pub struct PlanConfig {
    /// Goes into every target's phase, so that two checkers ask at different times.
    pub checker: String,
    /// Seeds the jitter.
    pub seed: u64,
    /// Checks in flight at most. 1 to 100,000, default 100.
    pub in_flight: usize,
    /// Checks of one host in flight at most. 1 to 10,000, default 16.
    pub per_host: usize,
    /// The grain of the wheel. 1 ms to 1 s, default 10 ms.
    pub slot: Duration,
    /// A timeout met while hc ran late by more than this share of it is hc's own fault. Default 25 %.
    pub max_lateness: BasisPoints,
    /// When hc doubts itself, if ever.
    pub isolation: Option<IsolationRules>,
}

impl Default for PlanConfig {
    fn default() -> Self {
        Self {
            checker: "hc".to_owned(),
            seed: 0,
            in_flight: 100,
            per_host: 16,
            slot: Duration::from_millis(10),
            max_lateness: BasisPoints::percent(25),
            isolation: Some(IsolationRules::default()),
        }
    }
}
