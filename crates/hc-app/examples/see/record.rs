//! The record: a page of Markdown, and pictures beside it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::screen::Screen;

/// What was recorded so far.
pub(crate) struct Record {
    text: String,
    folder: PathBuf,
}

impl Record {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            text: String::new(),
            folder: folder.to_owned(),
        }
    }

    pub(crate) fn part(&mut self, title: &str) {
        self.text += &format!("\n## {title}\n");
    }

    /// What somebody tells, as it was told.
    pub(crate) fn text(&mut self, title: &str, language: &str, told: &str) {
        // Where it was recorded is of no use to a reader.
        let told = told.replace(&format!("{}/", self.folder.display()), "");
        self.text += &format!("\n{}:\n\n```{language}\n{told}```\n", capital(title));
    }

    pub(crate) fn picture(&mut self, title: &str, name: &str, screen: &Screen) {
        let file = self.folder.join(format!("{name}.svg"));
        fs::write(file, screen.svg()).expect("the folder can be written");
        let title = capital(title);
        self.text += &format!("\n{title}:\n\n![{}]({name}.svg)\n", title.replace('`', ""));
    }

    /// All of it. `log` is the first run's.
    pub(crate) fn whole(self, log: &str) -> String {
        let start = log.lines().take(2).collect::<Vec<_>>().join("\n");
        format!("{start}\n{}", self.text)
    }
}

fn capital(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
