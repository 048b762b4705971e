//! What a test does to its fleet between two runs.

use std::sync::Arc;
use std::time::Duration;

use hc_core::{Policy, Report, probe_fn};
use hc_scheduler::plan::{Description, Input};
use hc_scheduler::{IsolationRules, Key};

use super::world::{Answer, Ask};
use super::{Fleet, name};

impl Fleet {
    /// Adds targets in one command.
    pub fn add(&mut self, numbers: impl IntoIterator<Item = usize>) {
        let targets: Vec<_> = numbers.into_iter().map(|n| (n, (self.make)(n))).collect();
        let ranks = self
            .plan
            .ranks(targets.iter().map(|(_, target)| &target.id));
        let count = u32::try_from(targets.len()).expect("fewer than four billion");
        for ((n, target), rank) in targets.into_iter().zip(ranks) {
            let host = target.host.clone();
            self.plan_input(Input::Add {
                target,
                rank,
                count,
            });
            let cell = self.publisher.find(&name(n)).expect("it was added");
            if self.keys.len() <= n {
                self.keys.resize(n + 1, None);
                self.host_numbers.resize(n + 1, 0);
            }
            let digits = host.trim_start_matches(|c: char| !c.is_ascii_digit());
            self.note_host(n, digits.parse().unwrap_or(0));
            self.keys[n] = Some(Key::from_bits(cell.tag()));
        }
    }

    fn note_host(&mut self, n: usize, host: u32) {
        self.host_numbers[n] = host;
        if self.hosts_in_flight.len() <= host as usize {
            self.hosts_in_flight.resize(host as usize + 1, 0);
        }
    }

    /// The key of the `n`-th target, if it is known.
    #[must_use]
    pub fn key(&self, n: usize) -> Option<Key> {
        self.keys.get(n).copied().flatten()
    }

    fn known(&self, n: usize) -> Key {
        self.key(n).expect("the target is known")
    }

    /// Removes a target.
    pub fn remove(&mut self, n: usize) {
        let key = self.known(n);
        self.keys[n] = None;
        self.plan_input(Input::Remove { key });
    }

    /// Pauses a target.
    pub fn pause(&mut self, n: usize) {
        let key = self.known(n);
        self.plan_input(Input::Pause { key });
    }

    /// Resumes a target.
    pub fn resume(&mut self, n: usize) {
        let (key, rank, count) = (self.known(n), 0, 1);
        self.plan_input(Input::Resume { key, rank, count });
    }

    /// Gives a target another policy.
    pub fn set_policy(&mut self, n: usize, policy: Policy) {
        let (key, policy) = (self.known(n), Arc::new(policy));
        self.plan_input(Input::SetPolicy { key, policy });
    }

    /// Gives a target another probe; the world still answers.
    pub fn replace(&mut self, n: usize) {
        let key = self.known(n);
        let probe = Arc::new(probe_fn(|_| async { unreachable!("the world answers") }));
        self.plan_input(Input::Replace { key, probe });
    }

    /// Changes a target's host.
    pub fn move_to_host(&mut self, n: usize, host: u32) {
        let key = self.known(n);
        // What is in flight keeps the host that it began with.
        self.note_host(n, host);
        let target = (self.make)(n).with_host(format!("h-{host}"));
        self.plan_input(Input::Update {
            key,
            target,
            rank: 0,
            count: 1,
        });
    }

    /// Nudges a target, by the same door as a probe does.
    pub fn nudge(&mut self, n: usize) {
        let handle = self.view.get(&name(n)).expect("the target is known");
        handle.nudge();
    }

    /// Reports what traffic saw of a target.
    pub fn report(&mut self, n: usize, report: Report) {
        let handle = self.view.get(&name(n)).expect("the target is known");
        handle.report(report);
    }

    /// Asks a target now.
    pub fn check_now(&mut self, n: usize) {
        let key = self.known(n);
        self.plan_input(Input::CheckNow { key });
    }

    /// Asks when each target has ended one check; the answer comes into the record under the number returned.
    pub fn first_sweep(&mut self) -> u64 {
        let waiter = self.sweeps;
        self.sweeps += 1;
        self.plan_input(Input::FirstSweep { waiter });
        waiter
    }

    /// Sets the limits of checks in flight.
    pub fn set_limits(&mut self, in_flight: usize, per_host: usize) {
        (self.in_flight_limit, self.per_host_limit) = (usize::MAX, usize::MAX);
        self.plan_input(Input::SetLimits {
            in_flight,
            per_host,
        });
    }

    /// Sets the rules of self-doubt.
    pub fn set_isolation(&mut self, rules: Option<IsolationRules>) {
        self.plan_input(Input::SetIsolation(rules));
    }

    /// No new checks from now on.
    pub fn stop(&mut self) {
        self.plan_input(Input::Stop);
    }

    /// Changes what checks meet from now on.
    pub fn set_world(&mut self, answers: impl FnMut(Ask<'_>) -> Answer + 'static) {
        self.world.answers = Box::new(answers);
    }

    /// Changes what the first poll of a check costs from now on.
    pub fn set_cost(&mut self, cost: Duration) {
        self.cost = cost;
    }

    /// Stops the whole process for that long: what arrives meanwhile lies unread.
    pub fn stall(&mut self, lasts: Duration) {
        self.now += lasts;
    }

    /// All that is known of a target.
    #[must_use]
    pub fn describe(&self, n: usize) -> Description {
        let described = self.plan.describe(self.known(n));
        described.expect("the target is known")
    }
}
