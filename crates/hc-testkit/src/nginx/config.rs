//! nginx's files: the configuration it reads, the marks that change an address's answer without a reload, its logs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{ErrorKind, Result};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::control::is_root;
use super::{Answer, Counted};

/// All that the configuration depends on.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) folder: PathBuf,
    pub(super) listening: BTreeSet<Ipv4Addr>,
    pub(super) port: u16,
    pub(super) control_port: u16,
    pub(super) upstream_port: u16,
}

/// Marks: files named `ADDRESS.MARK`, whose presence nginx looks at for each request.
const MARKS: [&str; 3] = ["failing", "close", "later"];

impl Settings {
    pub(super) fn file(&self) -> PathBuf {
        self.folder.join("nginx.conf")
    }

    pub(super) fn error_log(&self) -> PathBuf {
        self.folder.join("error.log")
    }

    pub(super) fn access_log(&self) -> PathBuf {
        self.folder.join("access.log")
    }

    /// Writes the configuration; a running nginx reads it at its next reload.
    pub(super) fn write(&self) -> Result<()> {
        fs::write(self.file(), self.text())
    }

    fn text(&self) -> String {
        let folder = self.folder.display();
        // A worker started by root would become `nobody`, and not read our folder.
        let user = if is_root() { "user root;" } else { "" };
        let connections = 1_024 + 4 * self.listening.len();
        let mut text = format!(
            "{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections {connections}; }}
http {{
    log_format served '$server_addr:$server_port $status';
    access_log {folder}/access.log served;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type text/plain;
    keepalive_timeout 1h;
    keepalive_requests 100000000;
    server {{
        listen 127.0.0.1:{control};
        access_log off;
        location = /status {{ stub_status; }}
    }}
",
            control = self.control_port
        );
        if !self.listening.is_empty() {
            self.push_server(&mut text);
        }
        text.push_str("}\n");
        text
    }

    fn push_server(&self, text: &mut String) {
        text.push_str("    server {\n");
        for address in &self.listening {
            *text += &format!("        listen {address}:{};\n", self.port);
        }
        let mark = format!("{}/$server_addr", self.folder.display());
        *text += &format!(
            "        location = /health {{
            if (-f {mark}.failing) {{ return 500 \"failing\\n\"; }}
            if (-f {mark}.close) {{ return 444; }}
            if (-f {mark}.later) {{ rewrite ^ /later last; }}
            return 200 \"ok\\n\";
        }}
        location = /later {{
            internal;
            proxy_pass http://127.0.0.1:{};
            proxy_set_header Target $server_addr;
            proxy_read_timeout 1h;
        }}
    }}
",
            self.upstream_port
        );
    }

    /// Sets an address's mark and takes the others away.
    pub(super) fn mark(&self, address: IpAddr, answer: Answer) -> Result<()> {
        let wanted = match answer {
            Answer::Ok => None,
            Answer::Failing => Some("failing"),
            Answer::Close => Some("close"),
            Answer::Delayed(_) | Answer::Hang => Some("later"),
        };
        for mark in MARKS {
            let file = self.folder.join(format!("{address}.{mark}"));
            if Some(mark) == wanted {
                fs::write(file, "")?;
            } else if let Err(error) = fs::remove_file(file)
                && error.kind() != ErrorKind::NotFound
            {
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Lines of the access log by address. A last line half written is left out.
pub(super) fn served(log: &str) -> BTreeMap<SocketAddr, u64> {
    let mut served = BTreeMap::new();
    for line in log
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
    {
        if let Some(address) = line
            .split(' ')
            .next()
            .and_then(|address| address.parse().ok())
        {
            *served.entry(address).or_default() += 1;
        }
    }
    served
}

/// The third line of `stub_status`: accepted, handled, requests.
pub(super) fn counted(answer: &str) -> Option<Counted> {
    let (_, after) = answer.split_once("server accepts handled requests\n")?;
    let numbers: Vec<u64> = after
        .lines()
        .next()?
        .split_whitespace()
        .map_while(|each| each.parse().ok())
        .collect();
    let [connections, _, requests] = numbers[..] else {
        return None;
    };
    Some(Counted {
        connections,
        requests,
    })
}

#[cfg(test)]
mod tests {
    use super::{Counted, counted, served};

    #[test]
    fn the_log_is_counted_by_address() {
        let log = "127.0.0.1:80 200\n127.0.0.2:80 500\n127.0.0.1:80 200\n127.0.0.1:8";
        let counts: Vec<_> = served(log)
            .into_iter()
            .map(|(address, count)| (address.to_string(), count))
            .collect();
        assert_eq!(
            counts,
            [
                ("127.0.0.1:80".to_owned(), 2),
                ("127.0.0.2:80".to_owned(), 1)
            ]
        );
    }

    #[test]
    fn stub_status_is_read() {
        let answer = "HTTP/1.1 200 OK\r\n\r\nActive connections: 1 \nserver accepts handled requests\n 5 5 17 \nReading: 0\n";
        assert_eq!(
            counted(answer),
            Some(Counted {
                connections: 5,
                requests: 17
            })
        );
        assert_eq!(counted("HTTP/1.1 404 Not Found"), None);
    }
}
