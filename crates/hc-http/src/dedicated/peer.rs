//! What a server's habit with idle connections is: how long it keeps them. Pure.
//!
//! A server that merely times out its idle connections is not news, and a connection that it will have closed by the
//! next check is not worth keeping.

use std::time::Duration;

use super::worker::{Fate, millis_of};

/// Learnt of one target's server; all spans in milliseconds, 0: not known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Peer {
    /// It keeps idle connections so long.
    keeps: u32,
    /// It last closed one after so long.
    closed_after: u32,
    /// Between a check's end and the next one's beginning, lately.
    gap: u32,
    /// When a check last ended.
    ended: u32,
}

/// A close within this share of what is known is the habit.
const SHARE: u32 = 8;

impl Peer {
    /// Whether it is known how long it keeps them.
    pub(super) fn has_a_habit(&self) -> bool {
        self.keeps > 0
    }

    /// A check begins.
    pub(super) fn begins(&mut self, now: u32) {
        self.gap = match self.ended {
            0 => 0,
            ended => now.wrapping_sub(ended).max(1),
        };
    }

    /// A check ended with an answer whose `Keep-Alive` says so.
    pub(super) fn ended(&mut self, now: u32, says: Option<Duration>) {
        self.ended = now.max(1);
        if let Some(says) = says {
            self.keeps = millis_of(says).max(1);
        }
    }

    /// What became of the parked connection. Two closes after the same span are a habit; one that outlived it ends it.
    pub(super) fn learns(&mut self, fate: Fate) {
        match fate {
            Fate::Closed(after) => {
                if self.closed_after > 0 && is_near(self.closed_after, after) {
                    self.keeps = self.closed_after.min(after).max(1);
                }
                self.closed_after = after;
            }
            Fate::Open(lay) if self.keeps > 0 && lay > self.keeps + self.keeps / SHARE => {
                (self.keeps, self.closed_after) = (0, 0);
            }
            Fate::Open(_) | Fate::Expired => {}
        }
    }

    /// After so long a close is no news; 0: it always is.
    pub(super) fn expected(&self) -> u32 {
        match self.keeps {
            0 => 0,
            keeps => (keeps - keeps / SHARE).max(1),
        }
    }

    /// Whether a connection would still be open at the next check, if that comes after as long as this one did.
    pub(super) fn is_worth_keeping(&self) -> bool {
        self.keeps == 0 || self.gap < self.expected()
    }

    /// Whether checks follow each other so closely that each millisecond counts.
    pub(super) fn is_hurried(&self) -> bool {
        (1..HURRIED).contains(&self.gap)
    }
}

/// A few slots, in milliseconds.
const HURRIED: u32 = 50;

fn is_near(a: u32, b: u32) -> bool {
    a.abs_diff(b) <= a.max(b) / SHARE + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_habit_takes_two_closes_and_one_long_life_ends_it() {
        let mut peer = Peer::default();
        peer.learns(Fate::Closed(5_003));
        assert_eq!(peer.expected(), 0, "once may be a crash");
        peer.learns(Fate::Closed(740));
        assert_eq!(peer.expected(), 0, "at random is no habit");
        peer.learns(Fate::Closed(5_000));
        peer.learns(Fate::Closed(5_010));
        assert_eq!(peer.expected(), 4_375);
        peer.learns(Fate::Open(5_100));
        assert_eq!(peer.expected(), 4_375);
        peer.learns(Fate::Open(9_000));
        assert_eq!(peer.expected(), 0);
    }

    #[test]
    fn a_connection_is_kept_if_the_next_check_would_find_it_open() {
        let mut peer = Peer::default();
        peer.begins(10);
        peer.ended(12, Some(Duration::from_secs(5)));
        assert!(
            peer.is_worth_keeping(),
            "nobody knows yet when the next one comes"
        );
        peer.begins(10_012);
        assert!(!peer.is_worth_keeping());
        peer.ended(10_014, None);
        peer.begins(11_014);
        assert!(peer.is_worth_keeping());
    }
}
