//! The table of targets: which columns fit into a width, and a row's text. Pure; the same in `status` and `top`.
//!
//! STATUS, TARGET, FOR, WHY and NEXT are there from some fifty columns on; latencies, the last results and the group
//! come as there is room, and WHY takes the rest.

use std::time::{Duration, SystemTime};

use hc_server::wire::target::TargetBody;

use super::words;
use crate::term::Tone;

/// `recovering`.
const STATE: usize = 10;
/// `12m3s`, `23h59m`.
const SINCE: usize = 6;
/// `9.9s backoff x8`.
const NEXT: usize = 15;
/// `412`, `0.31`.
const MILLIS: usize = 5;
/// The results that hc keeps.
const RECENT: usize = 30;
/// A sentence that is cut sooner says nothing.
const LEAST_WHY: usize = 12;
/// Nothing is put beside it before it has so much.
const GOOD_WHY: usize = 30;
/// Three letters and a blank.
const LEAST_CELL: usize = 3;
/// Terminals from here on have more columns than the usual ones.
const WIDE: usize = 100;
/// Names are no wider, however wide the terminal.
const WIDEST_NAME: usize = 40;
const WIDEST_GROUP: usize = 14;

/// What the rows need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Widest {
    name: usize,
    /// 0: no target is in a group.
    group: usize,
}

impl Widest {
    /// What these need, and those before them: columns do not shrink while one scrolls.
    pub(crate) fn and<'a>(self, targets: impl IntoIterator<Item = &'a TargetBody>) -> Self {
        targets.into_iter().fold(self, |widest, target| Self {
            name: widest.name.max(words::width(&words::name(target))),
            group: match target.group {
                Some(_) => widest.group.max(words::width(&words::group(target))),
                None => widest.group,
            },
        })
    }
}

/// The columns that fit; 0: not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Columns {
    state: usize,
    name: usize,
    group: usize,
    since: usize,
    millis: usize,
    recent: usize,
    why: usize,
    next: usize,
}

impl Columns {
    /// Those that fit into so many columns.
    pub(crate) fn of(width: usize, widest: Widest) -> Self {
        let mut rest = width.saturating_sub(STATE);
        let mut take = |wanted: usize, to_leave: usize| {
            let fits = rest > wanted + to_leave;
            if fits {
                rest -= wanted + 1;
            }
            if fits { wanted } else { 0 }
        };
        let share = (width / 4).clamp(6, WIDEST_NAME);
        let wanted = widest.name.clamp(6, share);
        let mut name = match take(wanted, 0) {
            // Of a very narrow terminal it takes what there is.
            0 => std::mem::take(&mut rest).saturating_sub(1),
            name => name,
        };
        let mut take = |wanted: usize, to_leave: usize| {
            let fits = wanted > 0 && rest > wanted + to_leave;
            if fits {
                rest -= wanted + 1;
            }
            if fits { wanted } else { 0 }
        };
        let since = take(SINCE, 0);
        let next = take(NEXT, LEAST_WHY);
        let mut more = |wanted: usize| match width >= WIDE {
            true => take(wanted, GOOD_WHY),
            false => 0,
        };
        let millis = more(MILLIS * 2 + 1);
        let recent = more(RECENT);
        let group = match widest.group {
            0 => 0,
            group => more(group.clamp(5, WIDEST_GROUP)),
        };
        if rest <= LEAST_CELL && name > 0 {
            // The name has more of it.
            name += std::mem::take(&mut rest);
        }
        Self {
            state: STATE.min(width),
            name,
            group,
            since,
            millis: millis.min(MILLIS),
            recent,
            why: rest.saturating_sub(1),
            next,
        }
    }

    /// The words above the columns.
    pub(crate) fn heading(&self) -> String {
        let mut line = words::fit("STATUS", self.state);
        self.cells(
            &mut line,
            None,
            [
                "TARGET", "GROUP", "FOR", "P50", "P99", "LAST 30", "WHY", "NEXT",
            ],
        );
        line
    }

    /// A row: its state, which may be coloured, and the rest. `mark` stands between them.
    pub(crate) fn row(
        &self,
        target: &TargetBody,
        now: Option<SystemTime>,
        passed: Duration,
        mark: char,
    ) -> Row {
        let (state, tone) = words::state(target);
        let since = words::ago(words::since(target), now);
        let percentile = |percent| {
            let found = words::percentile(&target.recent_ms, percent);
            found.map_or_else(|| "-".to_owned(), words::millis)
        };
        let mut rest = String::new();
        self.cells(
            &mut rest,
            Some(mark),
            [
                &words::name(target),
                &words::group(target),
                &since,
                &percentile(50),
                &percentile(99),
                &words::recent(target),
                &words::why(target),
                &words::next(&target.next, passed),
            ],
        );
        Row {
            state: words::fit(&state, self.state),
            tone,
            rest,
        }
    }

    /// `mark`: before a row's name; none of the heading.
    fn cells(&self, line: &mut String, mark: Option<char>, texts: [&str; 8]) {
        let right = |text: &str, width: usize| {
            let blanks = width.saturating_sub(words::width(text));
            words::fit(&format!("{}{text}", " ".repeat(blanks)), width)
        };
        let widths = [
            self.name,
            self.group,
            self.since,
            self.millis,
            self.millis,
            self.recent,
            self.why,
            self.next,
        ];
        for (nth, (text, width)) in texts.into_iter().zip(widths).enumerate() {
            if width == 0 {
                continue;
            }
            line.push(mark.filter(|_| nth == 0).unwrap_or(' '));
            // Numbers stand under each other, and so do the newest results.
            line.push_str(&match nth {
                3..=5 if mark.is_some() => right(text, width),
                3 | 4 => right(text, width),
                _ => words::fit(text, width),
            });
        }
    }
}

/// A row's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) state: String,
    pub(crate) tone: Tone,
    pub(crate) rest: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_width_the_heading_fits() {
        for name in [0, 5, 17, 200] {
            for group in [0, 4, 50] {
                for width in 0..300 {
                    let columns = Columns::of(width, Widest { name, group });
                    let heading = columns.heading();
                    assert!(heading.len() <= width, "{width} {columns:?} {heading:?}");
                    if width > 40 {
                        assert_eq!(heading.len(), width, "{columns:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn columns_come_as_there_is_room() {
        let of = |width| {
            Columns::of(width, Widest { name: 8, group: 7 })
                .heading()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(of(20), "STATUS TARGET");
        assert_eq!(of(30), "STATUS TARGET FOR WHY");
        assert_eq!(of(80), "STATUS TARGET FOR WHY NEXT");
        assert_eq!(of(100), "STATUS TARGET GROUP FOR P50 P99 WHY NEXT");
        assert_eq!(of(160), "STATUS TARGET GROUP FOR P50 P99 LAST 30 WHY NEXT");
    }
    /// Characters of two columns, names that are cut, and everything that a target may lack.
    #[test]
    fn every_row_is_as_wide_as_the_heading() {
        let mut targets = crate::see::fixture::trouble();
        let named = |name| crate::see::fixture::target(name, "healthy", "");
        targets.extend([named("漢字サービス-長い名前のターゲット"), named("")]);
        let mut bare = named("bare");
        bare.group = Some("漢字".into());
        bare.recent = "漢".into();
        bare.recent_ms.clear();
        bare.last_check = None;
        targets.push(bare);
        let widest = Widest::default().and(&targets);
        for width in 0..220 {
            let columns = Columns::of(width, widest);
            for target in &targets {
                let row = columns.row(target, None, Duration::ZERO, '>');
                let row = row.state + &row.rest;
                assert_eq!(words::width(&row), columns.heading().len(), "{row}");
            }
        }
    }
}
