//! The rules of the unit: what it must say, as a pure function over its text.

/// What the unit starts.
pub(super) const PROGRAM: &str = "/usr/bin/hc";

/// Lines that hold, each with why.
const WANTED: [(&str, &str); 24] = [
    (
        "ExecStart=/usr/bin/hc run -c /etc/hc/hc.yaml",
        "the package installs both there",
    ),
    ("WatchdogSec=30s", "one that is stuck is started anew"),
    (
        "Restart=always",
        "also one that ended because nobody read its log",
    ),
    (
        "RestartPreventExitStatus=2",
        "a config that is refused stays refused",
    ),
    ("DynamicUser=yes", "a user of its own"),
    ("User=hc", "under one name"),
    (
        "RuntimeDirectory=hc",
        "hc_server::Control::SYSTEM, where `hc status` looks",
    ),
    ("StateDirectory=hc", "what is known outlives a restart"),
    ("UMask=0077", "a socket is private from its first moment on"),
    ("LimitNOFILE=524288", "a kept connection is a file"),
    ("CapabilityBoundingSet=", "it needs none"),
    ("NoNewPrivileges=yes", "nor any later"),
    (
        "ProtectSystem=strict",
        "it writes to its two directories alone",
    ),
    ("ProtectHome=yes", "and reads nobody's own"),
    ("PrivateTmp=yes", ""),
    ("PrivateDevices=yes", ""),
    (
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
        "all that it speaks",
    ),
    ("RestrictNamespaces=yes", ""),
    ("LockPersonality=yes", ""),
    (
        "MemoryDenyWriteExecute=yes",
        "nothing of it is made at run time",
    ),
    ("SystemCallArchitectures=native", ""),
    ("SystemCallFilter=@system-service", "what services need"),
    (
        "SystemCallFilter=~@privileged @resources",
        "less what hc does not",
    ),
    ("WantedBy=multi-user.target", "it can be enabled"),
];

/// All that is wrong, as sentences.
pub(super) fn broken(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let missing = WANTED.iter().filter(|(line, _)| !lines.contains(line));
    let mut broken: Vec<_> = missing
        .map(|(line, why)| format!("packaging/hc.service: {line} is gone ({why})"))
        .collect();
    let types: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with("Type="))
        .collect();
    if types != [&"Type=notify", &"Type=notify-reload"] {
        broken.push(
            "packaging/hc.service: wanted Type=notify and then Type=notify-reload, which old systemd skips"
                .to_owned(),
        );
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::{WANTED, broken};

    #[test]
    fn a_line_that_is_gone_or_changed_is_told() {
        let lines: Vec<_> = WANTED.iter().map(|(line, _)| *line).collect();
        let whole = format!("Type=notify\nType=notify-reload\n{}", lines.join("\n"));
        assert_eq!(broken(&whole), Vec::<String>::new());
        let open = whole.replace("ProtectSystem=strict", "ProtectSystem=no");
        assert_eq!(broken(&open).len(), 1);
        let turned = whole.replace("Type=notify\nType=notify-reload", "Type=notify-reload");
        assert_eq!(broken(&turned).len(), 1);
    }
}
