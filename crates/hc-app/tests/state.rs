//! A service that goes on where another one ended: from a file, over real sockets.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use hc_app::journal::{Record, TimeStyle};
use hc_app::{Home, Service, State, StateHome, Surroundings, Window};
use hc_config::Config;
use hc_core::{EventKind, FeedItem, Overlay, Status};
use hc_testkit::server::{Server, http};
use tokio::sync::mpsc;

#[expect(clippy::disallowed_methods, reason = "as the command reads it")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn config(folder: &Path, rest: &str) -> Config {
    let (state, control) = (folder.join("hc.state"), folder.join("hc.sock"));
    let text = format!(
        "state: {{ file: \"{}\", every: 1s }}\ncontrol: \"{}\"\n{rest}",
        state.display(),
        control.display()
    );
    hc_config::load_str("hc.yaml", &text)
        .unwrap_or_else(|errors| panic!("{}", errors.render(false)))
}

/// A service with its window and its file.
struct Running {
    service: Service,
    keeper: hc_app::Keeper,
    open: hc_app::Open,
    told: Vec<String>,
    heard: mpsc::UnboundedReceiver<Record>,
}

fn lines(records: impl IntoIterator<Item = Record>) -> Vec<String> {
    let line = |record: Record| record.logfmt(TimeStyle::None);
    records.into_iter().map(line).collect()
}

impl Running {
    async fn start(folder: &Path, config: Config) -> Self {
        let home = Home {
            service: None,
            runtime: None,
            temporary: folder.to_owned(),
            user: fs::metadata(folder).unwrap().uid(),
            process: std::process::id(),
        };
        let window = Window::bind(&config, &home, now())
            .await
            .unwrap()
            .0
            .unwrap();
        let (state, told) = State::open(&config, None, &StateHome::default(), now()).unwrap();
        assert!(told.is_none());
        let state = state.unwrap().with_past(Some(window.ledger()));
        let (mut memories, told) = state.recall(&config, now());
        let of = config.targets.len();
        let mut around = Surroundings::default();
        around.observer = Some(window.observer(Arc::new(Nobody)));
        let service = Service::restart(config, &around, &mut memories).unwrap();
        let told = told.into_iter().chain(state.restored(&memories, of, now()));
        let told = lines(told);
        let open = window.open(
            service.monitor().clone(),
            "test".into(),
            hc_app::Build {
                version: "0",
                revision: "",
            },
        );
        let (tell, heard) = mpsc::unbounded_channel();
        let (monitor, outlines) = (service.monitor().clone(), service.outlines());
        let keeper = state.keep(monitor, outlines, move |record| {
            // Who listens no more has heard enough.
            let _ = tell.send(record);
        });
        Self {
            service,
            keeper,
            open,
            told,
            heard,
        }
    }

    async fn stop(self) {
        let (_, left) = self.service.shutdown_and_remember().await;
        let unsaved = self.keeper.close(left, now()).await;
        assert_eq!(lines(unsaved), [""; 0]);
        self.open.close(Duration::ZERO).await;
    }
}

struct Nobody;

impl hc_scheduler::Observer for Nobody {
    fn check_ended(&self, _: &hc_scheduler::Checked) {}
}

/// A server whose answers a switch decides.
async fn server() -> (Server, Arc<AtomicBool>) {
    let down = Arc::new(AtomicBool::new(false));
    let switch = down.clone();
    let server = Server::start(move |_, _| match switch.load(Ordering::Relaxed) {
        true => http::answer("503 Service Unavailable", "no"),
        false => http::ok(),
    });
    (server.await, down)
}

#[tokio::test]
async fn a_service_goes_on_where_another_one_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (server, down) = server().await;
    let targets = |a: &str| {
        let url = server.url("/");
        format!(
            "defaults: {{ interval: 1h, max_interval: 1h, fast_interval: 1h }}\n\
             targets: [{{ name: a, url: \"{url}\"{a} }}]"
        )
    };
    let first = Running::start(folder.path(), config(folder.path(), &targets(""))).await;
    assert_eq!(first.told, [""; 0]);
    let monitor = first.service.monitor().clone();
    monitor.first_sweep().await.unwrap();
    down.store(true, Ordering::Relaxed);
    for _ in 0..2 {
        monitor.check_now("a").await.unwrap();
    }
    first.stop().await;

    let second = Running::start(folder.path(), config(folder.path(), &targets(", fall: 4"))).await;
    assert!(
        second.told[0].starts_with("INFO restored targets=1 of=1 age="),
        "{:?}",
        second.told
    );
    let monitor = second.service.monitor().clone();
    // Events of both are numbered from the start.
    let mut feed = monitor.view().subscribe_after(0);
    let handle = monitor.get("a").unwrap();
    assert!(handle.is_healthy() && handle.word().overlays().has(Overlay::Suspect));
    // Two failures before the restart, one by the first check of this one, and one more: four.
    monitor.first_sweep().await.unwrap();
    assert_eq!(handle.status(), Status::Healthy);
    monitor.check_now("a").await.unwrap();
    assert_eq!(handle.status(), Status::Unhealthy);
    let mut turns = Vec::new();
    while let Some(FeedItem::Event(event)) = feed.try_next() {
        if let EventKind::Transition { target, turn, .. } = &event.kind {
            turns.push((target.to_string(), turn.from, turn.streak));
        }
    }
    assert_eq!(turns, [("a".to_owned(), Status::Healthy, 4)]);
    second.stop().await;

    // It is said of each line what it knows: why, and what became of it.
    let text = fs::read_to_string(folder.path().join("hc.state")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    for part in [
        "\"name\":\"a\"",
        "\"failing\":true",
        "\"why\":{\"kind\":\"unexpected\",\"code\":\"status\"",
        "\"transitions\":[{",
        "\"from\":\"healthy\",\"to\":\"unhealthy\"",
        "\"recent\":\".xxxx\"",
    ] {
        assert!(lines[1].contains(part), "{part}: {}", lines[1]);
    }
}

/// What runs is saved while it runs, reloads included; trouble with the disk is told once when it begins and once when
/// it ends.
#[tokio::test]
async fn it_is_saved_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = server().await;
    let targets = |names: &[&str]| {
        let url = server.url("/");
        let target = |name: &&str| format!("  - {{ name: {name}, url: \"{url}{name}\" }}\n");
        let targets: String = names.iter().map(target).collect();
        format!("defaults: {{ paused: true }}\ntargets:\n{targets}")
    };
    let file = folder.path().join("hc.state");
    let before = config(folder.path(), &targets(&["a", "b"]));
    let mut running = Running::start(folder.path(), before).await;
    let after = config(folder.path(), &targets(&["b", "c"]));
    running.service.reload(after).await.unwrap();

    // Something comes in the way of its new file. (It may be writing one right now.)
    let in_the_way = folder.path().join("hc.state.new");
    while fs::create_dir(&in_the_way).is_err() {
        tokio::task::yield_now().await;
    }
    let trouble = lines(running.heard.recv().await);
    let wanted = format!("failed to keep state in {}: ", file.display());
    assert!(
        trouble[0].starts_with("WARN state ") && trouble[0].contains(&wanted),
        "{trouble:?}"
    );
    fs::remove_dir(&in_the_way).unwrap();
    let end = lines(running.heard.recv().await);
    assert!(end[0].starts_with("INFO state_end lasted="), "{end:?}");

    // As kill -9 leaves it: nobody says goodbye.
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("\"name\":\"b\"") && text.contains("\"name\":\"c\""),
        "{text}"
    );
    assert!(!text.contains("\"name\":\"a\""), "{text}");
    assert!(
        text.lines().last().unwrap().starts_with("{\"end\":2,"),
        "{text}"
    );
    running.stop().await;
}
