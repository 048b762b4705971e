//! The order in which targets of one command are asked first.

use hc_core::{TargetId, stable_hash};

/// So many targets of one command are ranked by sorting them: half a millisecond. In a tenth of the span of
/// more than that, there are 10 % give or take 1 % without it.
const SORTED: usize = 10_000;

/// The ranks, by hash, of targets that are changed in one command, in the order given.
pub(crate) fn ranks<'a>(
    ids: impl Iterator<Item = &'a TargetId>,
    checker: &str,
) -> std::vec::IntoIter<u32> {
    let hashes: Vec<u64> = ids.map(|id| stable_hash(&[id.as_str(), checker])).collect();
    let count = u32::try_from(hashes.len()).unwrap_or(u32::MAX);
    if hashes.len() > SORTED {
        // Uniform hashes say of so many well enough where each stands, and sorting them would be felt.
        let rank = |hash: u64| ((u128::from(hash) * u128::from(count)) >> 64) as u32;
        return hashes.into_iter().map(rank).collect::<Vec<_>>().into_iter();
    }
    let mut order: Vec<u32> = (0..count).collect();
    order.sort_unstable_by_key(|index| hashes[*index as usize]);
    let mut ranks = vec![0; hashes.len()];
    for (rank, index) in (0..).zip(order) {
        ranks[index as usize] = rank;
    }
    ranks.into_iter()
}
