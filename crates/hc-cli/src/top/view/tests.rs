use hc_server::wire::target::TargetPage;
use ratatui::crossterm::event::{Event, KeyCode};

use super::super::app::{Action, Input, Manners};
use super::super::ask::Answer;
use super::*;
use crate::see::fixture;

const NOW: Duration = Duration::from_secs(1);

fn app(columns: u16, rows: u16) -> App {
    let manners = Manners {
        color: false,
        is_unicode: false,
        zone: jiff::tz::TimeZone::UTC,
        place: "/run/hc/control.sock".into(),
    };
    App::new(manners, columns, rows)
}

/// Answers a look with the screen of the contract.
fn answered(app: &mut App) {
    let actions = app.on(Input::Look, NOW);
    answer(app, actions);
}

fn answer(app: &mut App, mut actions: Vec<Action>) {
    while let Some(Action::Ask(question)) = actions.pop() {
        let items = fixture::trouble();
        let found = items
            .iter()
            .find(|target| Some(&target.uid) == question.detail.as_ref());
        let detail = found.cloned().map(fixture::detail);
        let page = TargetPage {
            version: 8812,
            matched: items.len(),
            items,
            next_cursor: None,
        };
        let answer = Answer {
            question,
            fleet: fixture::fleet(),
            page,
            detail,
            note: None,
        };
        actions = app.on(Input::Answer(Box::new(answer)), NOW);
    }
}

fn press(app: &mut App, code: KeyCode) {
    let actions = app.on(Input::Terminal(Event::Key(code.into())), NOW);
    answer(app, actions);
}

fn drawn(app: &App) -> Buffer {
    let area = Rect::new(0, 0, app.columns, app.rows);
    let mut buffer = Buffer::empty(area);
    draw(app, NOW, &mut buffer);
    buffer
}

fn lines(app: &App) -> Vec<String> {
    let buffer = drawn(app);
    let row = |y: u16| -> String {
        let cells = (0..app.columns).map(|x| buffer[(x, y)].symbol());
        cells.collect::<String>().trim_end().to_owned()
    };
    (0..app.rows).map(row).collect()
}

#[track_caller]
fn check(app: &App, expected: &str) {
    let mut seen = lines(app);
    // Rows of the list that are empty are told once.
    seen.dedup_by(|a, b| a.is_empty() && b.is_empty());
    assert_eq!(
        seen.join("\n"),
        expected.trim_matches('\n'),
        "\n{}",
        seen.join("\n")
    );
}

#[test]
fn the_screen_of_the_reference() {
    let mut app = app(80, 24);
    answered(&mut app);
    check(
        &app,
        "
hc web1 up 3d4h  200: 196 healthy 1 degraded 3 unhealthy  38.0/s  late 8 ms
STATUS     TARGET  FOR    WHY                                    NEXT
unhealthy >api-1   12m3s  refused in connect: 127.0.0.1:8081 re~ 14s backoff x2
degraded   login   3d1h   certificate: 3d left, wanted 14d       2s
suspect    pay 1/3 0.4s   timeout in wait: no answer within 2 s  0.1s fast
healthy    shop    3d4h                                          2s

/filter  s sort  enter detail  ? help  q quit                           1-4 of 4
",
    );
    assert_eq!(lines(&app).len(), 24);
}

#[test]
fn the_large_screen_of_the_reference() {
    let mut app = app(160, 50);
    answered(&mut app);
    check(
        &app,
        "
hc web1 up 3d4h  200: 196 healthy 1 degraded 3 unhealthy  38.0/s  late 8 ms
STATUS     TARGET  FOR      P50   P99 LAST 30                        WHY                                                                         NEXT
unhealthy >api-1   12m3s    1.1   4.0 ...........................xxx refused in connect: 127.0.0.1:8081 refused the connection                   14s backoff x2
degraded   login   3d1h     1.1   4.0 .............................. certificate: 3d left, wanted 14d                                            2s
suspect    pay 1/3 0.4s     1.1   4.0 .............................. timeout in wait: no answer within 2 s                                       0.1s fast
healthy    shop    3d4h     1.1   4.0 ..............................                                                                             2s

- api-1 - http://127.0.0.1:8081/5 - zone=a - fall 3 rise 2 - ms ____.^-.____ 0.90-4.0 --------------------------------------------------------------------------
14:02:11 healthy -> unhealthy after 15m36s: refused in connect: 127.0.0.1:8081~ | 14:10:01 refused in connect: 127.0.0.1:8081 refused the connection

/filter  s sort  enter detail  ? help  q quit                                                                                                           1-4 of 4
",
    );
    let pane = lines(&app)
        .iter()
        .position(|line| line.starts_with("- api-1"));
    assert_eq!(pane, Some(36), "34 rows and a pane of 12 lines");
}

#[test]
fn one_target_fills_the_screen() {
    let mut app = app(80, 24);
    answered(&mut app);
    press(&mut app, KeyCode::Enter);
    check(
        &app,
        "
hc web1 up 3d4h  200: 196 healthy 1 degraded 3 unhealthy  38.0/s  late 8 ms
api-1  unhealthy for 12m3s, next: 14s backoff x2
  why      refused in connect: 127.0.0.1:8081 refused the connection
  url      http://127.0.0.1:8081/5
  labels   zone=a
  streak   12 failed in a row; fall 3 rise 2
  last     14:14:12 pass in 1.1 ms, status 200: send 0.05 wait 0.90 receive 0.1~
  results  ...........................xxx
  ms       ____.^-.____ 0.90-4.0  p50 1.1  p99 4.0

changes of status: 4 since hc started
  14:02:11 healthy -> unhealthy after 15m36s: refused in connect: 127.0.0.1:808~

failed checks: 12 since hc started
  14:10:01 refused in connect: 127.0.0.1:8081 refused the connection

settings, and who said so
  interval               5s                   built-in
  http.method            GET                  target, hc.yaml:3:5

esc back  up down scroll  ctrl-c quit                           1-18 of 18 lines
",
    );
}

#[test]
fn help_and_filter() {
    let mut app = app(80, 24);
    answered(&mut app);
    press(&mut app, KeyCode::Char('?'));
    let help = lines(&app).join("\n");
    assert!(help.contains("ctrl-z") && help.contains("hc 0.1.0 at /run/hc/control.sock"));
    press(&mut app, KeyCode::Esc);
    press(&mut app, KeyCode::Char('/'));
    press(&mut app, KeyCode::Char('\u{202e}'));
    let last = lines(&app).pop().unwrap();
    assert!(last.starts_with("/\\u{202e}_   enter keeps it"), "{last}");
    press(&mut app, KeyCode::Enter);
    press(&mut app, KeyCode::Char('s'));
    let last = lines(&app).pop().unwrap();
    let expected = "/\\u{202e}  esc all  s sort: name  enter detail  ? help  q quit";
    assert!(last.starts_with(expected), "{last}");
}

/// The words say what colours say: without them the screen reads the same.
#[test]
fn colours_change_no_letter() {
    let mut plain = app(80, 24);
    answered(&mut plain);
    let mut coloured = app(80, 24);
    coloured.manners.color = true;
    answered(&mut coloured);
    assert_eq!(lines(&plain), lines(&coloured));
    let has_color = |app: &App| {
        let buffer = drawn(app);
        buffer.content.iter().any(|cell| cell.fg != Color::Reset)
    };
    assert!(!has_color(&plain) && has_color(&coloured));
}

#[test]
fn who_is_away_is_said_above_what_was_known() {
    let mut app = app(80, 24);
    answered(&mut app);
    let actions = app.on(Input::Look, NOW);
    let [Action::Ask(question)] = &actions[..] else {
        panic!("{actions:?}")
    };
    let trouble = crate::see::Trouble::Away("nobody listens there".into());
    let question = question.clone();
    let failed = super::super::ask::Failed { question, trouble };
    app.on(Input::Failed(failed), NOW);
    let seen = lines(&app);
    assert!(seen[0].starts_with("AWAY for 0.0s, asked each second: nobody listens there"));
    assert!(seen[2].starts_with("unhealthy >api-1"));
}

/// None is too small, and none too large.
#[test]
fn every_size_is_drawn() {
    for columns in (0..30).chain([79, 80, 99, 100, 131, 160, 400]) {
        for rows in (0..8).chain([24, 35, 36, 50]) {
            let mut app = app(columns, rows);
            answered(&mut app);
            for code in [KeyCode::Enter, KeyCode::Esc, KeyCode::Char('?')] {
                drawn(&app);
                press(&mut app, code);
            }
            drawn(&app);
        }
    }
    let mut app = app(1, 1);
    answered(&mut app);
    assert_eq!(lines(&app), ["~"]);
}
