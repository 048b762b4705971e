//! Several workers behind one handle: which target is whose, and commands that concern more than one of them.
//!
//! A target belongs to the worker that its host falls to, so that a host's limit is one worker's business. One
//! command is routed after the other: a change of targets is carried out by all whom it concerns before the next
//! command is looked at, so that nobody meets a target on its way from one worker to another.

use std::collections::{HashMap, HashSet};

use hc_core::{Publisher, Target, TargetId, stable_hash};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::alive::Ended;
use crate::command::{Alteration, Applied, Change, Command, MonitorError, Ranked, Reply, Shutdown};
use crate::plan::{Moved, Remains};
use crate::stats::Stats;

/// Workers at most.
pub(crate) const MOST: usize = 64;

/// The worker that a host falls to.
pub(crate) fn worker_of(host: &str, workers: usize) -> usize {
    let hash = stable_hash(&[host]) >> 32;
    ((hash * workers as u64) >> 32) as usize
}

/// A limit shared out evenly: the first get what is left over. At least one each.
pub(crate) fn split(limit: usize, workers: usize) -> impl Iterator<Item = usize> {
    let (each, over) = (limit / workers, limit % workers);
    (0..workers).map(move |worker| (each + usize::from(worker < over)).max(1))
}

type Worker = mpsc::Sender<Command>;

/// A target that goes from one worker to another.
struct Move {
    target: Target,
    to: usize,
    rank: u32,
    departed: oneshot::Receiver<Moved>,
}

/// Hands commands to the workers that they concern, and puts their answers together.
pub(crate) struct Router {
    commands: mpsc::Receiver<Command>,
    workers: Vec<Worker>,
    ends: mpsc::UnboundedReceiver<Ended>,
    /// Finds whose a target is.
    finder: Publisher,
    /// Answers that are being put together.
    merging: JoinSet<()>,
}

impl Router {
    pub(crate) fn new(
        commands: mpsc::Receiver<Command>,
        workers: Vec<Worker>,
        ends: mpsc::UnboundedReceiver<Ended>,
        finder: Publisher,
    ) -> Self {
        Self {
            commands,
            workers,
            ends,
            finder,
            merging: JoinSet::new(),
        }
    }

    /// Runs until all workers have ended, one did unasked, or nobody holds a handle any more.
    pub(crate) async fn run(mut self) {
        let mut alive = self.workers.len();
        while alive > 0 {
            tokio::select! {
                biased;
                ended = self.ends.recv() => match ended {
                    Some(Ended::AsTold) => alive -= 1,
                    // Half a fleet that nobody asks is worse than an end that is told.
                    Some(Ended::Unasked) | None => {
                        tracing::error!("a worker ended unasked: the monitor stops");
                        break;
                    }
                },
                command = self.commands.recv() => match command {
                    Some(command) => self.route(command).await,
                    None => break,
                },
                Some(_) = self.merging.join_next() => {}
            }
        }
        // Workers end when nobody can tell them anything any more.
        self.workers.clear();
        self.commands.close();
        while self.commands.try_recv().is_ok() {}
        while self.merging.join_next().await.is_some() {}
    }

    async fn route(&mut self, command: Command) {
        match command {
            Command::Alter {
                changes,
                count,
                reply,
            } => {
                if let Some(applied) = self.alter(changes, count).await {
                    // The asker may have stopped waiting.
                    let _ = reply.send(applied);
                }
            }
            Command::CheckNow { id, reply } => match self.worker_with(&id) {
                Some(worker) => self.tell(worker, Command::CheckNow { id, reply }).await,
                // The asker may have stopped waiting.
                None => drop(reply.send(Err(MonitorError::Unknown))),
            },
            Command::Describe { ids, reply } => {
                let make = |reply| Command::Describe {
                    ids: ids.clone(),
                    reply,
                };
                self.ask_all(make, reply, |parts| parts.concat()).await;
            }
            Command::Remember { ids, reply } => {
                let mut parts = vec![Vec::new(); self.workers.len()];
                for id in ids {
                    if let Some(worker) = self.worker_with(&id) {
                        parts[worker].push(id);
                    }
                }
                let mut parts = parts.into_iter();
                let make = |reply| Command::Remember {
                    ids: parts.next().unwrap_or_default(),
                    reply,
                };
                self.ask_all(make, reply, |parts| parts.concat()).await;
            }
            Command::FirstSweep { reply } => {
                let make = |reply| Command::FirstSweep { reply };
                self.ask_all(make, reply, |_| ()).await;
            }
            Command::Stats { reply } => {
                let make = |reply| Command::Stats { reply };
                self.ask_all(make, reply, Stats::of_all).await;
            }
            Command::SetLimits {
                in_flight,
                per_host,
            } => {
                let parts = split(in_flight, self.workers.len());
                for (worker, in_flight) in parts.enumerate() {
                    let limits = Command::SetLimits {
                        in_flight,
                        per_host,
                    };
                    self.tell(worker, limits).await;
                }
            }
            Command::SetIsolation(rules) => {
                for worker in 0..self.workers.len() {
                    self.tell(worker, Command::SetIsolation(rules.clone()))
                        .await;
                }
            }
            Command::Shutdown { grace, reply } => {
                let make = |reply| Command::Shutdown { grace, reply };
                self.ask_all(make, reply, |parts: Vec<(Shutdown, Remains)>| {
                    let sum =
                        |of: fn(&Shutdown) -> usize| parts.iter().map(|part| of(&part.0)).sum();
                    let shutdown = Shutdown {
                        drained: sum(|part| part.drained),
                        cancelled: sum(|part| part.cancelled),
                    };
                    // In the order of the workers.
                    let plans = parts.into_iter().flat_map(|(_, part)| part.into_plans());
                    (shutdown, Remains::of(plans.collect()))
                })
                .await;
            }
        }
    }

    /// The worker whose a known target is.
    fn worker_with(&self, id: &TargetId) -> Option<usize> {
        let cell = self.finder.find(id.as_str())?;
        Some(usize::from(cell.worker()))
    }

    async fn tell(&self, worker: usize, command: Command) {
        // One that has ended drops the command, and with it the reply: the asker is told so.
        let _ = self.workers[worker].send(command).await;
    }

    /// Asks all workers, and answers with what `merge` makes of their answers; not at all if one has ended.
    async fn ask_all<T: Send + 'static, R: Send + 'static>(
        &mut self,
        mut make: impl FnMut(Reply<T>) -> Command,
        reply: Reply<R>,
        merge: impl FnOnce(Vec<T>) -> R + Send + 'static,
    ) {
        let mut answers = Vec::with_capacity(self.workers.len());
        for worker in 0..self.workers.len() {
            let (part, answer) = oneshot::channel();
            self.tell(worker, make(part)).await;
            answers.push(answer);
        }
        self.merging.spawn(async move {
            let mut parts = Vec::with_capacity(answers.len());
            for answer in answers {
                match answer.await {
                    Ok(part) => parts.push(part),
                    Err(_) => return,
                }
            }
            // The asker may have stopped waiting.
            let _ = reply.send(merge(parts));
        });
    }

    /// Carries out changes: removals everywhere, then the others, and last those whose hosts fall to other workers.
    /// None if a worker has ended.
    async fn alter(&mut self, changes: Vec<Ranked>, count: u32) -> Option<Applied> {
        let workers = self.workers.len();
        let lists = || {
            (0..workers)
                .map(|_| Vec::new())
                .collect::<Vec<Vec<Ranked>>>()
        };
        let (mut removals, mut others) = (lists(), lists());
        let (mut adoptions, mut afters) = (lists(), lists());
        let mut moves: Vec<Move> = Vec::new();
        let mut moving: HashMap<TargetId, usize> = HashMap::new();
        let mut applied = Applied::default();
        let mut added = HashSet::new();
        for Ranked { change, rank } in changes {
            let Change::Alter(alteration) = change else {
                continue;
            };
            let (known, to) = match &alteration {
                Alteration::Add(target) => {
                    if !added.insert(target.id.clone()) {
                        applied.duplicates.push(target.id.clone());
                        continue;
                    }
                    (None, Some(worker_of(&target.host, workers)))
                }
                Alteration::Update(target) => {
                    (Some(&target.id), Some(worker_of(&target.host, workers)))
                }
                Alteration::Remove(id)
                | Alteration::SetPolicy(id, _)
                | Alteration::Replace(id, _)
                | Alteration::Share(id, _)
                | Alteration::Pause(id)
                | Alteration::Resume(id) => (Some(id), None),
            };
            let at = match known {
                Some(id) => match self.worker_with(id) {
                    Some(at) => at,
                    None => {
                        applied.unknown.push(id.clone());
                        continue;
                    }
                },
                None => to.unwrap_or(0),
            };
            let moves_already = known.and_then(|id| moving.get(id)).copied();
            match alteration {
                Alteration::Update(target) if moves_already.is_some() => {
                    let earlier = &mut moves[moves_already.unwrap_or_default()];
                    earlier.to = worker_of(&target.host, workers);
                    (earlier.target, earlier.rank) = (target, rank);
                }
                Alteration::Update(target) if to.is_some_and(|to| to != at) => {
                    let (reply, departed) = oneshot::channel();
                    let change = Change::Depart(target.id.clone(), reply);
                    others[at].push(Ranked { change, rank });
                    moving.insert(target.id.clone(), moves.len());
                    moves.push(Move {
                        to: worker_of(&target.host, workers),
                        target,
                        rank,
                        departed,
                    });
                }
                alteration => {
                    let list = match (&alteration, moves_already) {
                        (Alteration::Remove(_), _) => &mut removals[at],
                        (_, Some(earlier)) => &mut afters[moves[earlier].to],
                        _ => &mut others[at],
                    };
                    let change = Change::Alter(alteration);
                    list.push(Ranked { change, rank });
                }
            }
        }
        // An id may be removed here and added there in one command.
        self.change_all(removals, count, &mut applied).await?;
        self.change_all(others, count, &mut applied).await?;
        for Move {
            target,
            to,
            rank,
            departed,
        } in moves
        {
            // It was removed by the same command if nothing comes.
            if let Ok(moved) = departed.await {
                let change = Change::Adopt(moved, target);
                adoptions[to].push(Ranked { change, rank });
            }
        }
        self.change_all(adoptions, count, &mut applied).await?;
        self.change_all(afters, count, &mut applied).await?;
        Some(applied)
    }

    /// Gives each worker its part, and waits until all have carried theirs out.
    async fn change_all(
        &self,
        parts: Vec<Vec<Ranked>>,
        count: u32,
        applied: &mut Applied,
    ) -> Option<()> {
        let mut answers = Vec::new();
        for (worker, changes) in parts.into_iter().enumerate() {
            if changes.is_empty() {
                continue;
            }
            let (reply, answer) = oneshot::channel();
            let command = Command::Alter {
                changes,
                count,
                reply,
            };
            self.tell(worker, command).await;
            answers.push(answer);
        }
        for answer in answers {
            // What is unknown was found out before: it can only have gone by this same command.
            applied.duplicates.extend(answer.await.ok()?.duplicates);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_fall_to_all_workers_about_evenly() {
        for workers in [1, 2, 3, 4, 64] {
            let mut share = vec![0; workers];
            for n in 0..6_400 {
                share[worker_of(&format!("10.0.{}.{}", n / 256, n % 256), workers)] += 1;
            }
            let even = 6_400 / workers;
            assert!(
                share.iter().all(|n| (even / 2..even * 2).contains(n)),
                "{share:?}"
            );
        }
    }

    #[test]
    fn shares_of_a_limit_sum_up_to_it_and_none_is_zero() {
        for (limit, workers) in [(100, 3), (4, 4), (7, 4), (1, 1), (100_000, 64)] {
            let parts: Vec<usize> = split(limit, workers).collect();
            assert_eq!(parts.iter().sum::<usize>(), limit);
            assert!(parts[0] - parts[workers - 1] <= 1);
        }
        assert_eq!(split(1, 2).collect::<Vec<_>>(), [1, 1]);
    }
}
