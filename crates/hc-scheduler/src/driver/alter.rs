//! Carrying out a long command a thousand changes a turn: first every id is looked up, then every change is made.

use std::collections::VecDeque;
use std::future::Future;

use super::{Driver, PER_TURN};
use crate::check::Outcome;
use crate::command::{Alteration, Applied, Change, Ranked, Reply};
use crate::plan::Input;
use crate::slab::Key;

/// One command that is being carried out over several turns.
pub(super) struct Altering {
    /// What was not looked up yet.
    asked: std::vec::IntoIter<Ranked>,
    /// How many of the changes are spread over time.
    count: u32,
    /// Removals first: an id may be removed and added again in one command.
    removals: VecDeque<Input>,
    others: VecDeque<Input>,
    applied: Applied,
    reply: Reply<Applied>,
}

impl Altering {
    pub(super) fn new(changes: Vec<Ranked>, count: u32, reply: Reply<Applied>) -> Self {
        Self {
            asked: changes.into_iter(),
            count,
            removals: VecDeque::new(),
            others: VecDeque::new(),
            applied: Applied::default(),
            reply,
        }
    }

    fn is_done(&self) -> bool {
        self.asked.len() == 0 && self.removals.is_empty() && self.others.is_empty()
    }
}

impl<F: Future<Output = Outcome> + Send + 'static> Driver<F> {
    /// Carries out some of the changes that wait, in order; replies when a command's last one is done.
    pub(super) fn alter(&mut self) {
        let mut left = PER_TURN;
        while let Some(mut first) = self.altering.pop_front() {
            while left > 0 {
                left -= 1;
                if let Some(ranked) = first.asked.next() {
                    self.look_up(ranked, &mut first);
                    continue;
                }
                let next = first.removals.pop_front();
                let Some(input) = next.or_else(|| first.others.pop_front()) else {
                    break;
                };
                self.turn(input);
                first.applied.duplicates.append(&mut self.refused);
            }
            if !first.is_done() {
                return self.altering.push_front(first);
            }
            // The asker may have stopped waiting.
            let _ = first.reply.send(first.applied);
        }
    }

    /// Turns a change into an input, if its target is known.
    fn look_up(&mut self, ranked: Ranked, to: &mut Altering) {
        let count = to.count;
        let Ranked { change, rank } = ranked;
        let mut find = |id: &hc_core::TargetId| -> Option<Key> {
            let key = self.key_of(id.as_str());
            if key.is_none() {
                to.applied.unknown.push(id.clone());
            }
            key
        };
        let alteration = match change {
            Change::Alter(alteration) => alteration,
            Change::Depart(id, reply) => {
                if let Some(key) = find(&id) {
                    self.departing.insert(key, reply);
                    to.others.push_back(Input::Depart { key });
                }
                return;
            }
            Change::Adopt(moved, target) => {
                to.others.push_back(Input::Adopt {
                    moved,
                    target,
                    rank,
                    count,
                });
                return;
            }
        };
        let input = match alteration {
            Alteration::Remove(id) => {
                let key = find(&id);
                to.removals.extend(key.map(|key| Input::Remove { key }));
                return;
            }
            Alteration::Add(target) => Some(Input::Add {
                target,
                rank,
                count,
            }),
            Alteration::Update(target) => find(&target.id).map(|key| Input::Update {
                key,
                target,
                rank,
                count,
            }),
            Alteration::Resume(id) => find(&id).map(|key| Input::Resume { key, rank, count }),
            Alteration::SetPolicy(id, policy) => {
                find(&id).map(|key| Input::SetPolicy { key, policy })
            }
            Alteration::Share(id, with) => find(&id).map(|key| Input::Share { key, with }),
            Alteration::Replace(id, probe) => find(&id).map(|key| Input::Replace { key, probe }),
            Alteration::Pause(id) => find(&id).map(|key| Input::Pause { key }),
        };
        to.others.extend(input);
    }
}
