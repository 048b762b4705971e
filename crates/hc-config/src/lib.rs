//! From YAML to validated specs, with every error placed.
//!
//! [`load`] turns a [`Source`] into a [`Config`]: plain data with all defaults filled in, or [`ConfigErrors`] with all
//! that is wrong at once, each with file, line, key, what was wanted and found, and a hint. [`diff`] says what a reload
//! changes. Nothing here runs anything, prints anything or knows an exit code.
//!
//! ```
//! use hc_config::load_str;
//!
//! let config = load_str("hc.yaml", "targets: [\":8080/health\"]")?;
//! assert_eq!(config.targets[0].url, "http://localhost:8080/health");
//!
//! let errors = load_str("hc.yaml", "defaults: { intervall: 5s, timeout: 2 }").unwrap_err();
//! assert_eq!(errors.errors.len(), 2);
//! # Ok::<(), hc_config::ConfigErrors>(())
//! ```

mod build;
mod config;
mod diagnostic;
mod diff;
mod effective;
mod example;
mod expand;
mod files;
mod key;
mod keys;
mod load;
mod locate;
mod outline;
mod overrides;
mod place;
mod profile;
mod read;
mod reference;
mod render;
mod schema;
mod settings;
mod show;
mod tree;
mod units;
mod url;
mod yaml;

pub use crate::config::{
    Config, Control, Identity, Isolate, Limits, Log, LogFormat, LogLevel, Metrics, Overload,
    PerTarget, ProbeSpec, Profile, Shutdown, State, StateFile, TargetSpec,
};
pub use crate::diagnostic::{ConfigErrors, Diagnostic, Severity, Snippet};
pub use crate::diff::{Diff, Replaced, diff};
pub use crate::effective::Effective;
pub use crate::example::{example, init};
pub use crate::expand::{Env, EnvFn, ProcessEnv};
pub use crate::files::{Disk, Files};
pub use crate::load::{Source, from_urls, load, load_path, load_str, load_with};
pub use crate::locate::find_file;
pub use crate::outline::{Imprint, Outline};
pub use crate::overrides::Overrides;
pub use crate::reference::reference;
pub use crate::schema::schema;
pub use crate::settings::Origin;
pub use crate::show::{Shown, render_shown, show};
pub use crate::units::{format_duration, format_size, parse_duration};
pub use crate::url::{HttpUrl, UrlError, expand_url};
