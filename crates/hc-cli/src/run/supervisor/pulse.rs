//! That hc is alive, and how its fleet stands: told again and again, each time after a round trip through every worker.

use std::time::Duration;

use hc_app::journal::Tally;
use hc_core::{Overlay, Status};
use hc_scheduler::{MonitorHandle, Stats};
use tokio::time::MissedTickBehavior;

use super::{Supervisor, line};
use std::sync::atomic::Ordering;

/// How often the status is told where no watchdog waits.
const SELDOM: Duration = Duration::from_secs(10);

/// Above it the fleet is asked noticeably less often than it should be.
const STRETCHED: f64 = 1.1;

impl Supervisor {
    /// Tells until the monitor ends, twice within the time that the watchdog waits.
    ///
    /// A worker that is stuck does not answer, and one that ended by a bug answers never again: then nothing is told,
    /// and the manager acts. One that lacks processor time answers late and is alive: what counts is that it turned,
    /// not how fast.
    pub(in crate::run) async fn pulse(self, monitor: MonitorHandle) {
        let Some(channel) = &self.0 else {
            return;
        };
        let period = channel.watchdog.map_or(SELDOM, |within| within / 2);
        let mut ticks = tokio::time::interval(period.max(Duration::from_millis(1)));
        // After a late answer the next one is as far away as ever.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Ok(stats) = monitor.stats().await else {
                return;
            };
            let tally = Tally::of(monitor.view(), monitor.now());
            let is_refused = channel.has_refused.load(Ordering::Relaxed);
            let status = line("STATUS", &status(&tally, &stats, is_refused));
            match channel.watchdog {
                Some(_) => self.tell(&["WATCHDOG=1", &status]).await,
                None => self.tell(&[&status]).await,
            }
        }
    }
}

/// `200 targets: 196 healthy, 1 degraded, 3 unhealthy`, and what else there is to know.
fn status(tally: &Tally, stats: &Stats, is_refused: bool) -> String {
    let mut text = format!("{} targets: ", stats.targets);
    text += &format!("{} healthy", tally.status(Status::Healthy));
    let always = [Status::Degraded, Status::Unhealthy];
    let counts = always.map(|status| (tally.status(status), status.as_str()));
    for (count, word) in counts {
        text += &format!(", {count} {word}");
    }
    for (count, word) in [
        (tally.status(Status::Unknown), "unknown"),
        (tally.overlay(Overlay::Suspect), "suspect"),
        (tally.overlay(Overlay::Flapping), "flapping"),
        (tally.overlay(Overlay::Paused), "paused"),
        (tally.overlay(Overlay::Stale), "stale"),
    ] {
        if count > 0 {
            text += &format!(", {count} {word}");
        }
    }
    if stats.isolated {
        text += "; isolated: nothing answers";
    }
    if stats.stretch > STRETCHED {
        text += &format!("; overloaded: asked {:.1} times less often", stats.stretch);
    }
    if is_refused {
        text += "; the changed config was refused";
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;
    use std::sync::{Arc, Mutex, mpsc};

    use hc_core::{Evidence, Target, probe_fn};
    use hc_scheduler::Monitor;

    use super::super::{Said, Supervisor};
    use super::*;
    use crate::run::log::{Log, Style};

    fn supervisor(manager: &std::path::Path) -> Supervisor {
        let said = Said {
            socket: Some(manager.as_os_str().to_owned()),
            watchdog_usec: Some("2000000".to_owned()),
            watchdog_pid: None,
        };
        let (lines, _writer) =
            crate::run::writer::start(std::io::sink(), |_| String::new()).unwrap();
        let style = Style::new(hc_config::LogFormat::Text, false);
        let log = Log::new(lines, style, hc_config::LogLevel::Info);
        Supervisor::of(&said, 1, &log)
    }

    fn heard(manager: &UnixDatagram) -> Option<String> {
        let mut buffer = [0; 4096];
        let read = manager.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..read]).into_owned())
    }

    /// The worker is stuck until the test lets go, however long that takes.
    #[tokio::test]
    async fn a_stuck_worker_is_not_told_to_be_alive_and_one_that_goes_on_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        manager.set_nonblocking(true).unwrap();

        let (entered, wait_entered) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let released = Arc::new(Mutex::new(released));
        let stuck = probe_fn(move |_| {
            let (entered, released) = (entered.clone(), released.clone());
            async move {
                // The first one waits here; when the test lets go, nobody ever waits again.
                let _ = entered.send(());
                let _ = released.lock().unwrap().recv();
                Ok(Evidence::new())
            }
        });
        let monitor = Monitor::builder()
            .own_threads(true)
            .target(Target::new("stuck", stuck))
            .build()
            .start();
        wait_entered.recv().unwrap();
        let pulse = tokio::spawn(supervisor(&path).pulse(monitor.clone()));
        for _ in 0..100 {
            // The pulse has asked, and waits.
            tokio::task::yield_now().await;
        }
        assert_eq!(heard(&manager), None, "its worker does not turn");

        drop(release);
        let told = loop {
            match heard(&manager) {
                Some(told) => break told,
                None => tokio::task::yield_now().await,
            }
        };
        assert!(told.starts_with("WATCHDOG=1\nSTATUS=1 targets: "), "{told}");
        monitor.shutdown(Duration::ZERO).await;
        pulse.await.unwrap();
    }

    #[test]
    fn the_status_names_what_there_is_to_know() {
        let (_, view) = hc_core::view(8);
        let tally = Tally::of(&view, hc_core::Timestamp::ZERO);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let mut stats = runtime.block_on(async {
            let monitor = Monitor::builder().build().start();
            monitor.stats().await.unwrap()
        });
        let quiet = "0 targets: 0 healthy, 0 degraded, 0 unhealthy";
        assert_eq!(status(&tally, &stats, false), quiet);
        stats.isolated = true;
        stats.stretch = 1.5;
        assert_eq!(
            status(&tally, &stats, true),
            format!(
                "{quiet}; isolated: nothing answers; overloaded: asked 1.5 times less often; \
                 the changed config was refused"
            )
        );
    }
}
