//! The chosen target's past, below the list of a large terminal: its changes beside its failures, the newest first.

use std::time::Duration;

use ratatui::style::{Modifier, Style};

use super::{App, Canvas, PANE};
use crate::see::{detail, words};

/// Draws it from a row on.
pub(super) fn draw(app: &App, now: Duration, canvas: &mut Canvas<'_>, row: usize) {
    let width = usize::from(app.columns);
    let Some(target) = app.list.current() else {
        return;
    };
    let safe = |text: &str| hc_core::escape(text, 200);
    let labels: Vec<_> = target
        .labels
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    let mut title = format!("- {} ", safe(&target.name));
    let streak = &target.streak;
    let parts = [
        target.url.as_deref().map(safe).unwrap_or_default(),
        safe(&labels.join(" ")),
        format!("fall {} rise {}", streak.fall, streak.rise),
        format!(
            "ms {}",
            words::curve(&target.recent_ms, app.manners.is_unicode)
        ),
    ];
    for part in parts.iter().filter(|part| !part.is_empty()) {
        title.push_str(&format!("- {part} "));
    }
    let rest = width.saturating_sub(words::width(&title));
    title.push_str(&"-".repeat(rest));
    canvas.bar(
        row,
        &words::cut(&title, width),
        Style::new().add_modifier(Modifier::BOLD),
    );
    let Some(detail) = &app.detail else {
        return;
    };
    if detail.target.uid != target.uid {
        return;
    }
    let manner = super::manner(app, now);
    let lines = usize::from(PANE) - 1;
    let half = width / 2;
    let changes = detail.transitions.iter().rev().take(lines);
    for (nth, event) in changes.enumerate() {
        canvas.line(row + 1 + nth, 0, half - 1, &detail::change(event, &manner));
    }
    let failures = detail.failures.iter().rev().take(lines - 1);
    for (nth, check) in failures.enumerate() {
        let line = detail::failure(check, &manner);
        canvas.put(row + 1 + nth, half, "|", Style::new());
        canvas.line(row + 1 + nth, half + 2, width - half - 2, &line);
    }
}
