//! To come.

use crate::args::PlanArgs;
use crate::exit::ExitCode;
use crate::term::Term;

pub(crate) fn plan(_: &PlanArgs, _: &Term) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
