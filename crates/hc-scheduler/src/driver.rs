//! The one asynchronous file: a loop, a timer, the running checks and the commands around the pure plan.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hc_core::{CheckContext, Clock, Failure, Kind, Publisher, Timestamp};
use tokio::sync::mpsc;

use crate::alive::Alive;
use crate::check::{End, Outcome, Ran, ask};
use crate::checks::{Asked, Checks, Ending};
use crate::command::{Command, MonitorError, Reply, Shutdown};
use crate::observer::Observer;
use crate::plan::{Action, Checked, Ended, Finished, Input, Moved, Now, Plan, Remains};
use crate::slab::Key;
use crate::stats::Stats;
use crate::time::{Alarm, MonitorClock};

mod alter;
mod describe;

use alter::Altering;
use describe::Describing;

/// How many targets commands may touch, and how many nudges are heard, in one turn: at some microseconds each a
/// turn stays under a slot.
const PER_TURN: usize = 1_000;

/// How long checks are polled before the loop goes round: half a slot, so that due times, commands and the
/// runtime's other tasks wait no longer for a burst.
const POLLING: Duration = Duration::from_millis(5);

type Asker = Reply<Result<Arc<Checked>, MonitorError>>;

struct ShuttingDown {
    /// Everybody who asked for it.
    replies: Vec<Reply<(Shutdown, Remains)>>,
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

/// `F` is the future of a check, whose type has no name.
pub(crate) struct Driver<F> {
    plan: Plan,
    publisher: Publisher,
    clock: Arc<MonitorClock>,
    alarm: Alarm,
    /// For people, as of the turn's beginning.
    wall: SystemTime,
    observer: Option<Arc<dyn Observer>>,
    commands: mpsc::Receiver<Command>,
    checks: Checks<F>,
    actions: Vec<Action>,
    altering: VecDeque<Altering>,
    describing: VecDeque<Describing>,
    asked: HashMap<Key, Vec<Asker>>,
    sweeps: HashMap<u64, Reply<()>>,
    next_sweep: u64,
    refused: Vec<hc_core::TargetId>,
    shutting_down: Option<ShuttingDown>,
    departing: HashMap<Key, Reply<Moved>>,
    alive: Alive,
}

/// What ended a wait.
enum Woken {
    /// It is time, something lies in the inbox, or checks are to be polled.
    Stirred,
    Ran(Box<Ran>),
    Command(Option<Command>),
}

impl Driver<std::future::Pending<Outcome>> {
    pub(crate) fn new(
        plan: Plan,
        publisher: Publisher,
        clock: Arc<MonitorClock>,
        observer: Option<Arc<dyn Observer>>,
        commands: mpsc::Receiver<Command>,
        alive: Alive,
    ) -> Driver<impl Future<Output = Outcome> + Send + 'static> {
        Driver {
            plan,
            publisher,
            wall: clock.wall(),
            observer,
            commands,
            checks: Checks::new(ask, clock.clone()),
            clock,
            alarm: Alarm::new(),
            actions: Vec::new(),
            altering: VecDeque::new(),
            describing: VecDeque::new(),
            asked: HashMap::new(),
            sweeps: HashMap::new(),
            next_sweep: 0,
            refused: Vec::new(),
            shutting_down: None,
            departing: HashMap::new(),
            alive,
        }
    }
}

impl<F: Future<Output = Outcome> + Send + 'static> Driver<F> {
    /// Runs until it is shut down or nobody holds a handle any more.
    ///
    /// Outside of tokio's cooperation budget: all checks are polled by this one task, and those after the first
    /// hundred would see their sockets as not ready though they are.
    pub(crate) async fn run(self) {
        tokio::task::unconstrained(self.turns()).await;
    }

    async fn turns(mut self) {
        loop {
            // Ready tasks first: without this the driver's own lateness says nothing about theirs, because tokio
            // polls 61 tasks between two looks at the timers.
            tokio::task::yield_now().await;
            self.turn(Input::Tick);
            self.hear_inbox();
            self.alter();
            self.describe_some();
            self.poll_checks();
            if self.is_done() {
                return self.end();
            }
            let woken = self.wait().await;
            // Time moves before anything is judged.
            self.turn(Input::Tick);
            match woken {
                Woken::Stirred => {}
                Woken::Ran(ran) => self.ran(*ran),
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
        if !self.publisher.inbox().is_empty()
            || !self.altering.is_empty()
            || !self.describing.is_empty()
            || self.checks.are_due()
            || self.plan.is_called()
        {
            return Woken::Stirred;
        }
        let wake = match (next_wake, &self.shutting_down) {
            (wake, Some(ending)) => {
                let until = ending.looks_again_at();
                wake.map_or(until, |wake| wake.min(until))
            }
            (Some(wake), None) => wake,
            (None, None) => Timestamp::NEVER,
        };
        self.alarm.set(&self.clock, wake);
        tokio::select! {
            // In order: ends of checks free permits, commands are rare, and a timer that is due stays due.
            biased;
            ran = self.checks.stirred() => ran.map_or(Woken::Stirred, |ran| Woken::Ran(Box::new(ran))),
            command = self.commands.recv() => Woken::Command(command),
            () = heard => Woken::Stirred,
            () = self.alarm.rings() => Woken::Stirred,
        }
    }

    /// Everything that has ended or come in meanwhile belongs to the same turn. False: nobody holds a handle any more.
    fn take_what_is_ready(&mut self) -> bool {
        for _ in 0..PER_TURN {
            let Some(ran) = self.checks.try_ran() else {
                break;
            };
            self.ran(ran);
        }
        for _ in 0..PER_TURN {
            if !self.altering.is_empty() || !self.describing.is_empty() {
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

    /// The clocks are read once a turn, when time moves in it.
    fn now(&mut self, input: &Input) -> Now {
        let mono = self.clock.now();
        if matches!(input, Input::Tick) {
            self.wall = self.clock.wall();
        }
        Now {
            mono,
            wall: self.wall,
        }
    }

    fn turn(&mut self, input: Input) {
        let now = self.now(&input);
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
                    if let Some(place) = self.place_of(key) {
                        self.checks.cancel(place);
                    }
                }
                // Told where the check ended.
                Action::Ended { .. } => {}
                Action::Declined { key } => {
                    for reply in self.asked.remove(&key).unwrap_or_default() {
                        // The asker may have stopped waiting.
                        let _ = reply.send(Err(MonitorError::Declined));
                    }
                }
                Action::Refused { id } => self.refused.push(id),
                Action::Departed { key, moved } => {
                    if let Some(reply) = self.departing.remove(&key) {
                        // Who moves targets waits for them, or all ends.
                        let _ = reply.send(moved);
                    }
                }
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

    fn place_of(&self, key: Key) -> Option<u32> {
        self.plan.target(key)?.flight
    }

    fn start(&mut self, key: Key) {
        let Some(target) = self.plan.target(key) else {
            return;
        };
        let Some(place) = target.flight else {
            return;
        };
        self.checks.start(&Asked {
            key,
            place,
            cell: target.cell,
            probe: target.probe,
            deadline: self.plan.deadline_by(target.policy),
            is_heavy: target.is_heavy,
        });
    }

    /// The deadline counts from the first poll: a check that was polled late has the rest of its time.
    fn expire(&mut self, key: Key) {
        let Some(place) = self.place_of(key) else {
            return;
        };
        let timeout = self.plan.timeout_in_flight(key);
        let polled = self.checks.first_poll(place);
        let now = self.clock.now();
        let is_over = polled.is_some_and(|polled| self.plan.is_over(polled, timeout, now));
        if is_over {
            self.checks.expire(place);
        } else {
            let input = Input::Postponed {
                key,
                first_poll: polled,
            };
            let now = self.now(&input);
            // No actions come of it.
            self.plan.on(now, input, &mut Vec::new());
        }
    }

    /// Polls checks that were started or woken, for a while.
    fn poll_checks(&mut self) {
        let mut now = self.clock.now();
        let until = now + POLLING;
        let mut end = End::Cancelled;
        while self.checks.are_due() && now < until {
            if let Some(ending) = self.checks.poll_next(&mut now, &mut end) {
                self.check_ended(&ending, &mut end);
            }
        }
    }

    fn ran(&mut self, ran: Ran) {
        if let Some((ending, mut end)) = self.checks.ran(ran) {
            self.check_ended(&ending, &mut end);
        }
    }

    /// What `end` holds is taken from there where it is needed.
    fn check_ended(&mut self, ending: &Ending, end: &mut End) {
        let Ending {
            key,
            place,
            first_poll,
            at,
            is_heavy,
        } = *ending;
        let Some(context) = self.checks.context(place) else {
            return;
        };
        if let Some(is_heavy) = is_heavy {
            self.plan.note_heavy(key, is_heavy);
        }
        let first_poll = first_poll.unwrap_or(at);
        let observer = self.observer.as_ref();
        let observer = observer.filter(|observer| observer.is_listening());
        let asked = &mut self.asked;
        let mut tell = |key: Key, checked: &Checked| {
            if let Some(observer) = observer {
                observer.check_ended(checked);
            }
            if asked.is_empty() {
                return;
            }
            if let Some(replies) = asked.remove(&key) {
                let checked = Arc::new(checked.clone());
                for reply in replies {
                    // The asker may have stopped waiting.
                    let _ = reply.send(Ok(checked.clone()));
                }
            }
        };
        if let End::Answered(outcome) = end {
            complete(outcome, context, at);
        }
        if let End::Answered(Ok(evidence)) = end
            && self.plan.finish_usual(
                self.wall,
                key,
                (first_poll, at),
                evidence,
                observer.is_some(),
                &mut self.actions,
                &mut tell,
            )
        {
            self.checks.release(place);
            if !self.actions.is_empty() {
                self.perform();
            }
            return;
        }
        let ended = match std::mem::replace(end, End::Cancelled) {
            End::Answered(outcome) => Ended::Answered(outcome),
            End::Expired => {
                let timeout = self.plan.timeout_in_flight(key);
                Ended::TimedOut(crate::failures::timed_out(context, timeout))
            }
            End::Cancelled => {
                let failure = Failure::new(Kind::Cancelled, None, "cancelled: shutdown");
                Ended::Cancelled(failure.with_code("shutdown"))
            }
            End::Panicked(payload) => {
                Ended::Panicked(crate::failures::panicked(context, &*payload))
            }
        };
        self.checks.release(place);
        if let Some(ending) = &mut self.shutting_down
            && matches!(ended, Ended::Cancelled(_))
        {
            ending.cancelled += 1;
        }
        let finished = Finished {
            key,
            first_poll,
            ended_at: at,
            ended,
        };
        let (wall, observed) = (self.wall, observer.is_some());
        self.plan
            .finish(wall, finished, observed, &mut self.actions, tell);
        if !self.actions.is_empty() {
            self.perform();
        }
    }

    fn hear_inbox(&mut self) {
        for _ in 0..PER_TURN {
            let Some(cell) = self.publisher.inbox().pop() else {
                return;
            };
            if cell.worker() != self.publisher.worker() {
                cell.forward();
                continue;
            }
            let (key, pending) = (Key::from_bits(cell.tag()), cell.take_pending());
            self.turn(Input::Heard { key, pending });
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Alter {
                changes,
                count,
                reply,
            } => {
                self.altering
                    .push_back(Altering::new(changes, count, reply));
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
                let Some(ids) = ids else {
                    self.describing
                        .push_back(Describing::new(&self.plan, reply));
                    // A small fleet is told at once, as of this moment.
                    return self.describe_some();
                };
                let keys = ids.iter().filter_map(|id| self.key_of(id.as_str()));
                let described = keys.filter_map(|key| self.plan.describe(key));
                // The asker may have stopped waiting.
                let _ = reply.send(described.collect());
            }
            Command::Remember { ids, reply } => {
                let keys = ids.iter().filter_map(|id| self.key_of(id.as_str()));
                let remembered = keys.filter_map(|key| self.plan.remember(key));
                // The asker may have stopped waiting.
                let _ = reply.send(remembered.collect());
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
                    in_flight: self.checks.len(),
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
            isolated: self.plan.is_isolated(),
        }
    }

    fn key_of(&self, id: &str) -> Option<Key> {
        let cell = self.publisher.find(id)?;
        if cell.worker() != self.publisher.worker() {
            return None;
        }
        let key = Key::from_bits(cell.tag());
        self.plan.target(key).map(|_| key)
    }

    fn is_done(&mut self) -> bool {
        let Some(ending) = &mut self.shutting_down else {
            return false;
        };
        let now = self.clock.now();
        if now >= ending.until && !ending.all_told {
            ending.all_told = true;
            self.checks.cancel_all();
        }
        // A probe that blocks its thread never hears of it: dropping the checks aborts what it can.
        self.checks.len() == 0 || now >= ending.until + LAST_WORDS
    }

    fn end(mut self) {
        // The last worker to end closes the feed: before anybody is told that all is done.
        self.alive.end();
        if let Some(ending) = self.shutting_down {
            let cancelled = ending.cancelled + self.checks.len();
            let drained = ending.in_flight.saturating_sub(cancelled);
            let shutdown = Shutdown { drained, cancelled };
            // There is one plan to give away: the first who asked gets it.
            let mut plans = vec![self.plan];
            for reply in ending.replies {
                // The asker may have stopped waiting.
                let _ = reply.send((shutdown, Remains::of(std::mem::take(&mut plans))));
            }
        }
    }
}

/// How long cancelled checks may take to stop before they are left behind.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_millis(250);

/// Adds to an outcome what the context's marks know and the probe did not say.
fn complete(outcome: &mut Outcome, context: &CheckContext, ended_at: Timestamp) {
    match outcome {
        Ok(evidence) => context.complete(evidence, ended_at),
        Err(failure) => {
            if failure.phase.is_none() && failure.blame != hc_core::Blame::Local {
                failure.phase = context.phase();
            }
            context.complete(failure.evidence.get_or_insert_default(), ended_at);
        }
    }
}
