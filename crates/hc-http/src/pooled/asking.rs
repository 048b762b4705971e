//! What reqwest does for a check, seen from the only places it lets one look: its resolver and its connector.
//!
//! Both run inside the check's own future, where a task-local says which check that is. A connection that outlives
//! the wish for it (another one became free first) is finished in the background and marks nothing.

use std::error::Error;
use std::fmt;
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use hc_core::{CheckContext, Connection, Failure, Phase};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tower_layer::Layer;
use tower_service::Service;

use crate::classify;
use crate::names::Names;
use crate::spec::{Dial, IpFamily};

tokio::task_local! {
    static ASKING: Asking;
}

/// One request of one check, shared with the resolver and the connector.
#[derive(Clone)]
pub(super) struct Asking(Arc<Request>);

struct Request {
    cx: CheckContext,
    /// Dialled instead of the name that is asked for.
    connect: Option<Dial>,
    family: IpFamily,
    seen: Mutex<Seen>,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    is_connecting: bool,
    opened: u8,
    address: Option<SocketAddr>,
    is_over: bool,
}

impl Asking {
    /// A request begins. `literal` is the address to dial, if it needs no resolver.
    pub(super) fn new(
        cx: &CheckContext,
        connect: Option<Dial>,
        family: IpFamily,
        literal: Option<SocketAddr>,
    ) -> Self {
        Self(Arc::new(Request {
            cx: cx.clone(),
            connect,
            family,
            seen: Mutex::new(Seen {
                address: literal,
                ..Seen::default()
            }),
        }))
    }

    /// The same future, known to the resolver and the connector as this request.
    pub(super) fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        ASKING.scope(self.clone(), future)
    }

    /// Whether a connection was begun.
    pub(super) fn is_connecting(&self) -> bool {
        self.seen().is_connecting
    }

    /// How many connections were opened to their end.
    pub(super) fn opened(&self) -> u8 {
        self.seen().opened
    }

    /// The address that is dialled, the first of several.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.seen().address
    }

    /// What happens from now on is no part of the check.
    pub(super) fn end(&self) {
        self.seen().is_over = true;
    }

    fn begins_to_connect(&self) {
        let mut seen = self.seen();
        seen.is_connecting = true;
        if let (Some(address), false) = (seen.address, seen.is_over) {
            self.0.cx.note_address(address);
            self.0.cx.enter(Phase::Connect);
        }
    }

    fn has_connected(&self) {
        let mut seen = self.seen();
        seen.opened = seen.opened.saturating_add(1);
        if !seen.is_over {
            self.0.cx.note_connection(Connection::New);
            self.0.cx.enter(Phase::Wait);
        }
    }

    async fn addresses(&self, names: &Names, name: &str) -> Result<Vec<SocketAddr>, Failure> {
        // Port 0 stands for the URL's, which replaces it.
        let (name, port) = match &self.0.connect {
            Some(Dial::Address(address)) => return self.admitted(name, vec![*address]),
            Some(Dial::Name(name, port)) => (name.as_str(), *port),
            None => (name, 0),
        };
        let found = names
            .resolve_family(&self.0.cx, name, self.0.family)
            .await?;
        let found = found.iter().map(|ip| SocketAddr::new(*ip, port));
        self.admitted(name, found.collect())
    }

    fn admitted(&self, name: &str, mut found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Failure> {
        found.retain(|address| self.0.family.admits(address));
        found.dedup();
        // Of several failures reqwest tells one: no route from here must not hide a refusal by another address.
        if found.len() > 1 && found.iter().any(has_route) {
            found.retain(has_route);
        }
        let Some(first) = found.first() else {
            return Err(classify::no_address(name, self.0.family.name()));
        };
        let mut seen = self.seen();
        seen.address = Some(*first);
        if !seen.is_over {
            self.0.cx.note_address(*first);
            self.0.cx.enter(Phase::Connect);
        }
        drop(seen);
        Ok(found)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // A panic cannot leave it half written: these are plain values.
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether this machine knows a way to an address. Connecting a UDP socket asks its routing table and sends nothing.
fn has_route(address: &SocketAddr) -> bool {
    let any = match address {
        SocketAddr::V4(_) => "0.0.0.0:0",
        SocketAddr::V6(_) => "[::]:0",
    };
    // The port is of no matter, but 0 is none.
    let probe = SocketAddr::new(address.ip(), address.port().max(1));
    UdpSocket::bind(any).is_ok_and(|socket| socket.connect(probe).is_ok())
}

/// The resolver of all clients: the shared names, and the check's own `connect`.
pub(super) struct Resolver(pub(super) Names);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.0.clone();
        Box::pin(async move {
            let asking = ASKING.try_with(Clone::clone)?;
            let found = asking
                .addresses(&names, name.as_str())
                .await
                .map_err(Carried)?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// A failure on its way through reqwest, which only carries errors.
#[derive(Debug)]
pub(crate) struct Carried(pub(crate) Failure);

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Carried {}

/// The layer around reqwest's connector that tells when a connection begins and is there.
#[derive(Clone)]
pub(super) struct Watching;

/// A connector under watch.
#[derive(Clone)]
pub(super) struct Watched<S>(S);

impl<S> Layer<S> for Watching {
    type Service = Watched<S>;

    fn layer(&self, connector: S) -> Watched<S> {
        Watched(connector)
    }
}

impl<S, R> Service<R> for Watched<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
    S::Response: 'static,
    S::Error: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(task)
    }

    fn call(&mut self, to: R) -> Self::Future {
        let connecting = self.0.call(to);
        let Ok(asking) = ASKING.try_with(Clone::clone) else {
            return Box::pin(connecting);
        };
        asking.begins_to_connect();
        let watched = asking.clone();
        Box::pin(asking.scope(async move {
            let connection = connecting.await?;
            watched.has_connected();
            Ok(connection)
        }))
    }
}
