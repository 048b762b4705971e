//! A running hc, and its verbs.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::Scene;

/// It ends when this is dropped, if not before.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, most of the time.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    pub(crate) fn start(scene: &Scene, log: &str) -> Self {
        let log = scene.folder.join(log);
        let file = fs::File::create(&log).expect("the folder can be written");
        let child = Command::new(&scene.hc)
            .args(["run", "-c", "see.yaml"])
            .current_dir(&scene.folder)
            .stdin(Stdio::null())
            .stdout(file)
            .spawn()
            .expect("hc starts");
        Self { child, log }
    }

    /// What it has told so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("hc writes it")
    }

    /// As an init system does.
    pub(crate) fn stop(&mut self) {
        let id = self.child.id().to_string();
        let told = Command::new("sh")
            .args(["-c", "kill -TERM $0", &id])
            .status();
        assert!(
            told.is_ok_and(|status| status.success()),
            "hc can be signalled"
        );
        let ended = self.child.wait().expect("it is a child");
        assert!(ended.success(), "hc ends with 0: {ended}");
    }

    /// What a verb prints into a pipe, asked over the control socket.
    pub(crate) fn verb(&self, scene: &Scene, arguments: &[&str]) -> String {
        let ran = Command::new(&scene.hc)
            .args(arguments)
            .args(["--url", &scene.url()])
            .current_dir(&scene.folder)
            .output()
            .expect("hc starts");
        // Some are not healthy.
        let text = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert_eq!(
            ran.status.code(),
            Some(1),
            "{text}{}",
            String::from_utf8_lossy(&ran.stderr)
        );
        text
    }
}

/// A line's value of that key.
pub(crate) fn field<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let mut words = line.split(' ');
    words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}
