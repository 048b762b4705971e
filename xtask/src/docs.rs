//! `cargo xtask docs`: the book (docs/book) and the API docs (target/doc).

use std::process::Command;

use anyhow::Result;

use crate::process::{self, cargo, within};
use crate::steps::{self, Step};
use crate::tools::MDBOOK;
use crate::workspace::{Workspace, root};

/// Builds both. Whether their links lead somewhere is told by `lint`.
///
/// # Errors
/// When one cannot be built.
pub(crate) fn run() -> Result<()> {
    let steps = vec![
        Step::new("book", "the user's book", || {
            let mut mdbook = Command::new(MDBOOK.ensure(&Workspace::load()?.target)?);
            process::run(mdbook.arg("build").arg("docs").current_dir(root()))?;
            Ok("docs/book/index.html".to_owned())
        }),
        Step::new("api", "API docs, warnings are errors", || {
            let doc = cargo(&["doc", "--workspace", "--no-deps"]);
            process::run(&mut within(doc, root(), &[("RUSTDOCFLAGS", "-D warnings")]))?;
            Ok(Workspace::load()?
                .target
                .join("doc/hc_core/index.html")
                .display()
                .to_string())
        }),
    ];
    steps::run("docs", steps, None)
}
