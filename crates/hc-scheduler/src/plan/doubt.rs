//! What a check's end says of hc itself: a timeout may be its own fault, a sign of life ends all doubt, and a silence may
//! begin it, and has others asked early.

use hc_core::{Blame, Edge, EventKind, Failure, Kind, Timestamp};

use super::finish::Outcome;
use super::{Flight, Plan};
use crate::isolation::{Belief, Fleet, Sign, Silent};

/// How many places of the slab are looked at when others are to be asked early: enough to find twenty in any
/// fleet that is mostly well, and a bound in one that is not.
const HELPER_SCAN: usize = 2_000;

impl Plan {
    /// A timeout met while hc itself ran late is its own.
    pub(super) fn excuse(
        &mut self,
        flight: &Flight,
        failure: Failure,
        first_poll: Timestamp,
        ended_at: Timestamp,
    ) -> Failure {
        let (timeout, lost_before) = (flight.timeout, flight.lost_before);
        // The deadline fires at a slot's boundary; what comes on top of that is lateness.
        let deadline = self.wheel.fires_at(first_poll + timeout);
        let noticed = self.clock.to_running(ended_at).since(deadline);
        let lost = self.clock.losses().of(timeout).saturating_sub(lost_before);
        let late = lost.max(noticed);
        let most = timeout.mul_f64(self.config.max_lateness.ratio());
        if late <= most || failure.blame == Blame::Local {
            return failure;
        }
        let millis = late.as_millis();
        let message = format!("timed out, but hc itself was {millis} ms late");
        let mut starved = Failure::new(Kind::Starved, failure.phase, message);
        starved.evidence = failure.evidence;
        starved
    }

    /// Takes the sign that this check gives; whether its failure is not to be believed.
    pub(super) fn listen(&mut self, index: u32, outcome: &Outcome, flight: &Flight) -> bool {
        let now = self.clock.now();
        match Sign::of(outcome) {
            Sign::None => return false,
            Sign::Life => {
                self.slab.at_mut(index).showed_life = Some(true);
                self.hear_life();
                return false;
            }
            Sign::Silence => {}
        }
        let signs = self.signs.clone();
        let mut doubt = signs.doubt(now);
        let now = doubt.now;
        let silence = doubt.silence();
        let entry = self.slab.at_mut(index);
        entry.showed_life = Some(false);
        let counts = entry.was_clear && entry.silence != silence;
        if counts {
            entry.silence = silence;
        }
        let is_first = std::mem::replace(&mut entry.silent_in, silence) != silence;
        self.mark_silent(index);
        let entry = self.slab.at(index);
        let beside_references = is_first && !entry.is_reference;
        let host = entry.host;
        let silent = Silent {
            counts,
            host_counts: counts && self.admission.mark_silent(host, silence),
            beside_references,
            timeout: flight.timeout,
            min_interval: entry.policy.min_interval(),
        };
        let fleet = self.fleet();
        let steps = doubt.silent(now, silent, fleet);
        if steps.isolated {
            let (targets, hosts, silent) = doubt.extent(now);
            let edge = Edge::Begin;
            self.announce(EventKind::Isolated {
                targets,
                hosts,
                silent,
                edge,
            });
        }
        let elsewhere = match doubt.rules() {
            Some(rules) if steps.ask_references && signs.is_shared() => rules.references.clone(),
            _ => Vec::new(),
        };
        // From here on the others know.
        drop(doubt);
        if steps.ask_references {
            signs.nudge_references(self.worker(), &elsewhere);
            for reference in self.references.clone() {
                if reference.index != index && !self.slab.at(reference.index).paused {
                    self.nudge(reference.index);
                }
            }
        }
        if steps.call_for_help {
            let most = signs.call_for_help(self.worker());
            self.calls = signs.calls();
            self.call_for_help(index, silence, most);
        }
        let began = flight.started + flight.all_lost_before;
        self.signs.belief() != Belief::Believed || self.signs.predates_end(began)
    }

    /// Some target has shown life.
    pub(super) fn hear_life(&self) {
        let (now, real) = (self.clock.now(), self.clock.real());
        self.signs.life(now, real, |ended| {
            self.announce(EventKind::Isolated {
                targets: ended.targets,
                hosts: ended.hosts,
                silent: ended.silent,
                edge: Edge::End {
                    lasted: ended.lasted,
                },
            });
        });
    }

    /// The whole fleet, this worker's share as it is now.
    fn fleet(&self) -> Fleet {
        let worker = self.worker();
        self.signs.tell(worker, self.asked, self.clear);
        self.signs.tell_references(worker, self.own_references());
        self.signs.fleet()
    }

    /// Asks some others early, on different hosts first: they were not silent yet and are well.
    pub(super) fn call_for_help(&mut self, caller: u32, silence: u32, most: usize) {
        let span = u32::try_from(self.slab.span()).unwrap_or(u32::MAX);
        let mut found: Vec<u32> = Vec::with_capacity(most);
        for other_hosts_only in [true, false] {
            let mut cursor = self.helper_cursor;
            for _ in 0..HELPER_SCAN.min(span as usize) {
                if found.len() == most {
                    break;
                }
                cursor = (cursor + 1) % span;
                let Some(key) = self.slab.key_at(cursor) else {
                    continue;
                };
                let entry = self.slab.at(key.index);
                let well = !entry.paused && !entry.removed && entry.is_clear();
                let new_host = !self.admission.is_silent(entry.host, silence)
                    && !found
                        .iter()
                        .any(|other| self.slab.at(*other).host == entry.host);
                if cursor != caller
                    && well
                    && entry.silence != silence
                    && (new_host || !other_hosts_only)
                    && !found.contains(&cursor)
                {
                    found.push(cursor);
                }
            }
            if !other_hosts_only {
                self.helper_cursor = cursor;
            }
        }
        for index in found {
            self.nudge(index);
        }
    }
}
