//! `hc events`: what happened to the targets of a running hc, and with `-f` what happens.
//!
//! Lines are those of the log of `hc run`. What is missing is said in words, never passed over.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use anyhow::Context as _;
use hc_app::journal;
use hc_server::wire::event::{EventBody, EventPage, Gap};
use hc_server::wire::fleet::FleetBody;
use jiff::tz::TimeZone;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;

use crate::args::EventsArgs;
use crate::exit::ExitCode;
use crate::run::Style;
use crate::see::{self, Client, Item, Told, Trouble, Whom, words};
use crate::term::Term;

/// A page of the API at most.
const PAGE: usize = 1_000;

/// hc keeps 4096 events; who keeps more has more pages.
const MOST_PAGES: usize = 1_000;

/// What `-f` begins with, as `tail` does.
const FEW: usize = 10;

/// From one attempt to find hc again to the next.
const SOON: Duration = Duration::from_millis(250);
const SELDOM: Duration = Duration::from_secs(2);

/// How often one looks whether somebody still reads.
const GLANCE: Duration = Duration::from_millis(500);

/// An event of another day is told with its date.
const DAY: Duration = Duration::from_secs(20 * 3_600);

/// Prints them.
pub(crate) fn events(args: &EventsArgs, term: &Term) -> anyhow::Result<ExitCode> {
    let whom = match Whom::of(args.whom.url.as_deref()) {
        Ok(whom) => whom,
        Err(trouble) => return Ok(told(&trouble, term)),
    };
    let runtime = see::runtime().context("failed to start the runtime")?;
    runtime.block_on(async {
        let printer = Printer::new(term);
        let mut following = Following::new(whom, printer, term);
        tokio::select! {
            ended = following.run(args) => ended,
            pressed = tokio::signal::ctrl_c() => {
                pressed.context("failed to hear Ctrl-C")?;
                Ok(ExitCode::Interrupted)
            }
            () = reader_gone(), if args.follow => Ok(ExitCode::Ok),
        }
    })
}

fn told(trouble: &Trouble, term: &Term) -> ExitCode {
    term.trouble(&trouble.to_string());
    trouble.exit()
}

/// Writes events in the form that was asked for.
struct Printer {
    color: bool,
    is_json: bool,
    is_terminal: bool,
    /// What is worth no line of a log too.
    all: bool,
}

impl Printer {
    fn new(term: &Term) -> Self {
        Self {
            color: term.color,
            is_json: term.json,
            is_terminal: term.is_terminal,
            all: term.verbose || term.json,
        }
    }

    fn is_wanted(&self, event: &EventBody) -> bool {
        self.all || journal::is_line(event)
    }

    fn line(&self, event: &EventBody) -> String {
        if self.is_json {
            let json = serde_json::to_string(event).expect("texts and numbers become JSON");
            return words::ascii_controls(&json);
        }
        let wall = words::time(&event.time).unwrap_or(std::time::UNIX_EPOCH);
        let age = crate::host::wall().duration_since(wall).unwrap_or_default();
        let style = Style::later(self.is_terminal && age < DAY, self.color);
        style.line(&journal::told(wall, event))
    }

    fn gap(&self, gap: &Gap) -> Option<String> {
        let missed = gap
            .missed
            .map_or(String::new(), |n| format!(",\"missed\":{n}"));
        self.is_json
            .then(|| format!("{{\"schema\":\"hc.event/1\",\"event\":\"gap\"{missed}}}"))
    }

    /// A gap before everything that is told.
    fn unknown_before(&self, time: &str) -> Option<String> {
        let json = || {
            let time = words::ascii_controls(&Value::from(time).to_string());
            format!("{{\"schema\":\"hc.event/1\",\"time\":{time},\"event\":\"gap\"}}")
        };
        self.is_json.then(json)
    }

    fn print(lines: &[String]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        for line in lines {
            writeln!(stdout, "{line}")?;
        }
        stdout.flush()
    }
}

/// What has been told so far, and of whom.
struct Following<'a> {
    whom: Whom,
    printer: Printer,
    term: &'a Term,
    /// The last event that was told, or seen and not worth telling.
    last: Option<String>,
    note: Option<String>,
    is_away: bool,
    /// A stream has told an event.
    has_heard: bool,
}

impl<'a> Following<'a> {
    fn new(whom: Whom, printer: Printer, term: &'a Term) -> Self {
        Self {
            whom,
            printer,
            term,
            last: None,
            note: None,
            is_away: false,
            has_heard: false,
        }
    }

    async fn run(&mut self, args: &EventsArgs) -> anyhow::Result<ExitCode> {
        let begun = async {
            let mut client = self.client().await?;
            let kept = kept(&mut client).await?;
            let started = match is_whole(args) {
                true => Some(client.get::<FleetBody>("/api/v1/fleet").await?.started),
                false => None,
            };
            Ok::<_, Trouble>((client, kept, started))
        };
        let (mut client, kept, started) = match begun.await {
            Ok(begun) => begun,
            Err(trouble) => return Ok(told(&trouble, self.term)),
        };
        self.last = Some(kept.cursor.clone());
        Printer::print(&self.past(&kept, started.as_deref(), args))?;
        if !args.follow {
            return Ok(ExitCode::Ok);
        }
        let mut wait = SOON;
        loop {
            let trouble = match client.follow(self.last.as_deref()).await {
                Ok(stream) => {
                    self.back();
                    self.listen(stream, &mut client).await?
                }
                Err(trouble) => Some(trouble),
            };
            // `None`: it was restarted, all is told that it remembers, and this goes on.
            if let Some(trouble) = &trouble {
                self.away(trouble);
            }
            if std::mem::take(&mut self.has_heard) {
                wait = SOON;
            }
            // Two that take turns behind one address are no reason to spin.
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(SELDOM);
            // Another socket may be its own now.
            if let Ok(found) = self.client().await {
                client = found;
            }
        }
    }

    async fn client(&mut self) -> Result<Client, Trouble> {
        let (client, note) = self.whom.client().await?;
        if note != self.note {
            see::say(note.as_deref(), self.term);
            self.note = note;
        }
        Ok(client)
    }

    /// The lines of what is kept, as far as they are wanted; `started`: when the run began that keeps it.
    fn past(&self, kept: &Kept, started: Option<&str>, args: &EventsArgs) -> Vec<String> {
        let oldest = args
            .since
            .and_then(|since| crate::host::wall().checked_sub(since));
        let is_recent = |event: &&EventBody| match (oldest, words::time(&event.time)) {
            (Some(oldest), Some(time)) => time >= oldest,
            _ => true,
        };
        let is_before = |start: &&str| match (oldest, words::time(start)) {
            (Some(oldest), Some(start)) => oldest < start,
            (None, start) => start.is_some(),
            _ => false,
        };
        let mut lines = Vec::new();
        let first = kept.events.first();
        if let Some(first) = first.filter(|first| is_recent(first) && kept.is_cut)
            && is_whole(args)
        {
            let time = hc_core::escape(&first.time, 40);
            self.say(&format!("events before {time} are kept no more"));
        } else if let Some(started) = started.filter(is_before) {
            self.say(&format!(
                "hc runs since {}; what happened before is not known here",
                clock(started)
            ));
            lines.extend(self.printer.unknown_before(started));
        }
        let recent: Vec<_> = kept.events.iter().filter(is_recent).collect();
        let wanted = recent.iter().filter(|event| self.printer.is_wanted(event));
        lines.extend(wanted.map(|event| self.printer.line(event)));
        if let (Some(first), true) = (recent.first(), lines.is_empty())
            && self.printer.is_terminal
            && !self.term.quiet
        {
            let all = match recent.len() {
                1 => "the one event".to_owned(),
                several => format!("all {several} events"),
            };
            self.say(&format!(
                "nothing worth a line since {}; -v shows {all}",
                clock(&first.time)
            ));
        }
        if args.follow && args.since.is_none() {
            lines.drain(..lines.len().saturating_sub(FEW));
        }
        lines
    }

    /// Tells what comes. `None`: hc was restarted, and what its new run remembers has been told.
    async fn listen(
        &mut self,
        mut stream: Told,
        client: &mut Client,
    ) -> anyhow::Result<Option<Trouble>> {
        loop {
            match stream.next().await {
                Ok(Some(Item::Event(event))) => {
                    self.has_heard = true;
                    if let Some(id) = &event.id {
                        self.last = Some(id.clone());
                    }
                    if self.printer.is_wanted(&event) {
                        Printer::print(&[self.printer.line(&event)])?;
                    }
                }
                Ok(Some(Item::Gap(gap))) => {
                    Printer::print(&Vec::from_iter(self.printer.gap(&gap)))?;
                    match gap.missed {
                        Some(missed) => self.say(&format!("{missed} events are missing here")),
                        None => {
                            self.say("hc was restarted: what happened in between is not known");
                            return Ok(self.restarted(client).await?.err());
                        }
                    }
                }
                Ok(None) => return Ok(Some(Trouble::Away("it has ended the stream".to_owned()))),
                Err(trouble) => return Ok(Some(trouble)),
            }
        }
    }

    /// Tells what a new run remembers, from its start on.
    async fn restarted(&mut self, client: &mut Client) -> io::Result<Result<(), Trouble>> {
        let kept = match kept(client).await {
            Ok(kept) => kept,
            Err(trouble) => return Ok(Err(trouble)),
        };
        let wanted = kept.events.iter();
        let wanted = wanted.filter(|event| self.printer.is_wanted(event));
        let lines: Vec<String> = wanted.map(|event| self.printer.line(event)).collect();
        self.last = Some(kept.cursor);
        Printer::print(&lines)?;
        Ok(Ok(()))
    }

    fn away(&mut self, trouble: &Trouble) {
        if !std::mem::replace(&mut self.is_away, true) {
            self.say(&format!("{trouble}; waiting for it"));
        }
    }

    fn back(&mut self) {
        if std::mem::replace(&mut self.is_away, false) {
            self.say("hc is back");
        }
    }

    fn say(&self, text: &str) {
        self.term.note(&format!("hc: {text}"));
    }
}

/// Whether all is to be told that there is, and not only what `-f` begins with.
fn is_whole(args: &EventsArgs) -> bool {
    args.since.is_some() || !args.follow
}

/// For people here.
fn clock(time: &str) -> String {
    words::clock(time, Some(crate::host::wall()), &TimeZone::system())
}

/// The events that hc keeps.
struct Kept {
    events: Vec<EventBody>,
    /// Some came before the first of them.
    is_cut: bool,
    /// Behind the last.
    cursor: String,
}

async fn kept(client: &mut Client) -> Result<Kept, Trouble> {
    let mut path = format!("/api/v1/events?limit={PAGE}");
    let mut events: Vec<EventBody> = Vec::new();
    let mut cursor = String::new();
    let begun = client.taken();
    for _ in 0..MOST_PAGES {
        client.bear(begun)?;
        let page: EventPage = client.get(&path).await?;
        let is_last = page.items.is_empty() || page.next_cursor == cursor;
        events.extend(page.items);
        cursor = page.next_cursor;
        if is_last {
            break;
        }
        path = format!(
            "/api/v1/events?limit={PAGE}&cursor={}",
            words::percent(&cursor)
        );
    }
    let number = |id: &String| id.rsplit_once('-')?.1.parse::<u64>().ok();
    let first = events.first().and_then(|event| number(event.id.as_ref()?));
    Ok(Kept {
        is_cut: first.is_some_and(|first| first > 1),
        events,
        cursor,
    })
}

/// Resolves when nobody reads our output any more: nothing may happen for hours that would tell it.
async fn reader_gone() {
    loop {
        tokio::time::sleep(GLANCE).await;
        let stdout = io::stdout();
        let fd = stdout.as_fd();
        let mut watched = [PollFd::new(&fd, PollFlags::empty())];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let gone = PollFlags::ERR | PollFlags::HUP;
        // What cannot be watched, as a file, is read for good.
        if poll(&mut watched, Some(&now)).is_ok() && watched[0].revents().intersects(gone) {
            return;
        }
    }
}
