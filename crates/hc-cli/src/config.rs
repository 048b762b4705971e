//! `hc config show`: each value with its origin.

use serde_json::json;

use crate::args::ConfigShowArgs;
use crate::exit::ExitCode;
use crate::term::Term;
use crate::validate;

/// Shows the process and `defaults`, or one target.
pub(crate) fn show(args: &ConfigShowArgs, term: &Term) -> anyhow::Result<ExitCode> {
    let Some((path, config)) = validate::load_or_tell(args.config.as_deref(), term) else {
        return Ok(ExitCode::Usage);
    };
    let name = args.name.as_deref();
    let Some(shown) = hc_config::show(&config, name) else {
        let name = hc_core::escape(name.unwrap_or_default(), 60);
        term.trouble(&format!("no target `{name}` in {}", path.display()));
        return Ok(ExitCode::Usage);
    };
    if term.json {
        let mut out = String::new();
        for value in &shown {
            let line = json!({
                "schema": "hc.value/1",
                "key": value.path(),
                "value": value.value,
                "origin": value.origin.to_string(),
                "place": value.place,
            });
            out.push_str(&format!("{line}\n"));
        }
        term.print(&out)?;
    } else {
        term.print(&hc_config::render_shown(&shown))?;
    }
    Ok(ExitCode::Ok)
}
