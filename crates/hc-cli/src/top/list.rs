//! A list of which only a window is known: where one stands in it, and what is asked for next. Pure.

use hc_server::wire::target::{TargetBody, TargetPage};

use crate::see::words;

/// Rows that are asked for at most, however tall the terminal.
const MOST: usize = 600;

/// What sorts the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sort {
    /// The worst first.
    #[default]
    Trouble,
    /// By name.
    Name,
    /// The last to change first.
    Since,
    /// The slowest first.
    Latency,
}

impl Sort {
    const ALL: [Self; 4] = [Self::Trouble, Self::Name, Self::Since, Self::Latency];

    /// As the API spells it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Name => "name",
            Self::Since => "since",
            Self::Latency => "latency",
        }
    }

    /// So many further.
    pub(super) fn turned(self, by: usize) -> Self {
        Self::ALL[(self as usize + by) % Self::ALL.len()]
    }

    pub(super) fn next(self) -> Self {
        self.turned(1)
    }

    pub(super) fn previous(self) -> Self {
        self.turned(Self::ALL.len() - 1)
    }
}

/// Which targets, in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) sort: Sort,
    /// Words that must be in it; `zone=a` is a label.
    pub(super) filter: String,
    /// Nothing that is well.
    pub(super) only_trouble: bool,
}

/// No fleet has more, whatever is said.
const MOST_TARGETS: usize = 10_000_000;

/// Every state in which a target is not simply well.
const TROUBLE: [&str; 8] = [
    "unhealthy",
    "degraded",
    "suspect",
    "recovering",
    "stale",
    "flapping",
    "unsteady",
    "unknown",
];

/// Rows that are asked for. They are asked for whole each time: what they show, when a target is asked next and its
/// last results, changes with each check, and an ETag tells of events alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) choice: Choice,
    pub(super) offset: usize,
    pub(super) limit: usize,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            choice: Choice::default(),
            offset: 0,
            limit: 100,
        }
    }
}

impl Window {
    /// The path and query that ask for it.
    pub(super) fn path(&self) -> String {
        let Choice {
            sort,
            filter,
            only_trouble,
        } = &self.choice;
        let mut path = format!(
            "/api/v1/targets?sort={}&offset={}&limit={}",
            sort.as_str(),
            self.offset,
            self.limit
        );
        let is_label = |word: &&str| word.contains('=') && !word.starts_with('=');
        for label in filter.split_whitespace().filter(is_label) {
            path.push_str(&format!("&label={}", words::percent(label)));
        }
        let text: Vec<_> = filter.split_whitespace().filter(|w| !is_label(w)).collect();
        if !text.is_empty() {
            path.push_str(&format!("&q={}", words::percent(&text.join(" "))));
        }
        if *only_trouble {
            path.extend(TROUBLE.iter().map(|state| format!("&status={state}")));
        }
        path
    }
}

/// The list, and where one stands in it.
#[derive(Clone, Debug, Default)]
pub(super) struct List {
    pub(super) choice: Choice,
    items: Vec<TargetBody>,
    offset: usize,
    /// Targets that the choice lets through.
    pub(super) matched: usize,
    /// The row that is chosen.
    pub(super) at: usize,
    /// The first row that is shown.
    pub(super) first: usize,
    /// Rows that are shown.
    pub(super) rows: usize,
    /// The target that is chosen, by uid.
    pub(super) chosen: Option<String>,
}

impl List {
    /// The target of a row, if it is known.
    pub(super) fn get(&self, row: usize) -> Option<&TargetBody> {
        self.items.get(row.checked_sub(self.offset)?)
    }

    /// The target that is chosen.
    pub(super) fn current(&self) -> Option<&TargetBody> {
        self.get(self.at)
    }

    /// What is to be asked for: a screen before and a screen behind what is shown, so that one scrolls over known ground.
    pub(super) fn window(&self) -> Window {
        let rows = self.rows.clamp(1, MOST / 3);
        Window {
            choice: self.choice.clone(),
            offset: self.first.saturating_sub(rows),
            limit: rows * 3,
        }
    }

    /// Whether rows that are shown are not known.
    pub(super) fn is_lacking(&self) -> bool {
        let end = (self.first + self.rows).min(self.matched);
        self.first < self.offset || end > self.offset + self.items.len()
    }

    /// Takes what was asked for. The chosen target stays chosen where it moves to, unless it was the first, which is
    /// always the worst.
    pub(super) fn take(&mut self, window: &Window, page: TargetPage) {
        self.items = page.items;
        self.offset = window.offset;
        self.matched = page.matched.min(MOST_TARGETS);
        let is_chosen = |target: &TargetBody| Some(&target.uid) == self.chosen.as_ref();
        if self.at > 0
            && let Some(nth) = self.items.iter().position(is_chosen)
        {
            let at = self.offset + nth;
            // What stands above it came or went: the eye stays where it is.
            self.first = (self.first + at).saturating_sub(self.at);
            self.at = at;
        }
        self.keep();
    }

    /// So many rows are shown now.
    pub(super) fn resize(&mut self, rows: usize) {
        self.rows = rows;
        self.keep();
    }

    /// Goes to a row.
    pub(super) fn go(&mut self, at: usize) {
        self.at = at;
        // Perhaps it is not known yet which one that is.
        self.chosen = None;
        self.keep();
    }

    /// Begins at the top, as another choice asks for.
    pub(super) fn choose(&mut self, choice: Choice) {
        self.choice = choice;
        self.at = 0;
        self.first = 0;
        self.chosen = None;
    }

    /// Keeps the chosen row within the list, and in sight.
    fn keep(&mut self) {
        let rows = self.rows.max(1);
        self.at = self.at.min(self.matched.saturating_sub(1));
        self.first = self.first.min(self.matched.saturating_sub(rows));
        self.first = self.first.min(self.at);
        if self.at >= self.first + rows {
            self.first = self.at + 1 - rows;
        }
        if let Some(current) = self.current() {
            self.chosen = Some(current.uid.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::see::fixture;

    /// What answers may say anything.
    #[test]
    fn a_fleet_beyond_all_numbers_is_no_overflow() {
        let page = || TargetPage {
            version: 1,
            items: fixture::trouble(),
            matched: usize::MAX,
            next_cursor: None,
        };
        let mut list = List::default();
        list.resize(20);
        list.take(&list.window(), page());
        list.go(usize::MAX);
        for _ in 0..3 {
            list.take(&list.window(), page());
        }
        assert_eq!(list.matched, MOST_TARGETS);
        assert!(list.at < MOST_TARGETS && list.first <= list.at);
    }
}
