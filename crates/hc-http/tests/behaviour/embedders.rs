//! What odd embedders do: runtimes that come and go, clocks of their own, checks polled and dropped at any point.

use std::io::{Read, Write};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use hc_core::{CheckContext, Clock, Connection, Nudge, Probe, Timestamp};
use hc_http::HttpProbe;
use hc_testkit::server::{Act, Server, http};

use crate::support::{LONG, Make, context, dedicated, pass, spec};

cases! {
    ; dedicated only: a_wall_clock_of_ones_own_costs_no_connection,
    a_check_may_be_dropped_at_any_poll,
    a_probe_may_be_shared_by_targets,
}

/// A server on a thread of its own: answers each request, on as many connections as come.
fn threaded() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            std::thread::spawn(move || {
                let mut request = [0; 1_024];
                while stream.read(&mut request).is_ok_and(|count| count > 0) {
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                    if stream.write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// A driver polls once more at the deadline: an answer that lies there unread counts, whoever was late to look.
#[test]
fn a_poll_at_the_deadline_sees_what_lies_there() {
    let probe = dedicated(spec(&format!("http://{}/", threaded())));
    current_thread().block_on(async {
        pass(&probe).await;
        let cx = context();
        let mut check = pin!(probe.check(&cx));
        let mut polls = 0;
        let polled = std::future::poll_fn(|task| {
            polls += 1;
            let result = check.as_mut().poll(task);
            if polls == 1 {
                assert!(result.is_pending());
                // The runtime's only thread is held up: nobody looks.
                std::thread::sleep(Duration::from_millis(40));
                task.waker().wake_by_ref();
                return Poll::Pending;
            }
            assert_eq!(polls, 2);
            Poll::Ready(result)
        });
        assert!(matches!(polled.await, Poll::Ready(Ok(_))));
    });
}

/// The kernel's stamps are told by the kernel's clock, whatever a driver takes for the time of day.
async fn a_wall_clock_of_ones_own_costs_no_connection(make: Make) {
    struct Ahead(Arc<dyn Clock>);
    impl Clock for Ahead {
        fn now(&self) -> Timestamp {
            self.0.now()
        }

        fn wall(&self) -> SystemTime {
            self.0.wall() + Duration::from_secs(86_400)
        }
    }
    let server = Server::always(http::ok()).await;
    let probe = make(spec(&server.url("/")));
    for nth in 0..4 {
        let clock = Arc::new(Ahead(context().clock().clone()));
        let deadline = Timestamp::ZERO + LONG;
        let cx = CheckContext::new("test".into(), clock, deadline, Nudge::nowhere());
        let evidence = probe.check(&cx).await.unwrap();
        assert!(!evidence.retried, "{nth}");
    }
    assert_eq!(server.connections(), 1);
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

async fn a_check_may_be_dropped_at_any_poll(make: Make) {
    let server = Server::start(|_, _| {
        let mut acts = vec![Act::text("HTTP/1.1 200 OK\r\nContent-")];
        acts.push(Act::Pause(Duration::from_millis(3)));
        acts.push(Act::text("Length: 2\r\n\r\n"));
        acts.push(Act::Pause(Duration::from_millis(3)));
        acts.push(Act::text("ok"));
        acts
    })
    .await;
    let probe = make(spec(&server.url("/")));
    for round in 0..4 {
        for polls in 0..8 {
            let cx = context();
            let mut check = Box::pin(probe.check(&cx));
            let mut left = polls;
            std::future::poll_fn(|task| {
                if left == 0 {
                    return Poll::Ready(());
                }
                left -= 1;
                check
                    .as_mut()
                    .poll(task)
                    .map(|result| drop(result.unwrap()))
            })
            .await;
            drop(check);
            if round % 2 == 0 {
                pass(&probe).await;
            }
        }
    }
    pass(&probe).await;
    assert_eq!(pass(&probe).await.connection, Some(Connection::Reused));
}

async fn a_probe_may_be_shared_by_targets(make: Make) {
    let server = Server::always(http::ok()).await;
    let probe = Arc::new(make(spec(&server.url("/"))));
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let probe = probe.clone();
        all.spawn(async move {
            for _ in 0..50 {
                probe.check(&context()).await.unwrap();
            }
        });
    }
    all.join_all().await;
}

fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn once(runtime: &tokio::runtime::Runtime, probe: &HttpProbe) -> Option<Connection> {
    let checked =
        async { tokio::time::timeout(Duration::from_secs(5), probe.check(&context())).await };
    runtime
        .block_on(checked)
        .expect("it hangs")
        .unwrap()
        .connection
}

/// A connection belongs to the runtime that it was opened in, which may be asleep when another one asks.
#[test]
fn a_sleeping_runtimes_connection_is_not_used_in_another() {
    let probe = dedicated(spec(&format!("http://{}/", threaded())));
    let (one, other) = (current_thread(), current_thread());
    assert_eq!(once(&one, &probe), Some(Connection::New));
    assert_eq!(once(&one, &probe), Some(Connection::Reused));
    assert_eq!(once(&other, &probe), Some(Connection::New));
    assert_eq!(once(&other, &probe), Some(Connection::Reused));
    assert_eq!(once(&one, &probe), Some(Connection::New));
}

#[test]
fn runtimes_come_and_go() {
    let mut spec = spec(&format!("http://{}/", threaded()));
    spec.reconnect_every = Some(10_000);
    let probe = dedicated(spec);
    let before = descriptors();
    for _ in 0..20 {
        let runtime = current_thread();
        assert_eq!(once(&runtime, &probe), Some(Connection::New));
        assert_eq!(once(&runtime, &probe), Some(Connection::Reused));
        drop(runtime);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        assert_eq!(once(&runtime, &probe), Some(Connection::New));
        assert_eq!(once(&runtime, &probe), Some(Connection::Reused));
    }
    assert!(descriptors() < before + 20, "{} {before}", descriptors());
}

/// Virtual time runs ahead of sockets whenever the runtime has nothing to do; a check comes to its end all the same.
#[test]
fn under_a_paused_clock_each_check_ends() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap();
    current_thread().block_on(async {
        tokio::time::pause();
        // Served by the same runtime, so nothing is left to wait for when time moves.
        let server = Server::always(http::ok()).await;
        let probe = dedicated(spec(&server.url("/")));
        for _ in 0..3 {
            let check = tokio::time::timeout(LONG, probe.check(&context())).await;
            assert!(check.expect("it ends").is_ok());
        }
        // The kept connection is closed in time, and then nobody looks any more.
        tokio::time::sleep(Duration::from_secs(200)).await;
        let evidence = tokio::time::timeout(LONG, probe.check(&context())).await;
        assert_eq!(evidence.unwrap().unwrap().connection, Some(Connection::New));
        // Whoever is silent is silent until the deadline, which is there at once.
        let probe = dedicated(spec(&format!("http://{silent}/")));
        let check = tokio::time::timeout(LONG, probe.check(&context())).await;
        assert!(check.is_err());
    });
}
