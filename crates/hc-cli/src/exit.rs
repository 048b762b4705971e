//! Exit codes: public API, listed in the reference of commands.

use std::process;

/// How hc ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ExitCode {
    /// All healthy (degraded too, without `--strict`); stopped as asked; done; Nagios: OK.
    Ok = 0,
    /// Some not healthy; time over; could not start; Nagios: WARNING.
    Failed = 1,
    /// Usage or config: nothing was asked; Nagios: CRITICAL.
    Usage = 2,
    /// None unhealthy, but some inconclusive; the hc that is looked into is away; Nagios: UNKNOWN, and usage.
    Inconclusive = 3,
    /// `hc wait -- CMD`: CMD is there but cannot be run, as shells say it.
    NotRunnable = 126,
    /// `hc wait -- CMD`: there is no CMD, as shells say it.
    NotFound = 127,
    /// Ctrl-C: what was known is printed.
    Interrupted = 130,
}

impl ExitCode {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.code())
    }
}
