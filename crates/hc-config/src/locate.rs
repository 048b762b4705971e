//! Which file is the config when nobody says.

use std::path::{Path, PathBuf};

use crate::expand::Env;
use crate::files::Files;

/// The config file: what `-c` says, HC_CONFIG, `./hc.yaml`, `hc/hc.yaml` in the user's config directory,
/// `/etc/hc/hc.yaml`. What `-c` and HC_CONFIG say holds whether it is there or not; of the others, the first that is there.
#[must_use]
pub fn find_file(explicit: Option<&Path>, env: &dyn Env, files: &dyn Files) -> Option<PathBuf> {
    if let Some(path) = explicit {
        return Some(path.to_owned());
    }
    if let Some(path) = env.var("HC_CONFIG").filter(|path| !path.is_empty()) {
        return Some(PathBuf::from(path));
    }
    // The standard says that a relative XDG_CONFIG_HOME is to be ignored.
    let xdg = env
        .var("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let home = || {
        env.var("HOME")
            .filter(|home| !home.is_empty())
            .map(|home| Path::new(&home).join(".config"))
    };
    let user = xdg
        .or_else(home)
        .or_else(|| env.var("APPDATA").map(PathBuf::from));
    let places = [
        Some(PathBuf::from("hc.yaml")),
        user.map(|user| user.join("hc").join("hc.yaml")),
        Some(PathBuf::from("/etc/hc/hc.yaml")),
    ];
    places.into_iter().flatten().find(|path| files.exists(path))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_order_of_places() {
        let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
        let mut env: BTreeMap<String, String> = BTreeMap::new();
        let find = |env: &BTreeMap<String, String>, files: &BTreeMap<PathBuf, Vec<u8>>| {
            find_file(None, env, files)
        };
        assert_eq!(find(&env, &files), None);
        files.insert("/etc/hc/hc.yaml".into(), Vec::new());
        assert_eq!(find(&env, &files), Some("/etc/hc/hc.yaml".into()));
        env.insert("HOME".to_owned(), "/users/u".to_owned());
        files.insert("/users/u/.config/hc/hc.yaml".into(), Vec::new());
        assert_eq!(
            find(&env, &files),
            Some("/users/u/.config/hc/hc.yaml".into())
        );
        files.insert("/x/hc/hc.yaml".into(), Vec::new());
        env.insert("XDG_CONFIG_HOME".to_owned(), "/x".to_owned());
        assert_eq!(find(&env, &files), Some("/x/hc/hc.yaml".into()));
        files.insert("hc.yaml".into(), Vec::new());
        assert_eq!(find(&env, &files), Some("hc.yaml".into()));
        env.insert("HC_CONFIG".to_owned(), "gone.yaml".to_owned());
        assert_eq!(find(&env, &files), Some("gone.yaml".into()));
        assert_eq!(
            find_file(Some(Path::new("c.yaml")), &env, &files),
            Some("c.yaml".into())
        );
    }
}
