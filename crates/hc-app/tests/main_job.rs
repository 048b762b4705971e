//! The main job on real input, shortened to half a minute: one nginx serves 200 addresses; some are stopped, slowed,
//! hung, made to answer 500 and brought back. Each change is seen within what the policy promises, nobody else
//! changes, and memory, tasks and connections stay flat. The five-minute run is in docs/runs/main-job.md.
//!
//! The bounds are the policy's worst case plus slack for a busy machine: they catch a checker that forgets, not one that
//! is a little late.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use hc_app::{Service, Surroundings};
use hc_core::{EventKind, FeedItem, Kind, Status, Subscription, Timestamp};
use hc_scheduler::MonitorHandle;
use hc_testkit::nginx::{Answer, Nginx};

const TARGETS: usize = 200;
const INTERVAL: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(1);
const FAST: Duration = Duration::from_millis(200);
const FALL: u32 = 3;
const RISE: u32 = 2;
/// What a busy machine may add: the machines of CI run other tests beside this one.
const SLACK: Duration = Duration::from_secs(5);

const STOPPED: Range<usize> = 0..10;
const FAILING: Range<usize> = 10..20;
const HUNG: Range<usize> = 20..25;
const CLOSING: Range<usize> = 25..30;
const SLOW: Range<usize> = 30..40;

/// From a change to the verdict at worst: one and a half intervals with jitter until it is asked again, then `fall`
/// checks that may each take the whole timeout, the first followed by fast ones.
fn seen_down() -> Duration {
    INTERVAL.mul_f64(1.6) + FALL * TIMEOUT + (FALL - 1) * FAST + SLACK
}

/// A warning does not speed checks up: `fall` whole intervals.
fn seen_slow() -> Duration {
    INTERVAL.mul_f64(1.6) + FALL * (INTERVAL.mul_f64(1.6) + TIMEOUT) + SLACK
}

/// From full backoff, two intervals and a half: then `rise` checks, the rest of them fast; from Degraded not fast.
fn seen_back() -> Duration {
    INTERVAL.mul_f64(2.6) + TIMEOUT + RISE * INTERVAL.mul_f64(1.6) + SLACK
}

#[derive(Clone, Debug, PartialEq)]
struct Turned {
    at: Timestamp,
    from: Status,
    to: Status,
    kind: Option<Kind>,
}

/// All that was heard: of each target in order, and what is no transition of a target.
struct Heard {
    feed: Subscription,
    turns: BTreeMap<String, Vec<Turned>>,
    alarms: Vec<String>,
}

impl Heard {
    /// Listens until all of `range` have arrived at `to`.
    async fn until(&mut self, range: Range<usize>, to: Status, within: Duration) {
        let all = async {
            while !range.clone().all(|n| self.last(n) == Some(to)) {
                let item = self.feed.next().await.expect("the service runs");
                self.take(item);
            }
        };
        if tokio::time::timeout(within, all).await.is_err() {
            let late = range.filter(|n| self.last(*n) != Some(to));
            panic!(
                "not {to:?} within {within:?}: {:?}",
                late.collect::<Vec<_>>()
            );
        }
    }

    fn last(&self, n: usize) -> Option<Status> {
        Some(self.turns.get(&name(n))?.last()?.to)
    }

    fn take(&mut self, item: FeedItem) {
        let event = match item {
            FeedItem::Event(event) => event,
            FeedItem::Missed(missed) => panic!("{missed} events missed"),
        };
        match &event.kind {
            EventKind::Transition {
                target,
                turn,
                cause,
                ..
            } => {
                let turned = Turned {
                    at: turn.at,
                    from: turn.from,
                    to: turn.to,
                    kind: cause.as_ref().map(|cause| cause.kind),
                };
                self.turns
                    .entry(target.to_string())
                    .or_default()
                    .push(turned);
            }
            EventKind::Isolated { .. } | EventKind::Panicked { .. } | EventKind::Overlay { .. } => {
                self.alarms.push(format!("{:?}", event.kind));
            }
            // Who hangs for a whole interval overlaps, and is told to.
            EventKind::Overlap { target, .. }
                if !HUNG.clone().any(|n| name(n) == target.as_str()) =>
            {
                self.alarms.push(format!("{:?}", event.kind));
            }
            // A machine that starves this process is no fault of it; bounds are generous for that reason.
            _ => {}
        }
    }

    /// Exactly these changes of one target since the start, each no later than the bound after its cause.
    #[track_caller]
    fn expect(&self, n: usize, expected: &[(Status, Option<Kind>, Timestamp, Duration)]) {
        let turns = self.turns.get(&name(n)).map_or(&[][..], Vec::as_slice);
        assert_eq!(turns.len(), expected.len(), "target {n}: {turns:?}");
        for (turned, (to, kind, cause, bound)) in turns.iter().zip(expected) {
            assert_eq!((turned.to, turned.kind), (*to, *kind), "target {n}");
            let seen_after = turned.at.since(*cause);
            assert!(
                turned.at >= *cause && seen_after <= *bound,
                "target {n}: {to:?} after {seen_after:?}, not within {bound:?}"
            );
        }
    }
}

fn name(n: usize) -> String {
    format!("t{n:03}")
}

fn config(urls: &[String]) -> hc_config::Config {
    let mut text = String::from(
        "defaults:\n  interval: 1s\n  timeout: 1s\n  fast_interval: 200ms\n  max_interval: 2x\n  rise: 2\n  fall: 3\n  \
         expect: { latency: { degraded: 400ms } }\ntargets:\n",
    );
    for (n, url) in urls.iter().enumerate() {
        writeln!(text, "  - {{ name: {}, url: \"{url}\" }}", name(n)).expect("text grows");
    }
    hc_config::load_str("hc.yaml", &text)
        .unwrap_or_else(|errors| panic!("{}", errors.render(false)))
}

/// nginx's controls block.
async fn with(mut nginx: Nginx, act: impl FnOnce(&mut Nginx) + Send + 'static) -> Nginx {
    let acting = tokio::task::spawn_blocking(move || {
        act(&mut nginx);
        nginx
    });
    acting.await.expect("nginx follows")
}

/// What this process uses, and what the monitor counted.
#[derive(Debug)]
struct Usage {
    rss_kb: u64,
    tasks: usize,
    checks: u64,
    failures: u64,
    opened: u64,
}

async fn usage(monitor: &MonitorHandle) -> Usage {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let stats = monitor.stats().await.expect("the service runs");
    Usage {
        rss_kb: line
            .and_then(|line| line.split_whitespace().next()?.parse().ok())
            .expect("a number of kB"),
        tasks: tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks(),
        checks: stats.counters.checks(),
        failures: stats.counters.ended(hc_core::CheckResult::Failure),
        opened: stats.counters.opened,
    }
}

#[tokio::test]
async fn two_hundred_real_targets_fail_and_come_back() {
    let starting = tokio::task::spawn_blocking(|| Nginx::fleet(TARGETS as u16));
    let nginx = starting.await.expect("no panic").expect("nginx starts");
    let addresses = nginx.addresses();
    let some = |range: Range<usize>| -> Vec<SocketAddr> { addresses[range].to_vec() };

    let service = Service::start(config(&nginx.urls()), &Surroundings::default()).unwrap();
    let monitor = service.monitor().clone();
    let mut heard = Heard {
        feed: monitor.view().subscribe_after(0),
        turns: BTreeMap::new(),
        alarms: Vec::new(),
    };
    heard
        .until(0..TARGETS, Status::Healthy, INTERVAL + TIMEOUT + SLACK)
        .await;
    // Warm: each target has been asked some times over its kept connection.
    quiet(&mut heard, 4 * INTERVAL).await;
    let warm = usage(&monitor).await;

    let broken_at = monitor.now();
    let (stopped, failing) = (some(STOPPED), some(FAILING));
    let (hung, closing, slow) = (some(HUNG), some(CLOSING), some(SLOW));
    let gone = stopped.clone();
    let nginx = with(nginx, move |nginx| {
        let marks = [
            (failing, Answer::Failing),
            (hung, Answer::Hang),
            (closing, Answer::Close),
            (slow, Answer::Delayed(Duration::from_millis(600))),
        ];
        for (addresses, answer) in marks {
            for address in addresses {
                nginx.set(address, answer).expect("its folder is there");
            }
        }
        nginx.stop(&gone).expect("nginx reloads");
    })
    .await;
    heard.until(0..30, Status::Unhealthy, seen_down()).await;
    heard.until(SLOW, Status::Degraded, seen_slow()).await;
    // Long enough for the backoff to reach its end, and for a false verdict to show.
    quiet(&mut heard, 5 * INTERVAL).await;

    let mended_at = monitor.now();
    let (changed, back) = (some(10..40), stopped);
    let nginx = with(nginx, move |nginx| {
        for address in changed {
            nginx.set(address, Answer::Ok).expect("its folder is there");
        }
        nginx.bring_back(&back).expect("nginx reloads");
    })
    .await;
    heard.until(0..40, Status::Healthy, seen_back()).await;
    quiet(&mut heard, 4 * INTERVAL).await;
    let end = usage(&monitor).await;

    // Each fault was seen for what it is, once there and once back; the other 160 did nothing.
    let first = (
        Status::Healthy,
        None,
        Timestamp::ZERO,
        INTERVAL + TIMEOUT + SLACK,
    );
    let back = (Status::Healthy, None, mended_at, seen_back());
    for (range, kind) in [
        (STOPPED, Kind::Refused),
        (FAILING, Kind::Unexpected),
        (HUNG, Kind::Timeout),
        (CLOSING, Kind::Reset),
    ] {
        let down = (Status::Unhealthy, Some(kind), broken_at, seen_down());
        range.for_each(|n| heard.expect(n, &[first, down, back]));
    }
    let slow = (
        Status::Degraded,
        Some(Kind::Unexpected),
        broken_at,
        seen_slow(),
    );
    SLOW.for_each(|n| heard.expect(n, &[first, slow, back]));
    (40..TARGETS).for_each(|n| heard.expect(n, &[first]));
    assert!(heard.alarms.is_empty(), "{:?}", heard.alarms);

    println!("warm {warm:?}\nend  {end:?}");
    assert!(
        end.rss_kb <= warm.rss_kb + warm.rss_kb / 4 + 8 * 1024,
        "memory grew: {warm:?} {end:?}"
    );
    // What is in flight at one moment differs; nothing may pile up.
    assert!(end.tasks <= warm.tasks + 50, "tasks grew: {warm:?} {end:?}");
    // One a target, one more after each of nginx's two reloads, the planned ones (each twentieth check), and what failed.
    let allowed = 3 * TARGETS as u64 + end.checks / 20 + TARGETS as u64 + 2 * end.failures;
    assert!(end.opened <= allowed, "{allowed} allowed: {end:?}");
    assert!(warm.opened <= TARGETS as u64 + warm.checks / 20 + TARGETS as u64);
    service.shutdown().await;
    drop(with(nginx, |_| {}).await);
}

/// Listens for that long, whatever comes: observation, not synchronisation.
async fn quiet(heard: &mut Heard, span: Duration) {
    let listening = async {
        while let Some(item) = heard.feed.next().await {
            heard.take(item);
        }
    };
    // It ends by the time alone: the feed is open.
    let _ = tokio::time::timeout(span, listening).await;
}
