//! What hc asks of the machine: its name, its limit of open files, the time, a seed.

use std::time::SystemTime;

/// The host's name: part of every target's phase, so that two checkers ask at different times.
pub(crate) fn name() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    if name.is_empty() {
        "hc".to_owned()
    } else {
        name
    }
}

/// Where the default control socket goes.
pub(crate) fn home() -> hc_app::Home {
    let service = std::env::var_os("RUNTIME_DIRECTORY");
    hc_app::Home {
        // Of several the first: they are in the unit's order.
        service: service.and_then(|paths| std::env::split_paths(&paths).next()),
        runtime: std::env::var_os("XDG_RUNTIME_DIR").map(Into::into),
        temporary: std::env::temp_dir(),
        user: rustix::process::geteuid().as_raw(),
        process: std::process::id(),
    }
}

/// Where the state goes by default.
pub(crate) fn state_home() -> hc_app::StateHome {
    let text = |name: &str| std::env::var(name).ok();
    hc_app::StateHome {
        service: text("STATE_DIRECTORY"),
        state: std::env::var_os("XDG_STATE_HOME").map(Into::into),
        home: std::env::var_os("HOME").map(Into::into),
        user: rustix::process::geteuid().as_raw(),
    }
}

/// Whether the terminal's texts are UTF-8, by the environment's locale.
pub(crate) fn is_unicode() -> bool {
    let set = |name: &&str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set);
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// How many files this process may have open.
pub(crate) fn open_files() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    })
}

/// The same after asking for as many as there may be: the usual soft limit is for programs that use `select`.
pub(crate) fn most_open_files() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let most = Rlimit {
        current: maximum,
        maximum,
    };
    // Where it is refused, the limit is what it was.
    let _ = setrlimit(Resource::Nofile, most);
    open_files()
}

/// Now, for people.
#[expect(
    clippy::disallowed_methods,
    reason = "the command is where time is read"
)]
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}

/// A seed for the jitter that differs from process to process.
pub(crate) fn seed() -> u64 {
    let since = wall()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    hc_core::nanos(since) ^ u64::from(std::process::id()).rotate_left(32)
}
