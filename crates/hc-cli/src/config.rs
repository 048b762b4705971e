//! To come.

use crate::args::ConfigShowArgs;
use crate::exit::ExitCode;
use crate::term::Term;

pub(crate) fn show(_: &ConfigShowArgs, _: &Term) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
