//! Micro-benchmarks of the timer wheel. It is not part of the library's face, so its files are built in here again.
#![expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "a benchmark needs little of the three files, and shows nothing to anyone; their tests are not run here"
)]

#[path = "../src/list.rs"]
mod list;
#[path = "../src/slab.rs"]
mod slab;
#[path = "../src/wheel.rs"]
mod wheel;

use std::time::Duration;

use divan::Bencher;
use hc_core::Timestamp;

use crate::list::{Link, Linked};
use crate::slab::Slab;
use crate::wheel::{Timed, Wheel};

fn main() {
    divan::main();
}

const SLOT: Duration = Duration::from_millis(10);

/// As far from its neighbour as a target is.
#[derive(Default)]
#[repr(align(128))]
struct Timer {
    link: Link,
    tick: u64,
}

impl Linked for Timer {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }
}

impl Timed for Timer {
    fn tick(&mut self) -> &mut u64 {
        &mut self.tick
    }
}

struct Turning {
    slab: Slab<Timer>,
    wheel: Wheel,
    fired: Vec<u32>,
    millis: u64,
    /// From firing to firing.
    interval: u64,
}

impl Turning {
    /// A thousand of them are due in each slot.
    fn new(timers: u64) -> Self {
        let interval = timers / 100;
        let (mut slab, mut wheel) = (Slab::new(), Wheel::new(SLOT));
        for n in 0..timers {
            let index = slab.insert(Timer::default()).index;
            // Those of one slot lie far from each other, as names scatter targets.
            let due = 10 + (n * 7_919 % timers) / 100;
            wheel.insert(&mut slab, index, Timestamp::from_millis(due));
        }
        Self {
            slab,
            wheel,
            fired: Vec::new(),
            millis: 0,
            interval,
        }
    }

    /// What is due fires, and is due again an interval later.
    fn turn(&mut self) {
        self.millis += 10;
        let now = Timestamp::from_millis(self.millis);
        self.wheel.advance(&mut self.slab, now, &mut self.fired);
        let next = Timestamp::from_millis(self.millis + self.interval);
        for index in self.fired.drain(..) {
            self.wheel.insert(&mut self.slab, index, next);
        }
    }
}

/// A thousand timers fire, and are set again.
#[divan::bench(args = [10_000, 1_000_000])]
fn thousand_timers(bencher: Bencher<'_, '_>, timers: u64) {
    let mut turning = Turning::new(timers);
    bencher.counter(1_000_usize).bench_local(|| turning.turn());
}

/// A nudge takes a timer out and sets it to another time.
#[divan::bench]
fn move_one_of_a_million(bencher: Bencher<'_, '_>) {
    let mut turning = Turning::new(1_000_000);
    let mut index = 0;
    bencher.bench_local(|| {
        index = (index + 7_919) % 1_000_000;
        let due = Timestamp::from_millis(u64::from(index) % 10_000);
        turning.wheel.remove(&mut turning.slab, index);
        turning.wheel.insert(&mut turning.slab, index, due);
    });
}

/// The longest search: the only timer is nearly a round away.
#[divan::bench]
fn next_wake_of_one(bencher: Bencher<'_, '_>) {
    let (mut slab, mut wheel) = (Slab::new(), Wheel::new(SLOT));
    let index = slab.insert(Timer::default()).index;
    wheel.insert(&mut slab, index, Timestamp::from_millis(80_000));
    bencher.bench_local(|| divan::black_box(&wheel).next_wake());
}
