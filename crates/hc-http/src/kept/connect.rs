//! From a request to a connection that can carry it: dial, proxy, TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use hc_core::{CheckContext, Connection, Failure, Kind, Phase};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use url::Url;

use super::link::{Link, shake_hands};
use super::wire::{Stream, Watched, Wire};
use super::{dial, tunnel};
use crate::BuildError;
use crate::classify;
use crate::clients::Clients;
use crate::exchange::{Request, Trail};
use crate::names::Names;
use crate::proxy;
use crate::redirect::same_origin;
use crate::spec::{Dial, HttpSpec, HttpVersion, IpFamily};
use crate::tls;

/// Opens the connections of one target.
pub(super) struct Connector {
    home: Url,
    connect: Option<Dial>,
    ip: IpFamily,
    proxy: Option<Url>,
    tls: Option<Arc<ClientConfig>>,
    server_name: Option<String>,
    verified: bool,
    version: HttpVersion,
    names: Names,
}

impl Connector {
    pub(super) fn try_new(spec: &HttpSpec, clients: &Clients) -> Result<Self, BuildError> {
        // Redirects may lead from http to https.
        let tls = match spec.url.scheme() == "https" || spec.redirects > 0 {
            true => Some(clients.tls(&spec.tls, spec.version)?),
            false => None,
        };
        Ok(Self {
            home: spec.url.clone(),
            connect: spec.connect.clone(),
            ip: spec.ip,
            proxy: spec.proxy.as_ref().map(|proxy| proxy.url.clone()),
            tls,
            server_name: spec.tls.server_name.clone(),
            verified: !spec.tls.insecure,
            version: spec.version,
            names: clients.names.clone(),
        })
    }

    /// Whether that URL is of the target's own server, whose connection is kept.
    pub(super) fn is_home(&self, url: &Url) -> bool {
        same_origin(&self.home, url)
    }

    pub(super) async fn open(
        &self,
        cx: &CheckContext,
        request: &Request,
        trail: &mut Trail,
    ) -> Result<Link, Failure> {
        let url = &request.url;
        let is_tls = url.scheme() == "https";
        let (stream, address) = self.reach(cx, url, trail, request.max_headers).await?;
        let wire = Wire::default();
        let mut certificate = None;
        let mut speaks_h2 = self.version == HttpVersion::Http2;
        let stream: Box<dyn Stream> = if is_tls {
            cx.enter(Phase::Tls);
            let stream = self.secure(url, stream).await?;
            let session = stream.get_ref().1;
            speaks_h2 |= session.alpn_protocol() == Some(b"h2");
            certificate = session
                .peer_certificates()
                .and_then(<[_]>::first)
                .and_then(|leaf| tls::validity(leaf, self.verified));
            trail.certificate = certificate;
            Box::new(stream)
        } else {
            Box::new(stream)
        };
        let io = TokioIo::new(Watched {
            stream,
            wire: wire.clone(),
        });
        let (sender, task) = shake_hands(io, speaks_h2, request.max_headers).await?;
        let is_forwarded = self.proxy.is_some() && !is_tls;
        Ok(Link {
            sender,
            wire,
            address,
            certificate,
            is_forwarded,
            origin: url.clone(),
            task,
        })
    }

    /// A TCP connection that leads to the URL's server.
    async fn reach(
        &self,
        cx: &CheckContext,
        url: &Url,
        trail: &mut Trail,
        max_head: u32,
    ) -> Result<(TcpStream, SocketAddr), Failure> {
        let own = || Dial::Name(host(url).to_owned(), port(url));
        let to = match &self.connect {
            Some(connect) if self.is_home(url) => connect.clone(),
            _ => own(),
        };
        let Some(proxy) = &self.proxy else {
            let (stream, address) = dial::dial(cx, &self.names, &to, self.ip).await?;
            opened(cx, trail);
            trail.address = Some(address);
            return Ok((stream, address));
        };
        let at_proxy = Dial::Name(host(proxy).to_owned(), port(proxy));
        let name = proxy::name(proxy);
        let (mut stream, address) = dial::dial(cx, &self.names, &at_proxy, self.ip)
            .await
            .map_err(|failure| classify::by_proxy(failure, &name))?;
        opened(cx, trail);
        trail.address = Some(address);
        if url.scheme() == "https" {
            let authority = match &to {
                Dial::Address(address) => address.to_string(),
                Dial::Name(name, port) => format!("{name}:{port}"),
            };
            tunnel::tunnel(&mut stream, proxy, &authority, max_head).await?;
        }
        Ok((stream, address))
    }

    async fn secure(
        &self,
        url: &Url,
        stream: TcpStream,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Failure> {
        let other =
            |message: String| Failure::new(Kind::Tls, Phase::Tls, message).with_code("other");
        let config = self
            .tls
            .clone()
            .ok_or_else(|| other("TLS is not set up".to_owned()))?;
        let asked = self
            .server_name
            .as_deref()
            .filter(|_| self.is_home(url))
            .unwrap_or(host(url));
        let bare = asked
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let name = ServerName::try_from(bare)
            .map_err(|_| other("the server's name is no name that TLS knows".to_owned()))?;
        tokio_rustls::TlsConnector::from(config)
            .connect(name, stream)
            .await
            .map_err(|error| classify::io_error(&error, Phase::Tls))
    }
}

/// A connection was opened: a sign of life, whatever comes of it.
fn opened(cx: &CheckContext, trail: &mut Trail) {
    cx.note_connection(Connection::New);
    trail.opened = trail.opened.saturating_add(1);
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

fn port(url: &Url) -> u16 {
    url.port_or_known_default().unwrap_or(80)
}
