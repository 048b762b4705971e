use std::time::{Duration, SystemTime};

use hc_core::{
    Edge, Event, EventKind, Failure, Health, Kind, Overlay, Phase, Policy, Start, Status, TargetId,
    Timestamp, Turn, Verdict, Word, step,
};
use hc_scheduler::Shutdown;

use super::*;

fn at() -> SystemTime {
    // 2026-11-24T14:02:11.020Z
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_528_931_020)
}

fn event(kind: EventKind) -> Event {
    // Events are made by publishers only, so this one is published and read back.
    let (publisher, view) = hc_core::view(8);
    let mut feed = view.subscribe();
    publisher.announce(kind, Timestamp::ZERO, at());
    match feed.try_next() {
        Some(hc_core::FeedItem::Event(event)) => (*event).clone(),
        other => panic!("{other:?}"),
    }
}

fn turned(from: Status, to: Status, held: Duration, streak: u32) -> Turn {
    // A turn comes out of the machine; its fields are public to be read and, here, to be set.
    let policy = Policy::default();
    let health = Health::new(Start::First, Timestamp::ZERO);
    let (_, turn) = step(&policy, health, Verdict::Pass, Timestamp::ZERO);
    Turn {
        from,
        to,
        held,
        streak,
        ..turn.unwrap()
    }
}

fn transition(turn: Turn, cause: Option<Failure>) -> EventKind {
    let word = Word::from_parts(turn.to, false, hc_core::Overlays::default());
    EventKind::Transition {
        target: TargetId::new("api-1"),
        turn,
        word,
        cause: cause.map(std::sync::Arc::new),
    }
}

#[track_caller]
fn line(kind: EventKind, expected: &str) {
    let record = record(&event(kind)).expect("it is worth a line");
    assert_eq!(record.logfmt(TimeStyle::None), expected);
}

#[test]
fn a_transition_reads_as_the_manual_says() {
    let refused = Failure::new(
        Kind::Refused,
        Phase::Connect,
        "127.0.0.1:8081 refused the connection",
    );
    let turn = turned(
        Status::Healthy,
        Status::Unhealthy,
        Duration::from_secs(936),
        3,
    );
    line(
        transition(turn, Some(refused)),
        "WARN transition target=api-1 from=healthy to=unhealthy held=15m36s streak=3 kind=refused phase=connect \
         blame=target msg=\"127.0.0.1:8081 refused the connection\"",
    );
    let unexpected = Failure::unexpected("status", Phase::Wait, "200-299", "503");
    line(
        transition(turn, Some(unexpected)),
        "WARN transition target=api-1 from=healthy to=unhealthy held=15m36s streak=3 kind=unexpected code=status \
         phase=wait blame=target wanted=200-299 found=503 msg=\"status: wanted 200-299, found 503\"",
    );
    let back = turned(
        Status::Unhealthy,
        Status::Healthy,
        Duration::from_millis(1_640),
        2,
    );
    line(
        transition(back, None),
        "INFO transition target=api-1 from=unhealthy to=healthy held=1.6s streak=2",
    );
}

#[test]
fn a_first_healthy_is_no_line_and_a_first_unhealthy_is_one() {
    let good = turned(Status::Unknown, Status::Healthy, Duration::ZERO, 1);
    assert_eq!(record(&event(transition(good, None))), None);
    let bad = turned(Status::Unknown, Status::Unhealthy, Duration::ZERO, 1);
    assert!(record(&event(transition(bad, None))).is_some());
}

#[test]
fn what_lasts_is_told_at_its_begin_and_at_its_end() {
    let target = TargetId::new("slow-1");
    let overlap = |edge| EventKind::Overlap {
        target: target.clone(),
        interval: Duration::from_secs(1),
        took: Duration::from_millis(1_600),
        edge,
    };
    line(
        overlap(Edge::Begin),
        "WARN overlap target=slow-1 interval=1s took=1.6s msg=\"due ticks skipped\"",
    );
    let lasted = Duration::from_secs(41);
    line(
        overlap(Edge::End { lasted }),
        "INFO overlap_end target=slow-1 lasted=41s",
    );
    line(
        EventKind::Overload {
            stretch: 1.5,
            edge: Edge::Begin,
        },
        "WARN overload stretch=1.5 msg=\"hc lacks processor time; the fleet is asked less often, late timeouts do \
         not count\"",
    );
    line(
        EventKind::Overload {
            stretch: 1.0,
            edge: Edge::End { lasted },
        },
        "INFO overload_end lasted=41s",
    );
    let silent = Duration::from_millis(4_100);
    line(
        EventKind::Isolated {
            targets: 20,
            hosts: 18,
            silent,
            edge: Edge::Begin,
        },
        "ERROR isolated targets=20 hosts=18 silent=4.1s msg=\"nothing answers any more; failures do not count; look \
         at this machine's network\"",
    );
    let word = Word::from_parts(Status::Healthy, true, hc_core::Overlays::default());
    let overlay = |overlay| EventKind::Overlay {
        target: target.clone(),
        overlay,
        edge: Edge::Begin,
        word,
    };
    line(
        overlay(Overlay::Stale),
        "WARN stale target=slow-1 msg=\"no conclusive check for three intervals\"",
    );
    assert_eq!(record(&event(overlay(Overlay::Paused))), None);
}

#[test]
fn json_has_the_same_keys_with_durations_in_milliseconds() {
    let refused = Failure::new(Kind::Refused, Phase::Connect, "refused \u{1b}[2J \"now\"");
    let turn = turned(
        Status::Healthy,
        Status::Unhealthy,
        Duration::from_secs(936),
        3,
    );
    let record = record(&event(transition(turn, Some(refused)))).unwrap();
    let json: serde_json::Value = serde_json::from_str(&record.json()).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "schema": "hc.event/1", "time": "2026-11-24T14:02:11.020Z", "level": "warn", "event": "transition",
            "target": "api-1", "from": "healthy", "to": "unhealthy", "held_ms": 936_000, "streak": 3,
            "kind": "refused", "phase": "connect", "blame": "target",
            "message": "refused \\u{1b}[2J \"now\"",
        })
    );
}

#[test]
fn hostile_text_stays_on_its_line_and_in_its_quotes() {
    let hostile = "a\" kind=forged\nWARN \u{1b}[31m";
    let record = Record::new(at(), Level::Warn, "x")
        .with("target", hostile)
        .with_message(hostile);
    let line = record.logfmt(TimeStyle::Rfc3339);
    assert_eq!(
        line,
        "2026-11-24T14:02:11.020Z WARN x target=\"a\\\" kind=forged\\nWARN \\u{1b}[31m\" \
         msg=\"a\\\" kind=forged\\nWARN \\u{1b}[31m\""
    );
}

#[test]
fn spans_have_two_units_at_most() {
    let table = [
        (0, "0ms"),
        (340, "340ms"),
        (1_000, "1s"),
        (1_660, "1.6s"),
        (41_900, "41s"),
        (60_000, "1m"),
        (2_015_000, "33m35s"),
        (3_600_000 * 3 + 300_000, "3h5m"),
        (86_400_000 * 3 + 3_600_000 * 4, "3d4h"),
    ];
    for (millis, text) in table {
        assert_eq!(spell_span(Duration::from_millis(millis)), text);
    }
}

#[test]
fn what_is_over_the_burst_is_folded_and_counted_and_errors_are_not() {
    let mut folding = Folding::new(2);
    let warn = |ms: u64| Record::new(at() + Duration::from_millis(ms), Level::Warn, "transition");
    let names = |records: Vec<Record>| -> Vec<_> { records.into_iter().map(|r| r.event).collect() };
    assert_eq!(names(folding.take(warn(0))), ["transition"]);
    assert_eq!(names(folding.take(warn(1))), ["transition"]);
    assert!(folding.take(warn(2)).is_empty());
    assert!(folding.take(warn(3)).is_empty());
    let error = Record::new(at() + Duration::from_millis(4), Level::Error, "isolated");
    assert_eq!(names(folding.take(error)), ["isolated"]);
    let after = folding.take(warn(1_001));
    assert_eq!(
        after[0].logfmt(TimeStyle::None),
        "WARN transitions folded=2"
    );
    assert_eq!(after[1].event, "transition");
}

#[test]
fn the_last_line() {
    let ended = Shutdown {
        drained: 7,
        cancelled: 0,
    };
    let record = stopped(at(), "SIGTERM", ended, Duration::from_secs(2_015));
    assert_eq!(
        record.logfmt(TimeStyle::None),
        "INFO stopped signal=SIGTERM drained=7 cancelled=0 uptime=33m35s"
    );
}
