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
    /// The close that led to this check, if one did: after how long. It counts once the server has answered: a
    /// crash is no habit.
    unproved: u32,
    /// So many closes in a row came after about the same span.
    alike: u8,
    /// So many connections in a row were not kept.
    spurned: u8,
}

/// A connection that outlives what is known by this share of it ends the habit; one closed that much earlier is
/// still it.
const SHARE: u32 = 8;
/// A habit is the same span so often: twice is met by chance in a fleet whose peers close at random.
const ALIKE: u8 = 3;
/// An idle timeout of less is odd: only so many alike closes make it a habit, that of a server which closes behind
/// each answer and does not say so.
const SHORTEST: u32 = 900;
const ALIKE_AND_SHORT: u8 = 8;
/// One connection of so many is kept against what is known, which may have changed.
const TRIAL: u8 = 16;

impl Peer {
    /// Whether it is known how long it keeps them.
    pub(super) fn has_a_habit(&self) -> bool {
        self.keeps > 0
    }

    /// A check begins; what came of the last close is settled.
    pub(super) fn settle(&mut self) {
        if std::mem::take(&mut self.unproved) > 0 {
            self.alike = 0;
        }
    }

    /// A check begins at that time: how far it is from the last one.
    pub(super) fn begins(&mut self, now: u32) {
        self.gap = match self.ended {
            0 => 0,
            ended => now.wrapping_sub(ended).max(1),
        };
    }

    /// A check ended with an answer whose `Keep-Alive` says so.
    pub(super) fn ended(&mut self, now: u32, says: Option<Duration>) {
        self.ended = now.max(1);
        let after = std::mem::take(&mut self.unproved);
        if after > 0 {
            self.counts(after);
        }
        if let Some(says) = says {
            self.keeps = millis_of(says).max(1);
        }
    }

    /// What became of the parked connection. Some closes after the same span are a habit; one that outlived it, or
    /// was closed long before, ends it.
    pub(super) fn learns(&mut self, fate: Fate) {
        match fate {
            Fate::Closed(after) => {
                self.unproved = after.max(1);
                if self.keeps >= SHORTEST && after < self.keeps / 2 {
                    self.keeps = 0;
                }
            }
            Fate::Open(lay) if lay > self.keeps + self.keeps / SHARE => {
                (self.keeps, self.alike) = (0, 0);
            }
            Fate::Open(_) | Fate::Expired => {}
        }
    }

    /// A close after that span, and the server goes on answering.
    fn counts(&mut self, after: u32) {
        let is_alike = self.alike > 0 && is_near(self.closed_after, after);
        self.alike = match is_alike {
            true => self.alike.saturating_add(1),
            false => 1,
        };
        let enough = match after >= SHORTEST {
            true => ALIKE,
            false => ALIKE_AND_SHORT,
        };
        if self.alike >= enough {
            self.keeps = self.closed_after.min(after).max(1);
        }
        self.closed_after = after;
    }

    /// After so long a close is no news; 0: it always is.
    pub(super) fn expected(&self) -> u32 {
        match self.keeps {
            0 => 0,
            keeps => (keeps - keeps / SHARE).max(1),
        }
    }

    /// Whether a connection would still be open at the next check, if that comes after as long as this one did.
    pub(super) fn is_worth_keeping(&mut self) -> bool {
        if self.keeps == 0 || self.gap < self.expected() || self.spurned >= TRIAL {
            self.spurned = 0;
            return true;
        }
        self.spurned += 1;
        false
    }

    /// Whether checks follow each other so closely that each millisecond counts.
    pub(super) fn is_hurried(&self) -> bool {
        (1..HURRIED).contains(&self.gap)
    }
}

/// A few slots, in milliseconds.
const HURRIED: u32 = 50;

fn is_near(a: u32, b: u32) -> bool {
    a.abs_diff(b) <= a.max(b) / 16 + 25
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A close, and a check that is answered.
    fn closed(peer: &mut Peer, after: u32) {
        peer.settle();
        peer.learns(Fate::Closed(after));
        peer.ended(1, None);
    }

    #[test]
    fn a_crash_is_no_habit() {
        let mut peer = Peer::default();
        for _ in 0..9 {
            peer.settle();
            peer.learns(Fate::Closed(5_000));
            // The check that followed was refused; a later one is answered.
            peer.settle();
            peer.ended(1, None);
        }
        assert_eq!(peer.expected(), 0);
    }

    #[test]
    fn a_habit_takes_three_closes_and_one_long_life_ends_it() {
        let mut peer = Peer::default();
        [5_003, 740, 5_000, 5_010]
            .into_iter()
            .for_each(|after| closed(&mut peer, after));
        assert_eq!(peer.expected(), 0, "twice is chance");
        closed(&mut peer, 5_020);
        assert_eq!(peer.expected(), 4_384);
        peer.learns(Fate::Open(5_100));
        assert_eq!(peer.expected(), 4_384);
        peer.learns(Fate::Open(9_000));
        assert_eq!(peer.expected(), 0);
    }

    /// Learnt once in an hour of chance it would stay for ever: nothing is kept then that could tell.
    #[test]
    fn what_was_learnt_by_chance_is_tried_and_forgotten() {
        let mut peer = Peer::default();
        (0..3).for_each(|_| closed(&mut peer, 950));
        peer.begins(10);
        peer.ended(12, None);
        peer.begins(1_012);
        let kept = (0..17).filter(|_| peer.is_worth_keeping()).count();
        assert_eq!(kept, 1, "one trial");
        peer.learns(Fate::Closed(300));
        assert!(peer.is_worth_keeping());
    }

    #[test]
    fn closes_at_random_are_no_habit() {
        let mut peer = Peer::default();
        for after in [400, 410, 700, 90, 95, 800, 805, 790, 20, 500].repeat(50) {
            closed(&mut peer, after);
            assert_eq!(peer.expected(), 0);
        }
    }

    #[test]
    fn a_server_that_closes_behind_each_answer_is_learnt() {
        let mut peer = Peer::default();
        (0..8).for_each(|nth| closed(&mut peer, nth % 3));
        assert!(peer.expected() > 0);
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
