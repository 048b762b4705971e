//! Which close follows an answer, and when: seeded, so that a run can be repeated.

use std::time::Duration;

/// How a kept connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whim {
    /// It stays.
    Keep,
    /// A FIN after so long, while it is idle or whatever else it then is.
    Fin(Duration),
    /// A reset after so long.
    Reset(Duration),
    /// With the next request: unread, so that the kernel answers it with a reset.
    Unread,
    /// With the next request: read, and answered with a FIN.
    Swallowed,
}

/// Decides.
#[derive(Debug)]
pub(crate) struct Whims {
    state: u64,
    closes: u64,
    interval: Duration,
}

impl Whims {
    pub(crate) fn new(seed: u64, closes: u64, interval: Duration) -> Self {
        Self {
            state: seed,
            closes,
            interval,
        }
    }

    /// After an answer.
    pub(crate) fn next(&mut self) -> Whim {
        if self.random() % 1_000 >= self.closes {
            return Whim::Keep;
        }
        let any = self.interval.mul_f64(self.fraction());
        // A checker asks again after an interval, give or take a slot and a jitter: what meets its request is aimed at it.
        let aimed = self.interval.mul_f64(0.97 + 0.06 * self.fraction());
        match self.random() % 8 {
            0 | 1 => Whim::Fin(any),
            2 => Whim::Reset(any),
            3 => Whim::Fin(Duration::ZERO),
            4 => Whim::Fin(aimed),
            5 => Whim::Reset(aimed),
            6 => Whim::Unread,
            _ => Whim::Swallowed,
        }
    }

    /// splitmix64.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn fraction(&mut self) -> f64 {
        (self.random() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Whim, Whims};

    #[test]
    fn about_as_many_close_as_were_asked_for_and_none_of_none() {
        let closes = |closes: u64| {
            let mut whims = Whims::new(7, closes, Duration::from_secs(1));
            (0..10_000).filter(|_| whims.next() != Whim::Keep).count()
        };
        assert_eq!(closes(0), 0);
        assert!((400..600).contains(&closes(50)), "{}", closes(50));
        assert_eq!(closes(1_000), 10_000);
    }
}
