//! Where a running hc is asked: a unix socket or an address, as people write it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::Trouble;

/// Where a running hc is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A unix socket.
    Unix(PathBuf),
    /// Plain HTTP.
    Http {
        /// The host's name or address, without brackets.
        host: String,
        /// The port.
        port: u16,
        /// What comes before `/api`: of a proxy.
        prefix: String,
    },
}

impl Place {
    /// The value of `Host`: over a unix socket it does not matter.
    pub(crate) fn host_header(&self) -> String {
        match self {
            Self::Unix(_) => "localhost".to_owned(),
            Self::Http { host, port, .. } if host.contains(':') => format!("[{host}]:{port}"),
            Self::Http { host, port, .. } => format!("{host}:{port}"),
        }
    }

    /// What comes before the path of a request.
    pub(crate) fn prefix(&self) -> &str {
        match self {
            Self::Unix(_) => "",
            Self::Http { prefix, .. } => prefix,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => f.write_str(&hc_core::escape(&path.display().to_string(), 200)),
            Self::Http { prefix, .. } => write!(f, "http://{}{prefix}", self.host_header()),
        }
    }
}

const WRITE: &str = "write http://127.0.0.1:7740 or unix:/run/hc.sock";

fn usage(text: &str, why: &str) -> Trouble {
    // What follows a user's name may be a password.
    let shown = match text.contains('@') {
        true => "***".to_owned(),
        false => hc_core::escape(text, 100),
    };
    Trouble::Usage(format!("--url `{shown}` is not usable: {why}; {WRITE}"))
}

impl FromStr for Place {
    type Err = Trouble;

    fn from_str(text: &str) -> Result<Self, Trouble> {
        if let Some(path) = text.strip_prefix("unix:") {
            // `unix:///run/hc.sock` is written too.
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path.starts_with('/') {
                true => Ok(Self::Unix(path.into())),
                false => Err(usage(text, "a socket's path begins with /")),
            };
        }
        if text.starts_with('/') {
            return Ok(Self::Unix(text.into()));
        }
        if text.contains('@') {
            return Err(usage(text, "hc asks for no user and no password"));
        }
        if text.contains(['?', '#']) {
            return Err(usage(text, "nothing may follow the path"));
        }
        let url = hc_config::expand_url(text).map_err(|error| usage(text, &error.to_string()))?;
        if url.is_https() {
            return Err(usage(text, "hc itself speaks no TLS, nor does this verb"));
        }
        // After the scheme, the path begins at the first slash.
        let rest = url.shown().trim_start_matches("http://");
        let path = rest.find('/').map_or("", |at| &rest[at..]);
        Ok(Self::Http {
            host: url.host().trim_matches(['[', ']']).to_owned(),
            port: url.port(),
            prefix: path.trim_end_matches('/').to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str, host: &str) {
        let place: Place = text.parse().unwrap();
        assert_eq!(place.to_string(), expected, "{text}");
        assert_eq!(place.host_header(), host, "{text}");
    }

    #[test]
    fn places_are_read_as_people_write_them() {
        check("unix:/run/hc.sock", "/run/hc.sock", "localhost");
        check("unix:///run/hc.sock", "/run/hc.sock", "localhost");
        check("/run/hc.sock", "/run/hc.sock", "localhost");
        check(
            "http://127.0.0.1:7740",
            "http://127.0.0.1:7740",
            "127.0.0.1:7740",
        );
        check(":7740", "http://localhost:7740", "localhost:7740");
        check("web1:7740/", "http://web1:7740", "web1:7740");
        check("http://web1", "http://web1:80", "web1:80");
        check("[::1]:7740", "http://[::1]:7740", "[::1]:7740");
        check("http://web1/hc/", "http://web1:80/hc", "web1:80");
    }

    #[test]
    fn what_is_no_place_is_said_without_its_secrets() {
        for text in [
            "unix:hc.sock",
            "unix:",
            "https://web1/",
            "web1:443",
            "ftp://web1/",
            "http://",
            "http://a b/",
            "http://web1/?x=1",
            "http://web1:99999/",
            "http://u:geheim@web1/",
        ] {
            let trouble = text.parse::<Place>().unwrap_err();
            assert_eq!(trouble.exit(), crate::exit::ExitCode::Usage, "{text}");
            assert!(!trouble.to_string().contains("geheim"), "{trouble}");
        }
    }
}
