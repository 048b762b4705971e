//! A backend that answers every request with 200 and is fickle about its connections, or fails as it is told.
//!
//! `fickle CONTROL LISTEN CLOSES INTERVAL_MS SEED`: CONTROL is an ADDRESS:PORT that takes a command a connection, LISTEN a
//! file with one ADDRESS:PORT a line, CLOSES how many of a thousand answers are followed by a close of their connection,
//! INTERVAL_MS how often a checker asks. Commands: `count` (answers what was counted, as JSON), `status CODE` (what
//! requests are answered with from now on), `deaf` (the listeners close, connections stay), `hear` (they are bound again).
//!
//! This file reads arguments and runs the loop; `whim` decides which close follows an answer, `server` has the sockets.

mod server;
mod whim;

use std::net::SocketAddr;
use std::time::Duration;

use server::Server;
use whim::Whims;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [control, listen, closes, interval, seed] = &arguments[..] else {
        panic!("fickle CONTROL LISTEN CLOSES INTERVAL_MS SEED");
    };
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let addresses: Vec<SocketAddr> = std::fs::read_to_string(listen)
        .expect("a file of addresses")
        .lines()
        .map(|line| line.parse().expect("ADDRESS:PORT"))
        .collect();
    let interval = Duration::from_millis(number(interval));
    let whims = Whims::new(number(seed), number(closes), interval);
    let control = control.parse().expect("ADDRESS:PORT");
    Server::bound(control, addresses, whims).run();
}
