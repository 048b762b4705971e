//! An embedder that wants to know at the first failed check: prints a line of JSON when a target becomes suspect, and when
//! it is well again. `hc run` writes no log line for a suspect.
//!
//! `suspects CONFIG`. It ends when it is told to. `cargo xtask bench detect` runs it.
#![expect(clippy::print_stdout, reason = "its output is its result")]

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use hc_app::{Service, Surroundings};
use hc_core::{HealthView, Overlay, Status, TargetId};
use hc_scheduler::{Checked, Observer};

/// Compares each target's state after a check with that before.
#[derive(Default)]
struct Watching {
    view: OnceLock<HealthView>,
    unwell: Mutex<HashSet<TargetId>>,
}

impl Observer for Watching {
    fn starts(&self, view: &HealthView) {
        // Several workers have one view.
        let _ = self.view.set(view.clone());
    }

    fn check_ended(&self, check: &Checked) {
        let id = check.target.as_str();
        let Some(handle) = self.view.get().and_then(|view| view.get(id)) else {
            return;
        };
        let word = handle.word();
        let is_unwell = word.overlays().has(Overlay::Suspect) || word.status() == Status::Unhealthy;
        let mut unwell = self
            .unwell
            .lock()
            .expect("nothing panics while it holds this");
        let changed = match is_unwell {
            true => unwell.insert(check.target.clone()),
            false => unwell.remove(&check.target),
        };
        if changed {
            let event = if is_unwell { "suspect" } else { "well" };
            println!("{}", serde_json::json!({"event": event, "target": id}));
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let file = std::env::args_os().nth(1).map(PathBuf::from);
    let file = file.expect("suspects CONFIG");
    let config =
        hc_config::load_path(file).unwrap_or_else(|errors| panic!("{}", errors.render(false)));
    let mut around = Surroundings::default();
    around.observer = Some(Arc::new(Watching::default()));
    // As `hc run` does.
    around.own_threads = true;
    let _service = Service::start(config, &around).expect("the config can be used");
    std::future::pending::<()>().await;
}
