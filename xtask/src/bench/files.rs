//! A benchmark's result as files: `target/bench/NAME.md`, `.json` and perhaps `.svg`, and the same in docs/runs where the
//! result is blessed.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::workspace::root;

/// What there is to write.
pub(super) struct Files {
    /// The benchmark's, and the files'.
    pub(super) name: &'static str,
    pub(super) markdown: String,
    pub(super) json: Value,
    pub(super) svg: Option<String>,
}

impl Files {
    /// Writes them, and prints the Markdown.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn finish(&self, target: &Path, bless: bool) -> Result<()> {
        self.write(target, bless)?;
        println!("{}", self.markdown);
        Ok(())
    }

    /// # Errors
    /// When a file cannot be written.
    pub(super) fn write(&self, target: &Path, bless: bool) -> Result<()> {
        self.write_to(&target.join("bench"))?;
        if bless {
            self.write_to(&root().join("docs/runs"))?;
        }
        Ok(())
    }

    fn write_to(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)
            .with_context(|| format!("failed to make {}", folder.display()))?;
        let json = format!("{:#}\n", self.json);
        let texts = [("md", Some(&self.markdown)), ("json", Some(&json))];
        for (ending, text) in texts.into_iter().chain([("svg", self.svg.as_ref())]) {
            let Some(text) = text else { continue };
            let file = folder.join(format!("{}.{ending}", self.name));
            fs::write(&file, text)
                .with_context(|| format!("failed to write {}", file.display()))?;
        }
        Ok(())
    }
}
