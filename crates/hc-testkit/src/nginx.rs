//! A real nginx, from the system's package, started by a test on loopback and stopped with it.
//!
//! One process serves many addresses of 127.0.0.0/8, all on one free port, each answering `GET /health` in a way that
//! can be changed while it runs. It has its own folder, ports and user, and touches no nginx of the system.
//! Leaves to the test what is expected of whom; leaves installing the package to `cargo xtask test`.
//!
//! Everything here blocks: from an asynchronous test, call it through `spawn_blocking`.

mod config;
mod control;
mod upstream;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

use self::config::Settings;
use self::control::{
    LOOK, LOOKS, Signal, await_that, find, free_ports, is_running, scratch_folder, signal,
    workers_of,
};
use self::upstream::Upstream;

/// How an address answers `GET /health`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// 200, `ok`. So each begins.
    Ok,
    /// 500, `failing`.
    Failing,
    /// The connection is closed instead of an answer.
    Close,
    /// 200, this much later. Rounded down to milliseconds.
    Delayed(Duration),
    /// The request is read and never answered.
    Hang,
}

/// What nginx counted since it began: its `stub_status`. Asking adds one connection and one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counted {
    /// Connections accepted, on all addresses.
    pub connections: u64,
    /// Requests read.
    pub requests: u64,
}

/// A running nginx; dropping it stops it.
#[derive(Debug)]
pub struct Nginx {
    process: Child,
    settings: Settings,
    upstream: Upstream,
}

impl Nginx {
    /// Serves `count` addresses, from 127.77.0.1 on, and counts each one's requests.
    ///
    /// # Errors
    /// When nginx is not installed (the message names the package) or does not start (the message has its log).
    pub fn fleet(count: u16) -> Result<Self> {
        let address = |index: u16| Ipv4Addr::from(0x7f4d_0001 + u32::from(index));
        Self::start((0..count).map(address))
    }

    /// Serves these addresses, which must lie in 127.0.0.0/8.
    ///
    /// # Errors
    /// As [`fleet`](Self::fleet).
    pub fn start(addresses: impl IntoIterator<Item = Ipv4Addr>) -> Result<Self> {
        let addresses: BTreeSet<_> = addresses.into_iter().collect();
        if let Some(foreign) = addresses.iter().find(|address| !address.is_loopback()) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("{foreign} is no loopback address"),
            ));
        }
        let missing =
            "nginx is not installed; install Debian's package: sudo apt-get install nginx-light";
        let program = find("nginx").ok_or_else(|| Error::new(ErrorKind::NotFound, missing))?;
        let mut last = Error::other("no free port");
        // Between our look at a port and nginx's, somebody else may take it.
        for _ in 0..5 {
            match Self::try_start(&program, &addresses) {
                Ok(started) => return Ok(started),
                Err(error) if error.kind() == ErrorKind::AddrInUse => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    fn try_start(program: &Path, addresses: &BTreeSet<Ipv4Addr>) -> Result<Self> {
        let (port, control_port) = free_ports(addresses)?;
        let upstream = Upstream::start()?;
        let settings = Settings {
            folder: scratch_folder()?,
            listening: addresses.clone(),
            port,
            control_port,
            upstream_port: upstream.port(),
        };
        settings.write()?;
        let mut command = Command::new(program);
        command
            .arg("-p")
            .arg(&settings.folder)
            .arg("-e")
            .arg(settings.error_log());
        command
            .arg("-c")
            .arg(settings.file())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = command.spawn()?;
        let mut started = Self {
            process,
            settings,
            upstream,
        };
        for _ in 0..LOOKS {
            if started.process.try_wait()?.is_some() {
                let log = fs::read_to_string(started.settings.error_log()).unwrap_or_default();
                let in_use = log.contains("Address already in use");
                let kind = if in_use {
                    ErrorKind::AddrInUse
                } else {
                    ErrorKind::Other
                };
                return Err(Error::new(kind, format!("nginx did not start: {log}")));
            }
            if started.counted().is_ok() {
                return Ok(started);
            }
            thread::sleep(LOOK);
        }
        Err(Error::new(
            ErrorKind::TimedOut,
            "nginx did not start within 10 s",
        ))
    }

    /// The addresses that are served now, in order.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.settings
            .listening
            .iter()
            .map(|address| SocketAddrV4::new(*address, self.settings.port).into())
            .collect()
    }

    /// `http://ADDRESS/health` of each.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.addresses()
            .iter()
            .map(|address| format!("http://{address}/health"))
            .collect()
    }

    /// Its folder: configuration and logs, removed with it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.settings.folder
    }

    /// The master process, then its workers.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        let master = self.process.id();
        [vec![master], workers_of(master)].concat()
    }

    /// Makes an address answer so from its next request on. Connections are kept.
    ///
    /// # Errors
    /// When its folder cannot be written.
    pub fn set(&self, address: SocketAddr, answer: Answer) -> Result<()> {
        self.upstream.delay(address.ip(), answer);
        self.settings.mark(address.ip(), answer)
    }

    /// Closes these listeners: from its return on, connecting is refused. nginx reloads for it, so all idle kept
    /// connections, those of other addresses too, are closed.
    ///
    /// # Errors
    /// When nginx does not follow within 10 s.
    pub fn stop(&mut self, addresses: &[SocketAddr]) -> Result<()> {
        let remaining = self
            .settings
            .listening
            .iter()
            .copied()
            .filter(|kept| !addresses.iter().any(|gone| gone.ip() == *kept));
        self.settings.listening = remaining.collect();
        self.reload(addresses, false)
    }

    /// Listens there again, after [`stop`](Self::stop) or for the first time; the address's answer is what it was.
    ///
    /// # Errors
    /// When nginx does not follow within 10 s; when the port was taken meanwhile.
    pub fn bring_back(&mut self, addresses: &[SocketAddr]) -> Result<()> {
        for address in addresses {
            if let SocketAddr::V4(address) = address {
                self.settings.listening.insert(*address.ip());
            }
        }
        self.reload(addresses, true)
    }

    fn reload(&self, addresses: &[SocketAddr], accepting: bool) -> Result<()> {
        self.settings.write()?;
        signal(Signal::Reload, &[self.process.id()])?;
        for address in addresses {
            let changed = || TcpStream::connect(address).is_ok() == accepting;
            await_that(changed, || format!("{address} did not change"))?;
        }
        Ok(())
    }

    /// Stops all its processes as they are (`SIGSTOP`): the kernel still accepts connections, nobody answers.
    ///
    /// # Errors
    /// When they cannot be signalled.
    pub fn freeze(&self) -> Result<()> {
        signal(Signal::Freeze, &self.processes())
    }

    /// Ends [`freeze`](Self::freeze).
    ///
    /// # Errors
    /// When they cannot be signalled.
    pub fn thaw(&self) -> Result<()> {
        signal(Signal::Thaw, &self.processes())
    }

    /// Ends all its processes at once (`SIGKILL`), as a crash would. The folder stays until the drop.
    ///
    /// # Errors
    /// When they cannot be signalled.
    pub fn kill(&mut self) -> Result<()> {
        let processes = self.processes();
        signal(Signal::Kill, &processes)?;
        self.process.wait()?;
        // A signalled worker may still hold the listeners for a moment.
        await_that(
            || !processes.iter().any(|process| is_running(*process)),
            || "nginx survived SIGKILL".to_owned(),
        )
    }

    /// Requests ended at each address since the start, whatever the answer; those that never had one are missing.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn served(&self) -> Result<BTreeMap<SocketAddr, u64>> {
        Ok(config::served(&fs::read_to_string(
            self.settings.access_log(),
        )?))
    }

    /// What nginx counts itself.
    ///
    /// # Errors
    /// When it does not answer within 2 s.
    pub fn counted(&self) -> Result<Counted> {
        let limit = Duration::from_secs(2);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.settings.control_port));
        let mut stream = TcpStream::connect_timeout(&address, limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.write_all(b"GET /status HTTP/1.0\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        config::counted(&text).ok_or_else(|| Error::other(format!("nginx answered: {text}")))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let processes = self.processes();
        if matches!(self.process.try_wait(), Ok(None)) {
            // A frozen process hears nothing else; whatever cannot be signalled is gone already.
            drop(signal(Signal::Thaw, &processes));
            drop(signal(Signal::End, &[self.process.id()]));
            let ended = || matches!(self.process.try_wait(), Ok(Some(_)));
            if await_that(ended, String::new).is_err() {
                drop(signal(Signal::Kill, &processes));
                drop(self.process.wait());
            }
        }
        // What is left of the folder is a matter of the system's temporary files.
        drop(fs::remove_dir_all(&self.settings.folder));
    }
}
