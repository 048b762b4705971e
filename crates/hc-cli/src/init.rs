//! To come.

use crate::args::InitArgs;
use crate::exit::ExitCode;
use crate::term::Term;

pub(crate) fn init(_: &InitArgs, _: &Term) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
