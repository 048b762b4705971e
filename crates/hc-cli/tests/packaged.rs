//! What hc is installed with: the commands of the unit and of the container are its own, and the config is one.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod common;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use common::{expect, folder, hc};

fn packaging(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../packaging");
    folder.join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(packaging(name)).unwrap()
}

/// The command after `word` in the container's file, without the program.
fn container(word: &str) -> Vec<String> {
    let file = text("Containerfile").replace("\\\n", " ");
    let line = file.lines().rfind(|line| line.starts_with(word)).unwrap();
    let command = &line[line.find('[').unwrap()..];
    let command: Vec<String> = serde_json::from_str(command).unwrap();
    let program = command.iter().take_while(|part| *part == "/hc").count();
    command[program..].to_vec()
}

#[test]
fn the_config_is_valid_and_of_this_machine_alone() {
    let path = packaging("hc.yaml");
    let ran = expect(0, &["validate", path.to_str().unwrap()]);
    assert!(ran.stdout.contains(": ok, 1 target"), "{ran:?}");
    let addresses = text("hc.yaml");
    for line in addresses
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
    {
        assert!(
            !line.contains("://") || line.contains("://127.0.0.1:"),
            "{line}"
        );
        assert!(
            !line.contains("listen:") || line.contains("[\"127.0.0.1:7740\"]"),
            "{line}"
        );
    }
}

/// As the unit and the container start it, and as the container asks it; the port alone is one that is free here.
#[test]
fn the_commands_of_the_unit_and_of_the_container_are_ours() {
    let unit = text("hc.service");
    let start = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart=/usr/bin/hc "))
        .unwrap();
    let unit: Vec<String> = start.split(' ').map(ToOwned::to_owned).collect();
    let config = packaging("hc.yaml").to_str().unwrap().to_owned();
    let health = container("HEALTHCHECK");
    for command in [unit, container("CMD")] {
        let mut arguments: Vec<String> = command
            .iter()
            .map(|part| {
                part.replace("/etc/hc/hc.yaml", &config)
                    .replace("0.0.0.0:7740", "127.0.0.1:0")
            })
            .collect();
        assert!(arguments.contains(&config), "{command:?}");
        if !arguments.iter().any(|part| part == "--listen") {
            arguments.extend(["--listen".to_owned(), "127.0.0.1:0".to_owned()]);
        }
        let mut child = hc()
            .env("XDG_RUNTIME_DIR", folder("packaged"))
            .args(&arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let start = lines.next().unwrap().unwrap();
        let listen = start
            .split("listen=")
            .nth(1)
            .unwrap_or_else(|| panic!("{start}"));
        let health: Vec<String> = health
            .iter()
            .map(|part| part.replace("127.0.0.1:7740", listen))
            .collect();
        let health: Vec<&str> = health.iter().map(String::as_str).collect();
        let ran = expect(0, &health);
        assert_eq!(
            (&*ran.stdout, &*ran.stderr),
            ("", ""),
            "it is quiet while all is well"
        );

        let sent = Command::new("kill").arg(child.id().to_string()).status();
        assert!(sent.unwrap().success());
        assert!(lines.any(|line| line.unwrap().contains("INFO stopped")));
        assert_eq!(child.wait().unwrap().code(), Some(0));
        // 1 is unhealthy to Docker; 2 it keeps for itself.
        expect(1, &health);
    }
}
