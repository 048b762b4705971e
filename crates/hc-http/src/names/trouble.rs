//! Why a name gave no address, as failures. A name's own trouble is the target's; a resolver's is this machine's.

use std::net::SocketAddr;

use hc_core::{Failure, Kind, Phase};
use hickory_resolver::proto::op::ResponseCode;

use crate::classify;

const AT: Phase = Phase::Resolve;

pub(super) fn no_such_name(name: &str) -> Failure {
    Failure::new(Kind::Resolve, AT, format!("{name} does not exist")).with_code("not_found")
}

pub(super) fn no_data(name: &str) -> Failure {
    classify::no_address(name, "any family")
}

/// The server that was asked first did not answer, nor did so many others.
pub(super) fn silent(server: SocketAddr, others: usize) -> Failure {
    let server = shown(server);
    let message = match others {
        0 => format!("resolver {server} did not answer"),
        more => format!("resolver {server} did not answer (and {more} more)"),
    };
    Failure::new(Kind::Resolver, AT, message).with_code("silent")
}

pub(super) fn failed(server: SocketAddr, code: ResponseCode, name: &str) -> Failure {
    let server = shown(server);
    let message = match code {
        ResponseCode::Refused => format!("resolver {server} refused to look for {name}"),
        _ => format!("resolver {server} failed for {name}"),
    };
    Failure::new(Kind::Resolver, AT, message).with_code("servfail")
}

pub(super) fn no_server() -> Failure {
    Failure::new(Kind::Resolver, AT, "this machine names no resolver").with_code("silent")
}

/// The task that asked died with its runtime.
pub(super) fn dropped(name: &str) -> Failure {
    let message = format!("the query for {name} was dropped");
    Failure::new(Kind::Resolver, AT, message).with_code("silent")
}

/// The port is said where it is not DNS's own.
fn shown(server: SocketAddr) -> String {
    match server.port() {
        53 => server.ip().to_string(),
        _ => server.to_string(),
    }
}
