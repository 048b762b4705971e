//! Clients that want too much, or give too little. Time is tokio's own: it moves on when nobody has anything to do.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Answer, Site};

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let site = Site::of(&[]).await;
    let long = format!("X-Long: {}\r\n", "x".repeat(20_000));
    assert_eq!(site.ask("/healthz", &long).await.status, 431);
    let many = "x: y\r\n".repeat(80);
    assert_eq!(site.ask("/healthz", &many).await.status, 431);
    let path = format!("/api/v1/targets?q={}", "x".repeat(20_000));
    assert!(matches!(site.get(&path).await.status, 414 | 431));
    assert_eq!(site.say("NONSENSE\r\n\r\n").await.status, 400);
    let body = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 9\r\n\r\n012345678";
    assert_eq!(site.say(body).await.status, 200);
}

/// Half a head, and silence; and a connection that is kept and not used.
#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_hung_up_on() {
    let site = Site::of(&[]).await;
    let began = site.monitor.now();
    let mut slow = site.open("GET /healthz HTTP/1.1\r\nHost: loc").await;
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).await.unwrap();
    let waited = site.monitor.now().since(began);
    assert!(
        waited >= Duration::from_secs(10) && waited < Duration::from_secs(12),
        "{waited:?}"
    );

    let mut idle = site
        .open("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    rest.clear();
    idle.read_to_end(&mut rest).await.unwrap();
    assert_eq!(Answer::of(&rest).status, 200);
}

/// 100 connections are served at once; the others wait until one goes, and none is turned away.
#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let site = Site::of(&[]).await;
    let mut held = Vec::new();
    for _ in 0..100 {
        let mut one = site
            .open("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await;
        let mut byte = [0; 1];
        one.read_exact(&mut byte).await.unwrap();
        held.push(one);
    }
    let mut waiting = TcpStream::connect(site.at).await.unwrap();
    waiting
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut byte = [0; 1];
    let early =
        tokio::time::timeout(Duration::from_millis(50), waiting.read_exact(&mut byte)).await;
    assert!(early.is_err(), "the hundred are all there may be");
    drop(held.pop());
    let mut rest = Vec::new();
    waiting.read_to_end(&mut rest).await.unwrap();
    assert!(rest.ends_with(b"ok\n"));
}
