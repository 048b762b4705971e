//! What becomes of a file that is not as it was left, and whose targets are not.

use std::fs;

use hc_core::{Health, Memory, Policy, Start, Status, Timestamp, Verdict, step};

use super::format::Writer;
use super::line::Line;
use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn config(targets: &str, folder: &Path) -> Config {
    let file = folder.join("hc.state");
    let text = format!(
        "state: {{ file: \"{}\" }}\ntargets: [{targets}]",
        file.display()
    );
    hc_config::load_str("hc.yaml", &text)
        .unwrap_or_else(|errors| panic!("{}", errors.render(false)))
}

const BOTH: &str = "{ name: a, url: \"http://h:1/\" }, { name: b, url: \"http://h:2/\" }";

/// One pass, and a failure after it.
fn suspect() -> Memory {
    let policy = Policy::default();
    let health = Health::new(Start::First, Timestamp::ZERO);
    let (health, _) = step(&policy, health, Verdict::Pass, Timestamp::ZERO);
    let (health, _) = step(&policy, health, Verdict::Fail(1), Timestamp::ZERO);
    Memory::of(&health, Timestamp::ZERO, noon())
}

/// A file as a process with that config leaves it at noon.
fn bytes(config: &Config) -> Vec<u8> {
    let mut writer = Writer::begin(Vec::new(), noon()).unwrap();
    for (id, imprint) in hc_config::Outline::of(config).imprints(0, usize::MAX) {
        let line = Line::new(id.as_str(), imprint, &suspect(), None);
        writer.add(&line).unwrap();
    }
    writer.finish().unwrap()
}

fn open(config: &Config) -> State {
    let opened = State::open(config, None, &StateHome::default(), noon());
    opened.unwrap().0.expect("it was named")
}

/// Who takes what of a file that is read so long after noon, and what is told.
fn recalled(config: &Config, later: Duration) -> (Vec<(String, Memory)>, String) {
    let (state, wall) = (open(config), noon() + later);
    let (mut memories, told) = state.recall(config, wall);
    let outline = hc_config::Outline::of(config);
    let taken = outline.imprints(0, usize::MAX).filter_map(|(id, imprint)| {
        let memory = memories.take(id.as_str(), imprint)?;
        Some((id.to_string(), memory))
    });
    let taken = taken.collect();
    let told = told.or_else(|| state.restored(&memories, config.targets.len(), wall));
    let line = told.map(|record| record.logfmt(crate::journal::TimeStyle::None));
    (taken, line.unwrap_or_default())
}

#[test]
fn what_was_saved_is_taken_by_whom_it_belongs_to() {
    let folder = tempfile::tempdir().unwrap();
    let before = config(BOTH, folder.path());
    let file = folder.path().join("hc.state");
    fs::write(&file, bytes(&before)).unwrap();
    let (taken, told) = recalled(&before, MINUTE);
    let all = [("a".to_owned(), suspect()), ("b".to_owned(), suspect())];
    assert_eq!(taken, all);
    let wanted = format!(
        "INFO restored targets=2 of=2 age=1m file={}",
        file.display()
    );
    assert_eq!(told, wanted);

    // a is another thing, b is asked in another way, c is new; and a policy matters to nobody.
    let after = "{ name: a, url: \"http://h:3/\" }, { name: c, url: \"http://h:1/\" }, \
                 { name: b, url: \"http://h:2/\", fall: 9, http: { headers: { x: y } } }";
    let (taken, told) = recalled(&config(after, folder.path()), MINUTE);
    assert!(told.contains("targets=1 of=3"), "{told}");
    assert_eq!(taken.len(), 1);
    let (name, memory) = &taken[0];
    let health = memory.health();
    assert_eq!((name.as_str(), health.status()), ("b", Status::Healthy));
    assert!(!health.is_suspect() && memory.since() == suspect().since());
    let policy = BOTH.replace("2/\"", "2/\", fall: 9");
    let (taken, _) = recalled(&config(&policy, folder.path()), MINUTE);
    assert_eq!(taken, all);
}

#[track_caller]
fn check(bytes: &[u8], later: Duration, wanted: &str, is_set_aside: bool) {
    let folder = tempfile::tempdir().unwrap();
    let config = config(BOTH, folder.path());
    let file = folder.path().join("hc.state");
    fs::write(&file, bytes).unwrap();
    let (taken, told) = recalled(&config, later);
    assert_eq!(taken, []);
    let file = file.display().to_string();
    let told = told.replace(&file, "FILE");
    assert_eq!(told, wanted);
    assert_eq!(!Path::new(&file).exists(), is_set_aside);
    let aside = format!("{file}.damaged");
    assert_eq!(Path::new(&aside).exists(), is_set_aside);
}

#[test]
fn what_is_not_fit_is_told_and_costs_what_it_held() {
    let folder = tempfile::tempdir().unwrap();
    let whole = bytes(&config(BOTH, folder.path()));
    check(
        &whole,
        5 * MINUTE + Duration::from_secs(1),
        "INFO state file=FILE msg=\"nothing is restored: it was saved 5m1s ago, and state.max_age is 5m\"",
        false,
    );
    check(
        &whole[..whole.len() / 2],
        MINUTE,
        "WARN state file=FILE msg=\"nothing is restored: it is damaged: it is cut off in line 2; set aside as FILE.damaged\"",
        true,
    );
    check(
        b"",
        MINUTE,
        "WARN state file=FILE msg=\"nothing is restored: it is damaged: it is empty; set aside as FILE.damaged\"",
        true,
    );
    let newer = String::from_utf8(whole).unwrap();
    let newer = newer.replace("\"version\":1", "\"version\":2");
    check(
        newer.as_bytes(),
        MINUTE,
        "WARN state file=FILE msg=\"nothing is restored: it is of version 2, and this hc reads version 1\"",
        false,
    );
}

#[test]
fn a_clock_that_was_set_back_is_told_unless_it_was_by_little() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(BOTH, folder.path());
    let file = folder.path().join("hc.state");
    fs::write(&file, bytes(&config)).unwrap();
    let read = |back: Duration| {
        let state = open(&config);
        let (memories, told) = state.recall(&config, noon() - back);
        let told = told.map(|record| record.logfmt(crate::journal::TimeStyle::None));
        (memories.age(), told.unwrap_or_default())
    };
    assert_eq!(
        read(Duration::from_secs(5)),
        (Some(Duration::ZERO), String::new())
    );
    let (age, told) = read(Duration::from_secs(3_600));
    assert_eq!(age, None);
    assert!(
        told.starts_with("WARN state ")
            && told.contains("it was saved 1h from now; the clock was set back"),
        "{told}"
    );
    assert!(file.exists());
}

#[test]
fn a_named_file_that_cannot_be_had_is_an_error_and_a_default_one_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let named = config(BOTH, folder.path());
    fs::create_dir(folder.path().join("hc.state")).unwrap();
    let error = State::open(&named, None, &StateHome::default(), noon()).unwrap_err();
    let path = folder.path().join("hc.state");
    let wanted = format!(
        "failed to keep state in {}: there is a directory, not a file",
        path.display()
    );
    assert_eq!(error.to_string(), wanted);

    let text = format!("targets: [{BOTH}]");
    let usual = hc_config::load_str("hc.yaml", &text).unwrap();
    let file = folder.path().join("hc.yaml");
    fs::write(&file, &text).unwrap();
    let home = |home: Option<PathBuf>| StateHome {
        user: std::os::unix::fs::MetadataExt::uid(&fs::metadata(folder.path()).unwrap()),
        home,
        ..StateHome::default()
    };
    let open = |path: Option<&Path>, home: &StateHome| {
        let (state, told) = State::open(&usual, path, home, noon()).unwrap();
        let told = told.map(|record| record.logfmt(crate::journal::TimeStyle::None));
        (state, told.unwrap_or_default())
    };
    let (state, told) = open(Some(&file), &home(None));
    assert!(state.is_none());
    assert_eq!(
        told,
        "WARN state msg=\"no state is kept: neither STATE_DIRECTORY nor XDG_STATE_HOME nor HOME names a directory; \
         a restart forgets what is known (--state)\""
    );
    let home = home(Some(folder.path().to_owned()));
    let (state, told) = open(Some(&file), &home);
    assert_eq!(told, "");
    let first = state.expect("it is usable");
    let (second, told) = open(Some(&file), &home);
    let process = std::process::id();
    assert!(second.is_none());
    assert!(
        told.contains(&format!("process {process} keeps its state there; ")),
        "{told}"
    );
    assert!(
        first
            .path()
            .starts_with(folder.path().join(".local/state/hc"))
    );
    // Without a config file there is nothing that would be the same the next time.
    assert!(matches!(open(None, &home), (None, told) if told.is_empty()));
    let none = hc_config::load_str("hc.yaml", &format!("state: none\n{text}")).unwrap();
    let (state, told) = State::open(&none, Some(&file), &home, noon()).unwrap();
    assert!(state.is_none() && told.is_none());
}
