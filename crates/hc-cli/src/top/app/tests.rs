use hc_server::wire::target::TargetPage;

use super::super::list::Window;
use super::*;
use crate::see::fixture;

const NOW: Duration = Duration::from_secs(1);

fn manners() -> Manners {
    Manners {
        color: false,
        is_unicode: false,
        zone: jiff::tz::TimeZone::UTC,
        place: "/run/hc/control.sock".into(),
    }
}

/// An hc with so many targets, and a person before it.
struct Play {
    app: App,
    names: Vec<String>,
    asked: Vec<Question>,
}

impl Play {
    fn new(targets: usize) -> Self {
        let mut play = Self {
            app: App::new(manners(), 80, 24),
            names: (0..targets).map(|n| format!("t-{n:05}")).collect(),
            asked: Vec::new(),
        };
        let actions = play.app.on(Input::Look, NOW);
        play.perform(actions);
        play
    }

    fn page(&self, window: &Window) -> TargetPage {
        let filter = &window.choice.filter;
        let matching: Vec<_> = self
            .names
            .iter()
            .filter(|name| name.contains(filter))
            .collect();
        let items = matching.iter().skip(window.offset).take(window.limit);
        TargetPage {
            version: 1,
            items: items
                .map(|name| fixture::target(name, "healthy", ""))
                .collect(),
            matched: matching.len(),
            next_cursor: None,
        }
    }

    fn answer(&self, question: &Question) -> Input {
        let known = |uid: &String| self.names.iter().find(|name| hc_server::uid(name) == *uid);
        let name = question.detail.as_ref().and_then(known);
        Input::Answer(Box::new(Answer {
            question: question.clone(),
            fleet: fixture::fleet(),
            page: self.page(&question.window),
            detail: name.map(|name| fixture::detail(fixture::target(name, "healthy", ""))),
            note: None,
        }))
    }

    /// Answers what is asked until nothing is.
    fn perform(&mut self, actions: Vec<Action>) {
        let question = |actions: Vec<Action>| {
            let asks = actions.into_iter().filter_map(|action| match action {
                Action::Ask(question) => Some(question),
                _ => None,
            });
            let mut asks: Vec<Question> = asks.collect();
            assert!(asks.len() < 2, "one question at a time");
            asks.pop()
        };
        let mut next = question(actions);
        while let Some(asked) = next {
            let answered = self.app.on(self.answer(&asked), NOW);
            self.asked.push(asked);
            assert!(self.asked.len() < 10_000, "it asks for ever");
            next = question(answered);
        }
    }

    fn press(&mut self, code: KeyCode) -> Vec<Action> {
        self.app.on(Input::Terminal(Event::Key(code.into())), NOW)
    }

    fn type_keys(&mut self, codes: impl IntoIterator<Item = KeyCode>) {
        for code in codes {
            let actions = self.press(code);
            self.perform(actions);
        }
    }

    fn shown(&self) -> Vec<String> {
        let list = &self.app.list;
        let rows = list.first..(list.first + list.rows).min(list.matched);
        rows.map(|row| {
            list.get(row)
                .map_or_else(|| "?".to_owned(), |t| t.name.clone())
        })
        .collect()
    }

    fn current(&self) -> &str {
        self.app.list.current().map_or("?", |target| &target.name)
    }
}

#[test]
fn ten_thousand_targets_scroll_over_known_ground() {
    let mut play = Play::new(10_000);
    assert_eq!(play.shown().len(), 21);
    for _ in 0..600 {
        play.type_keys([KeyCode::PageDown]);
        assert!(!play.shown().contains(&"?".to_owned()));
    }
    assert_eq!(play.current(), "t-09999");
    for (key, name) in [
        (KeyCode::Home, "t-00000"),
        (KeyCode::Char('G'), "t-09999"),
        (KeyCode::Up, "t-09998"),
        (KeyCode::PageUp, "t-09978"),
        (KeyCode::Char('g'), "t-00000"),
        (KeyCode::Up, "t-00000"),
        (KeyCode::Down, "t-00001"),
    ] {
        play.type_keys([key]);
        assert_eq!(play.current(), name, "{key:?}");
        assert!(play.shown().contains(&name.to_owned()));
    }
    let most = play
        .asked
        .iter()
        .map(|question| question.window.limit)
        .max();
    assert_eq!(most, Some(63), "only what is near the screen is asked for");
}

#[test]
fn one_question_at_a_time_and_the_last_wish_counts() {
    let mut play = Play::new(100);
    let first = play.app.on(Input::Look, NOW);
    let [Action::Ask(question)] = &first[..] else {
        panic!("{first:?}")
    };
    assert_eq!(play.app.on(Input::Look, NOW), []);
    assert_eq!(play.press(KeyCode::Char('/')), []);
    for c in "t-0007".chars() {
        assert_eq!(play.press(KeyCode::Char(c)), [], "one is under way");
    }
    let answer = play.answer(question);
    let again = play.app.on(answer, NOW);
    let [Action::Ask(question)] = &again[..] else {
        panic!("{again:?}")
    };
    assert_eq!(question.window.choice.filter, "t-0007");
    play.perform(again.clone());
    assert_eq!(play.app.list.matched, 10);
    play.type_keys([KeyCode::Enter]);
    assert_eq!((play.app.mode, play.current()), (Mode::List, "t-00070"));
    play.type_keys([KeyCode::Esc]);
    assert_eq!(play.app.list.matched, 100);
}

#[test]
fn a_filter_can_be_taken_back() {
    let mut play = Play::new(50);
    play.type_keys("/t-00049".chars().map(KeyCode::Char));
    assert_eq!(play.app.list.matched, 1);
    play.type_keys([KeyCode::Esc]);
    assert_eq!((play.app.mode, play.app.list.matched), (Mode::List, 50));
    play.type_keys("/zz".chars().map(KeyCode::Char));
    assert_eq!(play.app.list.matched, 0);
    play.type_keys([KeyCode::Down, KeyCode::Enter, KeyCode::Enter, KeyCode::End]);
    assert_eq!(play.app.mode, Mode::List, "there is nothing to open");
    play.type_keys("/".chars().map(KeyCode::Char));
    play.type_keys([KeyCode::Backspace; 3]);
    assert_eq!((play.app.mode, play.app.list.matched), (Mode::List, 50));
}

/// Trouble moves rows; the eye stays on its target.
#[test]
fn the_chosen_target_stays_chosen_where_it_moves_to() {
    let mut play = Play::new(50);
    play.type_keys([KeyCode::Down; 5]);
    assert_eq!(play.current(), "t-00005");
    play.names.insert(0, "a-new-trouble".into());
    let actions = play.app.on(Input::Look, NOW);
    play.perform(actions);
    assert_eq!((play.current(), play.app.list.at), ("t-00005", 6));
    // Who stands at the top watches the top.
    play.type_keys([KeyCode::Home]);
    play.names.insert(0, "b-newer-trouble".into());
    let actions = play.app.on(Input::Look, NOW);
    play.perform(actions);
    assert_eq!(play.current(), "b-newer-trouble");
}

#[test]
fn a_target_that_vanishes_keeps_its_page_open() {
    let mut play = Play::new(3);
    play.type_keys([KeyCode::Down, KeyCode::Enter]);
    assert_eq!(play.app.mode, Mode::Detail);
    let name = |app: &App| app.detail.as_ref().map(|detail| detail.target.name.clone());
    assert_eq!(name(&play.app), Some("t-00001".into()));
    play.names.remove(1);
    let actions = play.app.on(Input::Look, NOW);
    play.perform(actions);
    assert!(play.app.is_gone);
    assert_eq!(
        (name(&play.app), play.app.mode),
        (Some("t-00001".into()), Mode::Detail)
    );
    // It may come back.
    play.names.push("t-00001".into());
    let actions = play.app.on(Input::Look, NOW);
    play.perform(actions);
    assert!(!play.app.is_gone);
    play.type_keys([KeyCode::Esc]);
    assert_eq!(play.app.mode, Mode::List);
    play.names.clear();
    let actions = play.app.on(Input::Look, NOW);
    play.perform(actions);
    assert_eq!((play.current(), play.app.list.matched), ("?", 0));
}

#[test]
fn away_is_said_and_ends_with_the_next_answer() {
    let mut play = Play::new(3);
    let fail = |app: &mut App, after| {
        let actions = app.on(Input::Look, NOW);
        let [Action::Ask(question)] = &actions[..] else {
            panic!("{actions:?}")
        };
        let question = question.clone();
        let trouble = Trouble::Away("nobody listens".into());
        app.on(Input::Failed(Failed { question, trouble }), after)
    };
    for seconds in [2, 3, 4] {
        assert_eq!(fail(&mut play.app, Duration::from_secs(seconds)), []);
    }
    let (since, why) = play.app.away.clone().unwrap();
    assert_eq!((since.as_secs(), &*why), (2, "nobody listens"));
    assert_eq!(play.shown().len(), 3, "what was known is still there");
    let actions = play.app.on(Input::Look, NOW);
    play.perform(actions);
    assert_eq!(play.app.away, None);
}

/// Keys of all kinds, answers and sizes in any order: it neither panics nor asks for nonsense.
#[test]
fn whatever_is_typed_it_stands() {
    let codes = [
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::PageDown,
        KeyCode::PageUp,
        KeyCode::End,
        KeyCode::Home,
        KeyCode::Backspace,
        KeyCode::Tab,
        KeyCode::F(5),
        KeyCode::Char('/'),
        KeyCode::Char('s'),
        KeyCode::Char('t'),
        KeyCode::Char('?'),
        KeyCode::Char('漢'),
        KeyCode::Char('0'),
        KeyCode::Char('='),
    ];
    let sizes = [
        (0, 0),
        (1, 1),
        (2, 3),
        (80, 24),
        (160, 50),
        (300, 2),
        (3, 200),
    ];
    let mut random = fastrand_like(7);
    for _ in 0..20 {
        let mut play = Play::new(random() % 200);
        for _ in 0..300 {
            match random() % 12 {
                0 => {
                    let (columns, rows) = sizes[random() % sizes.len()];
                    let actions = play
                        .app
                        .on(Input::Terminal(Event::Resize(columns, rows)), NOW);
                    play.perform(actions);
                }
                1 => {
                    let many = random() % 200;
                    play.names.truncate(many);
                    let actions = play.app.on(Input::Look, NOW);
                    play.perform(actions);
                }
                _ => play.type_keys([codes[random() % codes.len()]]),
            }
            let area = ratatui::layout::Rect::new(0, 0, play.app.columns, play.app.rows);
            view::draw(&play.app, NOW, &mut ratatui::buffer::Buffer::empty(area));
        }
    }
}

/// Numbers that are the same each time (xorshift).
fn fastrand_like(seed: u64) -> impl FnMut() -> usize {
    let mut state = seed;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize
    }
}
