//! To come.

use crate::args::CheckArgs;
use crate::exit::ExitCode;
use crate::term::Term;

pub(crate) fn check(_: &CheckArgs, _: &Term) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
