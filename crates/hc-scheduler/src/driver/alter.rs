//! Carrying out a long command a thousand changes a turn: first every id is looked up, then every change is made.

use std::collections::VecDeque;
use std::future::Future;

use super::{Driver, PER_TURN};
use crate::check::Outcome;
use crate::command::{Alteration, Applied, Reply};
use crate::plan::Input;
use crate::slab::Key;

/// One command that is being carried out over several turns.
pub(super) struct Altering {
    /// What was not looked up yet.
    asked: std::vec::IntoIter<Alteration>,
    ranks: std::vec::IntoIter<u32>,
    /// How many of the changes are spread over time.
    count: u32,
    /// Removals first: an id may be removed and added again in one command.
    removals: VecDeque<Input>,
    others: VecDeque<Input>,
    applied: Applied,
    reply: Reply<Applied>,
}

impl Altering {
    fn is_done(&self) -> bool {
        self.asked.len() == 0 && self.removals.is_empty() && self.others.is_empty()
    }
}

impl<F: Future<Output = Outcome> + Send + 'static> Driver<F> {
    /// Ranks those of a command's changes that are spread over time among their likes.
    pub(super) fn prepare(&self, alterations: Vec<Alteration>, reply: Reply<Applied>) -> Altering {
        let spread = alterations
            .iter()
            .filter_map(|alteration| match alteration {
                Alteration::Add(target) | Alteration::Update(target) => Some(&target.id),
                Alteration::Resume(id) => Some(id),
                _ => None,
            });
        let ranks = self.plan.ranks(spread);
        Altering {
            count: u32::try_from(ranks.len()).unwrap_or(u32::MAX),
            ranks,
            asked: alterations.into_iter(),
            removals: VecDeque::new(),
            others: VecDeque::new(),
            applied: Applied::default(),
            reply,
        }
    }

    /// Carries out some of the changes that wait, in order; replies when a command's last one is done.
    pub(super) fn alter(&mut self) {
        let mut left = PER_TURN;
        while let Some(mut first) = self.altering.pop_front() {
            while left > 0 {
                left -= 1;
                if let Some(alteration) = first.asked.next() {
                    self.look_up(alteration, &mut first);
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
    fn look_up(&self, alteration: Alteration, to: &mut Altering) {
        let count = to.count;
        let (unknown, ranks) = (&mut to.applied.unknown, &mut to.ranks);
        let mut find = |id: &hc_core::TargetId| -> Option<Key> {
            let key = self.key_of(id.as_str());
            if key.is_none() {
                unknown.push(id.clone());
            }
            key
        };
        let mut rank = || ranks.next().unwrap_or(0);
        let input = match alteration {
            Alteration::Remove(id) => {
                to.removals
                    .extend(find(&id).map(|key| Input::Remove { key }));
                return;
            }
            Alteration::Add(target) => Some(Input::Add {
                target,
                rank: rank(),
                count,
            }),
            Alteration::Update(target) => {
                let rank = rank();
                find(&target.id).map(|key| Input::Update {
                    key,
                    target,
                    rank,
                    count,
                })
            }
            Alteration::Resume(id) => {
                let rank = rank();
                find(&id).map(|key| Input::Resume { key, rank, count })
            }
            Alteration::SetPolicy(id, policy) => {
                find(&id).map(|key| Input::SetPolicy { key, policy })
            }
            Alteration::Replace(id, probe) => find(&id).map(|key| Input::Replace { key, probe }),
            Alteration::Pause(id) => find(&id).map(|key| Input::Pause { key }),
        };
        to.others.extend(input);
    }
}
