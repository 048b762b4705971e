//! What is the pooled transport's own: clients are shared, and reqwest's habits are off. That it follows no redirect,
//! sends no Referer and undoes no compression unasked is held by the cases of both transports.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use hc_core::{Connection, Phase, Probe};
use hc_http::{Clients, Dial, HttpProbe, HttpSpec, HttpVersion, TransportKind};
use hc_testkit::server::{Act, Server, http};

use crate::support::{check, context, fail, pass, pooled, spec, stuck_in};

fn sharing(clients: &Clients, mut spec: HttpSpec) -> HttpProbe {
    spec.transport = TransportKind::Pooled;
    HttpProbe::try_new(spec, clients).unwrap()
}

#[test]
fn equal_configurations_share_one_client() {
    let clients = Clients::new();
    let of = |url: &str| spec(url);
    let mut probes: Vec<_> = (0..100)
        .map(|n| sharing(&clients, of(&format!("http://10.0.0.{n}/"))))
        .collect();
    assert_eq!(clients.pools(), 1);
    let differing: [fn(&mut HttpSpec); 5] = [
        |spec| spec.keep_alive = Duration::from_secs(5),
        |spec| spec.version = HttpVersion::Http1,
        |spec| spec.ip = hc_http::IpFamily::V4,
        |spec| spec.tls.insecure = true,
        |spec| spec.connect = Some(Dial::Address("10.0.0.9:443".parse().unwrap())),
    ];
    for (nth, differ) in differing.into_iter().enumerate() {
        let mut other = of("https://shop.test/");
        differ(&mut other);
        probes.push(sharing(&clients, other));
        assert_eq!(clients.pools(), nth + 2);
    }
    drop(probes);
    let mut last = of("http://10.0.0.1/");
    last.keep_alive = Duration::from_secs(7);
    let _last = sharing(&clients, last);
    assert_eq!(clients.pools(), 1, "what nobody uses is dropped");
}

#[tokio::test]
async fn targets_of_one_server_share_its_connections() {
    let server = Server::always(http::ok()).await;
    let clients = Clients::for_fleet(2);
    let probes = ["/a", "/b"].map(|path| sharing(&clients, spec(&server.url(path))));
    for probe in &probes {
        for _ in 0..3 {
            pass(probe).await;
        }
    }
    assert_eq!((server.connections(), server.requests()), (1, 6));
}

#[tokio::test]
async fn what_is_not_measured_is_absent() {
    let server = Server::always(http::ok()).await;
    let probe = pooled(spec(&server.url("/")));
    let phases = pass(&probe).await.phases;
    assert!(phases.get(Phase::Connect).is_some() && phases.get(Phase::Wait).is_some());
    assert!(phases.get(Phase::Tls).is_none() && phases.get(Phase::Send).is_none());
    let phases = pass(&probe).await.phases;
    assert!(phases.get(Phase::Connect).is_none() && phases.get(Phase::Wait).is_some());
}

#[tokio::test]
async fn cookies_are_not_kept() {
    let server = Server::always([Act::text(
        "HTTP/1.1 200 OK\r\nSet-Cookie: session=1\r\nContent-Length: 0\r\n\r\n",
    )])
    .await;
    let probe = pooled(spec(&server.url("/")));
    pass(&probe).await;
    pass(&probe).await;
    let head = server.heads()[1].to_lowercase();
    assert!(
        !head.contains("cookie") && !head.contains("accept-encoding"),
        "{head}"
    );
}

#[test]
fn proxy_variables_are_not_ours() {
    // Variables belong to a process: another one runs a case that a proxy would break.
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "answers::pooled::connect_keeps_host"]);
    for name in [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "all_proxy",
        "ALL_PROXY",
    ] {
        command.env(name, "http://127.0.0.1:1/");
    }
    let output = command.output().unwrap();
    let says = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && says.contains("1 passed"),
        "{says}"
    );
}

#[tokio::test]
async fn kept_connections_are_doubted_after_a_new_one_failed() {
    let server = Server::start(|nth, _| match nth {
        1 => vec![Act::Close],
        _ => http::ok(),
    })
    .await;
    let mut spec = spec(&server.url("/"));
    spec.reconnect_every = Some(2);
    let probe = pooled(spec);
    pass(&probe).await;
    fail(&probe).await;
    assert_eq!(pass(&probe).await.connection, Some(Connection::New));
}

#[tokio::test]
async fn kept_connections_are_doubted_after_a_check_was_given_up() {
    let server = Server::start(|nth, _| match nth {
        1 => vec![Act::Hang],
        _ => http::ok(),
    })
    .await;
    let mut spec = spec(&server.url("/"));
    spec.reconnect_every = Some(2);
    let probe = pooled(spec);
    pass(&probe).await;
    assert_eq!(stuck_in(&probe).await, Some(Phase::Wait));
    assert_eq!(pass(&probe).await.connection, Some(Connection::New));
}

#[tokio::test]
async fn one_failed_new_connection_is_not_the_end_of_pooling() {
    let server = Server::start(|nth, _| match nth {
        1 => vec![Act::Close],
        _ => http::ok(),
    })
    .await;
    let mut spec = spec(&server.url("/"));
    spec.reconnect_every = Some(2);
    let probe = pooled(spec);
    pass(&probe).await;
    fail(&probe).await;
    for _ in 0..2 {
        pass(&probe).await;
    }
    assert_eq!(pass(&probe).await.connection, Some(Connection::Reused));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checks_at_once_cost_two_connections_each_at_most() {
    const CHECKS: usize = 200;
    // Each second request is met by a close, on kept connections and new ones alike.
    let server = Server::start(|nth, _| match nth % 2 {
        1 => vec![Act::Close],
        _ => http::ok(),
    })
    .await;
    let clients = Clients::new();
    let probe = Arc::new(sharing(&clients, spec(&server.url("/"))));
    let mut checks = tokio::task::JoinSet::new();
    for _ in 0..CHECKS {
        let probe = probe.clone();
        checks.spawn(async move { probe.check(&context()).await.map(drop) });
    }
    checks.join_all().await;
    let (connections, requests) = (server.connections(), server.requests());
    assert!(
        connections <= 2 * CHECKS && requests <= 2 * CHECKS,
        "{connections} {requests}"
    );
}

/// The default of reqwest sends such a request up to twice more.
#[tokio::test]
async fn a_stream_that_http2_refuses_is_not_asked_for_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, mut asked) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let tell = tell.clone();
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((_, mut answer))) = connection.accept().await {
                    tell.send(()).unwrap();
                    answer.send_reset(h2::Reason::REFUSED_STREAM);
                }
            });
        }
    });
    let mut spec = spec(&format!("http://{address}/"));
    spec.version = HttpVersion::Http2;
    let failure = check(&pooled(spec)).await.unwrap_err();
    assert_eq!(failure.code, Some("reset"));
    assert!(asked.recv().await.is_some() && asked.try_recv().is_err());
}
