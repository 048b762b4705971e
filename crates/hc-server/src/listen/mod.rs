//! Where the server is heard: addresses parsed, bound before anything is asked, and served.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tokio::net::{TcpListener, UnixListener, lookup_host};

mod connections;
mod control;
mod hosts;
mod socket_file;

pub(crate) use connections::{Connections, serve};
pub use control::Control;
pub(crate) use hosts::{Hosts, Via, host_of};

pub(crate) use socket_file::SocketFile;

/// Connections of one listener at once. A scraper, some dashboards and all event streams are fewer.
pub const CONNECTIONS: usize = 100;

/// A place to listen at: `127.0.0.1:7740`, `[::1]:7740`, `localhost:7740`, `unix:/run/hc.sock`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A host, without brackets, and a port; 0: any free one.
    Tcp(String, u16),
    /// The path of a socket file.
    Unix(PathBuf),
}

/// A text is no [`Address`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressError;

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wanted `host:port` or `unix:/path`")
    }
}

impl std::error::Error for AddressError {}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            let is_path = path.starts_with('/') && !path.ends_with('/') && !path.contains('\0');
            return is_path
                .then(|| Self::Unix(PathBuf::from(path)))
                .ok_or(AddressError);
        }
        let (host, port) = text.rsplit_once(':').ok_or(AddressError)?;
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port
            .parse()
            .ok()
            .filter(|_| is_number)
            .ok_or(AddressError)?;
        let host = match host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
        {
            Some(v6) if v6.parse::<std::net::Ipv6Addr>().is_ok() => v6,
            None if host.parse::<std::net::Ipv4Addr>().is_ok() || is_name(host) => host,
            _ => return Err(AddressError),
        };
        Ok(Self::Tcp(host.to_ascii_lowercase(), port))
    }
}

/// A name that may be looked up and stand in a Host header.
fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    host.len() <= 253 && host.split('.').all(is_label)
        // 127.1 and 300.0.0.1 are neither addresses nor names.
        && host.bytes().any(|byte| byte.is_ascii_alphabetic())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// An address cannot be had. Completes "failed to listen on unix:/run/hc.sock: ".
#[derive(Debug)]
pub struct BindError {
    /// Which.
    pub address: Address,
    /// Why.
    pub source: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to listen on {}: {}", self.address, self.source)
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// What is bound. Socket files are removed when this, or the server made of it, is dropped.
#[derive(Debug, Default)]
pub struct Sockets {
    pub(crate) tcp: Vec<TcpListener>,
    pub(crate) unix: Vec<(UnixListener, SocketFile)>,
    control: Option<PathBuf>,
    connections: Option<usize>,
}

impl Sockets {
    /// Nothing is bound yet.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Listens on an address too. Of a name's addresses those are taken that can be had.
    ///
    /// # Errors
    /// It cannot be had, or for a name: none of its addresses can.
    pub async fn bind(&mut self, address: &Address) -> Result<(), BindError> {
        let bound = match address {
            Address::Tcp(host, port) => self.bind_tcp(host, *port).await,
            // Its owner and its group: a proxy or a scraper is let in by the group.
            Address::Unix(path) => self.bind_unix(path, 0o660),
        };
        bound.map_err(|source| BindError {
            address: address.clone(),
            source,
        })
    }

    async fn bind_tcp(&mut self, host: &str, port: u16) -> io::Result<()> {
        let mut trouble = io::Error::from(io::ErrorKind::NotFound);
        let before = self.tcp.len();
        for address in lookup_host((host, port)).await? {
            match TcpListener::bind(address).await {
                Ok(listener) => self.tcp.push(listener),
                Err(error) => trouble = error,
            }
        }
        match self.tcp.len() > before {
            true => Ok(()),
            false => Err(trouble),
        }
    }

    fn bind_unix(&mut self, path: &Path, mode: u32) -> io::Result<()> {
        self.unix.push(socket_file::bind(path, mode)?);
        Ok(())
    }

    /// Listens on the control socket too: only its owner may speak to it.
    ///
    /// # Errors
    /// It cannot be had.
    pub fn bind_control(&mut self, path: &Path) -> Result<(), BindError> {
        self.bind_unix(path, 0o600).map_err(|source| BindError {
            address: Address::Unix(path.to_owned()),
            source,
        })?;
        self.control = Some(path.to_owned());
        Ok(())
    }

    /// What is listened on, the control socket excepted, as it could be written: port 0 is the port that was given.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        let tcp = self.tcp_addresses().into_iter().map(|at| at.to_string());
        let unix = self.unix.iter().map(|(_, file)| file.path());
        let unix = unix.filter(|path| Some(*path) != self.control.as_deref());
        tcp.chain(unix.map(|path| format!("unix:{}", path.display())))
            .collect()
    }

    /// The TCP addresses that are listened on.
    #[must_use]
    pub fn tcp_addresses(&self) -> Vec<SocketAddr> {
        let addresses = self.tcp.iter().filter_map(|tcp| tcp.local_addr().ok());
        addresses.collect()
    }

    /// Where the control socket is, if it was bound.
    #[must_use]
    pub fn control(&self) -> Option<&Path> {
        self.control.as_deref()
    }

    /// How many listeners there are.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.tcp.len() + self.unix.len()
    }

    /// Connections that each listener has at once, if that is to be fewer than [`CONNECTIONS`]. Those beyond wait in the
    /// kernel's queue.
    pub fn limit_connections(&mut self, most: usize) {
        self.connections = Some(most.clamp(1, CONNECTIONS));
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.unwrap_or(CONNECTIONS)
    }

    /// Whether nobody can be heard.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tcp.is_empty() && self.unix.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written_alike() {
        for text in [
            "127.0.0.1:7740",
            "[::1]:0",
            "localhost:80",
            "web1.example:65535",
            "unix:/run/hc.sock",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        let upper = "LocalHost:1".parse::<Address>().unwrap();
        assert_eq!(upper, Address::Tcp("localhost".into(), 1));
        for text in [
            "",
            "7740",
            ":7740",
            "localhost",
            "localhost:",
            "localhost:+1",
            "localhost:70000",
            "::1:80",
            "[::1]",
            "[x]:1",
            "[127.0.0.1]:1",
            "127.1:80",
            "300.0.0.1:80",
            "a b:1",
            "a..b:1",
            "*:80",
            "http://a:80",
            "unix:",
            "unix:hc.sock",
            "unix:/run/",
        ] {
            assert_eq!(text.parse::<Address>(), Err(AddressError), "{text}");
        }
    }
}
