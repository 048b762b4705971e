//! The demo's five backends: small HTTP servers on loopback that misbehave when they are told to.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// How a backend behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// Answers 200 at once.
    Well,
    /// Answers 503.
    Broken,
    /// Answers 200, late.
    Slow,
    /// Takes requests and never answers.
    Hanging,
    /// Shows a certificate that has three days left.
    Expiring,
    /// Is not there: the port refuses.
    Dead,
}

/// Slower than the demo's 300 ms for degraded, quicker than its timeout.
const SLOW: Duration = Duration::from_millis(450);

/// One backend. It stops when it is dropped.
pub(super) struct Backend {
    pub(super) port: u16,
    pub(super) is_tls: bool,
    mood: watch::Sender<Mood>,
    _server: JoinSet<()>,
}

impl Backend {
    /// Starts one on a free port of 127.0.0.1.
    pub(super) async fn start(tls: Option<Certificates>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("failed to listen on 127.0.0.1 for the demo's backends")?;
        let port = listener.local_addr()?.port();
        let (mood, moods) = watch::channel(Mood::Well);
        let is_tls = tls.is_some();
        let mut server = JoinSet::new();
        server.spawn(serve(listener, moods, tls));
        Ok(Self {
            port,
            is_tls,
            mood,
            _server: server,
        })
    }

    pub(super) fn set(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    pub(super) fn url(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}/health", self.port)
    }
}

async fn serve(listener: TcpListener, mut moods: watch::Receiver<Mood>, tls: Option<Certificates>) {
    let address = listener.local_addr();
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        let mood = *moods.borrow_and_update();
        if mood == Mood::Dead {
            listener = None;
            connections.shutdown().await;
        } else if listener.is_none() {
            listener = listen_again(&address).await;
        }
        tokio::select! {
            changed = moods.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            Some(stream) = accept(listener.as_ref()) => {
                let (moods, tls) = (moods.clone(), tls.clone());
                connections.spawn(async move {
                    // A checker that hangs up is no error of a backend's.
                    let _ = connection(stream, moods, tls).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> Option<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.ok().map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

/// The port was ours a moment ago; should another program have taken it, the backend stays dead.
async fn listen_again(address: &io::Result<SocketAddr>) -> Option<TcpListener> {
    let address = address.as_ref().ok()?;
    TcpListener::bind(*address).await.ok()
}

async fn connection(
    stream: TcpStream,
    moods: watch::Receiver<Mood>,
    tls: Option<Certificates>,
) -> io::Result<()> {
    match tls {
        None => converse(stream, moods).await,
        Some(certificates) => {
            let expiring = *moods.borrow() == Mood::Expiring;
            let config = if expiring {
                certificates.expiring
            } else {
                certificates.fresh
            };
            converse(TlsAcceptor::from(config).accept(stream).await?, moods).await
        }
    }
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    moods: watch::Receiver<Mood>,
) -> io::Result<()> {
    let mut request = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        let read = stream.read(&mut chunk).await?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&chunk[..read]);
        if !request.ends_with(b"\r\n\r\n") {
            if request.len() > 16_384 {
                return Ok(());
            }
            continue;
        }
        request.clear();
        let mood = *moods.borrow();
        let status = match mood {
            Mood::Hanging => std::future::pending().await,
            Mood::Broken => "503 Service Unavailable",
            Mood::Slow => {
                tokio::time::sleep(SLOW).await;
                "200 OK"
            }
            Mood::Well | Mood::Expiring | Mood::Dead => "200 OK",
        };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok");
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
    }
}

/// Two server configurations: one with a certificate of 90 days, one with three days left.
#[derive(Clone)]
pub(super) struct Certificates {
    fresh: Arc<ServerConfig>,
    expiring: Arc<ServerConfig>,
}

impl Certificates {
    /// Makes an authority of its own, writes its certificate to `ca`, and issues both.
    pub(super) fn issue(ca: &Path) -> anyhow::Result<Self> {
        let authority_key = rcgen::KeyPair::generate()?;
        let mut authority = rcgen::CertificateParams::new(Vec::new())?;
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root = authority.self_signed(&authority_key)?;
        std::fs::write(ca, root.pem())
            .with_context(|| format!("failed to write {}", ca.display()))?;
        let issuer = rcgen::Issuer::new(authority, authority_key);
        let issue = |days: i64| server_config(&issuer, days);
        Ok(Self {
            fresh: issue(90)?,
            expiring: issue(3)?,
        })
    }
}

/// Issued 87 days before its three last ones, like a real certificate of 90 days that nobody renewed.
fn server_config(
    issuer: &rcgen::Issuer<'_, rcgen::KeyPair>,
    days_left: i64,
) -> anyhow::Result<Arc<ServerConfig>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a certificate is issued now, for people to see"
    )]
    let now = std::time::SystemTime::now();
    let day = Duration::from_secs(86_400);
    let left = day * u32::try_from(days_left)?;
    let key = rcgen::KeyPair::generate()?;
    let mut params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
    // A minute more, so that "3d left" is true for the whole demo.
    params.not_after = (now + left + Duration::from_secs(60)).into();
    params.not_before = (now + left - 90 * day).into();
    let certificate = params.signed_by(&key, issuer)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok(Arc::new(config))
}
