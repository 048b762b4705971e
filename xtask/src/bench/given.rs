//! The options that most benchmarks have.

use std::path::PathBuf;

/// Which hc, and where the result goes.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Given {
    /// This hc, not one built for the purpose
    #[arg(long, value_name = "FILE")]
    pub(super) hc: Option<PathBuf>,
    /// Copy the result to docs/runs
    #[arg(long)]
    pub(super) bless: bool,
}
