//! Events as pages and as streams.

use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::support::{Site, names};

/// Reads until the text is there, or until the stream has ended.
async fn until(stream: &mut TcpStream, read: &mut String, wanted: &str) {
    let mut bytes = [0; 4096];
    while !read.contains(wanted) {
        let count = stream.read(&mut bytes).await.unwrap();
        assert!(count > 0, "ended before {wanted}: {read}");
        read.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
}

async fn stream(site: &Site, headers: &str) -> TcpStream {
    let at = site.at;
    let accept = "Accept: text/event-stream";
    site.open(&format!(
        "GET /api/v1/events HTTP/1.1\r\nHost: {at}\r\n{accept}\r\n{headers}\r\n"
    ))
    .await
}

#[tokio::test]
async fn pages_follow_one_another_and_what_is_kept_no_more_is_counted() {
    let site = Site::of(&["a"]).await;
    let mut page = site.json("/api/v1/events?limit=1").await;
    assert_eq!(page["items"][0]["event"], "added");
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(cursor, "6ce1-1");
    page = site.json(&format!("/api/v1/events?cursor={cursor}")).await;
    assert_eq!(page["items"][0]["event"], "transition");
    assert_eq!(page["items"][0]["to"], "healthy");
    assert_eq!(page["missed"], Value::Null);
    let end = page["next_cursor"].as_str().unwrap().to_owned();
    page = site.json(&format!("/api/v1/events?cursor={end}")).await;
    assert_eq!(
        (
            page["items"].as_array().unwrap().len(),
            page["next_cursor"].as_str()
        ),
        (0, Some(&*end))
    );

    for nth in 0..100 {
        site.check("a", 1 - nth % 2).await;
    }
    page = site
        .json(&format!("/api/v1/events?cursor={cursor}&limit=1000"))
        .await;
    // 102 there were, 64 are kept, one was read.
    assert_eq!(page["missed"], 102 - 64 - 1);
    assert_eq!(page["items"].as_array().unwrap().len(), 64);
    // Those of another process lie before all of these.
    page = site.json("/api/v1/events?cursor=abc-7").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 64);
    for cursor in [
        "",
        "x",
        "6ce1",
        "6ce1-",
        "-1",
        "6ce1-x",
        "6ce1-+1",
        "6ce1-999",
        "6ce1-99999999999999999999999",
        "g-1",
    ] {
        site.problem(
            &format!("/api/v1/events?cursor={cursor}"),
            400,
            "bad-cursor",
        )
        .await;
    }
    site.problem("/api/v1/events?limit=0", 400, "bad-filter")
        .await;
    site.problem("/api/v1/events?since=1h", 400, "bad-filter")
        .await;
}

#[tokio::test]
async fn a_stream_tells_what_comes_and_is_resumed_by_id() {
    let site = Site::of(&["a"]).await;
    let mut live = stream(&site, "").await;
    let mut read = String::new();
    until(&mut live, &mut read, "\r\n\r\n").await;
    assert!(read.contains("content-type: text/event-stream"), "{read}");
    site.check("a", 1).await;
    until(&mut live, &mut read, "\n\n").await;
    assert!(!read.contains("6ce1-2"), "from now on: {read}");
    assert!(
        read.contains("id: 6ce1-3\n") && read.contains("event: transition\n"),
        "{read}"
    );
    let data = read
        .lines()
        .find_map(|line| line.strip_prefix("data: "))
        .unwrap();
    let event: Value = serde_json::from_str(data).unwrap();
    assert_eq!(
        (&event["target"], &event["to"], &event["kind"]),
        (&"a".into(), &"unhealthy".into(), &"refused".into())
    );
    assert_eq!(event["schema"], "hc.event/1");

    let mut resumed = stream(&site, "Last-Event-ID: 6ce1-1\r\n").await;
    let mut read = String::new();
    until(&mut resumed, &mut read, "6ce1-3").await;
    assert!(
        read.contains("id: 6ce1-2\n") && !read.contains("gap"),
        "{read}"
    );
    for elsewhere in ["abc-1", "6ce1-900", "nonsense"] {
        let mut other = stream(&site, &format!("Last-Event-ID: {elsewhere}\r\n")).await;
        let mut read = String::new();
        until(&mut other, &mut read, "\n\n").await;
        until(&mut other, &mut read, "resync").await;
        assert!(
            read.contains("event: gap\ndata: {\"resync\":\"/api/v1/targets\"}"),
            "{read}"
        );
    }
    for nth in 0..100 {
        site.check("a", nth % 2).await;
    }
    let mut late = stream(&site, "Last-Event-ID: 6ce1-1\r\n").await;
    let mut read = String::new();
    until(&mut late, &mut read, "6ce1-103").await;
    assert!(read.contains("event: gap\ndata: {\"missed\":38,"), "{read}");
    assert!(!read.contains("6ce1-39\""), "{read}");
    assert!(read.contains("id: 6ce1-40\n"), "{read}");
}

#[tokio::test]
async fn streams_are_bounded_and_end_with_the_feed() {
    let site = Site::of(&["a"]).await;
    let mut open = Vec::new();
    for _ in 0..64 {
        let mut one = stream(&site, "").await;
        let mut read = String::new();
        until(&mut one, &mut read, "\r\n\r\n").await;
        open.push(one);
    }
    let accept = "Accept: text/event-stream\r\n";
    site.ask("/api/v1/events", accept)
        .await
        .problem(503, "too-many-streams");
    assert_eq!(
        site.json("/api/v1/targets").await["matched"],
        1,
        "the rest goes on"
    );
    assert_eq!(names(&site.json("/api/v1/targets").await), ["a"]);

    site.check("a", 1).await;
    site.monitor.shutdown(Duration::ZERO).await;
    for mut one in open {
        let mut rest = String::new();
        one.read_to_string(&mut rest).await.unwrap();
        assert!(
            rest.contains("unhealthy") && rest.ends_with("0\r\n\r\n"),
            "{rest}"
        );
    }
    site.serving.close(Duration::from_secs(5)).await;
    assert!(TcpStream::connect(site.at).await.is_err());
}

#[tokio::test]
async fn a_server_that_closes_ends_streams_though_the_feed_goes_on() {
    let site = Site::of(&["a"]).await;
    let mut open = stream(&site, "").await;
    let mut read = String::new();
    until(&mut open, &mut read, "\r\n\r\n").await;
    site.serving.close(Duration::from_secs(5)).await;
    open.read_to_string(&mut read).await.unwrap();
    assert!(read.ends_with("0\r\n\r\n"), "{read}");
}
