//! Parts of a check that are hc-core's: the state machine, the view, evidence.

use std::hint::black_box;
use std::sync::Arc;
use std::time::SystemTime;

use hc_core::{
    Cell, Evidence, Fact, Facts, Failure, Health, HealthView, Kind, Policy, Publisher, Report,
    Start, Target, Timestamp, Verdict, Word, probe_fn, step, view,
};

use super::Case;

pub(super) const CASES: [Case; 8] = [
    ("core/step_pass", step_pass),
    ("core/step_alternating", step_alternating),
    ("core/report_passed", report_passed),
    ("core/report_failed", report_failed),
    ("core/is_healthy", is_healthy),
    ("core/find_by_id", find_by_id),
    ("core/publish_word", publish_word),
    ("core/evidence", evidence),
];

fn step_pass(times: u64) {
    let policy = Policy::default();
    let mut health = Health::new(Start::First, Timestamp::ZERO);
    for n in 0..times {
        (health, _) = step(
            black_box(&policy),
            health,
            black_box(Verdict::Pass),
            Timestamp::from_nanos(n),
        );
    }
    black_box(health);
}

fn step_alternating(times: u64) {
    let policy = Policy::default();
    let mut health = Health::new(Start::First, Timestamp::ZERO);
    for n in 0..times {
        let verdict = if n % 2 == 0 {
            Verdict::Fail(1)
        } else {
            Verdict::Pass
        };
        (health, _) = step(
            black_box(&policy),
            health,
            black_box(verdict),
            Timestamp::from_nanos(n),
        );
    }
    black_box(health);
}

/// A view of a thousand targets.
fn thousand() -> (Publisher, HealthView, Vec<Arc<Cell>>) {
    let (publisher, view) = view(16);
    let health = Health::new(Start::First, Timestamp::ZERO);
    let word = Word::new(&health, &Policy::default(), false);
    let cells = (0..1_000)
        .filter_map(|n| {
            let target = Target::new(
                format!("target-{n:04}"),
                probe_fn(|_| async { Ok(Evidence::new()) }),
            );
            publisher.add(&target, word, Timestamp::ZERO, SystemTime::UNIX_EPOCH)
        })
        .collect();
    (publisher, view, cells)
}

fn reported(times: u64, report: Report) {
    let (_publisher, view, _) = thousand();
    let Some(handle) = view.get("target-0500") else {
        return;
    };
    for _ in 0..times {
        black_box(&handle).report(black_box(report));
    }
}

fn report_passed(times: u64) {
    reported(times, Report::Passed);
}

fn report_failed(times: u64) {
    reported(times, Report::Failed(Kind::Refused));
}

fn is_healthy(times: u64) {
    let (_publisher, view, _) = thousand();
    let handles = view.handles();
    for n in 0..times {
        let at = n as usize % handles.len();
        black_box(black_box(&handles[at]).is_healthy());
    }
}

fn find_by_id(times: u64) {
    let (_publisher, view, _) = thousand();
    for _ in 0..times {
        black_box(view.get(black_box("target-0500")));
    }
}

fn publish_word(times: u64) {
    let (_publisher, _view, cells) = thousand();
    let health = Health::new(Start::First, Timestamp::ZERO);
    let policy = Policy::default();
    for n in 0..times {
        let word = Word::new(black_box(&health), &policy, n % 2 == 0);
        cells[n as usize % cells.len()].set_word(word);
    }
}

fn evidence(times: u64) {
    for _ in 0..times {
        let mut evidence = Evidence::new();
        evidence.facts.extend([
            Fact::HttpStatus(200),
            Fact::HttpVersion("1.1"),
            Fact::BodyBytes(2),
        ]);
        let facts: &Facts = &evidence.facts;
        black_box(facts.len());
        black_box(Ok::<_, Failure>(evidence)).ok();
    }
}
