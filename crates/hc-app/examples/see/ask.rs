//! hc's API, asked as plainly as can be.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::Trouble;

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// `None` while nobody answers.
pub(crate) fn get(port: u16, path: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .ok()?;
    // HTTP/1.0: no chunks.
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer {
        status,
        body: body.to_owned(),
    })
}

pub(crate) fn json(port: u16, path: &str) -> Value {
    get(port, path)
        .and_then(|answer| serde_json::from_str(&answer.body).ok())
        .unwrap_or_default()
}

fn troubled(port: u16) -> Vec<Value> {
    let path = "/api/v1/targets?status=unhealthy&status=degraded&limit=1000";
    let mut answer = json(port, path);
    match answer["items"].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// Who is unhealthy or degraded.
pub(crate) fn trouble(port: u16) -> Trouble {
    let items = troubled(port);
    let each = items
        .iter()
        .map(|it| (text(it, "name"), text(it, "status")));
    each.collect()
}

/// Since when.
pub(crate) fn since(port: u16) -> BTreeMap<String, String> {
    let items = troubled(port);
    let each = items.iter().map(|it| (text(it, "name"), text(it, "since")));
    each.collect()
}

/// Free a moment ago: the next one to ask is meant to get it.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}
