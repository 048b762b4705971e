//! URLs of targets: short forms, what is refused, and the form that may be shown.

use std::fmt;
use std::net::Ipv6Addr;
use std::ops::Range;

use url::{Host, Url};

use hc_http::Secret;

/// An absolute `http` or `https` URL. What is shown of it has no user, no password, and no query value that came
/// from a variable.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HttpUrl {
    full: Secret,
    shown: String,
    credentials: Option<(String, Secret)>,
    host: String,
    port: u16,
    is_https: bool,
}

/// What is wrong with a URL. Quotes nothing of it: a URL that cannot be read may hold a password anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlError {
    /// `bad-url`, or `not-yet` for schemes to come.
    pub code: &'static str,
    /// What is wrong: completes "the URL ...".
    pub problem: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UrlError {}

impl HttpUrl {
    /// The URL to ask: with its query, without user, password and fragment. Holds secrets.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.full.expose()
    }

    /// The URL as people may see it.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The shown URL without its query: the default name of a target.
    #[must_use]
    pub fn name(&self) -> &str {
        self.shown
            .split_once('?')
            .map_or(self.shown.as_str(), |(name, _)| name)
    }

    /// User and password that stood in the URL, decoded.
    #[must_use]
    pub fn credentials(&self) -> Option<(&str, &Secret)> {
        self.credentials
            .as_ref()
            .map(|(user, password)| (user.as_str(), password))
    }

    /// The host: a name in lower case, or an address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, written or the scheme's.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the scheme is `https`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.is_https
    }
}

impl fmt::Debug for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.shown, f)
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Reads a URL as people type it: a full one, or `:8080`, `localhost:8080`, `host/path`, `[::1]:8080`, which mean
/// `http` (`https` when the port is 443).
///
/// # Errors
/// Another scheme, no host, a port that is none, blanks, and addresses in forms that only some programs understand
/// (`http://0x7f.1/`).
///
/// ```
/// let url = hc_config::expand_url(":8080/health")?;
/// assert_eq!(url.shown(), "http://localhost:8080/health");
/// assert_eq!(hc_config::expand_url("shop.test:443")?.shown(), "https://shop.test/");
/// # Ok::<(), hc_config::UrlError>(())
/// ```
pub fn expand_url(text: &str) -> Result<HttpUrl, UrlError> {
    parse(text, &[])
}

/// A URL that may be none, as an argument is called in messages: without what may be secret.
pub(crate) fn safe_text(text: &str) -> String {
    match text.contains(['@', '?']) {
        false => text.to_owned(),
        true => parse(text, &[]).map_or_else(|_| "***".to_owned(), |url| url.name().to_owned()),
    }
}

/// The same; `secret` are the pieces of the text that came from variables.
pub(crate) fn parse(text: &str, secret: &[Range<usize>]) -> Result<HttpUrl, UrlError> {
    if text.is_empty() {
        return Err(bad("it is empty", None));
    }
    if let Some(c) = text
        .chars()
        .find(|c| c.is_whitespace() || c.is_control() || *c == '\\')
    {
        let what = if c == '\\' {
            "a backslash"
        } else {
            "a blank or control character"
        };
        return Err(bad(&format!("it has {what} in it"), None));
    }
    let mut full = complete(text)?;
    // `url` forgives `http:///host`; nothing else does.
    let authority = full.split_once("://").map_or("", |(_, rest)| rest);
    let authority = &authority[..authority.find(['/', '?', '#']).unwrap_or(authority.len())];
    let host_text = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    if host_text.is_empty() || host_text.starts_with(':') {
        return Err(bad("it has no host", None));
    }
    let host_text = match host_text.rfind(':') {
        Some(at) if !host_text.ends_with(']') => &host_text[..at],
        _ => host_text,
    }
    .to_owned();
    if authority.ends_with(':') {
        return Err(bad("its port is empty", None));
    }
    if let Some(at) = full.find('#') {
        full.truncate(at);
    }
    let mut url = Url::parse(&full).map_err(|error| bad(&error.to_string(), None))?;
    let port = url.port_or_known_default().unwrap_or(0);
    if port == 0 {
        return Err(bad("its port is 0", None));
    }
    let host = match url.host() {
        Some(Host::Domain(name)) => {
            check_name(name)?;
            name.to_owned()
        }
        Some(Host::Ipv4(address)) => {
            if address.to_string() != host_text {
                let hint = format!("write `{address}` if that is meant");
                return Err(bad("its address is in an unusual form", Some(hint)));
            }
            address.to_string()
        }
        Some(Host::Ipv6(address)) => address.to_string(),
        None => return Err(bad("it has no host", None)),
    };
    let credentials = (!url.username().is_empty() || url.password().is_some()).then(|| {
        (
            decode(url.username()),
            Secret::new(decode(url.password().unwrap_or(""))),
        )
    });
    // Cannot fail for a URL with a host.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    let masked = masked_query(text, url.query(), secret);
    let is_https = url.scheme() == "https";
    let asked = Secret::new(url.as_str());
    url.set_query(None);
    let mut shown = String::from(url);
    if let Some(query) = masked {
        shown.push('?');
        shown.push_str(&query);
    }
    Ok(HttpUrl {
        full: asked,
        shown,
        credentials,
        host,
        port,
        is_https,
    })
}

/// Puts the scheme in front of a short form.
fn complete(text: &str) -> Result<String, UrlError> {
    if let Some((scheme, rest)) = text.split_once("://")
        && is_scheme(scheme)
    {
        return match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => Ok(format!("{}://{rest}", scheme.to_ascii_lowercase())),
            other => Err(UrlError {
                code: "not-yet",
                problem: format!(
                    "its scheme `{}` is not supported yet",
                    hc_core::escape(other, 20)
                ),
                hint: Some("`http` and `https` are".to_owned()),
            }),
        };
    }
    let end = text.find(['/', '?', '#']).unwrap_or(text.len());
    let (authority, rest) = text.split_at(end);
    if authority.parse::<Ipv6Addr>().is_ok() {
        return Ok(format!("http://[{authority}]{rest}"));
    }
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (format!("{user}@"), host),
        None => (String::new(), authority),
    };
    if let Some(port) = host.strip_prefix(':') {
        let scheme = scheme_for(Some(port));
        return Ok(format!("{scheme}://{user}localhost:{port}{rest}"));
    }
    let port = host
        .rsplit_once(':')
        .filter(|_| !host.ends_with(']'))
        .map(|(_, port)| port);
    if matches!(host.split(':').next(), Some("http" | "https")) {
        return Err(bad(
            "its `//` is missing",
            Some("write `http://HOST/`".to_owned()),
        ));
    }
    if let Some(port) = port
        && !port.bytes().all(|b| b.is_ascii_digit())
    {
        return Err(bad("its port is not a number", None));
    }
    Ok(format!("{}://{user}{host}{rest}", scheme_for(port)))
}

fn scheme_for(port: Option<&str>) -> &'static str {
    if port == Some("443") { "https" } else { "http" }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

fn check_name(name: &str) -> Result<(), UrlError> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    if bare.len() > 253
        || bare
            .split('.')
            .any(|label| label.is_empty() || label.len() > 63)
    {
        let hint = "253 characters in all, 1 to 63 between two dots".to_owned();
        return Err(bad("its host is not a name", Some(hint)));
    }
    Ok(())
}

/// The query to show: values that touch a variable become `***`.
fn masked_query(text: &str, query: Option<&str>, secret: &[Range<usize>]) -> Option<String> {
    let query = query?;
    let before_fragment = text.find('#').unwrap_or(text.len());
    let Some(begin) = text[..before_fragment].find('?').map(|at| at + 1) else {
        return Some("***".to_owned());
    };
    let mut at = begin;
    let hidden: Vec<Option<bool>> = text[begin..before_fragment]
        .split('&')
        .map(|pair| {
            let piece = at..at + pair.len();
            at = piece.end + 1;
            let value = pair
                .find('=')
                .map_or(piece.start, |equals| piece.start + equals + 1);
            let touches = |from: usize| {
                secret
                    .iter()
                    .any(|s| s.start < piece.end.max(from + 1) && s.end > from && !s.is_empty())
            };
            if touches(value) {
                // The key is shown only if all of it was written in the file.
                let key_is_plain = !secret
                    .iter()
                    .any(|s| s.start < value && s.end > piece.start);
                Some(key_is_plain)
            } else {
                // A URL inside the query has its own user and password.
                let nested = pair
                    .find("://")
                    .is_some_and(|from| pair[from..].contains('@'));
                (touches(piece.start) || nested).then_some(false)
            }
        })
        .collect();
    let pairs: Vec<&str> = query.split('&').collect();
    if pairs.len() != hidden.len() {
        return Some("***".to_owned());
    }
    let shown =
        pairs
            .iter()
            .zip(hidden)
            .map(|(pair, hidden)| match (hidden, pair.split_once('=')) {
                (None, _) => (*pair).to_owned(),
                (Some(true), Some((key, _))) => format!("{key}=***"),
                (Some(_), _) => "***".to_owned(),
            });
    Some(shown.collect::<Vec<_>>().join("&"))
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |at: usize| bytes.get(at).and_then(|b| (*b as char).to_digit(16));
        match (bytes[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or_default());
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The host of `connect`: `10.0.0.7:8443`, `[::1]:80`, `name:80`, or without a port.
pub(crate) fn split_address(text: &str) -> Option<(String, Option<u16>)> {
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Some((address.to_string(), None));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => {
            let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
            let port = digits
                .then(|| port.parse::<u16>().ok())
                .flatten()
                .filter(|port| *port > 0)?;
            (host, Some(port))
        }
        _ => (text, None),
    };
    if text.contains(['/', '?', '#', '@', '\\']) || text.chars().any(char::is_whitespace) {
        return None;
    }
    let parsed = match Host::parse(host).ok()? {
        Host::Domain(name) => {
            check_name(&name).ok()?;
            name
        }
        Host::Ipv4(address) if address.to_string() == host => address.to_string(),
        Host::Ipv4(_) => return None,
        Host::Ipv6(address) => address.to_string(),
    };
    Some((parsed, port))
}

fn bad(problem: &str, hint: Option<String>) -> UrlError {
    UrlError {
        code: "bad-url",
        problem: problem.to_owned(),
        hint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        match expand_url(text) {
            Ok(url) => assert_eq!(url.shown(), want, "{text}"),
            Err(error) => panic!("{text}: {error}"),
        }
    }

    #[test]
    fn short_forms() {
        check(":8080", "http://localhost:8080/");
        check(":443", "https://localhost/");
        check(":8080/health?a=b#c", "http://localhost:8080/health?a=b");
        check("localhost:8080", "http://localhost:8080/");
        check("host/path", "http://host/path");
        check("host", "http://host/");
        check("127.0.0.1:443", "https://127.0.0.1/");
        check("127.0.0.1:8443", "http://127.0.0.1:8443/");
        check("[::1]:8080", "http://[::1]:8080/");
        check("[::1]", "http://[::1]/");
        check("::1", "http://[::1]/");
        check("::1/x", "http://[::1]/x");
        check("[::1]:443", "https://[::1]/");
        check("HTTPS://Shop.Test/A", "https://shop.test/A");
        check("http://host:80/", "http://host/");
        check("http://bücher.test/", "http://xn--bcher-kva.test/");
        check("http://u:p@host/x", "http://host/x");
        check("u:p@host:81/x", "http://host:81/x");
        check("host/a://b", "http://host/a://b");
        check("host?u=http://x/", "http://host/?u=http://x/");
    }

    #[test]
    fn refused() {
        for text in [
            "",
            " ",
            "http://",
            "http:///x",
            "http://:80/",
            ":",
            ":x",
            ":70000",
            "host:",
            "host:0",
            "http:host",
            "http:/host",
            "mailto:x",
            "a b",
            "http://h\\x",
            "http://0x7f.1/",
            "http://127.1/",
            "http://256.1.1.1/",
            "http://a..b/",
            "[::1",
            "http://h/\u{7}",
            "http://host:8a/",
            "http://u:p@/",
            "?x",
            "/path",
        ] {
            assert_eq!(
                expand_url(text).map_err(|e| e.code),
                Err("bad-url"),
                "{text}"
            );
        }
        for text in ["tcp://h:1", "ftp://h/", "unix:///run/x"] {
            assert_eq!(
                expand_url(text).map_err(|e| e.code),
                Err("not-yet"),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_secret_is_not_shown() {
        let url = expand_url("https://user:hunter%402@h/x?k=v#f").unwrap();
        assert_eq!(url.expose(), "https://h/x?k=v");
        let (user, password) = url.credentials().unwrap();
        assert_eq!((user, password.expose()), ("user", "hunter@2"));
        assert_eq!(format!("{url:?}"), "\"https://h/x?k=v\"");
        let text = "http://h/?a=1&key=SECRET&b=2";
        let at = text.find("SECRET").unwrap();
        let url = parse(text, std::slice::from_ref(&(at..at + 6))).unwrap();
        assert_eq!(url.shown(), "http://h/?a=1&key=***&b=2");
        assert_eq!(url.name(), "http://h/");
        assert_eq!(url.expose(), text);
        let whole = parse(text, std::slice::from_ref(&(0..text.len()))).unwrap();
        assert_eq!(whole.shown(), "http://h/?***&***&***");
    }

    #[test]
    fn addresses_to_connect_to() {
        assert_eq!(
            split_address("10.0.0.7:8443"),
            Some(("10.0.0.7".to_owned(), Some(8443)))
        );
        assert_eq!(
            split_address("[::1]:80"),
            Some(("::1".to_owned(), Some(80)))
        );
        assert_eq!(
            split_address("Name:80"),
            Some(("name".to_owned(), Some(80)))
        );
        assert_eq!(
            split_address("10.0.0.7"),
            Some(("10.0.0.7".to_owned(), None))
        );
        for text in [
            "",
            ":80",
            "h:",
            "h:0",
            "h:x",
            "h:70000",
            "http://h:80",
            "a b:1",
            "u@h:1",
            "10.1:80",
        ] {
            assert_eq!(split_address(text), None, "{text}");
        }
    }
}
