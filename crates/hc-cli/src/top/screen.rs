//! The terminal while it is drawn on: taken whole, and given back as it was however this ends.

use std::io::{self, stdout};

use ratatui::crossterm::style::force_color_output;
use ratatui::layout::{Position, Rect};
use ratatui::{DefaultTerminal, Frame};
use rustix::process::{Signal, getpid, kill_process};

/// The terminal, in raw mode on its other screen; given back when this is dropped, and by a panic.
#[derive(Debug)]
pub(super) struct Screen(DefaultTerminal);

impl Screen {
    /// Takes it. `color`: decided already, whatever the environment says.
    pub(super) fn take(color: bool) -> io::Result<Self> {
        force_color_output(color);
        Ok(Self(ratatui::try_init()?))
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.0.size()?;
        Ok((size.width, size.height))
    }

    /// Draws what has changed since.
    pub(super) fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.0.draw(render).map(|_| ())
    }

    /// Draws all anew next time: something else has written on the terminal.
    pub(super) fn repaint(&mut self) -> io::Result<()> {
        // `Terminal::clear` asks the terminal where its cursor is, and the thread that reads keys takes the answer.
        let size = self.0.size()?;
        self.0.resize(Rect::from((Position::ORIGIN, size)))
    }

    /// Stops this process as Ctrl-Z does, with the terminal given back meanwhile.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        ratatui::try_restore()?;
        kill_process(getpid(), Signal::TSTP)?;
        // Here it goes on.
        use ratatui::crossterm::terminal::{EnterAlternateScreen, enable_raw_mode};
        enable_raw_mode()?;
        ratatui::crossterm::execute!(stdout(), EnterAlternateScreen)?;
        self.0.hide_cursor()?;
        self.repaint()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing any more.
        let _ = self.0.show_cursor();
        let _ = ratatui::try_restore();
    }
}
