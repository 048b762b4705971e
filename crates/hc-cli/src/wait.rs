//! To come.

use crate::args::WaitArgs;
use crate::exit::ExitCode;
use crate::term::Term;

pub(crate) fn wait(_: &WaitArgs, _: &Term) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
