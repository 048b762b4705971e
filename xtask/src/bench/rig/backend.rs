//! nginx, answering `GET /health` on the processor that is not the checker's, and what it counted.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::arena::Arena;
use super::certificate::Certificate;
use super::child::Child;
use super::programs::{Program, Programs};

/// The first target's address; the others follow it.
const FIRST: u32 = 0x7f4d_0001;

/// A running nginx; dropping it ends it.
pub(crate) struct Backend {
    child: Child,
    status: SocketAddr,
    port: u16,
    scheme: &'static str,
    strange: PathBuf,
    /// A file of the targets, `ADDRESS:PORT` a line.
    pub(crate) list: PathBuf,
    count: usize,
}

/// What nginx counted since it began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    /// Connections accepted.
    pub(crate) connections: u64,
    /// Requests read.
    pub(crate) requests: u64,
}

impl Backend {
    /// Serves that many addresses, on one port of its own.
    ///
    /// # Errors
    /// When nginx does not start, or open files would not do.
    pub(crate) fn start(
        arena: &Arena,
        programs: &Programs,
        folder: &Path,
        count: usize,
    ) -> Result<Self> {
        Self::start_over(arena, programs, folder, count, None)
    }

    /// The same, over TLS if there is a certificate to show.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub(crate) fn start_over(
        arena: &Arena,
        programs: &Programs,
        folder: &Path,
        count: usize,
        certificate: Option<&Certificate>,
    ) -> Result<Self> {
        let nginx = programs.path(Program::Nginx)?;
        let needed = if arena.private { count } else { 2 * count } + 100;
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        if let Some(permitted) = open_files(&limits).filter(|permitted| *permitted < needed) {
            bail!("{count} targets need {needed} open files, and {permitted} are permitted");
        }
        let [port, status_port] = free_ports()?;
        let (scheme, how) = match certificate {
            Some(_) => ("https", "ssl backlog=65535"),
            None => ("http", "backlog=65535"),
        };
        let mut listen = format!("listen {port} {how};");
        if !arena.private {
            let each = addresses(count).map(|it| format!("listen {it}:{port} {how};\n"));
            listen = each.collect();
        }
        let tls = certificate.map(tls).unwrap_or_default();
        let here = folder.display();
        let strange = folder.join("strange.log");
        let text = format!(
            "daemon off;
master_process off;
pid {here}/nginx.pid;
error_log {here}/nginx-error.log;
events {{ worker_connections {room}; }}
http {{
    access_log off;
    client_body_temp_path {here}/body;
    proxy_temp_path {here}/proxy;
    fastcgi_temp_path {here}/fastcgi;
    uwsgi_temp_path {here}/uwsgi;
    scgi_temp_path {here}/scgi;
    keepalive_timeout 1h;
    keepalive_requests 100000000;
    server {{
        listen 127.0.0.1:{status_port};
        location = /status {{ stub_status; }}
    }}
    server {{
        {listen}
        {tls}
        location = /health {{ return 200 \"ok\\n\"; }}
        location / {{ access_log {strange}; return 404; }}
    }}
}}
",
            // Listening sockets count, and below a sixteenth left nginx closes idle ones.
            room = 3 * count + 1_000,
            strange = strange.display(),
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, text).with_context(|| format!("failed to write {}", file.display()))?;
        // A log of an earlier run would be taken for this one's.
        let _ = fs::remove_file(&strange);
        let list = folder.join("targets.txt");
        let lines: String = addresses(count)
            .map(|it| format!("{it}:{port}\n"))
            .collect();
        fs::write(&list, lines).with_context(|| format!("failed to write {}", list.display()))?;
        let arguments = [Path::new("-c"), &file, Path::new("-p"), folder];
        let log = folder.join("nginx.log");
        let mut backend = Self {
            child: Child::start(arena.other, nginx, arguments, &log)?,
            status: SocketAddr::from(([127, 0, 0, 1], status_port)),
            port,
            scheme,
            strange,
            list,
            count,
        };
        for _ in 0..500 {
            backend.child.must_run().context("nginx")?;
            if backend.counted().is_ok() {
                return Ok(backend);
            }
            thread::sleep(Duration::from_millis(10));
        }
        bail!("nginx does not answer: {}", backend.child.said())
    }

    /// The targets.
    pub(crate) fn targets(&self) -> impl Iterator<Item = SocketAddr> {
        let port = self.port;
        addresses(self.count).map(move |address| SocketAddr::from((address, port)))
    }

    /// The targets' URLs.
    pub(crate) fn urls(&self) -> impl Iterator<Item = String> {
        self.targets()
            .map(|target| format!("{}://{target}/health", self.scheme))
    }

    /// What it counted. To ask is one connection and one request, which are counted too.
    ///
    /// # Errors
    /// When nginx does not answer.
    pub(crate) fn counted(&self) -> Result<Counted> {
        let limit = Duration::from_secs(5);
        let mut stream = TcpStream::connect_timeout(&self.status, limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.write_all(b"GET /status HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        counted(&answer).with_context(|| format!("nginx's status is strange: {answer}"))
    }

    /// nginx's own use.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) fn cpu(&mut self) -> Result<Duration> {
        Ok(self.child.usage()?.cpu)
    }

    /// # Errors
    /// When somebody asked something else than `/health`: such answers are no checks.
    pub(crate) fn nothing_strange(&self) -> Result<()> {
        let strange = fs::read_to_string(&self.strange).unwrap_or_default();
        match strange.lines().next() {
            Some(line) => bail!("not only /health was asked: {line}"),
            None => Ok(()),
        }
    }
}

/// Both versions that are in use, so that they are the same with each release of nginx.
fn tls(it: &Certificate) -> String {
    format!(
        "ssl_certificate {};
        ssl_certificate_key {};
        ssl_protocols TLSv1.2 TLSv1.3;",
        it.shown.display(),
        it.key.display()
    )
}

fn addresses(count: usize) -> impl Iterator<Item = Ipv4Addr> {
    (FIRST..).take(count).map(Ipv4Addr::from)
}

/// The hard limit, if there is one.
fn open_files(limits: &str) -> Option<usize> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Two that nobody has just now.
pub(super) fn free_ports() -> Result<[u16; 2]> {
    let listen = || TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)));
    let (one, two) = (listen()?, listen()?);
    Ok([one.local_addr()?.port(), two.local_addr()?.port()])
}

/// The third line of `stub_status`: accepted, handled, requests.
fn counted(answer: &str) -> Option<Counted> {
    let (_, after) = answer.split_once("server accepts handled requests\n")?;
    let mut numbers = after.split_whitespace().map_while(|each| each.parse().ok());
    Some(Counted {
        connections: numbers.next()?,
        requests: numbers.nth(1)?,
    })
}

#[cfg(test)]
mod tests {
    use super::{addresses, counted, open_files};

    #[test]
    fn stub_status_is_read() {
        let answer =
            "Active connections: 1 \nserver accepts handled requests\n 5 6 17 \nReading: 0\n";
        let counted = counted(answer).unwrap();
        assert_eq!((counted.connections, counted.requests), (5, 17));
    }

    #[test]
    fn the_hard_limit_is_read() {
        let limits = "Max processes  9  9  processes\nMax open files            1024                 20000                files \n";
        assert_eq!(open_files(limits), Some(20_000));
        assert_eq!(open_files("Max open files  1024  unlimited  files\n"), None);
    }

    #[test]
    fn every_target_has_its_own_loopback_address() {
        let all: Vec<_> = addresses(9_000).collect();
        assert!(all.iter().all(std::net::Ipv4Addr::is_loopback));
        assert_eq!(all[0].to_string(), "127.77.0.1");
        assert_eq!(all[8_999].to_string(), "127.77.35.40");
    }
}
