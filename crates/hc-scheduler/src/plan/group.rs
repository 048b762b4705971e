//! Targets with equal probe, address and policy are asked once, and each hears the result.
//!
//! There is no fixed leader. Every member has its own due time; whichever falls due first asks for all, and those that
//! are idle then *ride*: they stand in no list until the check has ended, hear its outcome through their own
//! health, and are due again by their own rules. So the group is asked when the first of its members wants to be. Members
//! share a grid, made of the group's key, or their ticks would cut the interval into pieces.
//!
//! One that is removed, paused or reloaded while it asks for others takes no result, but its check goes on for them.
//! A target without a group has no more than a pointer that is null.

use std::collections::HashMap;

use hc_core::{TargetId, stable_hash};

use super::{Key, Plan, State};
use crate::list::{Link, Linked};

/// Targets that are asked once for all.
pub(super) struct Group {
    key: u128,
    /// Their places.
    members: Vec<u32>,
    /// Who asks, or waits for the permits to.
    asking: Option<u32>,
    /// Members that are not paused; and those of them that are neither suspect nor Unhealthy.
    asked: usize,
    clear: usize,
}

/// All groups.
#[derive(Default)]
pub(super) struct Groups {
    by_key: HashMap<u128, u32>,
    groups: Vec<Option<Group>>,
    free: Vec<u32>,
}

impl Groups {
    fn at(&mut self, group: u32) -> &mut Group {
        self.groups[group as usize]
            .as_mut()
            .expect("a group lives as long as it has members")
    }

    fn find_or_make(&mut self, key: u128) -> u32 {
        if let Some(group) = self.by_key.get(&key) {
            return *group;
        }
        let group = Group {
            key,
            members: Vec::new(),
            asking: None,
            asked: 0,
            clear: 0,
        };
        let place = if let Some(place) = self.free.pop() {
            self.groups[place as usize] = Some(group);
            place
        } else {
            self.groups.push(Some(group));
            u32::try_from(self.groups.len() - 1).expect("no more groups than targets")
        };
        self.by_key.insert(key, place);
        place
    }
}

impl Plan {
    /// The hash that a target's grid is made of.
    pub(super) fn grid_hash(&self, id: &TargetId, group: Option<u128>) -> u64 {
        match group {
            Some(key) => stable_hash(&[&format!("{key:032x}"), &self.config.checker]),
            None => stable_hash(&[id.as_str(), &self.config.checker]),
        }
    }

    /// How many targets one check of this one is for, and whether it is in a group at all.
    pub(super) fn asked_for_all(&self, index: u32) -> usize {
        let group = self.slab.at(index).group();
        let group = group.and_then(|group| self.groups.groups[group as usize].as_ref());
        group.map_or(1, |group| group.asked.max(1))
    }

    /// The target is a member of that group from now on, or of none. It is counted neither before nor after.
    pub(super) fn join(&mut self, index: u32, key: Option<u128>) {
        let hash = self.grid_hash(self.slab.at(index).id(), key);
        self.slab.at_mut(index).set_hash(hash);
        let Some(key) = key else {
            return;
        };
        let place = self.groups.find_or_make(key);
        let group = self.groups.at(place);
        // What was counted in this silence was this address.
        let other = group.members.first().copied();
        group.members.push(index);
        let marks = other.map(|other| {
            let other = self.slab.at(other);
            (other.silence, other.silent_in)
        });
        let entry = self.slab.at_mut(index);
        entry.set_group(Some(place));
        let asks = matches!(entry.state, State::Waiting | State::Ready) || entry.is_in_flight();
        if let Some(marks) = marks {
            (entry.silence, entry.silent_in) = marks;
        }
        if asks {
            self.groups.at(place).asking.get_or_insert(index);
        }
    }

    /// The target is a member of its group no more. Who rode on its check asks anew.
    pub(super) fn part(&mut self, index: u32) {
        let entry = self.slab.at_mut(index);
        let Some(place) = entry.group() else {
            return;
        };
        if entry.state == State::Riding {
            entry.state = State::Parked;
        }
        entry.set_group(None);
        let group = self.groups.at(place);
        group.members.retain(|member| *member != index);
        if group.members.is_empty() {
            let key = group.key;
            self.groups.by_key.remove(&key);
            self.groups.groups[place as usize] = None;
            self.groups.free.push(place);
            return;
        }
        self.pass_on(place, index);
    }

    /// A target is told with which others it shares its checks.
    pub(super) fn share(&mut self, key: Key, with: Option<u128>) {
        if self.slab.get(key).is_some_and(|entry| !entry.removed) {
            self.regroup(key.index, with);
        }
    }

    /// Moves a known target into another group, or out of any.
    pub(super) fn regroup(&mut self, index: u32, key: Option<u128>) {
        let place = self.slab.at(index).group();
        let old = place.map(|place| self.groups.at(place).key);
        if old == key {
            return;
        }
        let (paused, due) = {
            let entry = self.slab.at(index);
            (entry.paused, entry.due)
        };
        let rode = self.slab.at(index).state == State::Riding;
        self.count_asked(index, false);
        self.uncount_clear(index);
        self.part(index);
        self.join(index, key);
        self.count_asked(index, !paused);
        self.recount(index);
        if rode && !paused && !self.stopping {
            let entry = self.slab.at(index);
            let next = super::Next {
                at: due.max(self.clock.now()),
                reason: entry.reason,
                factor: entry.factor,
            };
            self.schedule(index, next);
        }
    }

    /// Whether a group's other member already asks: then this one, which falls due, rides. Else it asks for all.
    pub(super) fn rides(&mut self, index: u32) -> bool {
        let Some(place) = self.slab.at(index).group() else {
            return false;
        };
        let group = self.groups.at(place);
        if group.asking.is_some_and(|asking| asking != index) {
            self.slab.at_mut(index).state = State::Riding;
            return true;
        }
        group.asking = Some(index);
        false
    }

    /// A member's check starts: those that are idle ride on it, and a nudge of one was a nudge of all.
    pub(super) fn take_along(&mut self, index: u32) {
        let Some(place) = self.slab.at(index).group() else {
            return;
        };
        let nudged = self.slab.at(index).at(super::Moment::Nudged);
        let members = std::mem::take(&mut self.groups.at(place).members);
        for member in members.iter().copied().filter(|member| *member != index) {
            if self.slab.at(member).state == State::Idle {
                // One that has just fired stands in the wheel no more.
                if *self.slab.at_mut(member).link() != Link::default() {
                    self.wheel.remove(&mut self.slab, member);
                }
                self.slab.at_mut(member).state = State::Riding;
            }
            if nudged.is_some() {
                self.slab.at_mut(member).set(super::Moment::Nudged, nudged);
            }
        }
        self.groups.at(place).members = members;
    }

    /// Who rides on that target's check.
    pub(super) fn riders(&mut self, index: u32) -> Vec<u32> {
        let Some(place) = self.slab.at(index).group() else {
            return Vec::new();
        };
        let group = self.groups.at(place);
        if group.asking != Some(index) {
            return Vec::new();
        }
        let members = group.members.iter().copied();
        members
            .filter(|member| self.slab.at(*member).state == State::Riding)
            .collect()
    }

    /// That target's check has ended: the next to fall due may ask.
    pub(super) fn has_asked(&mut self, index: u32) {
        if let Some(place) = self.slab.at(index).group() {
            let group = self.groups.at(place);
            if group.asking == Some(index) {
                group.asking = None;
            }
        }
    }

    /// A member that asked, or waited to, does so no more: the first that rides takes its place.
    pub(super) fn pass_on(&mut self, place: u32, from: u32) {
        let group = self.groups.at(place);
        if group.asking != Some(from) {
            return;
        }
        group.asking = None;
        let members = group.members.clone();
        for member in members {
            if self.slab.at(member).state != State::Riding {
                continue;
            }
            if self.stopping {
                self.slab.at_mut(member).state = State::Parked;
            } else {
                // The first asks; the others find that it does.
                self.fall_due(member);
            }
        }
    }

    /// What was found of one member in this silence was found of all: they are one address.
    pub(super) fn mark_silent(&mut self, index: u32) {
        let Some(place) = self.slab.at(index).group() else {
            return;
        };
        let (silence, silent_in) = {
            let entry = self.slab.at(index);
            (entry.silence, entry.silent_in)
        };
        for member in self.groups.at(place).members.clone() {
            let entry = self.slab.at_mut(member);
            (entry.silence, entry.silent_in) = (silence, silent_in);
        }
    }

    /// Counts a target among those that are asked, a group as one.
    pub(super) fn count_asked(&mut self, index: u32, is_asked: bool) {
        let entry = self.slab.at_mut(index);
        if std::mem::replace(&mut entry.counted_asked, is_asked) == is_asked {
            return;
        }
        let step = |n: usize| if is_asked { n + 1 } else { n - 1 };
        if let Some(place) = entry.group() {
            let group = self.groups.at(place);
            let before = group.asked;
            group.asked = step(before);
            if before.min(group.asked) > 0 {
                return;
            }
        }
        self.asked = step(self.asked);
    }

    /// Counts a target among those that are clear, a group as one.
    pub(super) fn count_clear(&mut self, index: u32, is_clear: bool) {
        let entry = self.slab.at_mut(index);
        if std::mem::replace(&mut entry.counted_clear, is_clear) == is_clear {
            return;
        }
        let step = |n: usize| if is_clear { n + 1 } else { n - 1 };
        if let Some(place) = entry.group() {
            let group = self.groups.at(place);
            let before = group.clear;
            group.clear = step(before);
            if before.min(group.clear) > 0 {
                return;
            }
        }
        self.clear = step(self.clear);
    }

    fn uncount_clear(&mut self, index: u32) {
        self.count_clear(index, false);
    }
}
