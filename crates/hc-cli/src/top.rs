//! `hc top`: the fleet of a running hc on the whole terminal, asked each second.
//!
//! [`App`] is what is known and wanted, and hears of all that can happen as one closed enum; `view` draws it; this file
//! is the loop between them, the terminal and the one who asks.

use std::io;
use std::time::Duration;

use anyhow::Context as _;
use ratatui::crossterm::event::{self, Event};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use crate::args::TopArgs;
use crate::exit::ExitCode;
use crate::see::{self, Trouble, Whom};
use crate::status;
use crate::term::Term;

mod app;
mod ask;
mod list;
mod screen;
mod view;

use app::{Action, App, Input, Manners};
use screen::Screen;

/// Often enough for people, and seldom enough for hc: each look costs it a page of what is on the screen.
const LOOK: Duration = Duration::from_secs(1);

/// Keys that wait while one frame is drawn.
const KEYS: usize = 64;

/// Watches the fleet, or looks once where one cannot draw.
pub(crate) fn top(args: &TopArgs, term: &Term) -> anyhow::Result<ExitCode> {
    if !term.is_terminal || term.json {
        return status::once(&args.whom, term);
    }
    if std::env::var("TERM").is_ok_and(|kind| kind == "dumb") {
        term.note("hc: this terminal cannot be drawn on (TERM=dumb): one look");
        return status::once(&args.whom, term);
    }
    let whom = match Whom::of(args.whom.url.as_deref()) {
        Ok(whom) => whom,
        Err(trouble) => return Ok(told(&trouble, term)),
    };
    let runtime = see::runtime().context("failed to start the runtime")?;
    let ended = runtime.block_on(watch(whom, term));
    // The thread that reads keys waits for one more; the process ends without it.
    runtime.shutdown_background();
    ended
}

fn told(trouble: &Trouble, term: &Term) -> ExitCode {
    term.trouble(&trouble.to_string());
    trouble.exit()
}

async fn watch(whom: Whom, term: &Term) -> anyhow::Result<ExitCode> {
    // Before the screen is taken: an hc that is away is one message.
    let (asker, place, first) = match ask::Asker::start(whom).await {
        Ok(started) => started,
        Err(trouble) => return Ok(told(&trouble, term)),
    };
    let mut terminate = signal(SignalKind::terminate()).context("failed to hear SIGTERM")?;
    let mut hangup = signal(SignalKind::hangup()).context("failed to hear SIGHUP")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to hear SIGINT")?;
    let mut screen = Screen::take(term.color).context("failed to draw on this terminal")?;
    let manners = Manners {
        color: term.color,
        is_unicode: crate::host::is_unicode(),
        zone: jiff::tz::TimeZone::system(),
        place,
    };
    let (columns, rows) = screen.size()?;
    let mut app = App::new(manners, columns, rows);
    let mut keys = keys();
    let (questions, mut answers) = asker.run();
    let mut looks = tokio::time::interval(LOOK);
    // A look that was missed is none: the next one shows all.
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the driver of the model, which is told the time"
    )]
    let started = Instant::now();
    let mut inputs = vec![Input::Answer(Box::new(first))];
    loop {
        for input in inputs.drain(..) {
            for action in app.on(input, started.elapsed()) {
                match action {
                    Action::Quit => return Ok(ExitCode::Ok),
                    Action::Interrupt => return Ok(ExitCode::Interrupted),
                    Action::Suspend => screen.suspend()?,
                    Action::Repaint => screen.repaint()?,
                    // One question is under way at most, so there is room.
                    Action::Ask(question) => {
                        let _ = questions.try_send(question);
                    }
                }
            }
        }
        screen.draw(|frame| view::draw(&app, started.elapsed(), frame.buffer_mut()))?;
        tokio::select! {
            key = keys.recv() => match key {
                Some(Ok(event)) => inputs.push(Input::Terminal(event)),
                // The terminal is gone.
                Some(Err(error)) => return Err(error).context("failed to read keys"),
                None => return Ok(ExitCode::Ok),
            },
            answer = answers.recv() => match answer {
                Some(Ok(answer)) => inputs.push(Input::Answer(Box::new(answer))),
                Some(Err(failed)) => inputs.push(Input::Failed(failed)),
                None => anyhow::bail!("the task that asks has ended"),
            },
            _ = looks.tick() => inputs.push(Input::Look),
            _ = terminate.recv() => return Ok(ExitCode::Ok),
            _ = hangup.recv() => return Ok(ExitCode::Ok),
            _ = interrupt.recv() => return Ok(ExitCode::Interrupted),
        }
        // What has come by now is drawn at once.
        while let Ok(Ok(event)) = keys.try_recv() {
            inputs.push(Input::Terminal(event));
        }
    }
}

/// Keys and changes of size, read on a thread of their own, which ends with the process.
fn keys() -> mpsc::Receiver<io::Result<Event>> {
    let (sender, keys) = mpsc::channel(KEYS);
    std::thread::spawn(move || {
        loop {
            let event = event::read();
            let is_end = event.is_err();
            // The loop has ended: nobody wants keys any more.
            if sender.blocking_send(event).is_err() || is_end {
                return;
            }
        }
    });
    keys
}
