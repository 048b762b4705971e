//! Counts of durations by upper bound, as Prometheus has them. Recording is a search among fifteen and two additions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hc_core::nanos;

/// Upper bounds in microseconds: 0.5 ms is an answer within a rack, 30 s more than most timeouts. One table for all
/// histograms, so that their series can be laid over one another.
pub(crate) const BOUNDS_US: [u64; 15] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 30_000_000,
];

const BUCKETS: usize = BOUNDS_US.len() + 1;

fn bucket(duration: Duration) -> usize {
    let nanos = nanos(duration);
    BOUNDS_US.partition_point(|bound| bound * 1_000 < nanos)
}

/// Counts by bucket; the last one has no upper bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Histogram {
    pub(crate) counts: [u64; BUCKETS],
    pub(crate) sum_ns: u64,
}

impl Histogram {
    pub(crate) fn record(&mut self, duration: Duration) {
        self.counts[bucket(duration)] += 1;
        self.sum_ns = self.sum_ns.wrapping_add(nanos(duration));
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, part) in self.counts.iter_mut().zip(other.counts) {
            *sum += part;
        }
        self.sum_ns = self.sum_ns.wrapping_add(other.sum_ns);
    }

    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// The same, counted by several workers at once.
#[derive(Debug, Default)]
pub(crate) struct SharedHistogram {
    counts: [AtomicU64; BUCKETS],
    sum_ns: AtomicU64,
}

impl SharedHistogram {
    pub(crate) fn record(&self, duration: Duration) {
        self.counts[bucket(duration)].fetch_add(1, Ordering::Relaxed);
        self.sum_ns.fetch_add(nanos(duration), Ordering::Relaxed);
    }

    /// Its count is the sum of the buckets, so that the two agree whatever is recorded meanwhile.
    pub(crate) fn snapshot(&self) -> Histogram {
        Histogram {
            counts: std::array::from_fn(|at| self.counts[at].load(Ordering::Relaxed)),
            sum_ns: self.sum_ns.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_own_bucket() {
        let at = |micros| bucket(Duration::from_micros(micros));
        assert_eq!((at(0), at(500), at(501)), (0, 0, 1));
        assert_eq!((at(30_000_000), at(30_000_001)), (14, 15));
        assert_eq!(bucket(Duration::from_nanos(500_001)), 1);
        assert_eq!(bucket(Duration::MAX), 15);
    }

    #[test]
    fn both_kinds_count_alike() {
        let (mut own, shared) = (Histogram::default(), SharedHistogram::default());
        for millis in [0, 1, 3, 40_000] {
            own.record(Duration::from_millis(millis));
            shared.record(Duration::from_millis(millis));
        }
        assert_eq!(own, shared.snapshot());
        let mut twice = own.clone();
        twice.add(&own);
        assert_eq!((twice.count(), twice.sum_ns), (8, 80_008_000_000));
    }
}
