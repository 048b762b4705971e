//! The order of publishing, in every interleaving that matters.
//!
//! Run by `RUSTFLAGS="--cfg hc_loom" cargo test -p hc-core --test loom --release`.
//!
//! Loom sees what goes through `sync.rs`: the words, the ring's lock, the shards' locks, the pending marks. The list
//! behind the inbox and the wake-ups are other crates' and count as single steps. It was tried with the word stored
//! after the append and outside the ring's lock: all four models with a mirror failed, each ending with an older word.
#![cfg(hc_loom)]
#![expect(clippy::unwrap_used, reason = "these are helpers of tests")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hc_core::{
    Cell, Change, EventKind, Evidence, HealthView, Kind, Mirror, Overlays, Publisher, Report,
    Status, Target, Timestamp, Turn, Word, probe_fn, view,
};
use loom::thread;

const NOW: Timestamp = Timestamp::ZERO;
const WALL: SystemTime = SystemTime::UNIX_EPOCH;

fn model(body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    // Every interleaving with at most three preemptions: all would take hours and find no more.
    builder.preemption_bound = Some(3);
    builder.check(body);
}

fn word(status: Status) -> Word {
    Word::from_parts(status, status == Status::Healthy, Overlays::default())
}

fn target() -> Target {
    Target::new("a", probe_fn(|_cx| async { Ok(Evidence::new()) }))
}

fn turn(publisher: &Publisher, cell: &Cell, to: Status) {
    let from = cell.word().status();
    let turn = Turn {
        from,
        to,
        at: NOW,
        held: Duration::ZERO,
        streak: 1,
    };
    let target = cell.id().clone();
    publisher.publish(cell, word(to), NOW, WALL, |word| EventKind::Transition {
        target,
        turn,
        word,
        cause: None,
    });
}

fn add(publisher: &Publisher) -> Arc<Cell> {
    publisher
        .add(&target(), word(Status::Unknown), NOW, WALL)
        .unwrap()
}

/// What a mirror ends with is what the view says, and on the way there it never goes back.
#[track_caller]
fn check(mirror: &mut Mirror, view: &HealthView) {
    let mut newest = mirror.get("a").map_or(0, Word::sequence);
    while let Some(change) = mirror.try_next() {
        if let Change::Event(event) = change {
            assert!(event.sequence > newest, "{event:?} after {newest}");
        }
        newest = newest.max(mirror.get("a").map_or(0, Word::sequence));
    }
    assert_eq!(mirror.get("a"), view.get("a").map(|handle| handle.word()));
}

#[test]
fn a_mirror_that_starts_while_it_is_published() {
    model(|| {
        let (publisher, view) = view(4);
        let cell = add(&publisher);
        let writer = thread::spawn(move || {
            turn(&publisher, &cell, Status::Healthy);
            turn(&publisher, &cell, Status::Unhealthy);
        });
        let mut mirror = Mirror::new(view.clone());
        writer.join().unwrap();
        check(&mut mirror, &view);
        assert_eq!(mirror.get("a").unwrap().status(), Status::Unhealthy);
    });
}

#[test]
fn a_mirror_that_lags_while_it_is_published() {
    model(|| {
        // The ring keeps one event, so that the mirror falls behind at once.
        let (publisher, view) = view(1);
        let cell = add(&publisher);
        let mut mirror = Mirror::new(view.clone());
        turn(&publisher, &cell, Status::Healthy);
        turn(&publisher, &cell, Status::Unhealthy);
        let writer = thread::spawn(move || turn(&publisher, &cell, Status::Degraded));
        let _change = mirror.try_next();
        writer.join().unwrap();
        check(&mut mirror, &view);
        assert_eq!(mirror.get("a").unwrap().status(), Status::Degraded);
    });
}

#[test]
fn adding_and_removing_while_a_mirror_starts() {
    model(|| {
        let (publisher, view) = view(4);
        let old = add(&publisher);
        let writer = thread::spawn(move || {
            publisher.remove(&old, NOW, WALL);
            let new = add(&publisher);
            turn(&publisher, &new, Status::Healthy);
        });
        let mut mirror = Mirror::new(view.clone());
        writer.join().unwrap();
        check(&mut mirror, &view);
        assert_eq!(mirror.get("a").unwrap().status(), Status::Healthy);
    });
}

#[test]
fn removing_while_a_mirror_starts() {
    model(|| {
        let (publisher, view) = view(4);
        let cell = add(&publisher);
        let writer = thread::spawn(move || {
            turn(&publisher, &cell, Status::Healthy);
            publisher.remove(&cell, NOW, WALL);
        });
        let mut mirror = Mirror::new(view.clone());
        writer.join().unwrap();
        check(&mut mirror, &view);
        assert!(mirror.is_empty());
    });
}

#[test]
fn a_nudge_is_never_lost_and_never_twice_in_the_list() {
    model(|| {
        let (publisher, view) = view(1);
        let cell = add(&publisher);
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let handle = view.get("a").unwrap();
                thread::spawn(move || handle.nudge())
            })
            .collect();
        let take = || {
            let mut taken = 0;
            while let Some(cell) = publisher.inbox().pop() {
                assert!(cell.take_pending().nudged, "an entry without a mark");
                taken += 1;
            }
            taken
        };
        let mut taken = take();
        for thread in threads {
            thread.join().unwrap();
        }
        taken += take();
        assert!((1..=2).contains(&taken), "{taken}");
        assert!(!cell.take_pending().nudged, "a mark without an entry");
    });
}

#[test]
fn a_nudge_and_an_accusation_share_one_entry_and_none_is_lost() {
    model(|| {
        let (publisher, view) = view(1);
        let _cell = add(&publisher);
        let handle = view.get("a").unwrap();
        for _ in 0..4 {
            handle.report(Report::Failed(Kind::Reset));
        }
        let accuser = handle.clone();
        let accuse = thread::spawn(move || accuser.report(Report::Failed(Kind::Reset)));
        let nudge = thread::spawn(move || handle.nudge());
        let mut seen = (false, None);
        let mut take = || {
            while let Some(cell) = publisher.inbox().pop() {
                let pending = cell.take_pending();
                assert!(pending.nudged || pending.accused.is_some());
                seen = (seen.0 | pending.nudged, seen.1.or(pending.accused));
            }
        };
        take();
        accuse.join().unwrap();
        nudge.join().unwrap();
        take();
        assert_eq!(seen, (true, Some(Kind::Reset)));
    });
}
