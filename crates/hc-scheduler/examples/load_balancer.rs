//! A load balancer in one file: round robin over the healthy backends, real sockets on loopback, and what its own
//! traffic saw reported back. One backend is stopped and started again; it ends by itself after some seconds.
//!
//! Run it with `cargo run -p hc-scheduler --example load_balancer`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hc_core::{
    CheckContext, Connection, EventKind, Evidence, Failure, FeedItem, Kind, Phase, Policy, Probe,
    Report, Subscription, Target, TargetHandle, async_trait,
};
use hc_scheduler::Monitor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// Passes when a connection can be made.
struct Connects(SocketAddr);

#[async_trait]
impl Probe for Connects {
    async fn check(&self, cx: &CheckContext) -> Result<Evidence, Failure> {
        cx.note_address(self.0);
        cx.enter(Phase::Connect);
        match TcpStream::connect(self.0).await {
            Ok(_) => {
                cx.note_connection(Connection::New);
                Ok(Evidence::new())
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                let message = format!("{} refused the connection", self.0);
                Err(Failure::new(Kind::Refused, Phase::Connect, message))
            }
            Err(error) => Err(Failure::new(
                Kind::Unreachable,
                Phase::Connect,
                error.to_string(),
            )),
        }
    }
}

/// Gives each request to the next backend that is healthy.
struct Balancer {
    backends: Vec<(TargetHandle, SocketAddr)>,
    next: usize,
}

impl Balancer {
    /// Reading a handle is one atomic load: no lock, no wait, no look-up.
    fn pick(&mut self) -> Option<(TargetHandle, SocketAddr)> {
        let count = self.backends.len();
        let nth = (0..count)
            .map(|step| (self.next + step) % count)
            .find(|nth| self.backends[*nth].0.is_healthy())?;
        self.next = nth + 1;
        Some(self.backends[nth].clone())
    }

    /// One request. What it met is reported: five failures in a row bring a check at once, which decides.
    async fn request(&mut self) -> Option<(TargetHandle, io::Result<String>)> {
        let (backend, address) = self.pick()?;
        let answer = get(address).await;
        backend.report(match &answer {
            Ok(_) => Report::Passed,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Report::Failed(Kind::Refused)
            }
            Err(_) => Report::Failed(Kind::Reset),
        });
        Some((backend, answer))
    }
}

async fn get(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n")
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let body = answer
        .rsplit_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned());
    body.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// A tiny HTTP backend, at a free port or at that one.
async fn serve(name: &'static str, address: SocketAddr) -> io::Result<(SocketAddr, AbortHandle)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // A check that only connects closes without a request; that is no trouble of the backend's.
            let mut request = [0; 1024];
            if !matches!(stream.read(&mut request).await, Ok(1..)) {
                continue;
            }
            let length = name.len();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{name}");
            // A client that went away misses its answer.
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    Ok((address, server.abort_handle()))
}

async fn tell(mut events: Subscription) {
    while let Some(item) = events.next().await {
        if let FeedItem::Event(event) = item
            && let EventKind::Transition {
                target,
                turn,
                cause,
                ..
            } = &event.kind
        {
            let why = cause
                .as_ref()
                .map(|cause| format!(" ({cause})"))
                .unwrap_or_default();
            println!("  {target}: {} -> {}{why}", turn.from, turn.to);
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let policy = Policy::builder()
        .interval(Duration::from_secs(1))
        .timeout(Duration::from_millis(500))
        .fast_interval(Duration::from_millis(100))
        .build()?;

    let mut servers = Vec::new();
    for name in ["red", "green", "blue"] {
        let (address, server) = serve(name, anywhere).await?;
        servers.push((name, address, server));
    }
    let targets = servers.iter().map(|(name, address, _)| {
        Target::new(*name, Connects(*address)).with_policy(policy.clone())
    });
    let monitor = Monitor::builder().targets(targets).build().start();
    let telling = tokio::spawn(tell(monitor.subscribe()));
    monitor.first_sweep().await?;

    let handles = servers
        .iter()
        .filter_map(|(name, address, _)| Some((monitor.get(name)?, *address)));
    let mut balancer = Balancer {
        backends: handles.collect(),
        next: 0,
    };
    for (what, stop, start) in [
        ("all three work", false, false),
        ("we stop green", true, false),
        ("green is out of rotation", false, false),
        ("we start green", false, true),
        ("green is back", false, false),
    ] {
        println!("{what}");
        let (name, address, server) = &mut servers[1];
        if stop {
            server.abort();
        }
        if start {
            *server = serve(name, *address).await?.1;
        }
        let (mut counts, mut lost) = ([0; 3], 0);
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        for _ in 0..110 {
            pace.tick().await;
            match balancer.request().await {
                Some((_, Ok(body))) => {
                    counts[["red", "green", "blue"]
                        .iter()
                        .position(|n| *n == body)
                        .unwrap_or(0)] += 1;
                }
                Some((_, Err(_))) | None => lost += 1,
            }
        }
        println!(
            "  red {}, green {}, blue {}, lost {lost}",
            counts[0], counts[1], counts[2]
        );
    }
    let ended = monitor.shutdown(Duration::from_secs(1)).await;
    telling.await?;
    println!(
        "stopped: {} drained, {} cancelled",
        ended.drained, ended.cancelled
    );
    Ok(())
}
