//! What an HTTP probe sees of servers that misbehave. Each case is generic over the transport that carries it.

#![expect(
    clippy::unwrap_used,
    reason = "all of it is test code, which clippy sees only in test functions"
)]

/// Runs each case over each transport. One that joins later adds a line here.
macro_rules! cases {
    (; dedicated only: $($own:ident,)+) => {
        mod dedicated {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $own() { super::$own($crate::support::dedicated).await; })+
        }
    };
    ($($name:ident,)+ $(; dedicated only: $($own:ident,)+)?) => {
        mod pooled {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name($crate::support::pooled).await; })+
        }
        mod dedicated {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name($crate::support::dedicated).await; })+
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $own() { super::$own($crate::support::dedicated).await; })+)?
        }
    };
}

mod answers;
mod connections;
mod edges;
mod embedders;
mod hostile;
mod http2;
mod limits;
mod pooled;
mod redirects;
mod secrets;
mod support;
mod tls;
