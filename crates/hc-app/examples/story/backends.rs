//! Backends that make each fault visible: slow ones, ones where a new connection is dear, ones with a long body.
//! Each counts the connections it accepted and the requests it had at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// How all backends of a group answer.
#[derive(Clone, Copy, Default)]
pub(crate) struct Manner {
    /// Before the first answer on a connection, beside `answer`.
    pub(crate) set_up: Duration,
    /// Before each answer.
    pub(crate) answer: Duration,
    pub(crate) body: usize,
}

/// What a group of backends saw.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) connections: AtomicU64,
    pub(crate) requests: AtomicU64,
    /// The most requests that any one backend had at once.
    pub(crate) most_of_one: AtomicU64,
}

/// Some backends on loopback, on a thread of their own until the process ends.
pub(crate) struct Backends {
    pub(crate) urls: Vec<String>,
    pub(crate) seen: Arc<Seen>,
}

impl Backends {
    pub(crate) fn start(count: usize, manner: Manner) -> Self {
        let seen = Arc::new(Seen::default());
        let (tell, told) = std::sync::mpsc::channel();
        let sees = seen.clone();
        std::thread::spawn(move || {
            super::runtime().block_on(async move {
                let mut urls = Vec::new();
                for n in 0..count {
                    let listener = TcpListener::bind(place(n)).await;
                    let listener = listener.expect("loopback has ports");
                    let address = listener.local_addr().expect("it is bound");
                    urls.push(format!("http://{address}/health"));
                    tokio::spawn(serve(listener, manner, sees.clone()));
                }
                tell.send(urls).expect("the starter waits");
                std::future::pending::<()>().await;
            });
        });
        let urls = told.recv().expect("the backends start");
        Self { urls, seen }
    }

    pub(crate) fn connections(&self) -> u64 {
        self.seen.connections.load(Relaxed)
    }

    pub(crate) fn requests(&self) -> u64 {
        self.seen.requests.load(Relaxed)
    }
}

/// URLs that refuse.
pub(crate) fn refusing(count: usize) -> Vec<String> {
    let bind = |n| std::net::TcpListener::bind(place(n)).expect("loopback has ports");
    let listeners: Vec<_> = (0..count).map(bind).collect();
    let url = |listener: &std::net::TcpListener| {
        let address = listener.local_addr().expect("it is bound");
        format!("http://{address}/health")
    };
    listeners.iter().map(url).collect()
}

/// Each backend is a host of its own, as in a fleet.
fn place(n: usize) -> SocketAddr {
    let [_, _, high, low] = u32::try_from(n).expect("a few").to_be_bytes();
    SocketAddr::from(([127, 66, high, low], 0))
}

async fn serve(listener: TcpListener, manner: Manner, seen: Arc<Seen>) {
    let now = Arc::new(AtomicU64::new(0));
    while let Ok((stream, _)) = listener.accept().await {
        seen.connections.fetch_add(1, Relaxed);
        tokio::spawn(answer(stream, manner, seen.clone(), now.clone()));
    }
}

async fn answer(mut stream: TcpStream, manner: Manner, seen: Arc<Seen>, now: Arc<AtomicU64>) {
    // Nagle's delay would be measured with the answers.
    let _ = stream.set_nodelay(true);
    let mut wait = manner.set_up + manner.answer;
    let mut head = Vec::new();
    loop {
        let mut buffer = [0; 2048];
        // A peer that goes away ends it.
        let Ok(read @ 1..) = stream.read(&mut buffer).await else {
            return;
        };
        head.extend_from_slice(&buffer[..read]);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        head.clear();
        seen.requests.fetch_add(1, Relaxed);
        let at_once = now.fetch_add(1, Relaxed) + 1;
        seen.most_of_one.fetch_max(at_once, Relaxed);
        sleep(wait).await;
        now.fetch_sub(1, Relaxed);
        wait = manner.answer;
        let mut text = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", manner.body);
        text.push_str(&"x".repeat(manner.body));
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}
