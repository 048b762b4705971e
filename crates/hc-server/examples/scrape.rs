//! What looking in costs: a fleet of probes that do nothing, with and without a scrape a second and with readers of the
//! event stream. `cargo run --release -p hc-server --example scrape -- 10000 10 50`: targets, seconds, readers.

#![expect(clippy::print_stdout, reason = "an example tells what it has measured")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hc_core::{Evidence, Fact, Phase, Policy, Target, probe_fn};
use hc_scheduler::{Monitor, MonitorHandle};
use hc_server::{About, Address, Catalogue, Ledger, Server, Setting, Sockets};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Nothing;

impl Catalogue for Nothing {
    fn url(&self, _: &str) -> Option<Arc<str>> {
        None
    }

    fn target(&self, _: &str) -> Option<Vec<Setting>> {
        None
    }

    fn process(&self) -> Vec<Setting> {
        Vec::new()
    }
}

/// Processor time and resident memory of this process, by the kernel.
fn used() -> (Duration, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<u64> = rest
        .split_whitespace()
        .map(|field| field.parse().unwrap_or(0))
        .collect();
    let field = |number: usize| fields.get(number - 3).copied().unwrap_or(0);
    // Ticks of 10 ms and pages of 4 KiB, as on every usual Linux.
    (
        Duration::from_millis((field(14) + field(15)) * 10),
        field(24) * 4096,
    )
}

async fn ask(at: std::net::SocketAddr, path: &str) -> std::io::Result<usize> {
    let mut stream = TcpStream::connect(at).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let (mut read, mut buffer) = (0, vec![0; 256 * 1024]);
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(read),
            count => read += count,
        }
    }
}

async fn listen(at: std::net::SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(at).await?;
    let request =
        "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    let mut buffer = vec![0; 64 * 1024];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

async fn measure(what: &str, monitor: &MonitorHandle, seconds: u64, work: impl AsyncFn()) {
    let before = monitor.stats().await.expect("it runs").counters;
    let (began, _) = used();
    for _ in 0..seconds {
        let tick = tokio::time::sleep(Duration::from_secs(1));
        work().await;
        tick.await;
    }
    let (ended, resident) = used();
    let after = monitor.stats().await.expect("it runs").counters;
    let mut late = after.lateness_us.clone();
    late.subtract(&before.lateness_us)
        .expect("the bounds are the same");
    let each = (ended - began).as_secs_f64() * 1e3 / seconds as f64;
    let checks = (after.checks() - before.checks()) / seconds;
    let (p50, p99) = (late.value_at_quantile(0.5), late.value_at_quantile(0.99));
    println!(
        "{what:24} {each:7.1} ms of processor a second, {checks} checks/s, late p50 {p50} us p99 {p99} us, {} MiB",
        resident >> 20
    );
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut given = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse::<u64>().ok());
    let (targets, seconds, readers) = (
        given.next().unwrap_or(10_000),
        given.next().unwrap_or(10),
        given.next().unwrap_or(50),
    );
    let policy = Arc::new(Policy::builder().interval(Duration::from_secs(1)).build()?);
    // One in a hundred fails every now and then, so that there are events.
    let fleet = (0..targets).map(|nth| {
        let probe = probe_fn(move |cx| async move {
            cx.enter(Phase::Connect);
            cx.enter(Phase::Wait);
            let fails = nth % 100 == 0 && cx.now().as_nanos() / 10_000_000_000 % 2 == 1;
            match fails {
                true => Err(hc_core::Failure::new(
                    hc_core::Kind::Refused,
                    Phase::Connect,
                    "refused",
                )),
                false => Ok(Evidence::new()
                    .with(Fact::HttpStatus(200))
                    .with(Fact::BodyBytes(2))),
            }
        });
        Target::new(
            format!("http://10.{}.{}.7:8080/health", nth / 256, nth % 256),
            probe,
        )
        .with_policy(policy.clone())
        .with_group("default")
        .with_probe_name("http")
    });
    let ledger = Arc::new(Ledger::new());
    let monitor = Monitor::builder()
        .observer(ledger.clone())
        .in_flight(1_000)
        .own_threads(true)
        .isolation(None)
        .targets(fleet)
        .build()
        .start();
    let about = About {
        instance: "example".into(),
        version: String::new(),
        revision: String::new(),
        started: SystemTime::UNIX_EPOCH,
    };
    let server = Server::new(monitor.clone(), ledger, about, Arc::new(Nothing));
    let mut sockets = Sockets::none();
    sockets.bind(&"127.0.0.1:0".parse::<Address>()?).await?;
    let at = sockets.tcp_addresses()[0];
    let serving = server.serve(sockets);
    monitor.first_sweep().await?;
    println!(
        "{targets} targets; a scrape is {} bytes",
        ask(at, "/metrics").await?
    );

    measure("nobody looks in", &monitor, seconds, async || {}).await;
    let scrape = async || drop(ask(at, "/metrics").await);
    measure("a scrape a second", &monitor, seconds, scrape).await;
    measure("the same later", &monitor, seconds, scrape).await;
    let page = async || drop(ask(at, "/api/v1/targets").await);
    measure("a page a second", &monitor, seconds, page).await;
    for _ in 0..readers {
        tokio::spawn(listen(at));
    }
    let what = format!("{readers} readers of events");
    measure(&what, &monitor, seconds, async || {}).await;
    serving.close(Duration::from_secs(1)).await;
    monitor.shutdown(Duration::from_secs(1)).await;
    Ok(())
}
