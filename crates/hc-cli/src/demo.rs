//! `hc demo`: five real backends on loopback that fail in various ways, watched by hc as it is.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context as _;
use hc_app::{Service, Surroundings};
use hc_core::{EventKind, Failure, Status, Timestamp, Turn};
use hc_core::{FeedItem, Kind};
use tokio::time::Instant;

use crate::args::DemoArgs;
use crate::exit::ExitCode;
use crate::term::{Term, Tone};

mod backends;

use backends::{Backend, Certificates, Mood};

/// The names of the backends.
const NAMES: [&str; 5] = ["shop", "pay", "search", "cart", "login"];

/// What happens when: seconds, what is told, and whom it makes how.
type Act = (u64, &'static str, &'static [(&'static str, Mood)]);

const ACTS: [Act; 4] = [
    (6, "we kill shop", &[("shop", Mood::Dead)]),
    (
        12,
        "we start shop; pay now answers 503",
        &[("shop", Mood::Well), ("pay", Mood::Broken)],
    ),
    (
        20,
        "search hangs, cart is slow, login's certificate has 3 days left",
        &[
            ("search", Mood::Hanging),
            ("cart", Mood::Slow),
            ("login", Mood::Expiring),
        ],
    ),
    (
        30,
        "all is well again",
        &[
            ("pay", Mood::Well),
            ("search", Mood::Well),
            ("cart", Mood::Well),
            ("login", Mood::Well),
        ],
    ),
];

/// The curtain falls.
const END: Duration = Duration::from_secs(40);

/// Starts backends on loopback, breaks them one after the other, and watches.
pub(crate) fn demo(_args: &DemoArgs, term: &Term) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    runtime.block_on(play(term))
}

async fn play(term: &Term) -> anyhow::Result<ExitCode> {
    let folder = tempfile::tempdir().context("failed to make a folder for the certificate")?;
    let ca = folder.path().join("ca.pem");
    let certificates = Certificates::issue(&ca)?;
    let mut backends = HashMap::new();
    for name in NAMES {
        let tls = (name == "login").then(|| certificates.clone());
        backends.insert(name, Backend::start(tls).await?);
    }
    let config = config(&backends, &ca.display().to_string());
    let config =
        hc_config::load_str("demo", &config).context("failed to load the demo's config")?;
    let mut around = Surroundings::default();
    around.host_name = "demo".to_owned();
    let service = Service::start(config, &around)?;

    let mut scene = Scene::new(term, service.monitor().now());
    let mut feed = service.monitor().subscribe();
    let start = Instant::now_at_start();
    let mut acts = ACTS.into_iter().peekable();
    loop {
        let next = acts.peek().map_or(END, |act| Duration::from_secs(act.0));
        tokio::select! {
            item = feed.next() => {
                if let Some(FeedItem::Event(event)) = item
                    && let EventKind::Transition { target, turn, cause, .. } = &event.kind
                {
                    scene.turned(target.as_str(), turn, cause.as_deref())?;
                }
            }
            () = tokio::time::sleep_until(start + next) => match acts.next() {
                Some((_, told, moods)) => {
                    scene.act(told, service.monitor().now())?;
                    for (name, mood) in moods {
                        backends[name].set(*mood);
                        scene.touched(name, service.monitor().now());
                    }
                }
                None => break,
            },
            _ = tokio::signal::ctrl_c() => {
                service.shutdown().await;
                return Ok(ExitCode::Interrupted);
            }
        }
    }
    service.shutdown().await;
    term.print("\nNow yours:  hc run localhost:8080\n")?;
    Ok(ExitCode::Ok)
}

/// The demo's config, as a user would write it.
fn config(backends: &HashMap<&str, Backend>, ca: &str) -> String {
    let mut text = "profile: small\n\
                    defaults:\n  interval: 1s\n  timeout: 1s\n  fast_interval: 500ms\n  \
                    expect: { latency: { degraded: 300ms } }\n\
                    targets:\n"
        .to_owned();
    for name in NAMES {
        let backend = &backends[name];
        let url = backend.url();
        text += &match backend.is_tls {
            // The certificate is looked at once a connection.
            true => format!(
                "  - {{ name: {name}, url: \"{url}\", keep_alive: 0s, \
                 tls: {{ roots: none, ca: [\"{ca}\"] }} }}\n"
            ),
            false => format!("  - {{ name: {name}, url: \"{url}\" }}\n"),
        };
    }
    text
}

/// Tells what happens.
struct Scene<'a> {
    term: &'a Term,
    start: Timestamp,
    /// When each backend was last changed.
    touched: HashMap<String, Timestamp>,
    first: Vec<(String, Status)>,
}

impl<'a> Scene<'a> {
    fn new(term: &'a Term, start: Timestamp) -> Self {
        Self {
            term,
            start,
            touched: HashMap::new(),
            first: Vec::new(),
        }
    }

    fn act(&self, told: &str, now: Timestamp) -> anyhow::Result<()> {
        let told = self.term.tone(Tone::Unknown, &format!("> {told}"));
        Ok(self.term.print(&format!("{} {told}\n", self.clock(now)))?)
    }

    fn touched(&mut self, name: &str, now: Timestamp) {
        self.touched.insert(name.to_owned(), now);
    }

    fn turned(&mut self, name: &str, turn: &Turn, cause: Option<&Failure>) -> anyhow::Result<()> {
        if turn.from == Status::Unknown {
            return self.first_verdict(name, turn);
        }
        let (from, to) = (turn.from.as_str(), turn.to.as_str());
        let tone = match turn.to {
            Status::Healthy => Tone::Good,
            Status::Degraded => Tone::Odd,
            _ => Tone::Bad,
        };
        let change = format!("{from} -> {}", self.term.tone(tone, to));
        let pad = " ".repeat(24_usize.saturating_sub(from.len() + 4 + to.len()));
        let why = cause.map(why).unwrap_or_default();
        let seen = self.touched.remove(name).map_or_else(String::new, |at| {
            let seen = format!("seen after {:.1} s", turn.at.since(at).as_secs_f64());
            self.term.tone(Tone::Faint, &seen)
        });
        let line = format!("{} {name:<10} {change}{pad}{why}", self.clock(turn.at));
        let line = if seen.is_empty() || why.is_empty() {
            line + &seen
        } else {
            line + "   " + &seen
        };
        Ok(self.term.print(&(line.trim_end().to_owned() + "\n"))?)
    }

    fn first_verdict(&mut self, name: &str, turn: &Turn) -> anyhow::Result<()> {
        self.first.push((name.to_owned(), turn.to));
        if self.first.len() < NAMES.len() {
            return Ok(());
        }
        let clock = self.clock(turn.at);
        if self.first.iter().all(|(_, to)| *to == Status::Healthy) {
            let healthy = self.term.tone(Tone::Good, "healthy");
            return Ok(self
                .term
                .print(&format!("{clock} all five   unknown -> {healthy}\n"))?);
        }
        for (name, to) in &self.first {
            self.term
                .print(&format!("{clock} {name:<10} unknown -> {to}\n"))?;
        }
        Ok(())
    }

    fn clock(&self, now: Timestamp) -> String {
        let seconds = now.since(self.start).as_secs();
        format!(" {}:{:02} ", seconds / 60, seconds % 60)
    }
}

/// `refused in connect`, or the sentence where that says more.
fn why(failure: &Failure) -> String {
    match (failure.kind, failure.phase) {
        (Kind::Unexpected, _) | (_, None) => failure.message.to_string(),
        (kind, Some(phase)) => format!("{kind} in {phase}"),
    }
}

/// The demo's own clock.
trait AtStart {
    fn now_at_start() -> Self;
}

impl AtStart for Instant {
    #[expect(clippy::disallowed_methods, reason = "the demo is a play in real time")]
    fn now_at_start() -> Self {
        Self::now()
    }
}
