//! What the service manager that started this process is told (`sd_notify`): that hc is ready, reloads, stops, how the
//! fleet stands, and that hc is alive.
//!
//! Each message is one datagram; who does not take it costs a line of the log and delays nothing. The variables stay
//! in the environment: `hc run` starts no processes, and `hc wait` hands its place to the command after `--`, whose
//! messages they are then.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hc_app::journal::{Level, Record};

use super::log::Log;

mod pulse;

/// How often a manager whose queue is full is tried, and how long between: a second in all.
const TRIES: u32 = 20;
const BETWEEN: Duration = Duration::from_millis(50);

/// What the environment says of a service manager.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// `NOTIFY_SOCKET`: a path, or an abstract name after `@`.
    pub(super) socket: Option<std::ffi::OsString>,
    /// `WATCHDOG_USEC`: within which time it wants to hear that hc is alive.
    pub(super) watchdog_usec: Option<String>,
    /// `WATCHDOG_PID`: who is meant by that, if not whoever reads it.
    pub(super) watchdog_pid: Option<String>,
}

impl Said {
    /// What this process's environment says.
    pub(super) fn by_environment() -> Self {
        Self {
            socket: std::env::var_os("NOTIFY_SOCKET"),
            watchdog_usec: std::env::var("WATCHDOG_USEC").ok(),
            watchdog_pid: std::env::var("WATCHDOG_PID").ok(),
        }
    }

    /// Within which time the process of that number is to be heard of; `None`: nobody waits for it.
    fn watchdog(&self, process: u32) -> Option<Duration> {
        let is_meant = match &self.watchdog_pid {
            Some(pid) => pid.parse() == Ok(process),
            None => true,
        };
        let micros = self.watchdog_usec.as_ref()?.parse().ok()?;
        (is_meant && micros > 0).then(|| Duration::from_micros(micros))
    }
}

/// The service manager, if one listens. Cheap to clone.
#[derive(Clone)]
pub(super) struct Supervisor(Option<Arc<Channel>>);

struct Channel {
    socket: UnixDatagram,
    address: SocketAddr,
    watchdog: Option<Duration>,
    log: Log,
    has_failed: AtomicBool,
    /// The config on disk was refused, and an older one holds.
    has_refused: AtomicBool,
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Supervisor")
            .field(&self.0.as_ref().map(|channel| &channel.address))
            .finish()
    }
}

impl Supervisor {
    /// The one that `said` names; a name that is none is told to the log.
    pub(super) fn of(said: &Said, process: u32, log: &Log) -> Self {
        let Some(name) = said.socket.as_deref().filter(|name| !name.is_empty()) else {
            return Self(None);
        };
        let channel = channel(name).map(|(socket, address)| Channel {
            socket,
            address,
            watchdog: said.watchdog(process),
            log: log.clone(),
            has_failed: AtomicBool::new(false),
            has_refused: AtomicBool::new(false),
        });
        match channel {
            Ok(channel) => Self(Some(Arc::new(channel))),
            Err(error) => {
                log.write(&trouble(&error));
                Self(None)
            }
        }
    }

    /// The config is applied and all sockets are bound.
    pub(super) async fn ready(&self, targets: usize) {
        let status = format!("{targets} targets, watching");
        self.tell(&["READY=1", &line("STATUS", &status)]).await;
    }

    /// The config is being read again. To be told after the signal that asked for it came: the manager compares times.
    pub(super) async fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        let at = line("MONOTONIC_USEC", &micros.to_string());
        self.tell(&["RELOADING=1", &at, "STATUS=reading the config again"])
            .await;
    }

    /// The reload is over: another config holds, or the one before.
    pub(super) async fn reloaded(&self, succeeded: bool) {
        if let Some(channel) = &self.0 {
            channel.has_refused.store(!succeeded, Ordering::Relaxed);
        }
        let status = match succeeded {
            true => "the config was read again",
            false => "the changed config was refused, the old one is kept: see the log",
        };
        self.tell(&["READY=1", &line("STATUS", status)]).await;
    }

    /// Nothing is asked any more; the end takes so long at most.
    pub(super) async fn stopping(&self, at_most: Duration) {
        let more = line("EXTEND_TIMEOUT_USEC", &at_most.as_micros().to_string());
        let status = "STATUS=stopping: checks in flight may end";
        self.tell(&["STOPPING=1", &more, status]).await;
    }

    /// Sends a message. One that the manager does not take within a second is given up.
    ///
    /// # Cancel safety
    /// It was sent, or it was not.
    async fn tell(&self, lines: &[&str]) {
        let Some(channel) = &self.0 else {
            return;
        };
        let message = lines.join("\n");
        let mut tries = 0;
        let sent = loop {
            let sent = channel
                .socket
                .send_to_addr(message.as_bytes(), &channel.address);
            tries += 1;
            match sent {
                // Its queue is full: it is busy, or does not listen.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && tries < TRIES => {
                    tokio::time::sleep(BETWEEN).await;
                }
                sent => break sent,
            }
        };
        match sent {
            Ok(_) => channel.has_failed.store(false, Ordering::Relaxed),
            // Told once, until a message gets through again.
            Err(error) if !channel.has_failed.swap(true, Ordering::Relaxed) => {
                channel.log.write(&trouble(&error));
            }
            Err(_) => {}
        }
    }
}

/// A line of a message: what is in a value must not begin another.
fn line(key: &str, value: &str) -> String {
    let value = value.replace(|c: char| c.is_control(), " ");
    format!("{key}={value}")
}

fn trouble(error: &io::Error) -> Record {
    Record::new(super::now(), Level::Warn, "service_manager")
        .with_message(format!("failed to speak to NOTIFY_SOCKET: {error}"))
}

fn channel(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = address(name)?;
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

/// sd-notify, the crate, takes an abstract name for a path; that, and `unsafe` to read a clock, is why this is here.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(name),
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => {
            <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name)
        }
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "wanted a path or an abstract name, `@name`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn watchdog(usec: &str, pid: Option<&str>, expected: Option<u64>) {
        let said = Said {
            socket: None,
            watchdog_usec: Some(usec.to_owned()),
            watchdog_pid: pid.map(ToOwned::to_owned),
        };
        assert_eq!(said.watchdog(7), expected.map(Duration::from_micros));
    }

    #[test]
    fn the_watchdog_is_meant_for_the_process_that_it_names() {
        watchdog("30000000", None, Some(30_000_000));
        watchdog("30000000", Some("7"), Some(30_000_000));
        watchdog("30000000", Some("8"), None);
        watchdog("30000000", Some(""), None);
        watchdog("0", None, None);
        watchdog("soon", None, None);
        assert_eq!(Said::default().watchdog(7), None);
    }

    #[test]
    fn paths_and_abstract_names_are_addresses() {
        let path = address(OsStr::new("/run/systemd/notify")).unwrap();
        assert_eq!(
            path.as_pathname(),
            Some(std::path::Path::new("/run/systemd/notify"))
        );
        for none in ["", "relative", "vsock:2:1234", "/with\0zero"] {
            assert!(address(OsStr::new(none)).is_err(), "{none:?}");
        }
        let long = format!("/{}", "a".repeat(200));
        assert!(address(OsStr::new(&long)).is_err());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_abstract_name_is_no_path() {
        use std::os::linux::net::SocketAddrExt;
        let address = address(OsStr::new("@hc/test")).unwrap();
        assert_eq!(address.as_abstract_name(), Some(&b"hc/test"[..]));
    }

    #[test]
    fn a_value_begins_no_line_of_its_own() {
        assert_eq!(line("STATUS", "a\nWATCHDOG=1"), "STATUS=a WATCHDOG=1");
    }
}
