//! Misbehaving HTTP servers on loopback: a script says how each request is met; connections and requests are counted.
//!
//! A server lives as long as its value; dropping it closes everything. It speaks bytes, not HTTP: what it sends is
//! exactly what the script says.

mod script;

pub use script::{Act, http};

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Decides how the n-th request (from 0) of the server is met; the text is the request's head.
type Script = Arc<dyn Fn(usize, &str) -> Vec<Act> + Send + Sync>;

/// A server on loopback, on a port of the system's choice.
pub struct Server {
    address: SocketAddr,
    counts: Arc<Counts>,
    _task: tokio::task::JoinHandle<()>,
    abort: tokio::task::AbortHandle,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
    heads: Mutex<Vec<String>>,
}

impl Server {
    /// A plain server.
    pub async fn start<F>(script: F) -> Self
    where
        F: Fn(usize, &str) -> Vec<Act> + Send + Sync + 'static,
    {
        Self::listen(Arc::new(script), None).await
    }

    /// A server that meets each request alike.
    pub async fn always(acts: impl Into<Vec<Act>>) -> Self {
        let acts = acts.into();
        Self::start(move |_, _| acts.clone()).await
    }

    /// A server that speaks TLS first.
    pub async fn start_tls<F>(tls: Arc<rustls::ServerConfig>, script: F) -> Self
    where
        F: Fn(usize, &str) -> Vec<Act> + Send + Sync + 'static,
    {
        Self::listen(Arc::new(script), Some(tls)).await
    }

    async fn listen(script: Script, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let counts = Arc::new(Counts::default());
        let task = tokio::spawn(accept(listener, script, tls, counts.clone()));
        let abort = task.abort_handle();
        Self {
            address,
            counts,
            _task: task,
            abort,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT` and a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many connections it has accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }

    /// How many request heads it has read.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::SeqCst)
    }

    /// The heads that it has read, in order.
    #[must_use]
    pub fn heads(&self) -> Vec<String> {
        self.counts.heads.lock().expect("no holder panics").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

/// A port on loopback on which nothing listens.
pub async fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has a free port");
    listener
        .local_addr()
        .expect("a bound listener has an address")
}

async fn accept(
    listener: TcpListener,
    script: Script,
    tls: Option<Arc<rustls::ServerConfig>>,
    counts: Arc<Counts>,
) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        counts.connections.fetch_add(1, Ordering::SeqCst);
        let (script, tls, counts) = (script.clone(), tls.clone(), counts.clone());
        connections.spawn(async move {
            match tls {
                None => serve(Stream::Plain(stream), &script, &counts).await,
                Some(config) => {
                    let acceptor = tokio_rustls::TlsAcceptor::from(config);
                    // A client that refuses the certificate ends here.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(Stream::Tls(Box::new(stream)), &script, &counts).await;
                    }
                }
            }
        });
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
}

impl Stream {
    async fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer).await,
            Self::Tls(stream) => stream.read(buffer).await,
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        async fn all(
            stream: &mut (impl AsyncWrite + AsyncRead + Unpin),
            bytes: &[u8],
        ) -> std::io::Result<()> {
            stream.write_all(bytes).await?;
            stream.flush().await
        }
        match self {
            Self::Plain(stream) => all(stream, bytes).await,
            Self::Tls(stream) => all(stream.as_mut(), bytes).await,
        }
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}

async fn serve(mut stream: Stream, script: &Script, counts: &Counts) {
    let mut unread = Vec::new();
    while let Some(head) = read_head(&mut stream, &mut unread).await {
        let nth = counts.requests.fetch_add(1, Ordering::SeqCst);
        counts
            .heads
            .lock()
            .expect("no holder panics")
            .push(head.clone());
        for act in script(nth, &head) {
            if !perform(act, &mut stream).await {
                return;
            }
        }
    }
}

/// Performs one act; false ends the connection.
async fn perform(act: Act, stream: &mut Stream) -> bool {
    match act {
        Act::Send(bytes) => stream.write(&bytes).await.is_ok(),
        Act::Repeat(bytes) => {
            while stream.write(&bytes).await.is_ok() {}
            false
        }
        Act::Drip(bytes, gap) => {
            for byte in bytes {
                if stream.write(&[byte]).await.is_err() {
                    return false;
                }
                tokio::time::sleep(gap).await;
            }
            true
        }
        Act::Pause(gap) => {
            tokio::time::sleep(gap).await;
            true
        }
        Act::Hang => {
            // Until the client gives up.
            let mut ignored = [0; 256];
            while matches!(stream.read(&mut ignored).await, Ok(1..)) {}
            false
        }
        Act::Close => false,
        Act::Reset => {
            // Zero linger makes the kernel send a reset.
            let _ = stream.tcp().set_zero_linger();
            false
        }
    }
}

/// Reads up to a blank line, and the body that Content-Length announces.
async fn read_head(stream: &mut Stream, unread: &mut Vec<u8>) -> Option<String> {
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = unread.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&unread[..end]).into_owned();
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, value)| value.trim().parse::<usize>().ok())
                .unwrap_or(0);
            while unread.len() < end + 4 + length {
                match stream.read(&mut buffer).await {
                    Ok(n @ 1..) => unread.extend_from_slice(&buffer[..n]),
                    _ => return None,
                }
            }
            unread.drain(..end + 4 + length);
            return Some(head);
        }
        match stream.read(&mut buffer).await {
            Ok(n @ 1..) => unread.extend_from_slice(&buffer[..n]),
            _ => return None,
        }
    }
}

/// The gap of a server that is slow, and yet quick for a test.
pub const GAP: Duration = Duration::from_millis(2);
