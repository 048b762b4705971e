//! A slab that grows by chunks: growing never moves what is in it (one that copies moves 100 MB at a million targets).
//!
//! Keys carry a generation, so that a key of something removed finds nothing, though its place is used again.

/// Entries a chunk holds. 1,024 keep a small fleet small and a large one's list of chunks short.
const CHUNK: usize = 1024;

/// The place of an entry, and which entry of that place is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub(crate) index: u32,
    generation: u32,
}

impl Key {
    /// The key in one number, to be kept elsewhere.
    #[must_use]
    pub fn to_bits(self) -> u64 {
        u64::from(self.index) | u64::from(self.generation) << 32
    }

    /// The key of such a number.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self {
            index: bits as u32,
            generation: (bits >> 32) as u32,
        }
    }
}

struct Place<T> {
    generation: u32,
    entry: Option<T>,
}

pub(crate) struct Slab<T> {
    chunks: Vec<Vec<Place<T>>>,
    free: Vec<u32>,
    len: usize,
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Self {
        Self {
            chunks: Vec::new(),
            free: Vec::new(),
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// One more than the highest index ever used.
    pub(crate) fn span(&self) -> usize {
        self.chunks
            .last()
            .map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    pub(crate) fn insert(&mut self, entry: T) -> Key {
        self.len += 1;
        if let Some(index) = self.free.pop() {
            let place = self.place_mut(index).expect("a free index has a place");
            place.entry = Some(entry);
            return Key {
                index,
                generation: place.generation,
            };
        }
        if self.chunks.last().is_none_or(|last| last.len() == CHUNK) {
            // A first chunk grows as a Vec does; from the second on a chunk is made whole and never moves.
            let capacity = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(capacity));
        }
        let index = u32::try_from(self.span()).expect("fewer than four billion targets");
        let last = self.chunks.last_mut().expect("there is one now");
        last.push(Place {
            generation: 0,
            entry: Some(entry),
        });
        Key {
            index,
            generation: 0,
        }
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let place = self
            .place_mut(key.index)
            .filter(|place| place.generation == key.generation)?;
        let entry = place.entry.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(key.index);
        self.len -= 1;
        Some(entry)
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let place = self
            .place(key.index)
            .filter(|place| place.generation == key.generation)?;
        place.entry.as_ref()
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let place = self
            .place_mut(key.index)
            .filter(|place| place.generation == key.generation)?;
        place.entry.as_mut()
    }

    /// The entry at an index that is known to be in use.
    pub(crate) fn at(&self, index: u32) -> &T {
        self.place(index)
            .and_then(|place| place.entry.as_ref())
            .expect("the index is in use")
    }

    /// The entry at an index that is known to be in use.
    pub(crate) fn at_mut(&mut self, index: u32) -> &mut T {
        self.place_mut(index)
            .and_then(|place| place.entry.as_mut())
            .expect("the index is in use")
    }

    /// The key of the entry at an index, if it is in use.
    pub(crate) fn key_at(&self, index: u32) -> Option<Key> {
        let place = self.place(index)?;
        place.entry.as_ref()?;
        Some(Key {
            index,
            generation: place.generation,
        })
    }

    fn place(&self, index: u32) -> Option<&Place<T>> {
        self.chunks
            .get(index as usize / CHUNK)?
            .get(index as usize % CHUNK)
    }

    fn place_mut(&mut self, index: u32) -> Option<&mut Place<T>> {
        self.chunks
            .get_mut(index as usize / CHUNK)?
            .get_mut(index as usize % CHUNK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_key_finds_nothing_though_its_place_is_used_again() {
        let mut slab = Slab::new();
        let first = slab.insert("first");
        assert_eq!(slab.remove(first), Some("first"));
        assert_eq!(slab.remove(first), None);
        let second = slab.insert("second");
        assert_eq!(second.index, first.index);
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.get(Key::from_bits(second.to_bits())), Some(&"second"));
        assert_eq!(slab.len(), 1);
    }

    #[test]
    fn grows_over_chunks() {
        let mut slab = Slab::new();
        let keys: Vec<Key> = (0..3000).map(|n| slab.insert(n)).collect();
        assert_eq!(slab.span(), 3000);
        assert!(
            keys.iter()
                .enumerate()
                .all(|(n, key)| slab.get(*key) == Some(&n))
        );
        assert_eq!(slab.len(), 3000);
    }
}
