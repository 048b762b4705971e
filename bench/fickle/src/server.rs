//! The sockets: listeners, connections, the control, and the closes that are due.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};

use crate::whim::{Whim, Whims};

const CONTROL: Token = Token(0);
/// Connections' tokens begin here; listeners' are below, from 1.
const FIRST: usize = 1 << 20;

/// What happened since the start.
#[derive(Debug, Default)]
struct Counts {
    connections: u64,
    answers: u64,
    fins: u64,
    resets: u64,
    /// Requests that met a close instead of an answer.
    unread: u64,
    swallowed: u64,
    /// Closed by the other side.
    left: u64,
    /// Most connections that came to one address between two answers there.
    most_between_answers: u32,
}

struct Connection {
    stream: TcpStream,
    target: IpAddr,
    whim: Whim,
    /// A close that was due before belongs to an earlier connection or whim.
    turn: u64,
    head: Vec<u8>,
}

/// A listening backend.
pub(crate) struct Server {
    poll: Poll,
    control: TcpListener,
    addresses: Vec<SocketAddr>,
    listeners: Vec<TcpListener>,
    connections: HashMap<usize, Connection>,
    due: BinaryHeap<Reverse<(Instant, usize, u64)>>,
    since_answer: HashMap<IpAddr, u32>,
    whims: Whims,
    status: u16,
    next: usize,
    turn: u64,
    counts: Counts,
}

impl Server {
    pub(crate) fn bound(control: SocketAddr, addresses: Vec<SocketAddr>, whims: Whims) -> Self {
        let poll = Poll::new().expect("an epoll");
        let mut control = TcpListener::bind(control).expect("a free address for control");
        add(poll.registry(), &mut control, CONTROL);
        let mut server = Self {
            poll,
            control,
            addresses,
            listeners: Vec::new(),
            connections: HashMap::new(),
            due: BinaryHeap::new(),
            since_answer: HashMap::new(),
            whims,
            status: 200,
            next: FIRST,
            turn: 0,
            counts: Counts::default(),
        };
        server.hear();
        server
    }

    fn hear(&mut self) {
        let bind = |(index, address): (usize, &SocketAddr)| {
            let mut listener = listener(*address).expect("a free address");
            add(self.poll.registry(), &mut listener, Token(index + 1));
            listener
        };
        self.listeners = self.addresses.iter().enumerate().map(bind).collect();
    }

    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        loop {
            let wait = self.due.peek().map(|Reverse((at, ..))| {
                // epoll counts whole milliseconds, rounded up.
                at.saturating_duration_since(Instant::now())
            });
            match self.poll.poll(&mut events, wait) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => panic!("failed to poll: {error}"),
            }
            for event in &events {
                match event.token() {
                    CONTROL => self.obey(),
                    Token(index) if index < FIRST => self.accept(index - 1),
                    Token(index) => self.read(index),
                }
            }
            self.close_due();
        }
    }

    fn accept(&mut self, index: usize) {
        while let Some(listener) = self.listeners.get(index) {
            let Ok((mut stream, _)) = listener.accept() else {
                return;
            };
            // A peer may have gone already.
            let Ok(here) = stream.local_addr() else {
                continue;
            };
            let _ = stream.set_nodelay(true);
            add(self.poll.registry(), &mut stream, Token(self.next));
            self.counts.connections += 1;
            let since = self.since_answer.entry(here.ip()).or_default();
            *since += 1;
            self.counts.most_between_answers = self.counts.most_between_answers.max(*since);
            let connection = Connection {
                stream,
                target: here.ip(),
                whim: Whim::Keep,
                turn: 0,
                head: Vec::new(),
            };
            self.connections.insert(self.next, connection);
            self.next += 1;
        }
    }

    fn read(&mut self, index: usize) {
        let Some(connection) = self.connections.get_mut(&index) else {
            return;
        };
        if connection.whim == Whim::Unread {
            self.counts.unread += 1;
            // Closing with unread bytes makes the kernel send a reset; if it was only a FIN that came, it is nothing.
            self.connections.remove(&index);
            return;
        }
        let mut buffer = [0; 4096];
        loop {
            match connection.stream.read(&mut buffer) {
                Ok(0) => {
                    self.counts.left += 1;
                    self.connections.remove(&index);
                    return;
                }
                Ok(count) => connection.head.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.counts.left += 1;
                    self.connections.remove(&index);
                    return;
                }
            }
        }
        if connection.head.ends_with(b"\r\n\r\n") {
            connection.head.clear();
            self.answer(index);
        }
    }

    fn answer(&mut self, index: usize) {
        let Some(connection) = self.connections.get_mut(&index) else {
            return;
        };
        if connection.whim == Whim::Swallowed {
            self.counts.swallowed += 1;
            self.connections.remove(&index);
            return;
        }
        let answer = format!(
            "HTTP/1.1 {} Whatever\r\nContent-Length: 3\r\n\r\nok\n",
            self.status
        );
        if connection.stream.write(answer.as_bytes()).is_err() {
            self.counts.left += 1;
            self.connections.remove(&index);
            return;
        }
        self.counts.answers += 1;
        self.since_answer.insert(connection.target, 0);
        self.turn += 1;
        (connection.turn, connection.whim) = (self.turn, self.whims.next());
        if let Whim::Fin(after) | Whim::Reset(after) = connection.whim {
            let at = Instant::now() + after;
            self.due.push(Reverse((at, index, self.turn)));
        }
    }

    fn close_due(&mut self) {
        let now = Instant::now();
        while let Some(&Reverse((at, index, turn))) = self.due.peek() {
            if at > now {
                return;
            }
            self.due.pop();
            let is_meant = |it: &Connection| it.turn == turn;
            if !self.connections.get(&index).is_some_and(is_meant) {
                continue;
            }
            if let Some(connection) = self.connections.remove(&index) {
                match connection.whim {
                    Whim::Reset(_) => {
                        let socket = socket2::SockRef::from(&connection.stream);
                        let _ = socket.set_linger(Some(Duration::ZERO));
                        self.counts.resets += 1;
                    }
                    _ => self.counts.fins += 1,
                }
            }
        }
    }

    /// One command a connection: they come from this machine, in one piece.
    fn obey(&mut self) {
        while let Ok((stream, _)) = self.control.accept() {
            let mut stream = std::net::TcpStream::from(stream);
            let _ = stream.set_nonblocking(false);
            let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
            let mut buffer = [0; 64];
            let count = stream.read(&mut buffer).unwrap_or_default();
            let said = String::from_utf8_lossy(&buffer[..count]);
            let mut words = said.split_whitespace();
            match (words.next(), words.next()) {
                (Some("status"), Some(code)) => self.status = code.parse().unwrap_or(200),
                (Some("deaf"), _) => self.listeners.clear(),
                (Some("hear"), _) => self.hear(),
                _ => {}
            }
            let _ = writeln!(stream, "{}", self.json());
        }
    }

    fn json(&self) -> String {
        let it = &self.counts;
        format!(
            "{{\"connections\":{},\"answers\":{},\"fins\":{},\"resets\":{},\"unread\":{},\"swallowed\":{},\"left\":{},\"most_between_answers\":{},\"open\":{}}}",
            it.connections,
            it.answers,
            it.fins,
            it.resets,
            it.unread,
            it.swallowed,
            it.left,
            it.most_between_answers,
            self.connections.len()
        )
    }
}

/// With room for a whole fleet's first connections: one that finds the queue full is not answered for a second.
fn listener(address: SocketAddr) -> std::io::Result<TcpListener> {
    let kind = socket2::Type::STREAM.nonblocking();
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), kind, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(65_535)?;
    Ok(TcpListener::from_std(socket.into()))
}

fn add(registry: &Registry, source: &mut impl mio::event::Source, token: Token) {
    registry
        .register(source, token, Interest::READABLE)
        .expect("room in the epoll");
}
