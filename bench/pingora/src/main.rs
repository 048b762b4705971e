//! Pingora's own health check over a list of targets: its load balancer's background loop, its HTTP check, connections
//! reused, checks of a round side by side.
//!
//! `pingora-check TARGETS INTERVAL_MS`, TARGETS a file with one ADDRESS:PORT a line. Its pool is given room for every
//! target (by default it keeps 128 connections).

use std::time::Duration;

use pingora_core::connectors::ConnectorOptions;
use pingora_core::connectors::http::Connector;
use pingora_core::services::background::BackgroundService;
use pingora_load_balancing::health_check::HttpHealthCheck;
use pingora_load_balancing::{LoadBalancer, selection::RoundRobin};

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [targets, interval] = &arguments[..] else {
        panic!("pingora-check TARGETS INTERVAL_MS");
    };
    let targets = std::fs::read_to_string(targets).expect("a file of targets");
    let interval = interval.parse().expect("a number of milliseconds");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system gives an epoll");
    runtime.block_on(async {
        let mut balancer =
            LoadBalancer::<RoundRobin>::try_from_iter(targets.lines()).expect("addresses");
        let mut check = HttpHealthCheck::new("pingora", false);
        check.req.set_uri("/health".parse().expect("a path"));
        check.reuse_connection = true;
        check.set_connector(Connector::new(Some(ConnectorOptions::new(
            targets.lines().count(),
        ))));
        balancer.set_health_check(Box::new(check));
        balancer.health_check_frequency = Some(Duration::from_millis(interval));
        balancer.parallel_health_check = true;
        let (_shutdown, watch) = tokio::sync::watch::channel(false);
        balancer.start(watch).await;
    });
}
