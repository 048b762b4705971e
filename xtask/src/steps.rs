//! A verb as a list of steps: progress while they run, a table with durations at the end.
//!
//! Knows nothing about what the steps do. A step that fails does not stop the later ones, unless it says that
//! they need it: one run should tell everything that is wrong.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::clock::{Started, human};

/// What a step does: on success, a few words for the table (empty: nothing to add).
type Work<'a> = Box<dyn FnOnce() -> Result<String> + 'a>;

/// One step of a verb.
pub(crate) struct Step<'a> {
    name: &'static str,
    about: &'static str,
    needed: bool,
    work: Work<'a>,
}

impl<'a> Step<'a> {
    /// A step the later ones can do without.
    pub(crate) fn new(
        name: &'static str,
        about: &'static str,
        work: impl FnOnce() -> Result<String> + 'a,
    ) -> Self {
        Self {
            name,
            about,
            needed: false,
            work: Box::new(work),
        }
    }

    /// The later steps make no sense when this one failed.
    pub(crate) fn needed(mut self) -> Self {
        self.needed = true;
        self
    }
}

/// How a step ended.
struct Ended {
    name: &'static str,
    passed: bool,
    note: String,
    took: Duration,
}

/// Runs the steps in order, or `only` the one of that name, and sums up on standard error.
///
/// # Errors
/// When a step failed, or `only` names none.
pub(crate) fn run(verb: &str, steps: Vec<Step<'_>>, only: Option<&str>) -> Result<()> {
    let names: Vec<_> = steps.iter().map(|step| step.name).collect();
    if let Some(only) = only
        && !names.contains(&only)
    {
        bail!(
            "no step `{only}` in `cargo xtask {verb}`; there are: {}",
            names.join(", ")
        );
    }
    let chosen: Vec<_> = steps
        .into_iter()
        .filter(|step| only.is_none_or(|only| only == step.name))
        .collect();
    let (count, all, mut ended) = (chosen.len(), Started::now(), Vec::new());
    for (index, step) in chosen.into_iter().enumerate() {
        eprintln!(
            "==> {verb} {}/{count} {}: {}",
            index + 1,
            step.name,
            step.about
        );
        let started = Started::now();
        let (passed, note) = match (step.work)() {
            Ok(note) => (true, note),
            Err(error) => {
                eprintln!("==> {verb} {}: FAILED: {error:#}", step.name);
                (
                    false,
                    format!("{error:#}")
                        .lines()
                        .next()
                        .unwrap_or_default()
                        .to_owned(),
                )
            }
        };
        ended.push(Ended {
            name: step.name,
            passed,
            note,
            took: started.elapsed(),
        });
        if !passed && step.needed {
            break;
        }
    }
    eprint!("{}", summary(verb, &ended, count, all.elapsed()));
    let failed: Vec<_> = ended
        .iter()
        .filter(|step| !step.passed)
        .map(|step| step.name)
        .collect();
    if !failed.is_empty() {
        bail!("{verb}: {} failed", failed.join(", "));
    }
    Ok(())
}

/// The closing table.
fn summary(verb: &str, ended: &[Ended], count: usize, took: Duration) -> String {
    let mut out = format!("\n{verb}\n");
    for step in ended {
        let word = if step.passed { "ok" } else { "FAIL" };
        let line = format!(
            "  {word:<4} {:<12} {:>7}  {}",
            step.name,
            human(step.took),
            step.note
        );
        out.push_str(line.trim_end());
        out.push('\n');
    }
    let failed = ended.iter().filter(|step| !step.passed).count();
    let skipped = count - ended.len();
    out.push_str(&format!(
        "{} passed, {failed} failed, {skipped} not run, in {}\n",
        ended.len() - failed,
        human(took)
    ));
    out
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use anyhow::bail;

    use super::{Step, run};

    #[test]
    fn a_failure_fails_the_verb_but_not_the_later_steps() {
        let ran = RefCell::new(Vec::new());
        let step = |name: &'static str, passes: bool| {
            let ran = &ran;
            Step::new(name, "", move || {
                ran.borrow_mut().push(name);
                if passes {
                    Ok(String::new())
                } else {
                    bail!("it broke")
                }
            })
        };
        let error = run(
            "verb",
            vec![step("a", true), step("b", false), step("c", true)],
            None,
        )
        .unwrap_err();
        assert_eq!(error.to_string(), "verb: b failed");
        assert_eq!(ran.take(), ["a", "b", "c"]);

        run(
            "verb",
            vec![step("a", false).needed(), step("b", true)],
            None,
        )
        .unwrap_err();
        assert_eq!(ran.take(), ["a"], "what needs the failed step is not run");

        run("verb", vec![step("a", true), step("b", false)], Some("a")).unwrap();
        assert_eq!(ran.take(), ["a"]);
    }

    #[test]
    fn an_unknown_step_is_named_with_those_there_are() {
        let steps = vec![
            Step::new("fmt", "", || Ok(String::new())),
            Step::new("docs", "", || Ok(String::new())),
        ];
        let error = run("lint", steps, Some("format")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no step `format` in `cargo xtask lint`; there are: fmt, docs"
        );
    }
}
