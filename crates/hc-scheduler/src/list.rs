//! Intrusive lists over a slab: an entry has one link, so it stands in one list at most, and leaving costs nothing.

use crate::slab::Slab;

const NONE: u32 = u32::MAX;

/// An entry's place in the one list that it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    previous: u32,
    next: u32,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            previous: NONE,
            next: NONE,
        }
    }
}

impl Link {
    /// The link of what stands in no list but at a place of the wheel.
    pub(crate) fn at_place(place: u32) -> Self {
        Self {
            previous: NONE,
            next: place,
        }
    }

    /// That place.
    pub(crate) fn place(self) -> u32 {
        self.next
    }
}

/// What has a link.
pub(crate) trait Linked {
    fn link(&mut self) -> &mut Link;
}

/// First in, first out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    first: u32,
    last: u32,
}

impl Default for List {
    fn default() -> Self {
        Self {
            first: NONE,
            last: NONE,
        }
    }
}

impl List {
    pub(crate) fn is_empty(&self) -> bool {
        self.first == NONE
    }

    pub(crate) fn first(&self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }

    pub(crate) fn push<T: Linked>(&mut self, slab: &mut Slab<T>, index: u32) {
        *slab.at_mut(index).link() = Link {
            previous: self.last,
            next: NONE,
        };
        match self.last {
            NONE => self.first = index,
            last => slab.at_mut(last).link().next = index,
        }
        self.last = index;
    }

    pub(crate) fn remove<T: Linked>(&mut self, slab: &mut Slab<T>, index: u32) {
        let Link { previous, next } = std::mem::take(slab.at_mut(index).link());
        match previous {
            NONE => self.first = next,
            previous => slab.at_mut(previous).link().next = next,
        }
        match next {
            NONE => self.last = previous,
            next => slab.at_mut(next).link().previous = previous,
        }
    }

    pub(crate) fn pop<T: Linked>(&mut self, slab: &mut Slab<T>) -> Option<u32> {
        let index = self.first()?;
        self.remove(slab, index);
        Some(index)
    }
}
