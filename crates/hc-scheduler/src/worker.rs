//! Where workers run: on the runtime of who starts them, or each on a thread and a runtime of its own.
//!
//! A worker's probes run beside its driver. So a transport that keeps one epoll a runtime keeps one a worker, a check
//! never crosses threads, and a busy host application does not starve the checks, nor they it.

use std::future::Future;
use std::io;

use tokio::runtime::{Builder, Runtime};

use crate::check::Outcome;
use crate::driver::Driver;
use crate::shards::Router;

/// Starts them on the current runtime.
pub(crate) fn spawn_here<F>(drivers: Vec<Driver<F>>, router: Option<Router>)
where
    F: Future<Output = Outcome> + Send + 'static,
{
    for driver in drivers {
        tokio::spawn(driver.run());
    }
    if let Some(router) = router {
        tokio::spawn(router.run());
    }
}

/// Starts each on a thread of its own, `hc-worker-0` and so on; the router runs beside the first.
pub(crate) fn spawn_threads<F>(
    drivers: Vec<Driver<F>>,
    mut router: Option<Router>,
) -> io::Result<()>
where
    F: Future<Output = Outcome> + Send + 'static,
{
    // All runtimes before the first thread: what fails leaves nothing behind that runs.
    let runtimes: Vec<Runtime> = drivers
        .iter()
        .map(|_| runtime())
        .collect::<io::Result<_>>()?;
    for (number, (driver, runtime)) in drivers.into_iter().zip(runtimes).enumerate() {
        let router = router.take();
        let body = move || {
            run(runtime, async {
                let router = router.map(|router| tokio::spawn(router.run()));
                driver.run().await;
                if let Some(router) = router {
                    // A router that panicked has dropped what it held: everybody is told that all is over.
                    let _ = router.await;
                }
            });
        };
        std::thread::Builder::new()
            .name(format!("hc-worker-{number}"))
            .spawn(body)?;
    }
    Ok(())
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn run(runtime: Runtime, work: impl Future<Output = ()>) {
    /// Leaves blocking calls of probes behind, also when the driver panics.
    struct Leave(Option<Runtime>);
    impl Drop for Leave {
        fn drop(&mut self) {
            if let Some(runtime) = self.0.take() {
                runtime.shutdown_background();
            }
        }
    }
    let runtime = Leave(Some(runtime));
    if let Some(runtime) = &runtime.0 {
        runtime.block_on(work);
    }
}
