//! To come.

use crate::args::ValidateArgs;
use crate::exit::ExitCode;
use crate::term::Term;

pub(crate) fn validate(_: &ValidateArgs, _: &Term) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
