//! A terminal on which a verb of hc runs, and a picture of what it shows: every cell as the program drew it.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::Scene;

/// What is on it.
pub(crate) struct Screen(vt100::Screen);

/// So long a program draws before it is looked at, and before the next key is pressed.
const SETTLES: Duration = Duration::from_millis(2_500);

impl Screen {
    /// Runs a verb on a terminal of that many columns and rows, presses keys, and takes the picture.
    pub(crate) fn of(
        scene: &Scene,
        verb: &str,
        (columns, rows): (u16, u16),
        keys: &[&str],
    ) -> Self {
        let shell = format!(
            "stty cols {columns} rows {rows} -echo; exec '{}' {verb} --url '{}'",
            scene.hc.display(),
            scene.url()
        );
        // script, of util-linux, gives it the terminal.
        let mut child = Command::new("script")
            .args(["-qfec", &shell, "/dev/null"])
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .current_dir(&scene.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script is there, as on every Debian");
        let mut keyboard = child.stdin.take().expect("it is piped");
        let mut output = child.stdout.take().expect("it is piped");
        let of = |size| NonZeroU16::new(size).expect("a terminal has cells");
        let terminal = Arc::new(Mutex::new(vt100::Parser::new(of(rows), of(columns), 0)));
        let drawn = terminal.clone();
        let reading = thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                let mut terminal = drawn.lock().unwrap_or_else(PoisonError::into_inner);
                terminal.process(&buffer[..count]);
            }
        });
        thread::sleep(SETTLES);
        for key in keys {
            keyboard.write_all(key.as_bytes()).expect("it reads keys");
            keyboard.flush().expect("it reads keys");
            thread::sleep(SETTLES);
        }
        let seen = terminal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .screen()
            .clone();
        for _ in 0..20 {
            // A verb that has printed all has ended already; one that shows a detail closes that first.
            let _ = keyboard.write_all(b"q");
            let _ = keyboard.flush();
            thread::sleep(Duration::from_millis(200));
            if child.try_wait().is_ok_and(|ended| ended.is_some()) {
                break;
            }
        }
        drop(keyboard);
        // It has ended, most of the time; with its terminal it ends always.
        let _ = child.kill();
        child.wait().expect("it is a child");
        reading.join().expect("reading does not panic");
        Self(seen)
    }

    /// Its rows, without colours.
    pub(crate) fn text(&self) -> String {
        self.0.contents()
    }

    /// A picture that looks the same on a light and on a dark page.
    pub(crate) fn svg(&self) -> String {
        const CELL: (f64, f64) = (8.4, 18.0);
        const EDGE: f64 = 12.0;
        let (rows, columns) = self.0.size();
        let (rows, columns) = (rows.get(), columns.get());
        // What a verb printed may be shorter than the terminal.
        let used = (0..rows)
            .rev()
            .find(|row| !self.row_is_blank(*row, columns));
        let rows = used.map_or(1, |row| row + 1);
        let (width, height) = (
            f64::from(columns) * CELL.0 + 2.0 * EDGE,
            f64::from(rows) * CELL.1 + 2.0 * EDGE,
        );
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\">\n\
             <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n"
        );
        for row in 0..rows {
            self.draw_row(&mut out, row, columns, CELL, EDGE);
        }
        out + "</svg>\n"
    }

    fn row_is_blank(&self, row: u16, columns: u16) -> bool {
        (0..columns).all(|column| {
            self.0.cell(row, column).is_none_or(|cell| {
                cell.contents().trim().is_empty()
                    && cell.bgcolor() == vt100::Color::Default
                    && !cell.inverse()
            })
        })
    }

    /// Cells of one look are one text, each letter in its own place.
    fn draw_row(&self, out: &mut String, row: u16, columns: u16, cell_size: (f64, f64), edge: f64) {
        let mut column = 0;
        while column < columns {
            let look = self.look(row, column);
            let begin = column;
            let mut text = String::new();
            while column < columns && self.look(row, column) == look {
                let contents = self.0.cell(row, column).map_or("", |cell| cell.contents());
                text += if contents.is_empty() { " " } else { contents };
                column += 1;
            }
            let (x, y) = (
                f64::from(begin) * cell_size.0 + edge,
                f64::from(row) * cell_size.1 + edge,
            );
            let width = f64::from(column - begin) * cell_size.0;
            if let Some(back) = &look.back {
                let height = cell_size.1;
                writeln!(out, "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{back}\"/>")
                    .expect("text grows");
            }
            if !text.trim().is_empty() {
                let weight = if look.is_bold {
                    " font-weight=\"bold\""
                } else {
                    ""
                };
                let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
                let (fore, y) = (&look.fore, y + cell_size.1 - 5.0);
                writeln!(
                    out,
                    "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{width:.1}\" xml:space=\"preserve\" fill=\"{fore}\"{weight}>{escaped}</text>"
                )
                .expect("text grows");
            }
        }
    }

    fn look(&self, row: u16, column: u16) -> Look {
        let Some(cell) = self.0.cell(row, column) else {
            return Look::default();
        };
        let fore = color(cell.fgcolor()).unwrap_or_else(|| "#d7dae0".to_owned());
        let back = color(cell.bgcolor());
        let (fore, back) = match cell.inverse() {
            true => (back.unwrap_or_else(|| "#16181d".to_owned()), Some(fore)),
            false => (fore, back),
        };
        let fore = match cell.dim() {
            true => "#8b919d".to_owned(),
            false => fore,
        };
        Look {
            fore,
            back,
            is_bold: cell.bold(),
        }
    }
}

#[derive(Default, PartialEq)]
struct Look {
    fore: String,
    back: Option<String>,
    is_bold: bool,
}

/// The sixteen as a usual dark terminal has them, and the cube and the greys as all have them.
fn color(color: vt100::Color) -> Option<String> {
    const SIXTEEN: [&str; 16] = [
        "#30343c", "#f0736a", "#8cc265", "#e5b95c", "#6cb2f7", "#c98af0", "#56c2c9", "#d7dae0",
        "#7a808c", "#ff8a80", "#a8db80", "#ffd27a", "#8fc7ff", "#dfa5ff", "#79dde3", "#ffffff",
    ];
    match color {
        vt100::Color::Default => None,
        vt100::Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
        vt100::Color::Idx(index @ 0..16) => Some(SIXTEEN[usize::from(index)].to_owned()),
        vt100::Color::Idx(index @ 16..232) => {
            let level = |by: u8| match (index - 16) / by % 6 {
                0 => 0,
                step => 55 + 40 * step,
            };
            Some(format!(
                "#{:02x}{:02x}{:02x}",
                level(36),
                level(6),
                level(1)
            ))
        }
        vt100::Color::Idx(index) => {
            let grey = 8 + 10 * (index - 232);
            Some(format!("#{grey:02x}{grey:02x}{grey:02x}"))
        }
    }
}
