//! Fleet, lists and single targets.

use serde_json::{Value, json};

use std::time::Duration;

use hc_core::{Evidence, Target, probe_fn};

use crate::support::{Site, Switch, names};

#[tokio::test]
async fn the_fleet_stands_as_its_targets_do() {
    let site = Site::of(&["a", "b", "c"]).await;
    site.check("b", 1).await;
    site.monitor.pause(["c".into()]).await.unwrap();
    let fleet = site.json("/api/v1/fleet").await;
    for (field, value) in [
        ("targets", 3),
        ("healthy", 2),
        ("unhealthy", 1),
        ("unknown", 0),
        ("paused", 1),
        ("checks", 4),
        ("failures", 1),
    ] {
        assert_eq!(fleet[field], value, "{field}: {fleet}");
    }
    assert_eq!(fleet["isolated"], false);
    assert_eq!(fleet["instance"], "test");
    // Its clock, which nothing that is counted from the start can replace: this one says it started in 1970.
    let (now, started) = (fleet["now"].as_str(), fleet["started"].as_str());
    assert!(now > Some("2020") && started < Some("1971"), "{fleet}");
}

/// A status holds since its change, and a check took what its probe says: one answer tells one time for each.
#[tokio::test]
async fn what_is_told_twice_is_told_alike() {
    let spent = Duration::from_secs(7);
    let probe = probe_fn(move |_| async move {
        let mut evidence = Evidence::new();
        evidence.total = Some(spent);
        Ok(evidence)
    });
    let make = |_| Target::new("a", probe);
    let site = Site::unswept([("a", Switch::default())], make).await;
    site.monitor.check_now("a").await.unwrap();
    site.monitor.first_sweep().await.unwrap();
    let path = format!("/api/v1/targets/{}", hc_server::uid("a"));
    // By the second answer all has been heard.
    site.json(&path).await;
    let told = site.json(&path).await;
    assert_eq!(told["since"], told["transitions"][0]["time"], "{told}");
    assert_eq!(told["last_check"]["total_ms"], 7_000.0, "{told}");
    assert_eq!(told["recent_ms"][0], 7_000.0, "{told}");
}

#[tokio::test]
async fn filters_let_through_what_they_say() {
    let site = Site::of(&["api-1", "api-2", "shop"]).await;
    let other = Switch::default()
        .target("db")
        .with_group("Stores")
        .with_labels(Default::default());
    site.add(other).await;
    site.check("api-2", 1).await;
    site.check("shop", 2).await;
    site.monitor.pause(["db".into()]).await.unwrap();
    for (query, expected) in [
        ("", &["api-2", "shop", "api-1", "db"][..]),
        ("sort=name", &["api-1", "api-2", "db", "shop"]),
        ("status=unhealthy", &["api-2"]),
        ("status=paused&status=degraded", &["shop", "db"]),
        ("label=zone=a&sort=name", &["api-1", "api-2", "shop"]),
        ("label=zone%3Da&label=zone&status=healthy", &["api-1"]),
        ("label=zone=b", &[]),
        ("q=API&sort=name", &["api-1", "api-2"]),
        ("q=shop.test", &["shop"]),
        ("q=stores", &["db"]),
        ("q=%00%F0%9F%A6%80", &[]),
        ("limit=1", &["api-2"]),
    ] {
        let page = site.json(&format!("/api/v1/targets?{query}")).await;
        assert_eq!(names(&page), expected, "{query}");
    }
}

/// A window into a list is what the whole list has there, in every order.
#[tokio::test]
async fn windows_are_pieces_of_the_list() {
    let all: Vec<String> = (0..40).map(|n| format!("t{:02}", n * 7 % 40)).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let site = Site::of(&all).await;
    for (nth, name) in all.iter().enumerate().take(12) {
        site.check(name, nth as u8 % 3).await;
    }
    for sort in ["trouble", "name", "since", "latency"] {
        let path = format!("/api/v1/targets?sort={sort}");
        let whole = site.json(&path).await;
        let whole = names(&whole);
        assert_eq!(whole.len(), 40);
        for (offset, limit) in [(0, 1), (0, 40), (7, 9), (39, 5), (40, 5), (10_000_000, 1)] {
            let page = site
                .json(&format!("{path}&offset={offset}&limit={limit}"))
                .await;
            let expected: Vec<&str> = whole.iter().copied().skip(offset).take(limit).collect();
            assert_eq!(names(&page), expected, "{sort} {offset} {limit}");
            assert_eq!(page["matched"], 40);
        }
        let first = site.json(&format!("{path}&limit=10")).await;
        let cursor = first["next_cursor"].as_str().unwrap();
        let after = site
            .json(&format!("{path}&offset=5&limit=10&cursor={cursor}"))
            .await;
        assert_eq!(names(&after), whole[15..25], "{sort}");
    }
}

/// What reads a list sorts it as the server does.
#[tokio::test]
async fn a_reader_ranks_trouble_as_the_list_does() {
    let site = Site::of(&["a", "b", "c", "d", "e", "f"]).await;
    site.check("c", 1).await;
    site.check("e", 1).await;
    site.check("d", 2).await;
    site.monitor.pause(["a".into()]).await.unwrap();
    let page = site.json("/api/v1/targets").await;
    let page: hc_server::wire::target::TargetPage = serde_json::from_value(page).unwrap();
    let ranks: Vec<_> = page.items.iter().map(|target| target.rank()).collect();
    assert!(ranks.is_sorted(), "{ranks:?}");
    let failing = page
        .items
        .iter()
        .filter(|target| target.streak.failing_since.is_some());
    assert_eq!(failing.count(), 2);
}

#[tokio::test]
async fn odd_queries_are_problems_and_never_everything() {
    let site = Site::of(&["a"]).await;
    for query in [
        "statu=unhealthy",
        "status=broken",
        "status=",
        "label=",
        "label==x",
        "sort=worst",
        "sort=name&sort=name",
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=+5",
        "limit=1e3",
        "limit=",
        "offset=-1",
        "offset=x",
        "offset=10000001",
        "q=a&q=b",
        "x",
        "%zz",
        "&&=",
    ] {
        site.problem(&format!("/api/v1/targets?{query}"), 400, "bad-filter")
            .await;
    }
    let many = "q=".to_owned() + &"&x=1".repeat(60);
    site.problem(&format!("/api/v1/targets?{many}"), 400, "bad-filter")
        .await;
    for cursor in [
        "",
        "x",
        "bnVsbA",
        "%2e%2e",
        "WzEsIm4iLHsicmFuayI6MSwibmFtZSI6IiJ9XQ",
    ] {
        site.problem(
            &format!("/api/v1/targets?cursor={cursor}"),
            400,
            "bad-cursor",
        )
        .await;
    }
    site.problem("/api/v1/targets/a", 404, "unknown-target")
        .await;
    site.problem("/api/v1/targets/t000000000000", 404, "unknown-target")
        .await;
    site.problem("/api/v1/targets/%2e%2e%2ffleet", 404, "unknown-target")
        .await;
    let uid = hc_server::uid("a");
    site.problem(&format!("/api/v1/targets/{uid}?x=1"), 400, "bad-filter")
        .await;
}

/// Pages go on behind the last item, whatever came, went or turned between them.
#[tokio::test]
async fn pages_neither_skip_nor_repeat_what_stays() {
    let all: Vec<String> = (0..250).map(|n| format!("t{n:03}")).collect();
    let site = Site::of(&all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for sort in ["name", "trouble"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        for nth in 0.. {
            let page = site
                .json(&format!("/api/v1/targets?sort={sort}&limit=100{cursor}"))
                .await;
            seen.extend(names(&page).into_iter().map(ToOwned::to_owned));
            let Some(next) = page["next_cursor"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
            let gone = all[99 + nth * 100].as_str();
            site.monitor.remove([gone.into()]).await.unwrap();
            site.add(Switch::default().target(&format!("a-new-{nth}")))
                .await;
        }
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), seen.len(), "{sort}");
        assert!(seen.len() >= 248, "{sort}: {}", seen.len());
        for nth in 0..2 {
            site.add(Switch::default().target(&all[99 + nth * 100]))
                .await;
            site.monitor
                .remove([format!("a-new-{nth}").into()])
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn failures_and_transitions_outlive_good_results() {
    let site = Site::of(&["a"]).await;
    for _ in 0..7 {
        site.check("a", 1).await;
    }
    for _ in 0..40 {
        site.check("a", 0).await;
    }
    let path = format!("/api/v1/targets/{}", hc_server::uid("a"));
    let target = site.json(&path).await;
    assert_eq!(target["status"], "healthy");
    assert_eq!(target["why"], Value::Null, "it is well");
    assert_eq!(target["recent"], ".".repeat(30));
    assert_eq!(target["recent_ms"].as_array().unwrap().len(), 30);
    assert_eq!(target["failures"].as_array().unwrap().len(), 5);
    assert_eq!(target["failures"][0]["kind"], "refused");
    assert_eq!(target["failures_total"], 7);
    let turns: Vec<_> = target["transitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["to"].clone())
        .collect();
    assert_eq!(turns, ["healthy", "unhealthy", "healthy"]);
    assert_eq!(target["last_check"]["http"], json!({ "status": 200 }));
    assert_eq!(target["policy"][0]["origin"], "built-in");
    assert_eq!(target["next"]["reason"], "interval");
}

#[tokio::test]
async fn a_target_that_comes_back_under_its_name_begins_anew() {
    let site = Site::of(&["a", "b"]).await;
    site.check("a", 1).await;
    site.monitor.remove(["a".into()]).await.unwrap();
    let path = format!("/api/v1/targets/{}", hc_server::uid("a"));
    site.problem(&path, 404, "unknown-target").await;
    site.add(Switch::default().target("a")).await;
    let target = site.json(&path).await;
    assert_eq!(target["recent"], ".");
    assert_eq!(target["failures_total"], 0);
}

#[tokio::test]
async fn what_no_event_changed_is_not_sent_again() {
    let site = Site::of(&["a"]).await;
    let uid = hc_server::uid("a");
    for path in [
        "/api/v1/targets".to_owned(),
        format!("/api/v1/targets/{uid}"),
    ] {
        site.check("a", 0).await;
        let first = site.get(&path).await;
        let tag = first.header("etag").unwrap().to_owned();
        assert!(tag.starts_with("W/\"6ce1-"), "{tag}");
        for known in [&*tag, "*", &format!("\"x\", {tag}"), &tag["W/".len()..]] {
            let again = site
                .ask(&path, &format!("If-None-Match: {known}\r\n"))
                .await;
            assert_eq!((again.status, &*again.body), (304, ""), "{known}");
            assert_eq!(again.header("etag"), Some(&*tag));
        }
        site.check("a", 1).await;
        let changed = site.ask(&path, &format!("If-None-Match: {tag}\r\n")).await;
        assert_eq!(changed.status, 200);
    }
}
