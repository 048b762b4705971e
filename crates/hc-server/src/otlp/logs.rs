//! Log records on their way: made of events as they come, queued, and sent in batches until they are taken.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hc_core::{FeedItem, Subscription};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_semantic_conventions::SCHEMA_URL;
use tokio::sync::mpsc;

use super::records::{self, Known};
use super::send::{Refused, body};
use super::way::Way;
use super::{Shared, words};

/// Between two tries of the same records: the first wait, doubled to the last.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LAST_WAIT: Duration = Duration::from_secs(30);

/// Makes records of events and queues them; never waits for the collector.
pub(super) async fn listen(
    shared: Arc<Shared>,
    mut feed: Subscription,
    queue: mpsc::Sender<LogRecord>,
) {
    let mut is_first = true;
    while let Some(item) = feed.next().await {
        let record = match item {
            // Of the time before there was an export: additions of a large fleet.
            FeedItem::Missed(_) if is_first => None,
            FeedItem::Missed(count) => {
                shared.gauge.lose(count);
                Some(records::missed(count, shared.state.monitor.wall()))
            }
            FeedItem::Event(event) => {
                let target = event.kind.target().map(hc_core::TargetId::as_str);
                let handle = target.and_then(|name| shared.state.monitor.view().get(name));
                let configured = shared.state.configured();
                let url = target.and_then(|name| configured.catalogue.url(name));
                let known = Known {
                    handle: handle.as_ref(),
                    url: url.as_deref(),
                };
                records::record(&event, shared.state.monitor.wall(), &known)
            }
        };
        is_first = false;
        if let Some(record) = record {
            // Before it is taken: the difference is never negative.
            shared.gauge.queued.fetch_add(1, Ordering::Relaxed);
            if queue.try_send(record).is_err() {
                shared.gauge.taken.fetch_add(1, Ordering::Relaxed);
                shared.gauge.lose(1);
            }
        }
    }
}

/// Sends what is queued, in batches, until nobody queues any more or the end is near.
pub(super) async fn write(way: Way, mut records: mpsc::Receiver<LogRecord>) {
    let batch = way.shared.settings.batch;
    let mut waiting = Vec::new();
    while gather(&way, &mut records, &mut waiting, batch).await {
        deliver(&way, std::mem::take(&mut waiting)).await;
    }
}

/// Waits for a record, and a little for more; false when there are none to come.
async fn gather(
    way: &Way,
    records: &mut mpsc::Receiver<LogRecord>,
    waiting: &mut Vec<LogRecord>,
    batch: usize,
) -> bool {
    // The feed ends before the export does, and with it the queue.
    let Some(first) = records.recv().await else {
        return false;
    };
    waiting.push(first);
    let until = tokio::time::sleep(way.shared.settings.delay);
    tokio::pin!(until);
    while waiting.len() < batch {
        tokio::select! {
            next = records.recv() => match next {
                Some(next) => waiting.push(next),
                None => break,
            },
            () = &mut until => break,
            () = way.stopping() => break,
        }
    }
    true
}

/// Sends records until they are taken or refused for good; once only when the end is near.
async fn deliver(way: &Way, records: Vec<LogRecord>) {
    let count = records.len() as u64;
    let request = request(way, records);
    let made = tokio::task::spawn_blocking({
        let gzip = way.sender.gzip();
        move || body(&request, gzip)
    });
    let mut wait = FIRST_WAIT;
    // It fails by a bug alone, which the panic's hook has told: then there is nothing to send.
    let body = made.await.unwrap_or_default();
    loop {
        let Refused { again, why } = match way.sender.send(body.clone()).await {
            Ok(taken) => {
                way.taken(&taken);
                break;
            }
            Err(refused) => refused,
        };
        way.failing(why);
        let Some(after) = again.filter(|_| !way.is_stopping()) else {
            way.shared.gauge.lose(count);
            break;
        };
        tokio::select! {
            () = tokio::time::sleep(after.unwrap_or(wait)) => {}
            // Tried once more.
            () = way.stopping() => {}
        }
        wait = (wait * 2).min(LAST_WAIT);
    }
    way.shared.gauge.taken.fetch_add(count, Ordering::Relaxed);
}

fn request(way: &Way, log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let about = &way.shared.state.about;
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(words::resource(about, &way.shared.settings)),
            scope_logs: vec![ScopeLogs {
                scope: Some(words::scope(about)),
                log_records,
                schema_url: SCHEMA_URL.to_owned(),
            }],
            schema_url: SCHEMA_URL.to_owned(),
        }],
    }
}
