//! A terminal for a command: what is typed, and what the screen shows. It knows the few escapes that hc's screens use.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Nothing that is waited for takes longer, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A command on a terminal of its own.
pub(crate) struct Pty {
    keys: File,
    screens: Receiver<Vec<u8>>,
    /// All that was written.
    pub(crate) raw: Vec<u8>,
    screen: Screen,
    pub(crate) child: Child,
}

impl Drop for Pty {
    fn drop(&mut self) {
        // It has ended by itself in a test that passed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Pty {
    /// Starts a command, whose terminal it is, in a session of its own.
    pub(crate) fn start(command: &Command, columns: u16, rows: u16) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
        grantpt(&ours).expect("it is ours");
        unlockpt(&ours).expect("it is ours");
        resize(&ours, columns, rows);
        let name = ptsname(&ours, Vec::new()).expect("it has a name");
        let path = std::ffi::OsStr::from_bytes(name.as_bytes()).to_owned();
        let open = || -> File {
            let opened = OpenOptions::new().read(true).write(true).open(&path);
            opened.expect("it can be opened")
        };
        let mut session = Command::new("setsid");
        session.arg("--ctty").arg(command.get_program());
        session.args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => session.env(name, value),
                None => session.env_remove(name),
            };
        }
        if !command.get_envs().any(|(name, _)| name == "TERM") {
            session.env("TERM", "xterm");
        }
        session.stdin(open()).stdout(open()).stderr(open());
        let child = session.spawn().expect("it starts");
        drop(session);
        let keys = File::from(ours);
        let mut output = keys.try_clone().expect("there are descriptors");
        let (told, screens) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The end of a terminal is an error.
            while let Ok(read @ 1..) = output.read(&mut buffer) {
                if told.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            keys,
            screens,
            raw: Vec::new(),
            screen: Screen::new(columns, rows),
            child,
        }
    }

    /// Types.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("it reads");
    }

    /// Makes the terminal another size.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        self.screen = Screen::new(columns, rows);
        resize(&self.keys, columns, rows);
    }

    /// Waits until the screen shows so.
    #[track_caller]
    #[expect(
        clippy::disallowed_methods,
        reason = "a screen that changes each second is waited for as long as one that does not"
    )]
    pub(crate) fn shows(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let text = self.screen.text();
            if wanted(&text) {
                return text;
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.screens.recv_timeout(left) {
                Ok(bytes) => {
                    self.screen.take(&bytes);
                    self.raw.extend(bytes);
                }
                Err(RecvTimeoutError::Timeout) => panic!("the screen stays:\n{text}"),
                Err(RecvTimeoutError::Disconnected) => panic!("it has ended:\n{text}"),
            }
        }
    }

    /// Waits until the screen has this text.
    #[track_caller]
    pub(crate) fn has(&mut self, wanted: &str) -> String {
        self.shows(|text| text.contains(wanted))
    }

    /// Waits for its end; how it ended, and all that it wrote.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let ended = self.child.wait().expect("it ends");
        // The thread that reads ends with the terminal.
        while let Ok(bytes) = self.screens.recv_timeout(PATIENCE) {
            self.raw.extend(bytes);
        }
        (ended, String::from_utf8_lossy(&self.raw).into_owned())
    }
}

fn resize(terminal: impl AsFd, columns: u16, rows: u16) {
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size).expect("it has a size");
}

/// What is on the screen.
struct Screen {
    cells: Vec<Vec<char>>,
    row: usize,
    column: usize,
    /// An escape that has not ended.
    escape: Option<String>,
    /// A character that has not ended.
    partial: Vec<u8>,
}

impl Screen {
    fn new(columns: u16, rows: u16) -> Self {
        Self {
            cells: vec![vec![' '; columns.into()]; rows.into()],
            row: 0,
            column: 0,
            escape: None,
            partial: Vec::new(),
        }
    }

    fn text(&self) -> String {
        let rows = self.cells.iter();
        let rows: Vec<String> = rows
            .map(|row| row.iter().collect::<String>().trim_end().to_owned())
            .collect();
        rows.join("\n")
    }

    fn take(&mut self, bytes: &[u8]) {
        self.partial.extend(bytes);
        let bytes = std::mem::take(&mut self.partial);
        let whole = match std::str::from_utf8(&bytes) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let (text, rest) = bytes.split_at(whole);
        self.partial = rest.to_vec();
        String::from_utf8_lossy(text)
            .chars()
            .for_each(|c| self.char(c));
    }

    fn char(&mut self, c: char) {
        if let Some(mut escape) = self.escape.take() {
            escape.push(c);
            let is_over = match escape.strip_prefix('[') {
                Some(rest) => rest.ends_with(|c: char| ('@'..='~').contains(&c)),
                None => true,
            };
            match is_over {
                true => self.order(&escape),
                false => self.escape = Some(escape),
            }
            return;
        }
        match c {
            '\u{1b}' => self.escape = Some(String::new()),
            '\r' => self.column = 0,
            '\n' => self.row += 1,
            c if c.is_control() => {}
            c => {
                if let Some(cell) = self
                    .cells
                    .get_mut(self.row)
                    .and_then(|r| r.get_mut(self.column))
                {
                    *cell = c;
                }
                self.column += 1;
            }
        }
    }

    fn order(&mut self, escape: &str) {
        let number = |text: &str| text.parse::<usize>().unwrap_or(1).max(1) - 1;
        if let Some(place) = escape.strip_prefix('[').and_then(|e| e.strip_suffix('H')) {
            let (row, column) = place.split_once(';').unwrap_or((place, ""));
            (self.row, self.column) = (number(row), number(column));
        } else if escape.ends_with('J') || escape == "[?1049h" {
            self.cells.iter_mut().flatten().for_each(|cell| *cell = ' ');
        }
    }
}
