//! Handles, reports, nudges, the feed and the mirror, as an embedder and a sink see them.
#![expect(clippy::unwrap_used, reason = "these are helpers of tests")]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, SystemTime};

use hc_core::{
    Cell, Change, EventKind, Evidence, FeedItem, HealthView, Kind, Mirror, Nudge, Overlays,
    Passive, Pending, Policy, Publisher, Report, Status, Subscription, Target, Timestamp, Turn,
    Word, probe_fn, view,
};

const WALL: SystemTime = SystemTime::UNIX_EPOCH;

fn target(id: &str) -> Target {
    Target::new(id, probe_fn(|_cx| async { Ok(Evidence::new()) }))
}

fn word(status: Status) -> Word {
    let is_healthy = matches!(status, Status::Healthy | Status::Degraded);
    Word::from_parts(status, is_healthy, Overlays::default())
}

fn add(publisher: &Publisher, id: &str) -> Arc<Cell> {
    publisher
        .add(&target(id), word(Status::Unknown), Timestamp::ZERO, WALL)
        .unwrap()
}

fn remove(publisher: &Publisher, cell: &Arc<Cell>) {
    publisher.remove(cell, Timestamp::ZERO, WALL);
}

fn turn(publisher: &Publisher, cell: &Cell, to: Status) {
    let from = cell.word().status();
    let turn = Turn {
        from,
        to,
        at: Timestamp::ZERO,
        held: Duration::ZERO,
        streak: 1,
    };
    let target = cell.id().clone();
    publisher.publish(cell, word(to), Timestamp::ZERO, WALL, |word| {
        EventKind::Transition {
            target,
            turn,
            word,
            cause: None,
        }
    });
}

/// The numbers of the events that are left, with what was missed as negative numbers.
fn drain(feed: &mut Subscription) -> Vec<i64> {
    let number = |n: u64| i64::try_from(n).unwrap();
    std::iter::from_fn(|| feed.try_next())
        .map(|item| match item {
            FeedItem::Event(event) => number(event.sequence),
            FeedItem::Missed(missed) => -number(missed),
        })
        .collect()
}

fn taken(publisher: &Publisher) -> Vec<Pending> {
    std::iter::from_fn(|| publisher.inbox().pop())
        .map(|cell| cell.take_pending())
        .collect()
}

const NUDGED: Pending = Pending {
    nudged: true,
    accused: None,
};

fn accused(kind: Kind) -> Pending {
    Pending {
        nudged: false,
        accused: Some(kind),
    }
}

#[test]
fn a_handle_reads_what_is_published_and_outlives_its_target() {
    let (publisher, view) = view(8);
    let cell = add(&publisher, "a");
    let handle = view.get("a").unwrap();
    assert!(view.get("b").is_none());
    assert_eq!(
        (handle.status(), handle.is_healthy()),
        (Status::Unknown, false)
    );
    turn(&publisher, &cell, Status::Degraded);
    assert_eq!(
        (handle.status(), handle.is_healthy()),
        (Status::Degraded, true)
    );
    assert_eq!((handle.word().sequence(), view.version()), (2, 2));
    // A word without an event keeps the number.
    cell.set_word(word(Status::Healthy));
    assert_eq!(
        (handle.status(), handle.word().sequence()),
        (Status::Healthy, 2)
    );
    assert_eq!((view.len(), view.tally()), (1, [0, 1, 0, 0]));
    remove(&publisher, &cell);
    assert!(!handle.is_healthy() && handle.word().is_removed());
    assert!(view.get("a").is_none() && view.is_empty());
    // The same id again is another target: the old handle stays with the old one.
    let _new = add(&publisher, "a");
    assert!(handle.word().is_removed() && !view.get("a").unwrap().word().is_removed());
}

#[test]
fn an_id_is_known_once() {
    let (publisher, view) = view(8);
    let _cell = add(&publisher, "a");
    let again = publisher.add(&target("a"), word(Status::Healthy), Timestamp::ZERO, WALL);
    assert!(again.is_none());
    assert_eq!((view.len(), view.version()), (1, 1));
    assert_eq!(view.get("a").unwrap().status(), Status::Unknown);
}

#[test]
fn staleness_is_a_matter_of_time() {
    let (publisher, view) = view(8);
    let cell = add(&publisher, "a");
    let handle = view.get("a").unwrap();
    assert!(!handle.is_stale(Timestamp::from_millis(1_000_000)));
    cell.set_stale_at(Timestamp::from_millis(10));
    assert!(!handle.is_stale(Timestamp::from_millis(9)));
    assert!(handle.is_stale(Timestamp::from_millis(10)));
}

#[test]
fn a_nudge_enters_once_until_it_is_taken() {
    let (publisher, view) = view(8);
    let _cell = add(&publisher, "a");
    let handle = view.get("a").unwrap();
    let nudge = handle.to_nudge();
    handle.nudge();
    nudge.nudge();
    nudge.clone().nudge();
    Nudge::nowhere().nudge();
    assert_eq!(taken(&publisher), [NUDGED]);
    assert!(publisher.inbox().is_empty());
    handle.nudge();
    assert_eq!(taken(&publisher), [NUDGED]);
}

#[test]
fn five_failures_in_a_row_accuse_and_a_pass_starts_the_row_anew() {
    let (publisher, view) = view(8);
    let cell = add(&publisher, "a");
    let handle = view.get("a").unwrap();
    let fail = |times, kind| (0..times).for_each(|_| handle.report(Report::Failed(kind)));
    fail(4, Kind::Reset);
    assert_eq!(taken(&publisher), []);
    handle.report(Report::Passed);
    fail(4, Kind::Reset);
    assert_eq!(taken(&publisher), []);
    fail(1, Kind::Timeout);
    assert_eq!(taken(&publisher), [accused(Kind::Timeout)]);
    // The row goes on: the next five ask again, once, together with a nudge.
    fail(4, Kind::Reset);
    assert_eq!(taken(&publisher), []);
    fail(1, Kind::Reset);
    fail(5, Kind::Refused);
    handle.nudge();
    let both = Pending {
        nudged: true,
        accused: Some(Kind::Refused),
    };
    assert_eq!(taken(&publisher), [both]);
    // Reports never change what is published.
    assert_eq!((cell.word().status(), view.version()), (Status::Unknown, 1));
}

#[test]
fn a_reported_pass_is_kept_until_asked_for_and_a_failure_forgets_it() {
    let (publisher, view) = view(8);
    let cell = add(&publisher, "a");
    let handle = view.get("a").unwrap();
    assert!(!cell.take_passed());
    handle.report(Report::Passed);
    handle.report(Report::Passed);
    assert!(cell.take_passed() && !cell.take_passed());
    handle.report(Report::Passed);
    handle.report(Report::Failed(Kind::Reset));
    assert!(!cell.take_passed());
    assert!(publisher.inbox().is_empty());
}

#[test]
fn the_policy_says_how_many_reports_are_acted_on() {
    let (publisher, view) = view(8);
    let policy = Policy::builder().suspect_after(1).build().unwrap();
    let one = target("one").with_policy(policy);
    publisher
        .add(&one, word(Status::Healthy), Timestamp::ZERO, WALL)
        .unwrap();
    let policy = Policy::builder()
        .passive(Passive::Ignore)
        .suspect_after(1)
        .build()
        .unwrap();
    let deaf = target("deaf").with_policy(policy);
    let cell = publisher
        .add(&deaf, word(Status::Healthy), Timestamp::ZERO, WALL)
        .unwrap();
    let report = |id: &str| view.get(id).unwrap().report(Report::Failed(Kind::Protocol));
    report("one");
    assert_eq!(taken(&publisher), [accused(Kind::Protocol)]);
    (0..20).for_each(|_| report("deaf"));
    assert_eq!(taken(&publisher), []);
    cell.set_passive(Passive::Counts, 2);
    report("deaf");
    assert_eq!(taken(&publisher), []);
    report("deaf");
    assert_eq!(taken(&publisher), [accused(Kind::Protocol)]);
}

#[test]
fn the_inbox_wakes_who_listens() {
    let (publisher, view) = view(8);
    let _cell = add(&publisher, "a");
    let mut context = Context::from_waker(Waker::noop());
    let mut listener = pin!(publisher.inbox().listen());
    assert!(listener.as_mut().poll(&mut context).is_pending());
    view.get("a").unwrap().nudge();
    assert!(listener.as_mut().poll(&mut context).is_ready());
    let mut listener = pin!(publisher.inbox().listen());
    assert!(listener.as_mut().poll(&mut context).is_pending());
    publisher.inbox().wake();
    assert!(listener.as_mut().poll(&mut context).is_ready());
}

#[test]
fn the_feed_is_numbered_in_order_and_tells_what_was_missed() {
    let (publisher, view) = view(3);
    let mut early = view.subscribe();
    let cell = add(&publisher, "a");
    let mut late = view.subscribe();
    for to in [
        Status::Healthy,
        Status::Unhealthy,
        Status::Healthy,
        Status::Degraded,
    ] {
        turn(&publisher, &cell, to);
    }
    assert_eq!(early.position(), 1);
    assert_eq!(drain(&mut early), [-2, 3, 4, 5]);
    assert_eq!(drain(&mut late), [-1, 3, 4, 5]);
    assert_eq!(drain(&mut early), []);
    assert_eq!(drain(&mut view.subscribe_after(3)), [4, 5]);
    assert_eq!(drain(&mut view.subscribe_after(0)), [-2, 3, 4, 5]);
    // A number from another life: nothing is missed, and what comes next is heard.
    let mut ahead = view.subscribe_after(1_000);
    assert_eq!(drain(&mut ahead), []);
    turn(&publisher, &cell, Status::Healthy);
    assert_eq!(drain(&mut ahead), [6]);
    assert_eq!(drain(&mut view.subscribe_after(u64::MAX)), []);
}

#[test]
fn a_closed_feed_is_read_to_its_end() {
    let (publisher, view) = view(8);
    let mut feed = view.subscribe();
    let _cell = add(&publisher, "a");
    let mut waiting = view.subscribe();
    let mut context = Context::from_waker(Waker::noop());
    let mut next = pin!(waiting.next());
    assert!(next.as_mut().poll(&mut context).is_pending());
    publisher.close();
    assert!(matches!(
        next.as_mut().poll(&mut context),
        Poll::Ready(None)
    ));
    assert!(matches!(block_on(feed.next()), Some(FeedItem::Event(e)) if e.sequence == 1));
    assert!(block_on(feed.next()).is_none());
}

#[test]
fn a_mirror_follows_additions_removals_and_turns() {
    let (publisher, view) = view(16);
    let a = add(&publisher, "a");
    let mut mirror = Mirror::new(view.clone());
    assert_eq!(
        (mirror.len(), mirror.get("a").map(Word::status)),
        (1, Some(Status::Unknown))
    );
    turn(&publisher, &a, Status::Healthy);
    let b = add(&publisher, "b");
    remove(&publisher, &a);
    // A straggler of a target that is gone: not told, and it brings nothing back.
    turn(&publisher, &a, Status::Unhealthy);
    let again = add(&publisher, "a");
    turn(&publisher, &again, Status::Degraded);
    turn(&publisher, &b, Status::Healthy);
    let told: Vec<u64> = std::iter::from_fn(|| mirror.try_next())
        .map(|change| match change {
            Change::Event(event) => event.sequence,
            Change::Resynced { .. } => panic!("it did not lag"),
        })
        .collect();
    assert_eq!(told, [2, 3, 4, 6, 7, 8]);
    assert_eq!(mirror.get("a").map(Word::status), Some(Status::Degraded));
    assert_same(&mirror, &view);
}

#[test]
fn a_mirror_that_lagged_knows_how_much_and_what_differs() {
    let (publisher, view) = view(2);
    let (kept, gone, still) = (
        add(&publisher, "kept"),
        add(&publisher, "gone"),
        add(&publisher, "still"),
    );
    turn(&publisher, &still, Status::Healthy);
    let mut mirror = Mirror::new(view.clone());
    turn(&publisher, &kept, Status::Healthy);
    turn(&publisher, &kept, Status::Unhealthy);
    remove(&publisher, &gone);
    let _new = add(&publisher, "new");
    turn(&publisher, &kept, Status::Degraded);
    let Some(Change::Resynced { missed, changed }) = mirror.try_next() else {
        panic!("it lagged");
    };
    assert_eq!(missed, 3);
    let mut told: Vec<_> = changed
        .iter()
        .map(|(id, before, after)| {
            (
                id.as_str(),
                before.map(Word::status),
                after.map(Word::status),
            )
        })
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("gone", Some(Status::Unknown), None),
            ("kept", Some(Status::Unknown), Some(Status::Degraded)),
            ("new", None, Some(Status::Unknown)),
        ]
    );
    assert!(mirror.try_next().is_none());
    assert_same(&mirror, &view);
}

#[track_caller]
fn assert_same(mirror: &Mirror, view: &HealthView) {
    let mut found: Vec<_> = mirror
        .iter()
        .map(|(id, word)| (id.to_string(), word))
        .collect();
    let mut expected: Vec<_> = view
        .handles()
        .iter()
        .map(|h| (h.id().to_string(), h.word()))
        .collect();
    found.sort_by(|x, y| x.0.cmp(&y.0));
    expected.sort_by(|x, y| x.0.cmp(&y.0));
    assert_eq!(found, expected);
}

/// Writers that change, remove and re-add their targets while mirrors with a tiny ring fall behind again and again.
#[test]
fn lagging_mirrors_end_with_the_right_picture() {
    const WRITERS: usize = 3;
    let (publisher, view) = view(4);
    let mirrors: Vec<_> = (0..2)
        .map(|_| {
            let view = view.clone();
            thread::spawn(move || {
                let mut mirror = Mirror::new(view);
                let (mut events, mut missed_in_all) = (0, 0);
                while let Some(change) = block_on(mirror.next()) {
                    match change {
                        Change::Event(_) => events += 1,
                        Change::Resynced { missed, .. } => missed_in_all += missed,
                    }
                }
                (mirror, events, missed_in_all)
            })
        })
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            let publisher = publisher.clone();
            thread::spawn(move || {
                let mut cells: Vec<_> = (0..4)
                    .map(|t| add(&publisher, &format!("{number}-{t}")))
                    .collect();
                for round in 0..3_000 {
                    let at = round % 4;
                    if round % 11 == 0 {
                        let id = cells[at].id().to_string();
                        remove(&publisher, &cells[at]);
                        cells[at] = add(&publisher, &id);
                    }
                    turn(&publisher, &cells[at], Status::ALL[1 + round % 3]);
                }
                remove(&publisher, &cells[0]);
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    publisher.close();
    for mirror in mirrors {
        let (mirror, events, missed) = mirror.join().unwrap();
        assert_same(&mirror, &view);
        assert_eq!(mirror.len(), WRITERS * 3);
        assert!(events + missed <= view.version(), "{events} {missed}");
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn each_worker_has_an_inbox_of_its_own_and_one_feed_tells_of_all() {
    let (publishers, view) = hc_core::view_of_workers(8, 2);
    let mut feed = view.subscribe();
    let add = |worker: usize, id: &str| {
        let target = Target::new(id, probe_fn(|_cx| async { Ok(Evidence::new()) }));
        let word = Word::from_parts(Status::Unknown, false, Overlays::default());
        publishers[worker]
            .add(&target, word, Timestamp::ZERO, SystemTime::UNIX_EPOCH)
            .unwrap()
    };
    let (a, b) = (add(0, "a"), add(1, "b"));
    assert_eq!((a.worker(), b.worker()), (0, 1));
    view.get("b").unwrap().nudge();
    assert!(publishers[0].inbox().is_empty());
    assert_eq!(publishers[1].inbox().pop().unwrap().id().as_str(), "b");

    // Moved while a nudge waits at the old door: it is passed on, and still holds what was asked.
    view.get("a").unwrap().nudge();
    a.set_worker(1);
    publishers[0].inbox().pop().unwrap().forward();
    let moved = publishers[1].inbox().pop().unwrap();
    assert!(moved.take_pending().nudged);
    let told = std::iter::from_fn(|| feed.try_next()).count();
    assert_eq!(told, 2);
}
