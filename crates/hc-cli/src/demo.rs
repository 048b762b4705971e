//! `hc demo`: to come.

use crate::args::DemoArgs;
use crate::exit::ExitCode;

/// Starts backends on loopback, breaks them one after the other, and watches.
pub(crate) fn demo(_args: &DemoArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`hc demo` is not there yet")
}
