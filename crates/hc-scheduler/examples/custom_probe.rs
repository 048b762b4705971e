//! A probe of one's own: is a queue short? Run it with `cargo run -p hc-scheduler --example custom_probe`.

use std::time::Duration;

use hc_core::{CheckContext, Evidence, Failure, Kind, Phase, Policy, Probe, Target, async_trait};
use hc_scheduler::Monitor;

/// How long a queue is.
type Length = fn() -> usize;

/// Passes while a queue holds no more than it may.
struct QueueIsShort {
    length: Length,
    limit: usize,
}

#[async_trait]
impl Probe for QueueIsShort {
    async fn check(&self, cx: &CheckContext) -> Result<Evidence, Failure> {
        cx.enter(Phase::Wait);
        let length = (self.length)();
        if length > self.limit {
            let (wanted, found) = (format!("at most {}", self.limit), length.to_string());
            return Err(Failure::unexpected("queue", Phase::Wait, &wanted, &found));
        }
        if length * 2 > self.limit {
            let warning = format!("{length} of {} places are taken", self.limit);
            let mut evidence = Evidence::new();
            evidence.warn(Failure::new(Kind::Unexpected, Phase::Wait, warning));
            return Ok(evidence);
        }
        Ok(Evidence::new())
    }
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policy = Policy::builder()
        .interval(Duration::from_millis(500))
        .build()?;
    let queues: [(&str, Length); 3] = [("short", || 3), ("filling", || 70), ("overfull", || 120)];
    let targets = queues.map(|(name, length)| {
        Target::new(name, QueueIsShort { length, limit: 100 }).with_policy(policy.clone())
    });
    let monitor = Monitor::builder().targets(targets).build().start();
    monitor.first_sweep().await?;
    for known in monitor.describe_all().await? {
        let last = known.last.as_deref();
        let why = last.and_then(|check| check.why()).map(ToString::to_string);
        println!(
            "{:9} {:9} {}",
            known.id.as_str(),
            known.word.status().as_str(),
            why.unwrap_or_default()
        );
    }
    monitor.shutdown(Duration::from_secs(1)).await;
    Ok(())
}
