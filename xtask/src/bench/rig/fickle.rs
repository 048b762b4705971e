//! `fickle`, the backend of ours that closes kept connections at random and fails as it is told.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::arena::Arena;
use super::backend::free_ports;
use super::child::Child;
use super::programs::{Program, Programs};

/// A running one; dropping it ends it.
pub(crate) struct Fickle {
    pub(crate) child: Child,
    control: SocketAddr,
    pub(crate) port: u16,
}

/// How it behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// So many of a thousand answers are followed by a close.
    pub(crate) closes: u32,
    /// How often a checker asks.
    pub(crate) interval: Duration,
    pub(crate) seed: u64,
}

/// What it is told, and what it then counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) connections: u64,
    pub(crate) answers: u64,
    /// Closes of its own, by FIN and by reset, at a time of its choice.
    pub(crate) closed: u64,
    /// Requests that met a close.
    pub(crate) met: u64,
    /// Most connections that came to one address between two answers there.
    pub(crate) most_between_answers: u64,
}

impl Fickle {
    /// Serves these addresses on a port: a free one, or the one it had before.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn start(
        arena: &Arena,
        programs: &Programs,
        folder: &Path,
        (name, port): (&str, Option<u16>),
        addresses: &[Ipv4Addr],
        manner: Manner,
    ) -> Result<Self> {
        let [free, control] = free_ports()?;
        let port = port.unwrap_or(free);
        let control = SocketAddr::from(([127, 0, 0, 1], control));
        let listen: String = if arena.private {
            format!("0.0.0.0:{port}\n")
        } else {
            addresses
                .iter()
                .map(|it| format!("{it}:{port}\n"))
                .collect()
        };
        let file = folder.join(format!("{name}.listen"));
        fs::write(&file, listen).with_context(|| format!("failed to write {}", file.display()))?;
        let arguments = [
            control.to_string(),
            file.display().to_string(),
            manner.closes.to_string(),
            manner.interval.as_millis().to_string(),
            manner.seed.to_string(),
        ];
        let log = folder.join(format!("{name}.log"));
        let program = programs.path(Program::Fickle)?;
        let mut fickle = Self {
            child: Child::start(arena.other, program, arguments, &log)?,
            control,
            port,
        };
        for _ in 0..500 {
            fickle.child.must_run().context("the backend")?;
            if fickle.tell("count").is_ok() {
                return Ok(fickle);
            }
            thread::sleep(Duration::from_millis(5));
        }
        bail!("the backend does not answer: {}", fickle.child.said())
    }

    /// Gives it a command, and gets its counts.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) fn tell(&self, command: &str) -> Result<Told> {
        let limit = Duration::from_secs(5);
        let mut stream = TcpStream::connect_timeout(&self.control, limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.write_all(command.as_bytes())?;
        let mut said = String::new();
        stream.read_to_string(&mut said)?;
        told(&said).with_context(|| format!("the backend says something strange: {said}"))
    }
}

fn told(said: &str) -> Option<Told> {
    let value: Value = serde_json::from_str(said).ok()?;
    let count = |key: &str| value[key].as_u64();
    Some(Told {
        connections: count("connections")?,
        answers: count("answers")?,
        closed: count("fins")? + count("resets")?,
        met: count("unread")? + count("swallowed")?,
        most_between_answers: count("most_between_answers")?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Told, told};

    #[test]
    fn counts_are_read() {
        let said = r#"{"connections":9,"answers":90,"fins":1,"resets":2,"unread":3,"swallowed":4,"left":0,"most_between_answers":2,"open":5}"#;
        let expected = Told {
            connections: 9,
            answers: 90,
            closed: 3,
            met: 7,
            most_between_answers: 2,
        };
        assert_eq!(told(said), Some(expected));
        assert_eq!(told("{}"), None);
    }
}
