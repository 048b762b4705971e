//! Replaced whole or not at all, kept from others, and never led astray.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn text(place: &Place) -> String {
    let mut text = String::new();
    let mut input = place.open().unwrap().expect("it is there");
    input.read_to_string(&mut text).unwrap();
    text
}

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

#[test]
fn it_is_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let place = Place::take(&path).unwrap();
    assert_eq!(names(folder.path()), ["state.lock"]);
    assert!(place.open().unwrap().is_none());
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    place.replace(|out| out.write_all(b"new")).unwrap();
    assert_eq!(text(&place), "new");
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert_eq!(names(folder.path()), ["state", "state.lock"]);

    let full = |out: &mut BufWriter<File>| {
        out.write_all(&[b'x'; 3 * BUFFER])?;
        Err(io::ErrorKind::StorageFull.into())
    };
    let error = place.replace(full).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(text(&place), "new");
    assert_eq!(names(folder.path()), ["state", "state.lock"]);

    // As kill -9 leaves it.
    fs::write(folder.path().join("state.new"), "half").unwrap();
    place.replace(|out| out.write_all(b"newer")).unwrap();
    assert_eq!(text(&place), "newer");

    assert_eq!(
        place.set_aside().unwrap(),
        folder.path().join("state.damaged")
    );
    assert_eq!(names(folder.path()), ["state.damaged", "state.lock"]);
    place.replace(|out| out.write_all(b"again")).unwrap();
    place.set_aside().unwrap();
    let aside = fs::read(folder.path().join("state.damaged")).unwrap();
    assert_eq!(aside, b"again", "there is one: the last");
}

#[test]
fn two_do_not_share_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let place = Place::take(&path).unwrap();
    let error = Place::take(&path).unwrap_err().to_string();
    let process = std::process::id();
    assert_eq!(error, format!("process {process} keeps its state there"));
    place.replace(|out| out.write_all(b"mine")).unwrap();
    assert!(Place::take(&path).is_err(), "nor after a replacement");
    Place::take(&folder.path().join("other")).unwrap();
    drop(place);
    assert_eq!(text(&Place::take(&path).unwrap()), "mine");
}

#[track_caller]
fn check(path: &Path, wanted: &str) {
    let error = Place::take(path).expect_err("it is not to be had");
    assert!(error.to_string().contains(wanted), "{error}");
}

#[test]
fn what_is_no_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("directory")).unwrap();
    fs::write(at("precious"), "precious").unwrap();
    symlink(at("precious"), at("link")).unwrap();
    symlink(at("nowhere"), at("dangling")).unwrap();
    fifo(&at("fifo"));
    let _socket = UnixListener::bind(at("socket")).unwrap();
    let before = names(folder.path());
    check(&at("directory"), "there is a directory, not a file");
    check(
        &at("link"),
        "there is a symbolic link, which is not followed",
    );
    check(&at("dangling"), "there is a symbolic link");
    check(&at("fifo"), "there is a named pipe");
    check(&at("socket"), "there is a socket");
    check(Path::new("/dev/null"), "there is a device");
    check(&at("none/state"), "No such file or directory");
    check(&at("precious/state"), "Not a directory");
    check(Path::new("/"), "that is no name of a file");
    check(Path::new(".."), "that is no name of a file");
    assert_eq!(names(folder.path()), before);
    // Nor is what lies in the way of the lock and of the new file.
    symlink(at("precious"), at("a.lock")).unwrap();
    check(&at("a"), "symbolic link");
    fifo(&at("b.lock"));
    check(&at("b"), "there is a named pipe");
    fs::create_dir(at("c.new")).unwrap();
    assert!(Place::take(&at("c")).is_err());
    assert_eq!(fs::read(at("precious")).unwrap(), b"precious");
}

/// What takes the file's place while it is ours is not waited for, not followed, and not read without end.
#[test]
fn what_comes_in_its_place_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let place = Place::take(&path).unwrap();
    let refused = |wanted: &str| {
        let error = place.open().unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    };
    fifo(&path);
    refused("there is a named pipe");
    fs::remove_file(&path).unwrap();
    symlink("/dev/zero", &path).unwrap();
    refused("symbolic link");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused("there is a directory");
    assert!(place.replace(|out| out.write_all(b"x")).is_err());
    assert_eq!(names(folder.path()), ["state", "state.lock"]);
    fs::remove_dir(&path).unwrap();
    let enormous = File::create(&path).unwrap();
    enormous.set_len(LARGEST + 1).unwrap();
    refused("more than hc writes");
    place.replace(|out| out.write_all(b"x")).unwrap();
    assert_eq!(text(&place), "x");
}
