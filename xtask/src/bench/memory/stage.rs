//! What hc-app's example `memory` says: a line of JSON for each stage, and for each part that lies in another.

use std::ops::{Add, Sub};

use anyhow::{Context, Result};
use serde_json::Value;

/// What is held: by a process, or by one target.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Held {
    /// Bytes that the allocator was asked for.
    pub(super) asked: f64,
    /// In so many blocks.
    pub(super) blocks: f64,
    /// Bytes that the system counts as resident.
    pub(super) resident: f64,
}

/// Everything that one run of the example said.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Said {
    stages: Vec<(String, Held)>,
    /// Parts of known size within others, in bytes.
    pub(super) in_place: Vec<(String, u64)>,
}

impl Said {
    /// # Errors
    /// When a line is none of the example's.
    pub(super) fn read(text: &str) -> Result<Self> {
        let mut said = Self::default();
        for line in text.lines() {
            let strange = || format!("no line of the example `memory`: {line}");
            let value: Value = serde_json::from_str(line).with_context(strange)?;
            if let Some(part) = value["in_place"].as_str() {
                let bytes = value["bytes"].as_u64().with_context(strange)?;
                said.in_place.push((part.to_owned(), bytes));
                continue;
            }
            let name = value["stage"].as_str().with_context(strange)?;
            let number = |key: &str| value[key].as_f64().with_context(strange);
            let held = Held {
                asked: number("asked")?,
                blocks: number("blocks")?,
                resident: number("resident")?,
            };
            said.stages.push((name.to_owned(), held));
        }
        Ok(said)
    }

    /// What a stage added.
    ///
    /// # Errors
    /// When there is no such stage.
    pub(super) fn stage(&self, name: &str) -> Result<Held> {
        let mut stages = self.stages.iter();
        let found = stages.find(|(stage, _)| stage == name);
        found
            .map(|(_, held)| *held)
            .with_context(|| format!("the example said nothing of the stage `{name}`"))
    }
}

impl Held {
    /// The share of one target: of what many hold, that is not held for one.
    pub(super) fn a_target(many: Self, one: Self, count: usize) -> Self {
        let beyond = many - one;
        let others = count as f64 - 1.0;
        Self {
            asked: beyond.asked / others,
            blocks: beyond.blocks / others,
            resident: beyond.resident / others,
        }
    }
}

impl Add for Held {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            asked: self.asked + other.asked,
            blocks: self.blocks + other.blocks,
            resident: self.resident + other.resident,
        }
    }
}

impl Sub for Held {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            asked: self.asked - other.asked,
            blocks: self.blocks - other.blocks,
            resident: self.resident - other.resident,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Held, Said};

    const SAID: &str = r#"{"bytes":48,"in_place":"Health"}
{"asked":-120,"blocks":3,"resident":4096,"resident_in_all":8192,"stage":"without the config"}
"#;

    #[test]
    fn stages_and_parts_are_read() {
        let said = Said::read(SAID).unwrap();
        assert_eq!(said.in_place, [("Health".to_owned(), 48)]);
        let stage = said.stage("without the config").unwrap();
        assert_eq!(
            (stage.asked, stage.blocks, stage.resident),
            (-120.0, 3.0, 4_096.0)
        );
        let missing = said.stage("outline").unwrap_err().to_string();
        assert!(missing.contains("`outline`"), "{missing}");
    }

    #[test]
    fn what_is_no_stage_is_told() {
        for line in ["thread main panicked", r#"{"stage":"config","asked":1}"#] {
            let error = Said::read(line).unwrap_err();
            assert!(format!("{error:#}").contains(line), "{error:#}");
        }
    }

    #[test]
    fn a_target_s_share_is_without_what_one_process_holds() {
        let held = |asked| Held {
            asked,
            blocks: asked / 10.0,
            resident: 2.0 * asked,
        };
        let each = Held::a_target(held(1_900.0), held(100.0), 10);
        assert_eq!(each, held(200.0));
    }
}
