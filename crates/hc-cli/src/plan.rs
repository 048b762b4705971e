//! `hc plan`: what a config costs and how soon it sees trouble. Computed, nothing is asked.

mod figures;
mod layout;
mod render;

use crate::args::PlanArgs;
use crate::exit::ExitCode;
use crate::term::Term;
use crate::validate;

/// Reads the config and tells.
pub(crate) fn plan(args: &PlanArgs, term: &Term) -> anyhow::Result<ExitCode> {
    let Some((_, config)) = validate::load_or_tell(args.file.as_deref(), term) else {
        return Ok(ExitCode::Usage);
    };
    let fleet = figures::Fleet::of(&config);
    let layout = layout::lay_out(&config);
    let text = match term.json {
        true => render::json(&config, &fleet, &layout),
        false => render::text(&config, &fleet, &layout),
    };
    term.print(&text)?;
    Ok(ExitCode::Ok)
}
