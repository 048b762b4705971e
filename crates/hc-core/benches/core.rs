//! Micro-benchmarks of the view and the state machine. Reading is measured over a million handles at random, once
//! alone and once while another thread publishes as fast as a fleet of 100,000 checks a second does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use divan::{Bencher, black_box};
use hc_core::{
    Cell, EventKind, Evidence, Health, HealthView, Kind, Policy, Probe, Publisher, Report, Start,
    Status, Target, TargetHandle, Timestamp, Turn, Verdict, Word, probe_fn, step, view,
};

fn main() {
    divan::main();
}

const MILLION: usize = 1_000_000;

struct Fleet {
    publisher: Publisher,
    view: HealthView,
    cells: Vec<Arc<Cell>>,
    /// In random order.
    handles: Vec<TargetHandle>,
    word: Word,
}

fn fleet() -> Fleet {
    let (publisher, view) = view(64);
    let health = Health::new(Start::First, Timestamp::ZERO);
    let word = Word::new(&health, &Policy::default(), false);
    let probe: Arc<dyn Probe> = Arc::new(probe_fn(|_| async { Ok(Evidence::new()) }));
    let policy = Arc::new(Policy::default());
    let cells: Vec<Arc<Cell>> = (0..MILLION)
        .filter_map(|n| {
            let target =
                Target::new(format!("target-{n:07}"), probe.clone()).with_policy(policy.clone());
            publisher.add(&target, word, Timestamp::ZERO, SystemTime::UNIX_EPOCH)
        })
        .collect();
    // The shards' tables hold them in the order of their hashes, which has nothing to do with their places in memory.
    let handles = view.handles();
    Fleet {
        publisher,
        view,
        cells,
        handles,
        word,
    }
}

#[divan::bench]
fn step_pass(bencher: Bencher<'_, '_>) {
    let policy = Policy::default();
    let mut health = Health::new(Start::First, Timestamp::ZERO);
    bencher.bench_local(|| {
        (health, _) = step(&policy, health, black_box(Verdict::Pass), Timestamp::ZERO);
    });
}

#[divan::bench]
fn step_fail(bencher: Bencher<'_, '_>) {
    let policy = Policy::default();
    let mut health = Health::new(Start::First, Timestamp::ZERO);
    bencher.bench_local(|| {
        (health, _) = step(
            &policy,
            health,
            black_box(Verdict::Fail(1)),
            Timestamp::ZERO,
        );
    });
}

#[divan::bench]
fn report_passed(bencher: Bencher<'_, '_>) {
    let fleet = fleet();
    let handle = &fleet.handles[0];
    bencher.bench_local(|| black_box(handle).report(black_box(Report::Passed)));
}

#[divan::bench]
fn report_failed(bencher: Bencher<'_, '_>) {
    let fleet = fleet();
    let handle = &fleet.handles[0];
    bencher.bench_local(|| black_box(handle).report(Report::Failed(Kind::Refused)));
}

/// What a check that changes nothing publishes, of a target at random.
#[divan::bench]
fn publish_nothing_new_of_a_million(bencher: Bencher<'_, '_>) {
    let fleet = fleet();
    let mut at = 0;
    bencher.bench_local(|| {
        at = (at + 7_919) % MILLION;
        let cell = &fleet.cells[at];
        cell.set_stale_at(Timestamp::from_nanos(at as u64));
        cell.set_word(black_box(fleet.word));
    });
}

/// A transition goes into the feed too, where a subscriber lags.
#[divan::bench]
fn publish_transition(bencher: Bencher<'_, '_>) {
    let fleet = fleet();
    let _lagging = fleet.view.subscribe();
    let mut at = 0;
    bencher.bench_local(|| {
        at = (at + 7_919) % MILLION;
        let (cell, now) = (&fleet.cells[at], Timestamp::from_nanos(at as u64));
        let wall = SystemTime::UNIX_EPOCH;
        let turn = Turn {
            from: Status::Unhealthy,
            to: Status::Healthy,
            at: now,
            held: Duration::from_secs(1),
            streak: 2,
        };
        let target = cell.id().clone();
        let publisher = black_box(&fleet.publisher);
        publisher.publish(cell, fleet.word, now, wall, |word| EventKind::Transition {
            target,
            turn,
            word,
            cause: None,
        });
    });
}

#[divan::bench]
fn find_by_id_of_a_million(bencher: Bencher<'_, '_>) {
    let fleet = fleet();
    let mut at = 0_usize;
    bencher
        .with_inputs(|| {
            at = (at + 7_919) % MILLION;
            format!("target-{at:07}")
        })
        .bench_local_refs(|id| fleet.view.get(id));
}

/// A thousand reads an iteration, so that the figure is in nanoseconds a read with three digits.
fn read(bencher: Bencher<'_, '_>, fleet: &Fleet) {
    let mut at = 0;
    bencher.counter(1_000_usize).bench_local(|| {
        let mut healthy = 0;
        for _ in 0..1_000 {
            at = (at + 1) % fleet.handles.len();
            healthy += usize::from(fleet.handles[at].is_healthy());
        }
        healthy
    });
}

#[divan::bench]
fn is_healthy_random_of_a_million(bencher: Bencher<'_, '_>) {
    read(bencher, &fleet());
}

#[divan::bench]
fn is_healthy_under_100_000_publishes_a_second(bencher: Bencher<'_, '_>) {
    let fleet = fleet();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut at = 0;
            while !stop.load(Ordering::Relaxed) {
                // A hundred a millisecond.
                for _ in 0..100 {
                    at = (at + 7_919) % MILLION;
                    let cell = &fleet.cells[at];
                    cell.set_stale_at(Timestamp::from_nanos(at as u64));
                    cell.set_word(fleet.word);
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        read(bencher, &fleet);
        stop.store(true, Ordering::Relaxed);
    });
}
