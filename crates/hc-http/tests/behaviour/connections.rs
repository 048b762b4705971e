//! Which connections are opened, kept, given up and tried again; counted by the server.

use std::time::Duration;

use hc_core::{CheckContext, Connection, Fact, Kind, Probe};
use hc_http::{Body, Method};
use hc_testkit::server::{Act, Server, http};

use crate::support::{LONG, Make, check, context, fail, is_pooled, pass, spec};

cases! {
    checks_share_one_connection,
    each_kth_check_opens_a_new_one,
    keep_alive_zero_keeps_none,
    a_check_outside_of_a_monitor_opens_its_own,
    connection_close_is_obeyed,
    a_server_that_always_closes_sees_two_connections_at_most,
    a_kept_connection_that_fails_is_tried_once_more,
    a_post_is_never_tried_again,
    a_timeout_is_never_tried_again,
    an_answer_that_came_unasked_is_none,
    an_answer_that_broke_off_is_not_tried_again,
    a_long_body_costs_its_connection,
    a_dropped_check_costs_its_connection,
    a_race_with_an_idle_close_is_never_a_failure,
}

async fn checks_share_one_connection(make: Make) {
    let server = Server::always(http::body_of(60_000)).await;
    let probe = make(spec(&server.url("/")));
    assert_eq!(pass(&probe).await.connection, Some(Connection::New));
    let mut looked = 0;
    for _ in 0..10 {
        let evidence = pass(&probe).await;
        assert_eq!(
            (evidence.connection, evidence.opened),
            (Some(Connection::Reused), 0)
        );
        assert_eq!(evidence.address, Some(server.address()));
        looked += usize::from(evidence.facts.contains(&Fact::UserClock));
    }
    // A kernel may begin to stamp a little late.
    match is_pooled(make) || cfg!(not(target_os = "linux")) {
        true => assert_eq!(looked, 10),
        false => assert!(looked < 10, "{looked}"),
    }
    assert_eq!((server.connections(), server.requests()), (1, 11));
}

async fn each_kth_check_opens_a_new_one(make: Make) {
    let server = Server::always(http::ok()).await;
    let mut spec = spec(&server.url("/"));
    spec.reconnect_every = Some(4);
    let probe = make(spec);
    let mut new = Vec::new();
    for nth in 1..=12 {
        if pass(&probe).await.connection == Some(Connection::New) {
            new.push(nth);
        }
    }
    assert_eq!(new, [1, 4, 8, 12]);
    assert_eq!(server.connections(), 4);
}

async fn keep_alive_zero_keeps_none(make: Make) {
    let server = Server::always(http::ok()).await;
    let mut spec = spec(&server.url("/"));
    spec.keep_alive = Duration::ZERO;
    let probe = make(spec);
    for _ in 0..3 {
        assert_eq!(pass(&probe).await.connection, Some(Connection::New));
    }
    assert_eq!(server.connections(), 3);
}

async fn a_check_outside_of_a_monitor_opens_its_own(make: Make) {
    let server = Server::always(http::ok()).await;
    let probe = make(spec(&server.url("/")));
    pass(&probe).await;
    let alone = CheckContext::alone("test".into(), context().clock().clone(), LONG);
    assert_eq!(
        probe.check(&alone).await.unwrap().connection,
        Some(Connection::New)
    );
}

async fn connection_close_is_obeyed(make: Make) {
    let server = Server::always([
        Act::text("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
        Act::Close,
    ])
    .await;
    let probe = make(spec(&server.url("/")));
    for _ in 0..3 {
        let evidence = pass(&probe).await;
        assert_eq!(
            (evidence.connection, evidence.retried),
            (Some(Connection::New), false)
        );
    }
}

async fn a_server_that_always_closes_sees_two_connections_at_most(make: Make) {
    // The first request is answered, so that there is a kept connection; then each is met by a close.
    let server = Server::start(|nth, _| {
        if nth == 0 {
            http::ok()
        } else {
            vec![Act::Close]
        }
    })
    .await;
    let probe = make(spec(&server.url("/")));
    pass(&probe).await;
    let failure = fail(&probe).await;
    assert_eq!(failure.kind, Kind::Reset);
    let evidence = failure.evidence.unwrap();
    assert_eq!(
        (evidence.retried, evidence.opened, evidence.connection),
        (true, 1, Some(Connection::New))
    );
    assert_eq!((server.connections(), server.requests()), (2, 3));
    for nth in 1..=3 {
        fail(&probe).await;
        assert_eq!(
            (server.connections(), server.requests()),
            (2 + nth, 3 + nth)
        );
    }
}

async fn a_kept_connection_that_fails_is_tried_once_more(make: Make) {
    for act in [Act::Close, Act::Reset] {
        let server = Server::start(move |nth, _| {
            if nth == 1 {
                vec![act.clone()]
            } else {
                http::ok()
            }
        })
        .await;
        let probe = make(spec(&server.url("/")));
        pass(&probe).await;
        let evidence = pass(&probe).await;
        assert_eq!((evidence.retried, evidence.opened), (true, 1));
        assert_eq!((server.connections(), server.requests()), (2, 3));
    }
}

async fn a_post_is_never_tried_again(make: Make) {
    let server = Server::start(|nth, _| {
        if nth == 1 {
            vec![Act::Close]
        } else {
            http::ok()
        }
    })
    .await;
    let mut spec = spec(&server.url("/"));
    spec.method = Method::POST;
    spec.body = Some(Body("ping".into()));
    let probe = make(spec);
    pass(&probe).await;
    let failure = fail(&probe).await;
    assert_eq!(
        (failure.kind, failure.evidence.unwrap().retried),
        (Kind::Reset, false)
    );
    assert_eq!((server.connections(), server.requests()), (1, 2));
}

async fn a_timeout_is_never_tried_again(make: Make) {
    let server = Server::start(|nth, _| {
        if nth == 1 {
            vec![Act::Hang]
        } else {
            http::ok()
        }
    })
    .await;
    let probe = make(spec(&server.url("/")));
    pass(&probe).await;
    assert!(
        tokio::time::timeout(Duration::from_millis(100), probe.check(&context()))
            .await
            .is_err()
    );
    assert_eq!((server.connections(), server.requests()), (1, 2));
}

async fn an_answer_that_came_unasked_is_none(make: Make) {
    let server = Server::start(|nth, _| {
        let mut acts = http::ok();
        if nth == 0 {
            acts.push(Act::text(
                "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n",
            ));
        }
        acts
    })
    .await;
    let probe = make(spec(&server.url("/")));
    pass(&probe).await;
    assert!(pass(&probe).await.facts.contains(&Fact::HttpStatus(200)));
    assert_eq!(server.connections(), 2);
}

async fn an_answer_that_broke_off_is_not_tried_again(make: Make) {
    let server = Server::start(|nth, _| {
        if nth == 1 {
            vec![Act::text("HTTP/1.1 20"), Act::Close]
        } else {
            http::ok()
        }
    })
    .await;
    let probe = make(spec(&server.url("/")));
    pass(&probe).await;
    if is_pooled(make) {
        // reqwest does not tell a broken answer from none: what may be a race is tried again.
        assert!(pass(&probe).await.retried);
        assert_eq!((server.connections(), server.requests()), (2, 3));
        return;
    }
    let failure = fail(&probe).await;
    assert!(!failure.evidence.unwrap().retried);
    assert_eq!(server.requests(), 2);
}

async fn a_long_body_costs_its_connection(make: Make) {
    let server = Server::always(http::endless_body()).await;
    let probe = make(spec(&server.url("/")));
    for nth in 1..=2 {
        let evidence = pass(&probe).await;
        assert!(evidence.facts.contains(&Fact::BodyCut));
        assert!(evidence.facts.contains(&Fact::BodyBytes(65_536)));
        assert_eq!(server.connections(), nth);
    }
}

async fn a_dropped_check_costs_its_connection(make: Make) {
    let server = Server::start(|nth, _| {
        if nth == 0 {
            vec![Act::Hang]
        } else {
            http::ok()
        }
    })
    .await;
    let probe = make(spec(&server.url("/")));
    assert!(
        tokio::time::timeout(Duration::from_millis(50), probe.check(&context()))
            .await
            .is_err()
    );
    assert_eq!(pass(&probe).await.connection, Some(Connection::New));
}

async fn a_race_with_an_idle_close_is_never_a_failure(make: Make) {
    // Without notice, as if it had been idle for too long, just when the next check is sent.
    let server = Server::start(|nth, _| {
        let mut acts = http::ok();
        acts.extend((nth % 3 == 2).then_some(Act::Close));
        acts
    })
    .await;
    let mut targets = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let probe = make(spec(&server.url("/")));
        targets.spawn(async move {
            for _ in 0..30 {
                check(&probe).await.expect("a race is never a failure");
            }
        });
    }
    targets.join_all().await;
    assert!(server.requests() <= 2 * 20 * 30 && server.connections() <= 2 * 20 * 30);
}
