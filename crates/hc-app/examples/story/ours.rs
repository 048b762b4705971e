//! hc as `hc run` composes it, from config text, with a log that is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hc_app::journal::Level;
use hc_app::{Chronicle, Service, Surroundings, Telling};
use hc_config::ProbeSpec;
use hc_http::TransportKind;
use tokio::sync::watch;

/// A running service and how many lines its log has.
pub(crate) struct Ours {
    pub(crate) service: Service,
    pub(crate) log_lines: Arc<AtomicU64>,
    telling: watch::Sender<Telling>,
}

impl Ours {
    /// Starts it on the current runtime; `defaults` is the inside of that section.
    pub(crate) fn start(
        urls: &[String],
        defaults: &str,
        rest: &str,
        transport: TransportKind,
    ) -> Self {
        let mut text = format!("defaults: {{ {defaults} }}\n{rest}\ntargets:\n");
        for url in urls {
            text += &format!("  - \"{url}\"\n");
        }
        let mut config = hc_config::load_str("story.yaml", &text)
            .unwrap_or_else(|errors| panic!("{}", errors.render(false)));
        for target in &mut config.targets {
            if let ProbeSpec::Http(http) = &mut target.probe {
                Arc::make_mut(http).transport = transport;
            }
        }
        let told = Telling {
            summary: config.log.summary,
            burst: config.log.burst,
        };
        let service =
            Service::start(config, &Surroundings::default()).expect("the targets are plain");
        let log_lines = Arc::new(AtomicU64::new(0));
        let (telling, heard) = watch::channel(told);
        let lines = log_lines.clone();
        let chronicle = Chronicle::new(service.monitor().clone(), heard);
        tokio::spawn(chronicle.run(move |record| {
            if record.level >= Level::Info {
                lines.fetch_add(1, Relaxed);
            }
        }));
        Self {
            service,
            log_lines,
            telling,
        }
    }

    /// All targets one after the other, each asked now.
    pub(crate) async fn cycle(&self) {
        for id in self.service.ids() {
            let asked = self.service.monitor().check_now(id.as_str()).await;
            asked.expect("the service runs");
        }
    }

    /// After the first sweep.
    pub(crate) async fn swept(&self) {
        let swept = self.service.monitor().first_sweep().await;
        swept.expect("the service runs");
    }

    pub(crate) async fn overlaps(&self) -> u64 {
        let stats = self.service.monitor().stats().await;
        stats.expect("the service runs").counters.overlaps
    }

    pub(crate) async fn stop(self) {
        self.service.monitor().shutdown(Duration::ZERO).await;
        drop(self.telling);
    }
}
