//! What `top` knows and wants: a pure model that hears of all that can happen and says what is to be done.

use std::time::{Duration, SystemTime};

use hc_server::wire::fleet::FleetBody;
use hc_server::wire::target::TargetDetail;
use jiff::tz::TimeZone;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::ask::{Answer, Failed, Question};
use super::list::{Choice, List};
use super::view;
use crate::see::columns::Widest;
use crate::see::{Trouble, words};

/// Longer filters are none that a person types.
const LONGEST_FILTER: usize = 200;

/// Everything that can happen.
#[derive(Debug)]
pub(super) enum Input {
    /// A key, or another size.
    Terminal(Event),
    /// It is time to look again.
    Look,
    /// hc says.
    Answer(Box<Answer>),
    /// It does not.
    Failed(Failed),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Ask hc.
    Ask(Question),
    /// Draw all anew.
    Repaint,
    /// Stop this process until the shell lets it go on.
    Suspend,
    /// End.
    Quit,
    /// End, as Ctrl-C asks for.
    Interrupt,
}

/// How it is drawn.
#[derive(Clone, Debug)]
pub(super) struct Manners {
    pub(super) color: bool,
    pub(super) is_unicode: bool,
    /// Whose time of day.
    pub(super) zone: TimeZone,
    /// Whom it asks, for people.
    pub(super) place: String,
}

/// What lies over the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    #[default]
    List,
    /// A filter is being typed.
    Filter,
    /// One target fills the screen.
    Detail,
    Help,
}

/// What is known, and since when.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) fleet: FleetBody,
    pub(super) at: Duration,
    pub(super) note: Option<String>,
}

/// The model.
#[derive(Debug)]
pub(super) struct App {
    pub(super) manners: Manners,
    pub(super) columns: u16,
    pub(super) rows: u16,
    pub(super) mode: Mode,
    pub(super) list: List,
    pub(super) known: Option<Known>,
    /// The past of one target; kept when it is gone.
    pub(super) detail: Option<TargetDetail>,
    pub(super) is_gone: bool,
    /// The first line of the detail or the help that is shown.
    pub(super) scroll: usize,
    /// Since when hc is away, and why.
    pub(super) away: Option<(Duration, String)>,
    /// What hc said of a question that it would not answer.
    pub(super) said: Option<String>,
    pub(super) widest: Widest,
    /// The filter before the one that is being typed.
    before: Choice,
    is_asking: bool,
    /// What was asked is not what is wanted by now.
    is_behind: bool,
}

impl App {
    /// Nothing known yet, on so large a terminal.
    pub(super) fn new(manners: Manners, columns: u16, rows: u16) -> Self {
        let mut app = Self {
            manners,
            columns,
            rows,
            mode: Mode::List,
            list: List::default(),
            known: None,
            detail: None,
            is_gone: false,
            scroll: 0,
            away: None,
            said: None,
            widest: Widest::default(),
            before: Choice::default(),
            is_asking: false,
            is_behind: false,
        };
        app.list.resize(view::list_rows(columns, rows));
        app
    }

    /// Hears of something at a moment.
    pub(super) fn on(&mut self, input: Input, now: Duration) -> Vec<Action> {
        match input {
            Input::Terminal(Event::Key(key)) if key.kind != KeyEventKind::Release => self.key(key),
            Input::Terminal(Event::Resize(columns, rows)) => {
                (self.columns, self.rows) = (columns, rows);
                self.list.resize(view::list_rows(columns, rows));
                self.look_if_lacking()
            }
            Input::Terminal(_) => Vec::new(),
            Input::Look => self.look(),
            Input::Answer(answer) => self.answer(*answer, now),
            Input::Failed(failed) => self.failed(failed, now),
        }
    }

    /// The clock of the hc that is watched.
    pub(super) fn wall(&self, now: Duration) -> Option<SystemTime> {
        let known = self.known.as_ref()?;
        words::now(&known.fleet)?.checked_add(now.saturating_sub(known.at))
    }

    /// How long ago it told what is shown.
    pub(super) fn passed(&self, now: Duration) -> Duration {
        let known = self.known.as_ref();
        known.map_or(Duration::ZERO, |known| now.saturating_sub(known.at))
    }

    /// Whose past is wanted: that of the open one, or of the chosen one where there is room for it.
    fn wanted_detail(&self) -> Option<String> {
        match (&self.mode, &self.detail) {
            (Mode::Detail, Some(open)) => Some(open.target.uid.clone()),
            _ if self.mode == Mode::Detail || view::has_pane(self.columns, self.rows) => {
                self.list.chosen.clone()
            }
            _ => None,
        }
    }

    fn question(&self) -> Question {
        Question {
            window: self.list.window(),
            detail: self.wanted_detail(),
        }
    }

    /// Asks, or notes that it is to be done when the answer to another question is there.
    fn look(&mut self) -> Vec<Action> {
        if std::mem::replace(&mut self.is_asking, true) {
            self.is_behind = true;
            return Vec::new();
        }
        self.is_behind = false;
        vec![Action::Ask(self.question())]
    }

    /// Asks now, where waiting for the next look would show nothing or something old.
    fn look_if_lacking(&mut self) -> Vec<Action> {
        let of = self.detail.as_ref().map(|detail| &detail.target.uid);
        let wanted = self.wanted_detail();
        let is_other = wanted.is_some() && wanted.as_ref() != of;
        match self.list.is_lacking() || is_other {
            true => self.look(),
            false => Vec::new(),
        }
    }

    fn answer(&mut self, answer: Answer, now: Duration) -> Vec<Action> {
        self.is_asking = false;
        self.away = None;
        self.said = None;
        let Answer {
            question,
            fleet,
            page,
            detail,
            note,
        } = answer;
        self.known = Some(Known {
            fleet,
            at: now,
            note,
        });
        if question.window.choice == self.list.choice {
            self.widest = self.widest.and(&page.items);
            self.list.take(&question.window, page);
        } else {
            self.is_behind = true;
        }
        if question.detail.is_some() && question.detail == self.wanted_detail() {
            self.is_gone = detail.is_none();
            self.detail = detail.or(self.detail.take());
        }
        match self.is_behind {
            true => self.look(),
            false => self.look_if_lacking_once(&question),
        }
    }

    /// After an answer to the same question it is not asked again at once: what is lacking then is not there.
    fn look_if_lacking_once(&mut self, answered: &Question) -> Vec<Action> {
        match *answered == self.question() {
            true => Vec::new(),
            false => self.look_if_lacking(),
        }
    }

    fn failed(&mut self, failed: Failed, now: Duration) -> Vec<Action> {
        self.is_asking = false;
        match failed.trouble {
            trouble @ Trouble::Problem(_) if !trouble.is_problem("stopping") => {
                self.said = Some(trouble.to_string());
            }
            trouble => {
                let since = self.away.take().map_or(now, |(since, _)| since);
                let why = match trouble {
                    Trouble::Away(why) => why,
                    other => other.to_string(),
                };
                self.away = Some((since, why));
            }
        }
        match failed.question.window.choice == self.list.choice {
            true => Vec::new(),
            false => self.look(),
        }
    }

    fn key(&mut self, key: KeyEvent) -> Vec<Action> {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if is_control => vec![Action::Interrupt],
            KeyCode::Char('z') if is_control => vec![Action::Suspend],
            KeyCode::Char('l') if is_control => vec![Action::Repaint],
            _ => match self.mode {
                Mode::Filter => self.key_in_filter(key, is_control),
                Mode::List => self.key_in_list(key, is_control),
                Mode::Detail | Mode::Help => self.key_in_text(key, is_control),
            },
        }
    }

    fn key_in_list(&mut self, key: KeyEvent, is_control: bool) -> Vec<Action> {
        if let Some(at) = moved(key, is_control, self.list.at, self.list.rows) {
            self.list.go(at);
            return self.look_if_lacking();
        }
        match key.code {
            KeyCode::Char('q') => return vec![Action::Quit],
            KeyCode::Char('?' | 'h') => self.open(Mode::Help),
            KeyCode::Char('/') => {
                self.before = self.list.choice.clone();
                self.mode = Mode::Filter;
            }
            KeyCode::Char('s') => return self.choose(|choice| choice.sort = choice.sort.next()),
            KeyCode::Char('S') => {
                return self.choose(|choice| choice.sort = choice.sort.previous());
            }
            KeyCode::Char('t') => {
                return self.choose(|choice| choice.only_trouble = !choice.only_trouble);
            }
            KeyCode::Esc => {
                return self.choose(|choice| {
                    choice.filter.clear();
                    choice.only_trouble = false;
                });
            }
            KeyCode::Enter | KeyCode::Right if self.list.current().is_some() => {
                let chosen = self.list.chosen.as_ref();
                // That of another one says nothing about this.
                self.detail = self.detail.take().filter(|d| Some(&d.target.uid) == chosen);
                self.is_gone = false;
                self.open(Mode::Detail);
                return self.look_if_lacking();
            }
            _ => {}
        }
        Vec::new()
    }

    fn open(&mut self, mode: Mode) {
        self.mode = mode;
        self.scroll = 0;
    }

    fn key_in_text(&mut self, key: KeyEvent, is_control: bool) -> Vec<Action> {
        let rows = view::text_rows(self.rows);
        if let Some(at) = moved(key, is_control, self.scroll, rows) {
            let most = view::text_length(self).saturating_sub(rows);
            self.scroll = at.min(most);
            return Vec::new();
        }
        let is_close = matches!(
            key.code,
            KeyCode::Esc
                | KeyCode::Enter
                | KeyCode::Left
                | KeyCode::Backspace
                | KeyCode::Char('q' | '?' | 'h')
        );
        if is_close {
            self.mode = Mode::List;
            self.is_gone = false;
        }
        Vec::new()
    }

    fn key_in_filter(&mut self, key: KeyEvent, is_control: bool) -> Vec<Action> {
        match key.code {
            KeyCode::Enter => self.mode = Mode::List,
            KeyCode::Esc => {
                self.mode = Mode::List;
                let before = self.before.clone();
                return self.choose(|choice| *choice = before);
            }
            KeyCode::Backspace if self.list.choice.filter.is_empty() => self.mode = Mode::List,
            KeyCode::Backspace => {
                return self.choose(|choice| {
                    choice.filter.pop();
                });
            }
            KeyCode::Char('u') if is_control => return self.choose(|c| c.filter.clear()),
            KeyCode::Char('w') if is_control => {
                return self.choose(|choice| {
                    let kept = choice.filter.trim_end().rfind(' ').map_or(0, |at| at + 1);
                    choice.filter.truncate(kept);
                });
            }
            KeyCode::Char(c) if !is_control && !c.is_control() => {
                return self.choose(|choice| {
                    if choice.filter.chars().count() < LONGEST_FILTER {
                        choice.filter.push(c);
                    }
                });
            }
            _ => {}
        }
        Vec::new()
    }

    /// Shows other targets, or in another order, from the first on.
    fn choose(&mut self, change: impl FnOnce(&mut Choice)) -> Vec<Action> {
        let mut choice = self.list.choice.clone();
        change(&mut choice);
        if choice == self.list.choice {
            return Vec::new();
        }
        self.said = None;
        self.list.choose(choice);
        self.look()
    }
}

/// Where a key leads from a row, if it is one that moves.
fn moved(key: KeyEvent, is_control: bool, at: usize, rows: usize) -> Option<usize> {
    let page = rows.saturating_sub(1).max(1);
    Some(match key.code {
        KeyCode::Char('f') if is_control => at.saturating_add(page),
        KeyCode::Char('b') if is_control => at.saturating_sub(page),
        KeyCode::Char('d') if is_control => at.saturating_add(page.div_ceil(2)),
        KeyCode::Char('u') if is_control => at.saturating_sub(page.div_ceil(2)),
        _ if is_control => return None,
        KeyCode::Down | KeyCode::Char('j') => at.saturating_add(1),
        KeyCode::Up | KeyCode::Char('k') => at.saturating_sub(1),
        KeyCode::PageDown | KeyCode::Char(' ') => at.saturating_add(page),
        KeyCode::PageUp => at.saturating_sub(page),
        KeyCode::Home | KeyCode::Char('g') => 0,
        KeyCode::End | KeyCode::Char('G') => usize::MAX,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
