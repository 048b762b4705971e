//! The one asynchronous file: a loop, a timer, the running checks and the commands around the pure plan.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use hc_core::{CheckContext, Clock, Failure, Kind, Nudge, Publisher, Timestamp};
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};

use crate::check::{End, Gate, Running};
use crate::command::{Alteration, Applied, Command, MonitorError, Reply, Shutdown};
use crate::observer::Observer;
use crate::plan::{Action, Checked, Ended, Input, Now, Plan};
use crate::slab::Key;
use crate::stats::Stats;
use crate::time::MonitorClock;

/// How many targets commands may touch, and how many nudges are heard, in one turn: at some microseconds each a
/// turn stays under a slot.
const PER_TURN: usize = 1_000;

type Asker = Reply<Result<Arc<Checked>, MonitorError>>;

type Ending = (Key, End, Timestamp);

struct InFlight {
    key: Key,
    gate: Arc<Gate>,
    context: CheckContext,
}

/// One command that is being carried out over several turns.
struct Altering {
    left: VecDeque<Input>,
    applied: Applied,
    reply: Reply<Applied>,
}

struct ShuttingDown {
    /// Everybody who asked for it.
    replies: Vec<Reply<Shutdown>>,
    until: Timestamp,
    in_flight: usize,
    cancelled: usize,
    all_told: bool,
}

impl ShuttingDown {
    fn looks_again_at(&self) -> Timestamp {
        if self.all_told {
            self.until + LAST_WORDS
        } else {
            self.until
        }
    }
}

pub(crate) struct Driver {
    plan: Plan,
    publisher: Publisher,
    clock: Arc<MonitorClock>,
    observer: Option<Arc<dyn Observer>>,
    commands: mpsc::Receiver<Command>,
    checks: JoinSet<Ending>,
    in_flight: HashMap<Key, (Id, InFlight)>,
    by_task: HashMap<Id, Key>,
    actions: Vec<Action>,
    altering: VecDeque<Altering>,
    asked: HashMap<Key, Vec<Asker>>,
    sweeps: HashMap<u64, Reply<()>>,
    next_sweep: u64,
    refused: Vec<hc_core::TargetId>,
    shutting_down: Option<ShuttingDown>,
}

/// What ended a wait.
enum Woken {
    Time,
    Inbox,
    Check(Result<(Id, Ending), JoinError>),
    Command(Option<Command>),
}

impl Driver {
    pub(crate) fn new(
        plan: Plan,
        publisher: Publisher,
        clock: Arc<MonitorClock>,
        observer: Option<Arc<dyn Observer>>,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        Self {
            plan,
            publisher,
            clock,
            observer,
            commands,
            checks: JoinSet::new(),
            in_flight: HashMap::new(),
            by_task: HashMap::new(),
            actions: Vec::new(),
            altering: VecDeque::new(),
            asked: HashMap::new(),
            sweeps: HashMap::new(),
            next_sweep: 0,
            refused: Vec::new(),
            shutting_down: None,
        }
    }

    /// Runs until it is shut down or nobody holds a handle any more.
    pub(crate) async fn run(mut self) {
        loop {
            // Ready checks first: without this the driver's own lateness says nothing about theirs, because tokio
            // polls 61 tasks between two looks at the timers.
            tokio::task::yield_now().await;
            self.turn(Input::Tick);
            self.hear_inbox();
            self.alter();
            if self.is_done() {
                return self.end();
            }
            let woken = self.wait().await;
            // Time moves before anything is judged.
            self.turn(Input::Tick);
            match woken {
                Woken::Time | Woken::Inbox => {}
                Woken::Check(ended) => self.check_ended(ended),
                Woken::Command(Some(command)) => self.command(command),
                Woken::Command(None) => return self.end(),
            }
            if !self.take_what_is_ready() {
                return self.end();
            }
        }
    }

    async fn wait(&mut self) -> Woken {
        let heard = self.publisher.inbox().listen();
        // Asked for in every turn, also in one that is not followed by a sleep: the running clock goes no further
        // than a little past the last wake-up asked for, and would stand still while a long command is carried out.
        let next_wake = self.plan.next_wake();
        if !self.publisher.inbox().is_empty() || !self.altering.is_empty() {
            return Woken::Inbox;
        }
        let wake = match (next_wake, &self.shutting_down) {
            (wake, Some(ending)) => {
                let until = ending.looks_again_at();
                wake.map_or(until, |wake| wake.min(until))
            }
            (Some(wake), None) => wake,
            (None, None) => Timestamp::NEVER,
        };
        let sleep = self.clock.sleep_until(wake);
        tokio::select! {
            // In order: ends of checks free permits, commands are rare, and a timer that is due stays due.
            biased;
            Some(ended) = self.checks.join_next_with_id() => Woken::Check(ended),
            command = self.commands.recv() => Woken::Command(command),
            () = heard => Woken::Inbox,
            () = sleep => Woken::Time,
        }
    }

    /// Everything that has ended or come in meanwhile belongs to the same turn. False: nobody holds a handle any more.
    fn take_what_is_ready(&mut self) -> bool {
        for _ in 0..PER_TURN {
            let Some(ended) = self.checks.try_join_next_with_id() else {
                break;
            };
            self.check_ended(ended);
        }
        for _ in 0..PER_TURN {
            if !self.altering.is_empty() {
                break;
            }
            match self.commands.try_recv() {
                Ok(command) => self.command(command),
                Err(mpsc::error::TryRecvError::Empty) => break,
                // Noticed here too: where some check is always ready, `wait` never gets as far as the commands.
                Err(mpsc::error::TryRecvError::Disconnected) => return false,
            }
        }
        true
    }

    fn now(&self) -> Now {
        Now {
            mono: self.clock.now(),
            wall: self.clock.wall(),
        }
    }

    fn turn(&mut self, input: Input) {
        let now = self.now();
        self.plan.on(now, input, &mut self.actions);
        self.perform();
    }

    fn perform(&mut self) {
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            match action {
                Action::Start { key } => self.start(key),
                Action::Expire { key } => self.expire(key),
                Action::Cancel { key, .. } => {
                    if let Some((_, check)) = self.in_flight.get(&key) {
                        check.gate.cancel();
                    }
                }
                Action::Ended { key, checked } => self.tell(key, &checked),
                Action::Declined { key } => {
                    for reply in self.asked.remove(&key).unwrap_or_default() {
                        // The asker may have stopped waiting.
                        let _ = reply.send(Err(MonitorError::Declined));
                    }
                }
                Action::Refused { id } => self.refused.push(id),
                Action::SweepDone { waiter } => {
                    if let Some(reply) = self.sweeps.remove(&waiter) {
                        // The asker may have stopped waiting.
                        let _ = reply.send(());
                    }
                }
            }
        }
        self.actions = actions;
    }

    fn start(&mut self, key: Key) {
        let Some(target) = self.plan.target(key) else {
            return;
        };
        let (id, probe) = (target.id.clone(), target.probe.clone());
        let nudge = self
            .plan
            .cell(key)
            .map_or(Nudge::nowhere(), hc_core::Cell::to_nudge);
        let deadline = self.plan.deadline_of(key);
        let context = CheckContext::new(id, self.clock.clone(), deadline, nudge);
        let gate = Arc::new(Gate::new());
        let asked = context.clone();
        let future = Box::pin(async move { probe.check(&asked).await });
        let running = Running::new(future, context.clone(), gate.clone());
        let task = self.checks.spawn(async move {
            let (end, at) = running.await;
            (key, end, at)
        });
        self.by_task.insert(task.id(), key);
        self.in_flight
            .insert(key, (task.id(), InFlight { key, gate, context }));
    }

    /// The deadline counts from the first poll: a check that was polled late has the rest of its time.
    fn expire(&mut self, key: Key) {
        let Some((_, check)) = self.in_flight.get(&key) else {
            return;
        };
        let timeout = self.plan.timeout_in_flight(key);
        let polled = check.gate.first_poll();
        let now = self.clock.now();
        let is_over = polled.is_some_and(|polled| self.plan.is_over(polled, timeout, now));
        if is_over {
            check.gate.expire();
        } else {
            let input = Input::Postponed {
                key,
                first_poll: polled,
            };
            let now = self.now();
            // No actions come of it.
            self.plan.on(now, input, &mut Vec::new());
        }
    }

    fn check_ended(&mut self, ended: Result<(Id, Ending), JoinError>) {
        let task = match &ended {
            Ok((task, _)) => *task,
            Err(error) => error.id(),
        };
        let Some(key) = self.by_task.remove(&task) else {
            return;
        };
        let Some((_, check)) = self.in_flight.remove(&key) else {
            return;
        };
        let now = self.clock.now();
        let first_poll = check.gate.first_poll().unwrap_or(now);
        let (ended, ended_at) = match ended {
            Ok((_, (_, End::Answered(outcome), at))) => {
                (Ended::Answered(complete(outcome, &check.context)), at)
            }
            Ok((_, (_, End::Expired, at))) => {
                let timeout = self.plan.timeout_in_flight(check.key);
                (
                    Ended::TimedOut(crate::failures::timed_out(&check.context, timeout)),
                    at,
                )
            }
            Ok((_, (_, End::Cancelled, at))) => {
                let failure = Failure::new(Kind::Cancelled, None, "cancelled: shutdown");
                (Ended::Cancelled(failure.with_code("shutdown")), at)
            }
            Err(error) if error.is_panic() => {
                let failure = crate::failures::panicked(&check.context, &*error.into_panic());
                (Ended::Panicked(failure), now)
            }
            Err(_) => (
                Ended::Cancelled(Failure::new(Kind::Cancelled, None, "cancelled")),
                now,
            ),
        };
        if let Some(ending) = &mut self.shutting_down
            && matches!(ended, Ended::Cancelled(_))
        {
            ending.cancelled += 1;
        }
        self.turn(Input::Finished {
            key,
            first_poll,
            ended_at,
            ended,
        });
    }

    fn tell(&mut self, key: Key, checked: &Arc<Checked>) {
        if let Some(observer) = &self.observer {
            observer.check_ended(checked);
        }
        for reply in self.asked.remove(&key).unwrap_or_default() {
            // The asker may have stopped waiting.
            let _ = reply.send(Ok(checked.clone()));
        }
    }

    fn hear_inbox(&mut self) {
        for _ in 0..PER_TURN {
            let Some(cell) = self.publisher.inbox().pop() else {
                return;
            };
            let (key, pending) = (Key::from_bits(cell.tag()), cell.take_pending());
            self.turn(Input::Heard { key, pending });
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Alter { alterations, reply } => {
                let mut applied = Applied::default();
                let left = self.ranked(alterations, &mut applied);
                self.altering.push_back(Altering {
                    left,
                    applied,
                    reply,
                });
                self.alter();
            }
            Command::CheckNow { id, reply } => match self.key_of(id.as_str()) {
                Some(key) => {
                    self.asked.entry(key).or_default().push(reply);
                    self.turn(Input::CheckNow { key });
                }
                // The asker may have stopped waiting.
                None => drop(reply.send(Err(MonitorError::Unknown))),
            },
            Command::Describe { ids, reply } => {
                let keys: Vec<Key> = match ids {
                    Some(ids) => ids
                        .iter()
                        .filter_map(|id| self.key_of(id.as_str()))
                        .collect(),
                    None => self.plan.keys().collect(),
                };
                let described = keys.into_iter().filter_map(|key| self.plan.describe(key));
                // The asker may have stopped waiting.
                let _ = reply.send(described.collect());
            }
            Command::FirstSweep { reply } => {
                let waiter = self.next_sweep;
                self.next_sweep += 1;
                self.sweeps.insert(waiter, reply);
                self.turn(Input::FirstSweep { waiter });
            }
            // The asker may have stopped waiting.
            Command::Stats { reply } => drop(reply.send(self.stats())),
            Command::SetLimits {
                in_flight,
                per_host,
            } => {
                self.turn(Input::SetLimits {
                    in_flight,
                    per_host,
                });
            }
            Command::SetIsolation(rules) => self.turn(Input::SetIsolation(rules)),
            Command::Shutdown { grace, reply } => {
                let until = self.clock.now() + grace;
                if let Some(ending) = &mut self.shutting_down {
                    // The more impatient one decides.
                    ending.until = ending.until.min(until);
                    ending.replies.push(reply);
                    return;
                }
                self.shutting_down = Some(ShuttingDown {
                    replies: vec![reply],
                    until,
                    in_flight: self.in_flight.len(),
                    cancelled: 0,
                    all_told: false,
                });
                self.turn(Input::Stop);
            }
        }
    }

    fn stats(&self) -> Stats {
        Stats {
            at: self.clock.now(),
            counters: self.plan.counters().clone(),
            targets: self.plan.len(),
            in_flight: self.plan.in_flight(),
            waiting: self.plan.waiting(),
            stretch: self.plan.stretch(),
        }
    }

    fn key_of(&self, id: &str) -> Option<Key> {
        let key = Key::from_bits(self.publisher.find(id)?.tag());
        self.plan.target(key).map(|_| key)
    }

    /// Turns a command's changes into inputs; those that are spread over time get their rank among their likes.
    fn ranked(&self, alterations: Vec<Alteration>, applied: &mut Applied) -> VecDeque<Input> {
        let mut ranks = self.plan.ranks(alterations.iter().filter_map(
            |alteration| match alteration {
                Alteration::Add(target) | Alteration::Update(target) => Some(&target.id),
                Alteration::Resume(id) => Some(id),
                _ => None,
            },
        ));
        let count = u32::try_from(ranks.len()).unwrap_or(u32::MAX);
        // Removals first: an id may be removed and added again in one command.
        let mut inputs = VecDeque::with_capacity(alterations.len());
        let mut later = Vec::new();
        let mut find = |id: &hc_core::TargetId| {
            let key = self.key_of(id.as_str());
            if key.is_none() {
                applied.unknown.push(id.clone());
            }
            key
        };
        let mut rank = || ranks.next().unwrap_or(0);
        for alteration in alterations {
            match alteration {
                Alteration::Remove(id) => {
                    inputs.extend(find(&id).map(|key| Input::Remove { key }));
                }
                Alteration::Add(target) => {
                    later.push(Input::Add {
                        target,
                        rank: rank(),
                        count,
                    });
                }
                Alteration::Update(target) => {
                    let rank = rank();
                    let key = find(&target.id);
                    later.extend(key.map(|key| Input::Update {
                        key,
                        target,
                        rank,
                        count,
                    }));
                }
                Alteration::Resume(id) => {
                    let rank = rank();
                    later.extend(find(&id).map(|key| Input::Resume { key, rank, count }));
                }
                Alteration::SetPolicy(id, policy) => {
                    later.extend(find(&id).map(|key| Input::SetPolicy { key, policy }));
                }
                Alteration::Replace(id, probe) => {
                    later.extend(find(&id).map(|key| Input::Replace { key, probe }));
                }
                Alteration::Pause(id) => {
                    later.extend(find(&id).map(|key| Input::Pause { key }));
                }
            }
        }
        inputs.extend(later);
        inputs
    }

    /// Carries out some of the changes that wait, in order; replies when a command's last one is done.
    fn alter(&mut self) {
        for _ in 0..PER_TURN {
            let Some(first) = self.altering.front_mut() else {
                return;
            };
            if let Some(input) = first.left.pop_front() {
                self.turn(input);
                let refused = std::mem::take(&mut self.refused);
                if let Some(first) = self.altering.front_mut() {
                    first.applied.duplicates.extend(refused);
                }
            } else if let Some(done) = self.altering.pop_front() {
                // The asker may have stopped waiting.
                let _ = done.reply.send(done.applied);
            }
        }
    }

    fn is_done(&mut self) -> bool {
        let now = self.clock.now();
        let Some(ending) = &mut self.shutting_down else {
            return false;
        };
        if now >= ending.until && !ending.all_told {
            ending.all_told = true;
            for (_, check) in self.in_flight.values() {
                check.gate.cancel();
            }
        }
        // A probe that blocks its thread never hears of it: dropping the set aborts what it can.
        self.in_flight.is_empty() || now >= ending.until + LAST_WORDS
    }

    fn end(mut self) {
        self.checks.abort_all();
        self.publisher.close();
        if let Some(ending) = self.shutting_down {
            let cancelled = ending.cancelled + self.in_flight.len();
            let drained = ending.in_flight.saturating_sub(cancelled);
            for reply in ending.replies {
                // The asker may have stopped waiting.
                let _ = reply.send(Shutdown { drained, cancelled });
            }
        }
    }
}

/// How long cancelled checks may take to stop before they are left behind.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_millis(250);

/// Adds to an outcome what the context's marks know and the probe did not say.
fn complete(
    mut outcome: Result<hc_core::Evidence, Failure>,
    context: &CheckContext,
) -> Result<hc_core::Evidence, Failure> {
    let marks = context.evidence();
    match &mut outcome {
        Ok(evidence) => evidence.fill_from(&marks),
        Err(failure) => {
            if failure.phase.is_none() && failure.blame != hc_core::Blame::Local {
                failure.phase = context.phase();
            }
            failure.evidence.get_or_insert_default().fill_from(&marks);
        }
    }
    outcome
}
