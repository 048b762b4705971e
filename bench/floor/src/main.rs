//! The floor: one write and one read a check over kept connections, on a schedule, and nothing else. No parser, no state
//! machine, no deadline: what is left is the kernel's, and any checker's figure stands on it.
//!
//! `floor MODE TARGETS INTERVAL_MS SLOT_MS`, TARGETS a file with one ADDRESS:PORT a line. Modes:
//! - `woken`: each slot's requests are written, then epoll wakes the process for the answers as they come.
//! - `harvested`: epoll is asked without waiting, at each slot and 1, 3 and 7 ms after it while answers are outstanding;
//!   no answer wakes the process.
//!
//! A target's phase within the interval is a hash of its index, as a checker of many targets spreads them. Every three
//! seconds a line says how late the requests were.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

/// When a harvest follows its slot while answers are outstanding.
const GAPS: [Duration; 3] = [
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(4),
];

struct Floor {
    poll: Poll,
    events: Events,
    connections: Vec<TcpStream>,
    scratch: Vec<u8>,
    outstanding: usize,
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [mode, targets, interval, slot] = &arguments[..] else {
        panic!("floor MODE TARGETS INTERVAL_MS SLOT_MS");
    };
    let wakes = match mode.as_str() {
        "woken" => true,
        "harvested" => false,
        other => panic!("no mode `{other}`: woken or harvested"),
    };
    let milliseconds = |text: &str| text.parse::<u64>().expect("a number of milliseconds");
    let (interval, slot) = (milliseconds(interval), milliseconds(slot));
    let addresses: Vec<SocketAddr> = std::fs::read_to_string(targets)
        .expect("a file of targets")
        .lines()
        .map(|line| line.parse().expect("ADDRESS:PORT"))
        .collect();
    // Which targets each slot of the interval asks.
    let slots = (interval / slot).max(1);
    let mut schedule = vec![Vec::new(); usize::try_from(slots).expect("a small number")];
    for index in 0..addresses.len() {
        schedule[usize::try_from(mixed(index as u64) % slots).expect("a small number")].push(index);
    }
    Floor::connected(&addresses).run(&schedule, Duration::from_millis(slot), wakes);
}

/// A well mixed number of an index (splitmix64's end).
fn mixed(index: u64) -> u64 {
    let mut z = index.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Floor {
    fn connected(addresses: &[SocketAddr]) -> Self {
        let poll = Poll::new().expect("an epoll");
        let mut connections = Vec::with_capacity(addresses.len());
        for (index, address) in addresses.iter().enumerate() {
            // Connecting is not what is measured: one after another will do.
            let stream = std::net::TcpStream::connect(address).expect("the server listens");
            stream.set_nonblocking(true).expect("a socket");
            stream.set_nodelay(true).expect("a socket");
            let mut stream = TcpStream::from_std(stream);
            poll.registry()
                .register(&mut stream, Token(index), Interest::READABLE)
                .expect("room in the epoll");
            connections.push(stream);
        }
        Self {
            poll,
            events: Events::with_capacity(1024),
            connections,
            scratch: vec![0; 64 * 1024],
            outstanding: 0,
        }
    }

    fn run(mut self, schedule: &[Vec<usize>], slot: Duration, wakes: bool) {
        const REQUEST: &[u8] = b"GET /health HTTP/1.1\r\nHost: floor\r\n\r\n";
        let begin = Instant::now();
        let mut late = Vec::with_capacity(100_000);
        let mut told = begin;
        for turn in 0_u32.. {
            let due = begin + slot * turn;
            self.wait_until(due, wakes);
            for &index in &schedule[turn as usize % schedule.len()] {
                late.push(due.elapsed().as_micros());
                match self.connections[index].write(REQUEST) {
                    Ok(written) => assert_eq!(written, REQUEST.len(), "a send buffer holds it"),
                    Err(error) => panic!("the server keeps connections: {error}"),
                }
                self.outstanding += 1;
            }
            if told.elapsed() > Duration::from_secs(3) {
                told = Instant::now();
                late.sort_unstable();
                if let Some(p99) = late.get(late.len() * 99 / 100) {
                    println!("late_p99_ms={:.1}", *p99 as f64 / 1000.0);
                }
                late.clear();
            }
        }
    }

    /// Until the next slot: woken by each answer, or harvesting after the gaps.
    fn wait_until(&mut self, due: Instant, wakes: bool) {
        let left = || due.saturating_duration_since(Instant::now());
        if wakes {
            loop {
                let left = left();
                // epoll counts whole milliseconds; the last part of one is slept.
                if left < Duration::from_millis(1) {
                    std::thread::sleep(left);
                    self.harvest(Duration::ZERO);
                    return;
                }
                self.harvest(Duration::from_millis(left.as_millis() as u64));
            }
        }
        for gap in GAPS {
            if self.outstanding == 0 {
                break;
            }
            std::thread::sleep(gap.min(left()));
            self.harvest(Duration::ZERO);
        }
        std::thread::sleep(left());
        if self.outstanding > 0 {
            self.harvest(Duration::ZERO);
        }
    }

    /// Reads the answers that have come, waiting at most so long for the first.
    fn harvest(&mut self, wait: Duration) {
        loop {
            if let Err(error) = self.poll.poll(&mut self.events, Some(wait)) {
                assert_eq!(
                    error.kind(),
                    ErrorKind::Interrupted,
                    "an epoll can be asked"
                );
                return;
            }
            for event in &self.events {
                match self.connections[event.token().0].read(&mut self.scratch) {
                    Ok(0) => panic!("the server closed a connection"),
                    Ok(_) => self.outstanding = self.outstanding.saturating_sub(1),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => panic!("failed to read: {error}"),
                }
            }
            // A full buffer of events: there may be more, and waiting would be wrong only by being idle.
            if self.events.iter().count() < 1024 {
                return;
            }
        }
    }
}
