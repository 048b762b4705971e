//! A hashed timer wheel of one level: due times in slots of 10 ms, one wake-up for all of a slot.
//!
//! One level, because a hierarchical one stalls at its cascades (153 ms measured at a million targets). An entry
//! that is due in a later round stays where it is and is looked at once a round. A slot is an array, not a linked
//! list: of a thousand entries that are not in the cache the processor then fetches many at once, and a list is
//! walked at the pace of one miss after the other.
//! Reference: Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (1987), scheme 6.

use std::time::Duration;

use hc_core::{Timestamp, nanos};

use crate::list::{Link, Linked};
use crate::slab::Slab;

/// Slots of the wheel: a round is 82 s at 10 ms.
const SLOTS: usize = 8192;

/// How much room of emptied slots is kept for others. Each slot would keep its own: 33 bytes a target.
const SPARE: usize = 64;

/// What has a time at which it is due, in ticks.
pub(crate) trait Timed: Linked {
    fn tick(&mut self) -> &mut u64;
}

pub(crate) struct Wheel {
    slots: Box<[Vec<u32>]>,
    spare: Vec<Vec<u32>>,
    /// One bit a slot: whether it holds anything.
    used: Box<[u64]>,
    slot: u64,
    /// All ticks up to this one have fired.
    current: u64,
    len: usize,
}

impl Wheel {
    pub(crate) fn new(slot: Duration) -> Self {
        Self {
            slots: vec![Vec::new(); SLOTS].into_boxed_slice(),
            spare: Vec::new(),
            used: vec![0; SLOTS / 64].into_boxed_slice(),
            slot: nanos(slot).max(1),
            current: 0,
            len: 0,
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// When an entry that is due at `due` fires: the slot boundary at or after it.
    pub(crate) fn fires_at(&self, due: Timestamp) -> Timestamp {
        Timestamp::from_nanos(due.as_nanos().div_ceil(self.slot).saturating_mul(self.slot))
    }

    pub(crate) fn insert<T: Timed>(&mut self, slab: &mut Slab<T>, index: u32, due: Timestamp) {
        let tick = due.as_nanos().div_ceil(self.slot).max(self.current + 1);
        let slot = tick as usize % SLOTS;
        let list = &mut self.slots[slot];
        if list.capacity() == 0 {
            *list = self.spare.pop().unwrap_or_default();
        }
        let place = u32::try_from(list.len()).expect("fewer than four billion targets");
        list.push(index);
        let entry = slab.at_mut(index);
        *entry.tick() = tick;
        *entry.link() = Link::at_place(place);
        self.used[slot / 64] |= 1 << (slot % 64);
        self.len += 1;
    }

    pub(crate) fn remove<T: Timed>(&mut self, slab: &mut Slab<T>, index: u32) {
        let entry = slab.at_mut(index);
        let slot = *entry.tick() as usize % SLOTS;
        let link = std::mem::take(entry.link());
        let list = &mut self.slots[slot];
        list.swap_remove(link.place() as usize);
        if let Some(moved) = list.get(link.place() as usize) {
            *slab.at_mut(*moved).link() = link;
        }
        self.tidy(slot);
        self.len -= 1;
    }

    fn tidy(&mut self, slot: usize) {
        if self.slots[slot].is_empty() {
            self.used[slot / 64] &= !(1 << (slot % 64));
            let room = std::mem::take(&mut self.slots[slot]);
            if self.spare.len() < SPARE {
                self.spare.push(room);
            }
        }
    }

    /// Takes out what is due at `now`, in the order of its slots, into `fired`.
    pub(crate) fn advance<T: Timed>(
        &mut self,
        slab: &mut Slab<T>,
        now: Timestamp,
        fired: &mut Vec<u32>,
    ) {
        let target = now.as_nanos() / self.slot;
        // After more than a round each slot is looked at once; what is due in it is told by its tick.
        let rounds_start = target.saturating_sub(SLOTS as u64);
        let mut tick = self.current.max(rounds_start);
        while let Some(next) = self.next_used(tick).filter(|next| *next <= target) {
            tick = next;
            let slot = tick as usize % SLOTS;
            let list = &mut self.slots[slot];
            let mut kept = 0;
            for at in 0..list.len() {
                let index = list[at];
                let entry = slab.at_mut(index);
                if *entry.tick() <= target {
                    *entry.link() = Link::default();
                    fired.push(index);
                } else {
                    *entry.link() = Link::at_place(kept);
                    list[kept as usize] = index;
                    kept += 1;
                }
            }
            self.len -= list.len() - kept as usize;
            list.truncate(kept as usize);
            self.tidy(slot);
        }
        self.current = self.current.max(target);
    }

    /// The next tick after `after`, within a round, whose slot holds anything.
    fn next_used(&self, after: u64) -> Option<u64> {
        if self.len == 0 {
            return None;
        }
        let start = (after + 1) as usize % SLOTS;
        let words = SLOTS / 64;
        for step in 0..=words {
            let word = (start / 64 + step) % words;
            let mut bits = self.used[word];
            if step == 0 {
                bits &= u64::MAX << (start % 64);
            } else if step == words {
                bits &= !(u64::MAX << (start % 64));
            }
            if bits != 0 {
                let slot = word * 64 + bits.trailing_zeros() as usize;
                let distance = (slot + SLOTS - start) % SLOTS;
                return Some(after + 1 + distance as u64);
            }
        }
        None
    }

    /// When to look again: the next slot that holds anything. It may turn out to be due in a later round only.
    pub(crate) fn next_wake(&self) -> Option<Timestamp> {
        let tick = self.next_used(self.current)?;
        Some(Timestamp::from_nanos(tick.saturating_mul(self.slot)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::list::Link;
    use proptest::prelude::*;

    #[derive(Default)]
    struct Timer {
        link: Link,
        tick: u64,
    }

    impl Linked for Timer {
        fn link(&mut self) -> &mut Link {
            &mut self.link
        }
    }

    impl Timed for Timer {
        fn tick(&mut self) -> &mut u64 {
            &mut self.tick
        }
    }

    proptest! {
        /// Against a plain sorted list: each timer fires once, at the first look at or after its slot boundary.
        #[test]
        fn fires_each_once_and_on_time(
            dues in prop::collection::vec(0_u64..400_000, 1..60),
            removed in prop::collection::vec(any::<bool>(), 60),
            steps in prop::collection::vec(1_u64..200_000, 1..40),
        ) {
            let mut slab = Slab::new();
            let mut wheel = Wheel::new(Duration::from_millis(10));
            let mut waiting: Vec<(u64, u32)> = Vec::new();
            for (n, due) in dues.iter().enumerate() {
                let index = slab.insert(Timer::default()).index;
                wheel.insert(&mut slab, index, Timestamp::from_millis(*due));
                if removed[n] {
                    wheel.remove(&mut slab, index);
                } else {
                    waiting.push((due.div_ceil(10).max(1) * 10, index));
                }
            }
            let mut now = 0;
            for step in steps {
                now += step;
                let mut fired = Vec::new();
                wheel.advance(&mut slab, Timestamp::from_millis(now), &mut fired);
                let mut expected: Vec<u32> =
                    waiting.iter().filter(|(at, _)| *at <= now).map(|(_, index)| *index).collect();
                waiting.retain(|(at, _)| *at > now);
                fired.sort_unstable();
                expected.sort_unstable();
                prop_assert_eq!(fired, expected);
                prop_assert_eq!(wheel.len(), waiting.len());
                let next = waiting.iter().map(|(at, _)| *at).min();
                match (wheel.next_wake(), next) {
                    (Some(wake), Some(next)) => {
                        prop_assert!(wake <= Timestamp::from_millis(next));
                        prop_assert!(wake > Timestamp::from_millis(now - now % 10));
                    }
                    (wake, next) => prop_assert!(wake.is_none() && next.is_none()),
                }
            }
        }
    }
}
