//! A misbehaving DNS server on loopback: a table says what each name is answered with; queries are counted.
//!
//! It speaks UDP, and TCP for answers that are too long for it. It lives as long as its value.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// How a query for a name is met.
#[derive(Clone, Debug)]
pub enum DnsAnswer {
    /// Addresses, those of the asked family, with a time to live in seconds.
    Addresses(Vec<IpAddr>, u32),
    /// Another name (CNAME) with a time to live, and that one's addresses with theirs.
    Alias(String, u32, Vec<IpAddr>, u32),
    /// The name does not exist; the zone's word on how long that holds, in seconds.
    NoName(Option<u32>),
    /// An error's number: 2 is SERVFAIL, 5 is REFUSED.
    Code(u8),
    /// Nothing.
    Silence,
    /// Addresses, but over UDP only that they are too long for it.
    TooLong(Vec<IpAddr>, u32),
    /// The first for IPv4 (A), the second for IPv6 (AAAA).
    ByFamily(Box<DnsAnswer>, Box<DnsAnswer>),
}

impl DnsAnswer {
    /// Addresses for a minute.
    ///
    /// # Panics
    ///
    /// If one is none.
    #[must_use]
    pub fn of(addresses: &[&str]) -> Self {
        Self::living(addresses, 60)
    }

    /// Addresses with a time to live in seconds.
    ///
    /// # Panics
    ///
    /// If one is none.
    #[must_use]
    pub fn living(addresses: &[&str], ttl: u32) -> Self {
        let parse = |text: &&str| text.parse().expect("a test's addresses are good");
        Self::Addresses(addresses.iter().map(parse).collect(), ttl)
    }
}

const A: u16 = 1;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const AAAA: u16 = 28;
/// Where the asked name stands in each message.
const ASKED: [u8; 2] = [0xc0, 12];

/// A DNS server on loopback, on a port of the system's choice.
pub struct DnsServer {
    address: SocketAddr,
    table: Arc<Table>,
    tasks: [AbortHandle; 2],
}

#[derive(Default)]
struct Table {
    answers: Mutex<HashMap<String, DnsAnswer>>,
    queries: Mutex<Vec<(String, bool)>>,
    count: watch::Sender<usize>,
}

impl DnsServer {
    /// A server that knows no name: it answers that none exists.
    ///
    /// # Errors
    ///
    /// If no port is free.
    pub async fn start() -> io::Result<Self> {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            // Both speak on one port; another program may have that of TCP.
            if let Ok(tcp) = TcpListener::bind(udp.local_addr()?).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr()?;
        let table = Arc::new(Table::default());
        let tasks = [
            tokio::spawn(serve_udp(udp, table.clone())).abort_handle(),
            tokio::spawn(serve_tcp(tcp, table.clone())).abort_handle(),
        ];
        Ok(Self {
            address,
            table,
            tasks,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on a name (in lower case, without a dot at its end) is answered so.
    pub fn set(&self, name: &str, answer: DnsAnswer) {
        locked(&self.table.answers).insert(name.to_owned(), answer);
    }

    /// How many queries for IPv4 addresses (A) came so far; each name is asked for both families.
    #[must_use]
    pub fn asked(&self, name: &str) -> usize {
        let queries = locked(&self.table.queries);
        queries
            .iter()
            .filter(|(asked, v4)| asked == name && *v4)
            .count()
    }

    /// How many queries came so far, of all names and types.
    #[must_use]
    pub fn queries(&self) -> usize {
        locked(&self.table.queries).len()
    }

    /// Waits until so many queries came.
    pub async fn wait_for(&self, queries: usize) {
        // The sender lives in the table.
        let _ = self
            .table
            .count
            .subscribe()
            .wait_for(|count| *count >= queries)
            .await;
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve_udp(socket: UdpSocket, table: Arc<Table>) {
    let mut buffer = [0; 2_048];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        if let Some(answer) = table.answer(&buffer[..length], true) {
            // Who asked may be gone.
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, table: Arc<Table>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve_stream(stream, table.clone()));
    }
}

async fn serve_stream(mut stream: TcpStream, table: Arc<Table>) {
    while let Ok(length) = stream.read_u16().await {
        let mut query = vec![0; length.into()];
        if stream.read_exact(&mut query).await.is_err() {
            return;
        }
        let Some(answer) = table.answer(&query, false) else {
            continue;
        };
        let length = u16::try_from(answer.len())
            .unwrap_or(u16::MAX)
            .to_be_bytes();
        if stream
            .write_all(&[&length[..], &answer].concat())
            .await
            .is_err()
        {
            return;
        }
    }
}

impl Table {
    fn answer(&self, query: &[u8], over_udp: bool) -> Option<Vec<u8>> {
        let (name, end) = question(query)?;
        let kind = u16::from_be_bytes(query.get(end..end + 2)?.try_into().ok()?);
        let asked = query.get(12..end + 4)?;
        locked(&self.queries).push((name.clone(), kind == A));
        let known = locked(&self.answers).get(&name).cloned();
        self.count.send_modify(|count| *count += 1);
        let mut answer = known.unwrap_or(DnsAnswer::NoName(None));
        while let DnsAnswer::ByFamily(v4, v6) = answer {
            answer = if kind == A { *v4 } else { *v6 };
        }
        let (mut code, mut is_cut, mut zone) = (0, false, None);
        let mut records = Vec::new();
        match answer {
            DnsAnswer::ByFamily(..) | DnsAnswer::Silence => return None,
            DnsAnswer::Code(number) => code = number,
            DnsAnswer::NoName(ttl) => (code, zone) = (3, ttl),
            DnsAnswer::TooLong(..) if over_udp => is_cut = true,
            DnsAnswer::Addresses(all, ttl) | DnsAnswer::TooLong(all, ttl) => {
                addresses(&mut records, &ASKED, kind, &all, ttl);
            }
            DnsAnswer::Alias(to, alias_ttl, all, ttl) => {
                let to = wire(&to);
                records.push(record(&ASKED, CNAME, alias_ttl, &to));
                addresses(&mut records, &to, kind, &all, ttl);
            }
        }
        let mut message = query[..2].to_vec();
        // An answer with recursion, as asked.
        message.extend([0x81 | (u8::from(is_cut) << 1), 0x80 | code]);
        for count in [1, records.len(), usize::from(zone.is_some()), 0] {
            message.extend(u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes());
        }
        message.extend(asked);
        records.iter().for_each(|record| message.extend(record));
        if let Some(ttl) = zone {
            let mut start = wire("ns.test");
            start.extend(wire("admin.test"));
            for number in [1, 3_600, 600, 86_400, ttl] {
                start.extend(number.to_be_bytes());
            }
            message.extend(record(&wire("test"), SOA, ttl, &start));
        }
        Some(message)
    }
}

/// The asked name, and where it ends.
fn question(query: &[u8]) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let mut at = 12;
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        let label = query.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        at += length;
    }
}

fn addresses(records: &mut Vec<Vec<u8>>, name: &[u8], kind: u16, all: &[IpAddr], ttl: u32) {
    for address in all {
        match address {
            IpAddr::V4(ip) if kind == A => records.push(record(name, A, ttl, &ip.octets())),
            IpAddr::V6(ip) if kind == AAAA => records.push(record(name, AAAA, ttl, &ip.octets())),
            _ => {}
        }
    }
}

fn record(name: &[u8], kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
    let mut record = name.to_vec();
    record.extend(kind.to_be_bytes());
    record.extend(1_u16.to_be_bytes());
    record.extend(ttl.to_be_bytes());
    record.extend(length.to_be_bytes());
    record.extend(data);
    record
}

fn wire(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        wire.push(u8::try_from(label.len()).unwrap_or(63));
        wire.extend(label.as_bytes());
    }
    wire.push(0);
    wire
}
