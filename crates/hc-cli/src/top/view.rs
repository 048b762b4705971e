//! How it looks: a pure function of the model into a buffer, whatever its size.
//!
//! A line of the fleet above, the list, on a large terminal the chosen target's past below it, and a line of keys. All
//! text of the other side was escaped where it was made into words.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::app::{App, Mode};
use super::list::Sort;
use crate::see::columns::Columns;
use crate::see::detail::{self, Line, Manner};
use crate::see::words;
use crate::term::Tone;

mod help;
mod pane;
#[cfg(test)]
mod tests;

/// The fleet, the heading, the keys.
const AROUND: u16 = 3;

/// Lines of the pane, its title included.
const PANE: u16 = 13;

const GONE: &str = "no target is called so any more";

/// Whether there is room for the chosen target's past below the list.
pub(super) fn has_pane(columns: u16, rows: u16) -> bool {
    columns >= 100 && rows >= 36
}

/// Rows of the list on so large a terminal.
pub(super) fn list_rows(columns: u16, rows: u16) -> usize {
    let pane = if has_pane(columns, rows) { PANE } else { 0 };
    usize::from(rows.saturating_sub(AROUND + pane).max(1))
}

/// Lines of a text that fills the screen.
pub(super) fn text_rows(rows: u16) -> usize {
    usize::from(rows.saturating_sub(2).max(1))
}

/// Lines that there are of the text that is open.
pub(super) fn text_length(app: &App) -> usize {
    match app.mode {
        Mode::Help => help::lines(app).len(),
        _ => detail_lines(app, Duration::ZERO).len(),
    }
}

/// Draws all.
pub(super) fn draw(app: &App, now: Duration, buffer: &mut Buffer) {
    let area = buffer.area;
    if area.is_empty() {
        return;
    }
    let mut canvas = Canvas {
        buffer,
        area,
        color: app.manners.color,
    };
    head(app, now, &mut canvas);
    match app.mode {
        Mode::Help => text(app, &help::lines(app), &mut canvas),
        Mode::Detail => text(app, &detail_lines(app, now), &mut canvas),
        Mode::List | Mode::Filter => list(app, now, &mut canvas),
    }
    if area.height > 2 {
        keys(app, &mut canvas);
    }
}

/// Where lines are put: what does not fit is cut.
struct Canvas<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
    color: bool,
}

impl Canvas<'_> {
    /// Puts text at a row and a column; the column behind it.
    fn put(&mut self, row: usize, column: usize, text: &str, style: Style) -> usize {
        let (width, height) = (usize::from(self.area.width), usize::from(self.area.height));
        if row >= height || column >= width {
            return column;
        }
        let (x, y) = (self.area.x + column as u16, self.area.y + row as u16);
        let (end, _) = self.buffer.set_stringn(x, y, text, width - column, style);
        usize::from(end - self.area.x)
    }

    /// Puts a line of pieces, cut at the edge.
    fn line(&mut self, row: usize, column: usize, columns: usize, line: &Line) {
        let end = column + columns;
        let mut at = column;
        for (tone, text) in line {
            let style = tone.map_or_else(Style::new, |tone| self.tone(tone));
            let text = words::cut(text, end.saturating_sub(at));
            at = self.put(row, at, &text, style);
        }
    }

    /// A whole row in one style.
    fn bar(&mut self, row: usize, text: &str, style: Style) {
        let width = usize::from(self.area.width);
        self.put(row, 0, &words::fit(text, width), style);
    }

    /// Without colours the words say it, and weight helps.
    fn tone(&self, tone: Tone) -> Style {
        let (color, weight) = match tone {
            Tone::Good => (Color::Green, Modifier::empty()),
            Tone::Odd => (Color::Yellow, Modifier::empty()),
            Tone::Bad => (Color::Red, Modifier::BOLD),
            Tone::Unknown => (Color::Magenta, Modifier::empty()),
            Tone::Faint => return Style::new().add_modifier(Modifier::DIM),
        };
        let style = Style::new().add_modifier(weight);
        if self.color { style.fg(color) } else { style }
    }
}

fn head(app: &App, now: Duration, canvas: &mut Canvas<'_>) {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    if let Some((since, why)) = &app.away {
        let away = words::span(now.saturating_sub(*since));
        let line = format!("AWAY for {away}, asked each second: {why}");
        canvas.bar(0, &line, bold.add_modifier(Modifier::REVERSED));
    } else if let Some(known) = &app.known {
        let up = Duration::from_millis(known.fleet.uptime_ms) + app.passed(now);
        canvas.bar(
            0,
            &words::headline(&known.fleet, up, usize::from(canvas.area.width)),
            bold,
        );
    } else {
        canvas.bar(0, &format!("asking {} ...", app.manners.place), bold);
    }
}

fn list(app: &App, now: Duration, canvas: &mut Canvas<'_>) {
    let columns = Columns::of(usize::from(app.columns), app.widest);
    let mut row = 1;
    if app.rows > AROUND {
        canvas.bar(row, &columns.heading(), canvas.tone(Tone::Faint));
        row += 1;
    }
    let (wall, passed) = (app.wall(now), app.passed(now));
    let list = &app.list;
    let shown = list.first..(list.first + list.rows).min(list.matched);
    for nth in shown {
        let is_chosen = nth == list.at;
        let chosen = match is_chosen {
            true => Style::new().add_modifier(Modifier::REVERSED),
            false => Style::new(),
        };
        if let Some(target) = list.get(nth) {
            let mark = if is_chosen { '>' } else { ' ' };
            let cells = columns.row(target, wall, passed, mark);
            let tone = canvas.tone(cells.tone).patch(chosen);
            let at = canvas.put(row, 0, &cells.state, tone);
            canvas.put(row, at, &cells.rest, chosen);
        } else {
            canvas.bar(row, "...", chosen);
        }
        row += 1;
    }
    if list.matched == 0 && app.known.is_some() {
        let text = match list.choice.filter.is_empty() && !list.choice.only_trouble {
            true => "no targets",
            false => "nothing matches; esc shows all",
        };
        canvas.put(row, 0, text, Style::new());
    }
    if has_pane(app.columns, app.rows) {
        pane::draw(app, now, canvas, 2 + list.rows);
    }
}

/// A text that fills what lies between the first line and the last.
fn text(app: &App, lines: &[Line], canvas: &mut Canvas<'_>) {
    let shown = lines.iter().skip(app.scroll).take(text_rows(app.rows));
    for (nth, line) in shown.enumerate() {
        canvas.line(1 + nth, 0, usize::from(app.columns), line);
    }
}

fn manner(app: &App, now: Duration) -> Manner {
    Manner {
        now: app.wall(now),
        passed: app.passed(now),
        is_unicode: app.manners.is_unicode,
        with_settings: true,
        zone: app.manners.zone.clone(),
    }
}

fn detail_lines(app: &App, now: Duration) -> Vec<Line> {
    let Some(detail) = &app.detail else {
        let text = if app.is_gone { GONE } else { "asking ..." };
        return vec![vec![(None, text.to_owned())]];
    };
    let mut lines = detail::lines(detail, &manner(app, now));
    if app.is_gone {
        let line = format!("{GONE}; this is what was known of it");
        lines.insert(0, vec![(Some(Tone::Unknown), line)]);
    }
    lines
}

fn keys(app: &App, canvas: &mut Canvas<'_>) {
    let row = usize::from(canvas.area.height - 1);
    let width = usize::from(app.columns);
    let list = &app.list;
    let (left, right) = match app.mode {
        Mode::Filter => (
            format!(
                "/{}_   enter keeps it, esc does not; zone=a is a label",
                safe(&list.choice.filter)
            ),
            position(app),
        ),
        Mode::List => (keys_of_list(app), position(app)),
        Mode::Detail | Mode::Help => {
            let all = text_length(app);
            let last = (app.scroll + text_rows(app.rows)).min(all);
            let left = "esc back  up down scroll  ctrl-c quit".to_owned();
            (left, format!("{}-{last} of {all} lines", app.scroll + 1))
        }
    };
    let room = width.saturating_sub(words::width(&right) + 1);
    let line = format!("{} {right}", words::fit(&left, room));
    let style = match app.mode {
        Mode::Filter => Style::new().add_modifier(Modifier::BOLD),
        _ => canvas.tone(Tone::Faint),
    };
    canvas.bar(row, &line, style);
}

fn keys_of_list(app: &App) -> String {
    if let Some(said) = &app.said {
        return said.clone();
    }
    let choice = &app.list.choice;
    let mut left = String::new();
    if !choice.filter.is_empty() {
        left.push_str(&format!("/{}  esc all  ", safe(&choice.filter)));
    } else if choice.only_trouble {
        left.push_str("only trouble  esc all  ");
    } else {
        left.push_str("/filter  ");
    }
    match choice.sort {
        Sort::Trouble => left.push_str("s sort"),
        sort => left.push_str(&format!("s sort: {}", sort.as_str())),
    }
    left.push_str("  enter detail  ? help  q quit");
    left
}

fn safe(typed: &str) -> String {
    hc_core::escape(typed, 60)
}

/// `1-21 of 200`.
fn position(app: &App) -> String {
    let list = &app.list;
    let end = (list.first + list.rows).min(list.matched);
    match list.matched {
        0 => "none".to_owned(),
        matched => format!("{}-{end} of {matched}", list.first + 1),
    }
}
