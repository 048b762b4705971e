//! Names against a server on loopback, by a clock that the test moves.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use hc_core::{Blame, Kind, TargetId, Timestamp};
use hc_testkit::dns::{DnsAnswer, DnsServer};

use super::system::Setup;
use super::*;

/// Stands still until it is moved.
#[derive(Default)]
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
}

struct Bench {
    clock: Arc<Hand>,
    server: DnsServer,
    names: Names,
}

impl Bench {
    async fn new() -> Self {
        let server = DnsServer::start().await.unwrap();
        let names = Names::of_servers(&[server.address()]);
        let clock = Arc::new(Hand::default());
        Self {
            clock,
            server,
            names,
        }
    }

    fn cx(&self) -> CheckContext {
        let id = TargetId::new("t");
        CheckContext::alone(id, self.clock.clone(), Duration::from_secs(10))
    }

    async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, Failure> {
        let found = self.names.resolve(&self.cx(), name).await;
        found.map(|addresses| addresses.to_vec())
    }

    fn pass(&self, seconds: f64) {
        let millis = Duration::from_secs_f64(seconds).as_millis();
        let millis = u64::try_from(millis).unwrap();
        self.clock.0.fetch_add(millis, Ordering::Relaxed);
    }

    /// Until the query under way, if any, has come to its end.
    async fn settle(&self, name: &str) {
        let query = self.names.book().query(name);
        if let Some(mut query) = query {
            let _ = query.wait_for(Option::is_some).await;
        }
    }
}

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[tokio::test]
async fn an_answer_is_kept_for_its_time_to_live_within_bounds() {
    for (ttl, kept) in [
        (0, 5.0),
        (5, 5.0),
        (60, 60.0),
        (300, 300.0),
        (86_400, 300.0),
    ] {
        let bench = Bench::new().await;
        bench
            .server
            .set("a.test", DnsAnswer::living(&["127.0.0.7"], ttl));
        assert_eq!(bench.resolve("a.test").await, Ok(ips(&["127.0.0.7"])));
        bench
            .server
            .set("a.test", DnsAnswer::living(&["127.0.0.8"], ttl));
        bench.pass(kept - 0.001);
        assert_eq!(
            bench.resolve("A.test").await,
            Ok(ips(&["127.0.0.7"])),
            "{ttl}"
        );
        assert_eq!(bench.server.asked("a.test"), 1);
        bench.pass(0.001);
        assert_eq!(
            bench.resolve("a.test").await,
            Ok(ips(&["127.0.0.8"])),
            "{ttl}"
        );
        assert_eq!(bench.server.asked("a.test"), 2);
    }
}

#[tokio::test]
async fn both_families_are_asked_and_take_turns() {
    let bench = Bench::new().await;
    let all = ["127.0.0.7", "127.0.0.8", "::1"];
    bench.server.set("a.test", DnsAnswer::of(&all));
    let found = bench.resolve("a.test").await.unwrap();
    // Where this machine has no IPv6 at all, IPv4 comes first.
    match found[0].is_ipv6() {
        true => assert_eq!(found, ips(&["::1", "127.0.0.7", "127.0.0.8"])),
        false => assert_eq!(found, ips(&["127.0.0.7", "::1", "127.0.0.8"])),
    }
    assert_eq!(
        (bench.server.asked("a.test"), bench.server.queries()),
        (1, 2)
    );
    let of = |family| {
        let names = bench.names.clone();
        let cx = bench.cx();
        async move {
            names
                .resolve_family(&cx, "a.test", family)
                .await
                .map(|all| all.to_vec())
        }
    };
    assert_eq!(of(IpFamily::V4).await, Ok(ips(&["127.0.0.7", "127.0.0.8"])));
    assert_eq!(of(IpFamily::V6).await, Ok(ips(&["::1"])));
}

#[tokio::test]
async fn one_query_serves_all_who_wait_even_when_the_first_gave_up() {
    let bench = Bench::new().await;
    bench.server.set("a.test", DnsAnswer::of(&["127.0.0.7"]));
    let cx = bench.cx();
    {
        // Polled once, which asks, and then given up.
        let mut first = Box::pin(bench.names.resolve(&cx, "a.test"));
        assert!(futures_once(first.as_mut()).await.is_none());
    }
    let many = (0..50).map(|_| {
        let (names, cx) = (bench.names.clone(), bench.cx());
        tokio::spawn(async move { names.resolve(&cx, "a.test").await })
    });
    for waiting in many.collect::<Vec<_>>() {
        assert!(waiting.await.unwrap().is_ok());
    }
    assert_eq!(bench.server.queries(), 2, "one of each family");
}

async fn futures_once<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(cx) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_its_own_fault_and_is_not_asked_at_every_check() {
    let bench = Bench::new().await;
    for (ttl, kept) in [
        (None, 5.0),
        (Some(1), 5.0),
        (Some(30), 30.0),
        (Some(9_000), 300.0),
    ] {
        let before = bench.server.asked("none.test");
        bench.server.set("none.test", DnsAnswer::NoName(ttl));
        let failure = bench.resolve("none.test").await.unwrap_err();
        assert_eq!(
            (failure.kind, failure.blame),
            (Kind::Resolve, Blame::Target)
        );
        assert_eq!(failure.code, Some("not_found"));
        assert_eq!(failure.message.as_str(), "none.test does not exist");
        bench.pass(kept - 0.001);
        assert!(bench.resolve("none.test").await.is_err());
        assert_eq!(bench.server.asked("none.test"), before + 1, "{ttl:?}");
        bench.pass(0.001);
    }
    bench.server.set("none.test", DnsAnswer::of(&[]));
    let failure = bench.resolve("none.test").await.unwrap_err();
    assert_eq!(
        (failure.kind, failure.blame),
        (Kind::Resolve, Blame::Target)
    );
    assert_eq!(failure.code, Some("no_address"));
    assert_eq!(
        failure.message.as_str(),
        "none.test has no address of any family"
    );
}

#[tokio::test]
async fn what_does_not_exist_any_more_is_not_served() {
    let bench = Bench::new().await;
    bench
        .server
        .set("a.test", DnsAnswer::living(&["127.0.0.7"], 5));
    bench.resolve("a.test").await.unwrap();
    bench.server.set("a.test", DnsAnswer::NoName(None));
    bench.pass(5.0);
    assert_eq!(
        bench.resolve("a.test").await.unwrap_err().kind,
        Kind::Resolve
    );
    bench.server.set("a.test", DnsAnswer::Code(2));
    bench.pass(5.0);
    assert_eq!(
        bench.resolve("a.test").await.unwrap_err().kind,
        Kind::Resolver
    );
}

#[tokio::test]
async fn trouble_of_the_resolver_is_local_and_names_it() {
    for (code, says) in [(2, "failed for a.test"), (5, "refused to look for a.test")] {
        let bench = Bench::new().await;
        bench.server.set("a.test", DnsAnswer::Code(code));
        let failure = bench.resolve("a.test").await.unwrap_err();
        assert_eq!(
            (failure.kind, failure.blame),
            (Kind::Resolver, Blame::Local)
        );
        assert_eq!(failure.code, Some("servfail"));
        let at = bench.server.address();
        assert_eq!(failure.message.as_str(), format!("resolver {at} {says}"));
        let asked = bench.server.queries();
        bench.pass(0.999);
        assert!(bench.resolve("a.test").await.is_err());
        assert_eq!(bench.server.queries(), asked, "not asked again at once");
        bench.server.set("a.test", DnsAnswer::of(&["127.0.0.7"]));
        bench.pass(0.001);
        assert!(bench.resolve("a.test").await.is_ok());
    }
}

#[tokio::test]
async fn a_silent_resolver_is_named() {
    let bench = Bench::new().await;
    bench.server.set("a.test", DnsAnswer::Silence);
    let failure = bench.resolve("a.test").await.unwrap_err();
    assert_eq!(
        (failure.kind, failure.blame),
        (Kind::Resolver, Blame::Local)
    );
    assert_eq!(failure.code, Some("silent"));
    let at = bench.server.address();
    assert_eq!(
        failure.message.as_str(),
        format!("resolver {at} did not answer")
    );
}

#[tokio::test]
async fn an_old_answer_serves_while_the_resolver_fails_for_an_hour() {
    let bench = Bench::new().await;
    bench
        .server
        .set("a.test", DnsAnswer::living(&["127.0.0.7"], 60));
    bench.resolve("a.test").await.unwrap();
    bench.server.set("a.test", DnsAnswer::Code(2));
    bench.pass(60.0);
    let mut asked = bench.server.queries();
    for _ in 0..3 {
        assert_eq!(bench.resolve("a.test").await, Ok(ips(&["127.0.0.7"])));
        assert!(bench.server.queries() > asked, "news are asked for");
        asked = bench.server.queries();
        bench.pass(4.999);
        assert_eq!(bench.resolve("a.test").await, Ok(ips(&["127.0.0.7"])));
        assert_eq!(bench.server.queries(), asked, "but not at every check");
        bench.pass(0.001);
    }
    bench.pass(3_585.0);
    assert_eq!(bench.resolve("a.test").await, Ok(ips(&["127.0.0.7"])));
    bench.pass(5.001);
    assert_eq!(
        bench.resolve("a.test").await.unwrap_err().kind,
        Kind::Resolver
    );
}

#[tokio::test]
async fn how_old_an_old_answer_is_is_told() {
    let bench = Bench::new().await;
    bench
        .server
        .set("a.test", DnsAnswer::living(&["127.0.0.7"], 60));
    let told = async || {
        let cx = bench.cx();
        bench.names.resolve(&cx, "a.test").await.unwrap();
        cx.evidence().facts.to_vec()
    };
    assert_eq!(told().await, []);
    bench.pass(59.0);
    assert_eq!(told().await, []);
    bench.server.set("a.test", DnsAnswer::Code(2));
    bench.pass(1.0);
    let age = |seconds| vec![hc_core::Fact::AddressAge(Duration::from_secs(seconds))];
    assert_eq!(told().await, age(60), "it was asked for in vain");
    bench.pass(1.0);
    assert_eq!(told().await, age(61), "it is not asked for again yet");
    bench.server.set("a.test", DnsAnswer::Silence);
    bench.pass(5.0);
    assert_eq!(told().await, age(66), "nobody waits for long");
    bench.settle("a.test").await;
    bench.server.set("a.test", DnsAnswer::of(&["127.0.0.7"]));
    bench.pass(5.0);
    assert_eq!(told().await, []);
}

#[tokio::test]
async fn a_check_of_an_old_address_says_so_whether_it_passes_or_not() {
    use hc_core::{Fact, Probe};
    use hc_testkit::server::{Server, http};
    for transport in [
        crate::TransportKind::Dedicated,
        crate::TransportKind::Pooled,
    ] {
        let bench = Bench::new().await;
        bench
            .server
            .set("a.test", DnsAnswer::living(&["127.0.0.1"], 60));
        let server = Server::start(|nth, _| match nth {
            0 | 1 => http::ok(),
            _ => http::answer("503 Service Unavailable", ""),
        })
        .await;
        let url = format!("http://a.test:{}/", server.address().port());
        let mut spec = crate::HttpSpec::new(url.parse().unwrap());
        spec.transport = transport;
        let mut clients = crate::Clients::new();
        clients.names = bench.names.clone();
        let probe = crate::HttpProbe::try_new(spec, &clients).unwrap();
        let said = |evidence: &hc_core::Evidence| {
            let age = |fact: &Fact| match fact {
                Fact::AddressAge(age) => Some(*age),
                _ => None,
            };
            evidence.facts.iter().find_map(age)
        };
        let evidence = probe.check(&bench.cx()).await.unwrap();
        assert_eq!(said(&evidence), None);
        bench.server.set("a.test", DnsAnswer::Code(2));
        bench.pass(60.0);
        let evidence = probe.check(&bench.cx()).await.unwrap();
        assert_eq!(said(&evidence), Some(Duration::from_secs(60)));
        bench.pass(1.0);
        let failure = probe.check(&bench.cx()).await.unwrap_err();
        assert_eq!(failure.kind, Kind::Unexpected, "{transport:?}");
        let evidence = failure.evidence.unwrap();
        assert_eq!(said(&evidence), Some(Duration::from_secs(61)));
    }
}

#[tokio::test]
async fn an_old_answer_serves_at_once_while_the_resolver_is_silent() {
    let bench = Bench::new().await;
    bench
        .server
        .set("a.test", DnsAnswer::living(&["127.0.0.7"], 60));
    bench.resolve("a.test").await.unwrap();
    bench.server.set("a.test", DnsAnswer::Silence);
    bench.pass(60.0);
    assert_eq!(bench.resolve("a.test").await, Ok(ips(&["127.0.0.7"])));
    assert!(
        bench.names.book().query("a.test").is_some(),
        "it did not wait for the end"
    );
    bench.pass(0.2);
    let cx = bench.cx();
    let mut next = Box::pin(bench.names.resolve(&cx, "a.test"));
    assert!(
        futures_once(next.as_mut()).await.is_some(),
        "the next one not at all"
    );
    bench.settle("a.test").await;
    bench
        .server
        .set("a.test", DnsAnswer::living(&["127.0.0.8"], 60));
    bench.pass(5.0);
    assert_eq!(bench.resolve("a.test").await, Ok(ips(&["127.0.0.8"])));
}

#[tokio::test]
async fn a_family_that_the_resolver_is_silent_about_is_nobodys_fault() {
    let bench = Bench::new().await;
    let v4 = DnsAnswer::living(&["127.0.0.7"], 300);
    let answer = DnsAnswer::ByFamily(Box::new(v4), Box::new(DnsAnswer::Code(2)));
    bench.server.set("a.test", answer);
    assert_eq!(bench.resolve("a.test").await, Ok(ips(&["127.0.0.7"])));
    let cx = bench.cx();
    let v6 = bench.names.resolve_family(&cx, "a.test", IpFamily::V6);
    assert_eq!(v6.await.unwrap_err().blame, Blame::Local);
    bench.server.set("a.test", DnsAnswer::of(&["127.0.0.7"]));
    bench.pass(30.0);
    let cx = bench.cx();
    let v6 = bench.names.resolve_family(&cx, "a.test", IpFamily::V6);
    let failure = v6.await.unwrap_err();
    assert_eq!(failure.blame, Blame::Target);
    assert_eq!(failure.message.as_str(), "a.test has no address of IPv6");
}

#[tokio::test]
async fn aliases_and_long_answers() {
    let bench = Bench::new().await;
    let alias = DnsAnswer::Alias("b.test".into(), 20, ips(&["127.0.0.7"]), 200);
    bench.server.set("a.test", alias);
    bench
        .server
        .set("b.test", DnsAnswer::living(&["127.0.0.9"], 200));
    let asked = |name| bench.server.asked(name);
    assert_eq!(bench.resolve("a.test").await, Ok(ips(&["127.0.0.7"])));
    bench.pass(19.999);
    bench.resolve("a.test").await.unwrap();
    let before = asked("a.test");
    bench.pass(0.001);
    bench.resolve("a.test").await.unwrap();
    assert_eq!(
        (before, asked("a.test")),
        (1, 2),
        "no longer than the alias"
    );
    bench
        .server
        .set("long.test", DnsAnswer::TooLong(ips(&["127.0.0.8"]), 60));
    assert_eq!(bench.resolve("long.test").await, Ok(ips(&["127.0.0.8"])));
}

#[tokio::test]
async fn the_next_server_is_asked_where_one_fails() {
    let (bad, good) = (DnsServer::start().await.unwrap(), Bench::new().await);
    bad.set("a.test", DnsAnswer::Code(2));
    good.server
        .set("a.test", DnsAnswer::living(&["127.0.0.7"], 5));
    let names = Names::of_servers(&[bad.address(), good.server.address()]);
    assert!(names.resolve(&good.cx(), "a.test").await.is_ok());
    let asked = bad.queries();
    good.pass(5.0);
    assert!(names.resolve(&good.cx(), "a.test").await.is_ok());
    assert_eq!(
        bad.queries(),
        asked,
        "the one that answered last is asked first"
    );
}

#[tokio::test]
async fn search_domains_hosts_and_reserved_names() {
    let bench = Bench::new().await;
    let conf = b"search one.test two.test\nnameserver 127.0.0.1\noptions ndots:2\n";
    let mut setup = Setup::of(conf, "127.0.0.5 shop.internal\n127.0.0.6 a.test");
    setup.servers = servers::Servers::new(&[bench.server.address()], false, GRACE * 10);
    let names = Names::of(0, System::fixed(setup));
    let resolve = async |name: &str| {
        let found = names.resolve(&bench.cx(), name).await;
        found.map(|all| all.to_vec())
    };
    bench
        .server
        .set("api.two.test", DnsAnswer::of(&["127.0.0.7"]));
    bench.server.set("api.x", DnsAnswer::of(&["127.0.0.8"]));
    bench.server.set("a.b.c", DnsAnswer::of(&["127.0.0.9"]));
    assert_eq!(resolve("api").await, Ok(ips(&["127.0.0.7"])));
    assert_eq!(resolve("api.x").await, Ok(ips(&["127.0.0.8"])));
    assert_eq!(
        bench.server.asked("api.x.two.test"),
        1,
        "few dots: searched first"
    );
    assert_eq!(resolve("a.b.c").await, Ok(ips(&["127.0.0.9"])));
    assert_eq!(bench.server.asked("a.b.c.one.test"), 0);
    assert!(resolve("api.").await.is_err());
    let asked = bench.server.queries();
    assert_eq!(resolve("shop.internal").await, Ok(ips(&["127.0.0.5"])));
    assert_eq!(resolve("A.test.").await, Ok(ips(&["127.0.0.6"])));
    assert_eq!(
        resolve("db.localhost").await,
        Ok(ips(&["::1", "127.0.0.1"]))
    );
    assert_eq!(
        resolve("nothing.invalid").await.unwrap_err().kind,
        Kind::Resolve
    );
    assert_eq!(resolve("127.0.0.1").await, Ok(ips(&["127.0.0.1"])));
    let long = format!("{}.test", "x".repeat(64));
    assert_eq!(resolve(&long).await.unwrap_err().kind, Kind::Resolve);
    assert_eq!(bench.server.queries(), asked, "none of these is asked");
    bench.server.set("api.one.test", DnsAnswer::Code(2));
    bench.server.set("new.one.test", DnsAnswer::Code(2));
    let failure = resolve("new").await.unwrap_err();
    assert_eq!(failure.kind, Kind::Resolver, "it may be there");
}

#[test]
fn a_query_that_dies_with_its_runtime_makes_way_for_the_next() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let home = runtime();
    let bench = home.block_on(Bench::new());
    bench.server.set("a.test", DnsAnswer::Silence);
    let cx = bench.cx();
    let passing = runtime();
    passing.block_on(async {
        let mut first = Box::pin(bench.names.resolve(&cx, "a.test"));
        assert!(futures_once(first.as_mut()).await.is_none());
    });
    drop(passing);
    bench.server.set("a.test", DnsAnswer::of(&["127.0.0.7"]));
    assert_eq!(
        home.block_on(bench.resolve("a.test")),
        Ok(ips(&["127.0.0.7"]))
    );
}

/// It is neither dropped nor polled, as a program's that does something else.
#[test]
fn a_runtime_that_sleeps_keeps_no_other_waiting() {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let home = builder.worker_threads(1).enable_all().build().unwrap();
    let bench = home.block_on(Bench::new());
    for name in ["a.test", "b.test"] {
        bench.server.set(name, DnsAnswer::Silence);
    }
    let sleeping = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let cx = bench.cx();
    sleeping.block_on(async {
        let mut first = Box::pin(bench.names.resolve(&cx, "a.test"));
        assert!(futures_once(first.as_mut()).await.is_none());
        bench.server.wait_for(2).await;
        // As many as are asked at once.
        for nth in 0..AT_ONCE {
            let name = format!("{nth}.test");
            bench.server.set(&name, DnsAnswer::Silence);
            let mut other = Box::pin(bench.names.resolve(&cx, &name));
            assert!(futures_once(other.as_mut()).await.is_none());
        }
        bench.server.wait_for(2 * AT_ONCE).await;
    });
    for name in ["a.test", "b.test"] {
        bench.server.set(name, DnsAnswer::of(&["127.0.0.7"]));
        let found = home.block_on(async {
            tokio::time::timeout(Duration::from_secs(5), bench.resolve(name)).await
        });
        assert_eq!(found.expect("it hangs"), Ok(ips(&["127.0.0.7"])));
    }
}

#[test]
fn a_runtime_that_slept_brings_no_news() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.build().unwrap()
    };
    let (sleeps, wakes) = (runtime(), runtime());
    let at = Timestamp::from_millis;
    let known = |ip| Ok((Known::of(ips(&[ip])), Duration::from_secs(60)));
    let mut book = Book::new(0);
    for (runtime, now) in [(&sleeps, 1), (&wakes, 2)] {
        let (tell, _) = book.look("a.test", runtime.handle().id(), at(now));
        assert!(tell.is_some(), "each asks for itself");
    }
    let keep = |book: &mut Book, runtime: &tokio::runtime::Runtime, now, outcome| {
        let answer = book.keep("a.test", runtime.handle().id(), at(now), outcome);
        answer.map(|known| known.addresses.to_vec())
    };
    let new = Ok(ips(&["127.0.0.8"]));
    assert_eq!(keep(&mut book, &wakes, 3, known("127.0.0.8")), new);
    assert_eq!(keep(&mut book, &sleeps, 4, known("127.0.0.7")), new);
    let (tell, _) = book.look("a.test", sleeps.handle().id(), at(60_003));
    assert!(tell.is_some(), "its own query was over");
    assert_eq!(
        keep(&mut book, &sleeps, 60_004, known("127.0.0.9")),
        Ok(ips(&["127.0.0.9"]))
    );
}

#[tokio::test]
async fn the_book_has_an_end() {
    let home = Handle::current().id();
    let mut book = Book::new(0);
    let known = || Ok((Known::of(ips(&["127.0.0.7"])), Duration::from_secs(60)));
    for n in 0..10_000 {
        let name = format!("{n}.test");
        book.look(&name, home, Timestamp::ZERO);
        book.keep(&name, home, Timestamp::ZERO, known()).unwrap();
        // This one is in use all the time.
        book.look("0.test", home, Timestamp::ZERO);
        assert!(book.len() <= 4_096);
    }
    assert!(book.len() > 3_000);
    let is_known = |book: &mut Book, name: &str| {
        matches!(book.look(name, home, Timestamp::ZERO).1, Look::Now(Ok(_)))
    };
    assert!(is_known(&mut book, "0.test") && is_known(&mut book, "9999.test"));
    assert!(!is_known(&mut book, "1.test"));
}
