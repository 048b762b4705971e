//! CHANGELOG.md (Keep a Changelog): what is unreleased becomes a version's section. Pure.

use anyhow::{Context, Result, bail};

const UNRELEASED: &str = "## [Unreleased]";

/// The changelog with its unreleased section under this version and date, and a new empty one above.
///
/// # Errors
/// When there is no such section, nothing in it, or the version has a section already.
pub(crate) fn release(text: &str, version: &str, date: &str) -> Result<String> {
    if text.contains(&format!("## [{version}]")) {
        bail!("CHANGELOG.md has a section [{version}] already");
    }
    let (before, after) = text
        .split_once(UNRELEASED)
        .with_context(|| format!("CHANGELOG.md lacks `{UNRELEASED}`"))?;
    if section(after).trim().is_empty() {
        bail!("nothing is unreleased: write for the user what changed, into CHANGELOG.md");
    }
    Ok(format!(
        "{before}{UNRELEASED}\n\n## [{version}] - {date}{after}"
    ))
}

/// What users will read of a release that is made now.
pub(crate) fn unreleased(text: &str) -> &str {
    text.split_once(UNRELEASED)
        .map_or("", |(_, after)| section(after))
        .trim()
}

/// Up to the next section.
fn section(after: &str) -> &str {
    after
        .split_once("\n## ")
        .map_or(after, |(section, _)| section)
}

#[cfg(test)]
mod tests {
    use super::{release, unreleased};

    const TEXT: &str = "# Changelog\n\n## [Unreleased]\n\n### Added\n- A thing.\n\n## [0.1.0] - 2026-01-01\n\n### Added\n- All.\n";

    #[test]
    fn the_unreleased_becomes_the_release() {
        assert_eq!(
            release(TEXT, "0.2.0", "2026-11-24").unwrap(),
            "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-11-24\n\n### Added\n- A thing.\n\n## [0.1.0] - 2026-01-01\n\n### Added\n- All.\n"
        );
        assert_eq!(unreleased(TEXT), "### Added\n- A thing.");
    }

    #[test]
    fn an_empty_or_repeated_release_is_refused() {
        let once = release(TEXT, "0.2.0", "2026-11-24").unwrap();
        assert!(
            release(&once, "0.3.0", "2026-11-25")
                .unwrap_err()
                .to_string()
                .starts_with("nothing is unreleased")
        );
        assert!(
            release(TEXT, "0.1.0", "2026-11-25")
                .unwrap_err()
                .to_string()
                .contains("already")
        );
        assert!(
            release("# Changelog\n", "0.1.0", "2026-11-25")
                .unwrap_err()
                .to_string()
                .contains("lacks")
        );
    }
}
