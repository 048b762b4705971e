//! Self-doubt: when nothing at all answers any more, hc looks at itself first. Pure.
//!
//! A *silence* is the time since the last sign of life of any target. *Doubt* begins when enough different
//! targets on enough hosts were silent in one silence; doubt that lasts a timeout is *isolation*. Any sign of
//! life ends both. Lifeguard (Dadgar, Phillips, Currey: "Lifeguard: Local Health Awareness for More Accurate
//! Failure Detection", 2018) is the published ancestor. Knows neither targets nor probes, only counts.

use std::time::Duration;

use hc_core::{Connection, Evidence, Failure, Kind, Phase, TargetId, Timestamp};

/// When hc doubts itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IsolationRules {
    /// So many silent targets in one silence, or a quarter of a small fleet, at least 5. 5 to 1,000, default 20.
    pub targets: usize,
    /// On so many hosts. Smaller fleets: by reference only. Default 5.
    pub min_hosts: usize,
    /// Targets that answer whenever hc's own network works. While one does, hc is not isolated.
    pub references: Vec<TargetId>,
}

impl Default for IsolationRules {
    fn default() -> Self {
        Self {
            targets: 20,
            min_hosts: 5,
            references: Vec::new(),
        }
    }
}

/// The fewest silent targets that mean anything.
const FEWEST: usize = 5;
/// At so many silent targets, on so many hosts, others are asked early.
const CALL_FOR_HELP: usize = 3;
/// Up to so many others.
pub(crate) const HELPERS: usize = 20;
/// With silent references so many other silent targets are enough; one in fleets under [`FEWEST`].
const BESIDE_REFERENCES: usize = 3;

/// What a check's end says about the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// A byte, a refusal, a reset, or a completed connect.
    Life,
    /// Nothing came.
    Silence,
    /// The check was no question: cancelled, panicked, or hc lacked something.
    None,
}

impl Sign {
    pub(crate) fn of(outcome: &Result<Evidence, Failure>) -> Self {
        let Err(failure) = outcome else {
            return Self::Life;
        };
        match failure.kind {
            Kind::Refused
            | Kind::Reset
            | Kind::Tls
            | Kind::Protocol
            | Kind::Limit
            | Kind::Unexpected
            | Kind::Unsteady
            | Kind::Proxy => Self::Life,
            Kind::Timeout if showed_life(failure) => Self::Life,
            Kind::Timeout | Kind::Unreachable | Kind::Resolve | Kind::Resolver | Kind::NoRoute => {
                Self::Silence
            }
            _ => Self::None,
        }
    }
}

/// Whether a check that timed out had completed a connect, or had begun to receive.
fn showed_life(failure: &Failure) -> bool {
    match failure.phase {
        Some(Phase::Receive) => true,
        Some(Phase::Tls | Phase::Send | Phase::Wait) => {
            failure.evidence.as_ref().is_some_and(|evidence| {
                evidence.connection == Some(Connection::New)
                    || evidence.phases.get(Phase::Connect).is_some()
            })
        }
        _ => false,
    }
}

/// A check that ended without a sign of life.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silent {
    /// It was neither suspect nor Unhealthy when its check began, and is the first such end of its in this silence.
    pub(crate) counts: bool,
    /// Likewise the first of its host.
    pub(crate) host_counts: bool,
    /// It is no reference, and this is its first silent end in this silence, whatever its status was.
    pub(crate) beside_references: bool,
    /// Its timeout.
    pub(crate) timeout: Duration,
    /// How far apart nudged checks of it are at least.
    pub(crate) min_interval: Duration,
}

/// The fleet around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fleet {
    /// Targets that are asked at all.
    pub(crate) targets: usize,
    /// Of these, neither suspect nor Unhealthy.
    pub(crate) clear: usize,
    /// References that showed life in their last check and are not being asked.
    pub(crate) references_alive: usize,
    /// There are references, and all were silent in their last check.
    pub(crate) references_silent: bool,
}

/// What a silent end leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Ask up to [`HELPERS`] others early.
    pub(crate) call_for_help: bool,
    /// Ask the references early.
    pub(crate) ask_references: bool,
    /// hc is isolated from now on.
    pub(crate) isolated: bool,
}

/// How much failures are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Belief {
    Believed,
    Doubted,
    Isolated,
}

#[derive(Debug)]
pub(crate) struct Isolation {
    rules: Option<IsolationRules>,
    /// Numbers the silences; what was marked in an earlier one does not count.
    silence: u32,
    last_sign: Timestamp,
    targets: usize,
    hosts: usize,
    others: usize,
    called_for_help: bool,
    last_call: Option<Timestamp>,
    asked_references: bool,
    doubt_since: Option<Timestamp>,
    isolated_since: Option<Timestamp>,
}

impl Isolation {
    pub(crate) fn new(rules: Option<IsolationRules>, now: Timestamp) -> Self {
        Self {
            rules,
            silence: 1,
            last_sign: now,
            targets: 0,
            hosts: 0,
            others: 0,
            called_for_help: false,
            last_call: None,
            asked_references: false,
            doubt_since: None,
            isolated_since: None,
        }
    }

    pub(crate) fn rules(&self) -> Option<&IsolationRules> {
        self.rules.as_ref()
    }

    /// Sets the rules; without any nothing is doubted. Returns how long an isolation had lasted, if this ends one.
    pub(crate) fn set_rules(
        &mut self,
        rules: Option<IsolationRules>,
        now: Timestamp,
    ) -> Option<Duration> {
        self.rules = rules;
        if self.rules.is_some() {
            return None;
        }
        self.doubt_since = None;
        self.isolated_since.take().map(|since| now.since(since))
    }

    /// The number of this silence.
    pub(crate) fn silence(&self) -> u32 {
        self.silence
    }

    pub(crate) fn belief(&self) -> Belief {
        match (self.isolated_since, self.doubt_since) {
            (Some(_), _) => Belief::Isolated,
            (None, Some(_)) => Belief::Doubted,
            (None, None) => Belief::Believed,
        }
    }

    /// Different silent targets, their hosts, and the length of this silence.
    pub(crate) fn extent(&self, now: Timestamp) -> (usize, usize, Duration) {
        (self.targets, self.hosts, now.since(self.last_sign))
    }

    /// Whether nothing was silent since the last sign of life: another one changes nothing but its time.
    pub(crate) fn is_calm(&self) -> bool {
        self.targets == 0
            && self.others == 0
            && !self.asked_references
            && self.belief() == Belief::Believed
    }

    /// There was a sign of life then, noted elsewhere while all was calm.
    pub(crate) fn heard_of(&mut self, sign: Timestamp) {
        self.last_sign = self.last_sign.max(sign);
    }

    /// Something showed life. Returns how long an isolation had lasted, if this ends one.
    pub(crate) fn life(&mut self, now: Timestamp) -> Option<Duration> {
        let ended = self.isolated_since.take().map(|since| now.since(since));
        self.doubt_since = None;
        self.last_sign = now;
        if self.targets > 0 || self.others > 0 || self.asked_references {
            // Zero is the silence of those that were never silent.
            self.silence = self.silence.wrapping_add(1).max(1);
            self.targets = 0;
            self.hosts = 0;
            self.others = 0;
            self.called_for_help = false;
            self.asked_references = false;
        }
        ended
    }

    /// A check ended without a sign of life.
    pub(crate) fn silent(&mut self, now: Timestamp, silent: Silent, fleet: Fleet) -> Steps {
        let mut steps = Steps::default();
        let Some(rules) = &self.rules else {
            return steps;
        };
        self.targets += usize::from(silent.counts);
        self.hosts += usize::from(silent.counts && silent.host_counts);
        self.others += usize::from(silent.beside_references);
        if !self.asked_references {
            self.asked_references = true;
            steps.ask_references = !rules.references.is_empty();
        }
        let call_due = self
            .last_call
            .is_none_or(|last| now.since(last) >= silent.min_interval);
        if !self.called_for_help
            && call_due
            && self.targets >= CALL_FOR_HELP
            && self.hosts >= CALL_FOR_HELP
        {
            self.called_for_help = true;
            self.last_call = Some(now);
            steps.call_for_help = true;
        }
        if self.doubt_since.is_none() && fleet.references_alive == 0 {
            let enough = (fleet.clear / 4).clamp(FEWEST, rules.targets.max(FEWEST));
            let by_count = self.targets >= enough && self.hosts >= rules.min_hosts;
            let beside = if fleet.targets < FEWEST {
                1
            } else {
                BESIDE_REFERENCES
            };
            let by_reference = fleet.references_silent && self.others >= beside;
            if by_count || by_reference {
                self.doubt_since = Some(now);
            }
        }
        if let Some(since) = self.doubt_since
            && self.isolated_since.is_none()
            && now.since(since) >= silent.timeout
        {
            self.isolated_since = Some(now);
            steps.isolated = true;
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(2);

    fn silent(counts: bool, host_counts: bool) -> Silent {
        Silent {
            counts,
            host_counts,
            beside_references: counts,
            timeout: TIMEOUT,
            min_interval: Duration::from_millis(500),
        }
    }

    fn fleet(targets: usize, clear: usize) -> Fleet {
        Fleet {
            targets,
            clear,
            references_alive: 0,
            references_silent: false,
        }
    }

    fn ms(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn isolation() -> Isolation {
        Isolation::new(Some(IsolationRules::default()), Timestamp::ZERO)
    }

    #[test]
    fn a_quarter_of_the_clear_fleet_at_least_five_at_most_twenty() {
        for (clear, enough) in [(6, 5), (20, 5), (40, 10), (80, 20), (10_000, 20)] {
            let mut isolation = isolation();
            for n in 1..=enough {
                assert_eq!(isolation.belief(), Belief::Believed, "{clear} {n}");
                let _ = isolation.silent(ms(n as u64), silent(true, true), fleet(clear, clear));
            }
            assert_eq!(isolation.belief(), Belief::Doubted, "{clear}");
        }
    }

    #[test]
    fn repeated_silence_of_a_target_and_few_hosts_are_not_enough() {
        let mut isolation = isolation();
        for n in 0..100 {
            let _ = isolation.silent(ms(n), silent(n < 4, n < 4), fleet(100, 100));
        }
        assert_eq!(isolation.belief(), Belief::Believed);
        for n in 0..100 {
            let _ = isolation.silent(ms(n), silent(true, false), fleet(100, 100));
        }
        assert_eq!(isolation.belief(), Belief::Believed, "on four hosts");
    }

    #[test]
    fn help_is_called_once_a_silence_and_not_sooner_than_min_interval() {
        let mut isolation = isolation();
        let calls = |isolation: &mut Isolation, at: u64| {
            (0..5)
                .filter(|_| {
                    isolation
                        .silent(ms(at), silent(true, true), fleet(1000, 1000))
                        .call_for_help
                })
                .count()
        };
        assert_eq!(calls(&mut isolation, 0), 1);
        let _ = isolation.life(ms(1));
        assert_eq!(calls(&mut isolation, 100), 0);
        let _ = isolation.life(ms(101));
        assert_eq!(calls(&mut isolation, 600), 1);
    }

    #[test]
    fn doubt_that_lasts_a_timeout_is_isolation_and_life_ends_it() {
        let mut isolation = isolation();
        for n in 0..5 {
            let _ = isolation.silent(ms(n), silent(true, true), fleet(20, 20));
        }
        assert!(
            !isolation
                .silent(ms(1_900), silent(false, false), fleet(20, 20))
                .isolated
        );
        assert!(
            isolation
                .silent(ms(2_004), silent(false, false), fleet(20, 20))
                .isolated
        );
        assert!(
            !isolation
                .silent(ms(2_005), silent(false, false), fleet(20, 20))
                .isolated
        );
        assert_eq!(isolation.belief(), Belief::Isolated);
        assert_eq!(isolation.life(ms(5_004)), Some(Duration::from_secs(3)));
        assert_eq!(isolation.belief(), Belief::Believed);
        assert_eq!(isolation.life(ms(6_000)), None);
    }

    #[test]
    fn a_living_reference_forbids_doubt_and_silent_ones_need_three_others() {
        let mut isolation = isolation();
        let alive = Fleet {
            references_alive: 1,
            ..fleet(100, 100)
        };
        for n in 0..50 {
            let _ = isolation.silent(ms(n), silent(true, true), alive);
        }
        assert_eq!(isolation.belief(), Belief::Believed);

        let gone = Fleet {
            references_silent: true,
            ..fleet(6, 6)
        };
        let mut isolation = self::isolation();
        let reference = Silent {
            beside_references: false,
            ..silent(true, true)
        };
        let _ = isolation.silent(ms(0), reference, gone);
        let _ = isolation.silent(ms(1), silent(true, false), gone);
        let _ = isolation.silent(ms(2), silent(true, false), gone);
        assert_eq!(isolation.belief(), Belief::Believed);
        let _ = isolation.silent(ms(3), silent(true, false), gone);
        assert_eq!(isolation.belief(), Belief::Doubted);

        let mut isolation = self::isolation();
        let few = Fleet {
            references_silent: true,
            ..fleet(4, 4)
        };
        let _ = isolation.silent(ms(1), silent(true, false), few);
        assert_eq!(isolation.belief(), Belief::Doubted);
    }
}
