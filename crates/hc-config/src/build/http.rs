//! How a target is asked over HTTP: request, TLS, expectations.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use hc_http::expect::{
    CertificateExpectation, Expect, HeaderExpectation, JsonExpectation, StatusSet, TextTest,
};
use hc_http::tls::{Identity, Roots, TlsSettings, TlsVersion, certificates_from_pem};
use hc_http::{
    Auth, Body, Dial, HttpSpec, HttpVersion, IpFamily, Method, Pooled, ProxySettings, Secret,
    TransportKind, Url,
};

use crate::build::strongest;
use crate::diagnostic::Finding;
use crate::place::Place;
use crate::read::Reader;
use crate::settings::{Datum, Origin, Setting, Settings};
use crate::url::{HttpUrl, split_address};

/// What many targets have in common is built once: patterns and certificates are large.
#[derive(Default)]
pub(crate) struct Shared {
    expect: HashMap<String, Option<Expect>>,
    tls: HashMap<String, Option<TlsSettings>>,
}

impl Reader<'_> {
    /// Builds what to ask.
    pub(crate) fn http(
        &mut self,
        settings: &Settings,
        url: &HttpUrl,
        place: Place,
        shared: &mut Shared,
    ) -> Option<HttpSpec> {
        let address = Url::parse(url.expose()).expect("it was made from a URL");
        let mut spec = HttpSpec::new(address);
        spec.transport = match settings.word("transport") {
            Some("pooled") => TransportKind::Pooled,
            Some("dedicated") => TransportKind::Dedicated,
            _ => TransportKind::Auto,
        };
        spec.connect = settings
            .text("connect")
            .and_then(split_address)
            .map(|(host, port)| dial(host, port.unwrap_or(url.port())));
        spec.ip = match settings.word("ip") {
            Some("4") => IpFamily::V4,
            Some("6") => IpFamily::V6,
            _ => IpFamily::Any,
        };
        if let Some(keep_alive) = settings.duration("keep_alive") {
            spec.keep_alive = keep_alive;
        }
        let narrow = |key: &str| settings.count(key).and_then(|n| u32::try_from(n).ok());
        spec.reconnect_every = narrow("reconnect_every").filter(|k| {
            !(*k == HttpSpec::RECONNECT_EVERY && is_for_all(settings, "reconnect_every"))
        });
        spec.max_body = settings.size("max_body").unwrap_or(spec.max_body);
        let headers = settings
            .size("max_headers")
            .and_then(|n| u32::try_from(n).ok());
        spec.max_headers = headers.unwrap_or(spec.max_headers);
        if let Some(Datum::Url(proxy)) = settings.datum("proxy") {
            spec.proxy = Some(ProxySettings {
                url: with_credentials(proxy),
            });
        }
        if let Some(method) = settings
            .text("http.method")
            .and_then(|m| Method::from_bytes(m.as_bytes()).ok())
        {
            spec.method = method;
        }
        for (name, setting) in settings
            .map("http.headers")
            .iter()
            .flat_map(|map| map.0.iter())
        {
            if let (Ok(name), Datum::Secret(value)) = (name.parse(), &setting.datum) {
                spec.headers.push((name, value.clone()));
            }
        }
        spec.host = settings.text("http.host").map(ToOwned::to_owned);
        spec.body = settings
            .secret("http.body")
            .map(|body| Body(body.expose().to_owned().into_bytes().into()));
        spec.auth = self.auth(settings, url, place)?;
        spec.version = match settings.word("http.version") {
            Some("1.1") => HttpVersion::Http1,
            Some("2") => HttpVersion::Http2,
            _ => HttpVersion::Auto,
        };
        spec.redirects = settings
            .count("http.redirects")
            .and_then(|n| u8::try_from(n).ok())
            .unwrap_or(0);
        spec.decompress = settings.flag("http.decompress").unwrap_or(false);
        spec.tls = self.tls(settings, &mut shared.tls)?;
        spec.expect = self.expect(settings, &mut shared.expect)?;
        self.fits_transport(settings, &spec, place)?;
        Some(spec)
    }

    /// Whether the transport that was asked for can do all else that was; `None` after an error.
    fn fits_transport(&mut self, settings: &Settings, spec: &HttpSpec, place: Place) -> Option<()> {
        let misfit = match spec.transport {
            TransportKind::Pooled => Pooled::misfit(spec),
            _ => None,
        };
        let Some(why) = misfit else {
            return Some(());
        };
        let place = strongest(settings, &["transport"]).unwrap_or(place);
        let message = format!("`transport`: the pooled transport {why}");
        let finding = Finding::error("contradiction", place, "transport", message);
        self.findings
            .push(finding.hint("write `auto` or `dedicated`".to_owned()));
        None
    }

    /// Who asks; `None` after an error. What stands in the URL is the target's own, so it beats what is inherited.
    fn auth(&mut self, settings: &Settings, url: &HttpUrl, place: Place) -> Option<Option<Auth>> {
        let written = settings.get("http.auth");
        if let Some((user, password)) = url.credentials() {
            if let Some(Setting {
                origin: Origin::Target,
                place,
                datum: Datum::Choice(_),
            }) = written
            {
                let message = "the URL has a user, and `http.auth` names another".to_owned();
                let finding = Finding::error("contradiction", *place, "http.auth", message);
                self.findings
                    .push(finding.hint("keep one of the two".to_owned()));
                return None;
            }
            return Some(Some(Auth::Basic {
                user: Secret::new(user),
                password: password.clone(),
            }));
        }
        let Some(Setting {
            datum: Datum::Choice(choice),
            place: at,
            ..
        }) = written
        else {
            return Some(None);
        };
        if let Some(token) = choice.secret("bearer") {
            return Some(Some(Auth::Bearer(token.clone())));
        }
        if choice.get("basic").is_none() {
            return Some(None);
        }
        let (user, password) = (choice.secret("basic.user"), choice.secret("basic.password"));
        for (key, value) in [("user", user), ("password", password)] {
            if value.is_none() {
                let at = if at.line == 0 { place } else { *at };
                self.missing(&format!("http.auth.basic.{key}"), at);
            }
        }
        Some(Some(Auth::Basic {
            user: user?.clone(),
            password: password?.clone(),
        }))
    }

    pub(crate) fn missing(&mut self, path: &str, place: Place) {
        self.findings.push(Finding::error(
            "missing-key",
            place,
            path,
            format!("`{path}` is missing"),
        ));
    }

    fn tls(
        &mut self,
        settings: &Settings,
        cache: &mut HashMap<String, Option<TlsSettings>>,
    ) -> Option<TlsSettings> {
        let Some(setting) = settings.get("tls") else {
            return Some(TlsSettings::default());
        };
        let key = setting.datum.to_string();
        if let Some(known) = cache.get(&key) {
            return known.clone();
        }
        let built = self.read_tls(settings, setting.place);
        cache.insert(key, built.clone());
        built
    }

    fn read_tls(&mut self, settings: &Settings, whole: Place) -> Option<TlsSettings> {
        let mut tls = TlsSettings {
            insecure: settings.flag("tls.insecure").unwrap_or(false),
            ..TlsSettings::default()
        };
        if settings.word("tls.roots") == Some("none") {
            tls.roots = Roots::None;
        }
        if settings.word("tls.min_version") == Some("1.3") {
            tls.min_version = TlsVersion::V13;
        }
        tls.server_name = settings.text("tls.server_name").map(ToOwned::to_owned);
        let mut is_whole = true;
        let place = |key: &str| settings.get(key).map_or(whole, |setting| setting.place);
        for file in settings.texts("tls.ca").unwrap_or_default() {
            let read = self.pem(file, place("tls.ca"), "tls.ca").and_then(|pem| {
                certificates_from_pem(&pem)
                    .map_err(|error| {
                        self.bad_pem(file, &error.to_string(), place("tls.ca"), "tls.ca");
                    })
                    .ok()
            });
            match read {
                Some(certificates) => tls.ca.extend(certificates),
                None => is_whole = false,
            }
        }
        if settings.map("tls.client").is_some() {
            let at = place("tls.client");
            let file = |key: &str| settings.text(key).map(PathBuf::from);
            match (file("tls.client.cert"), file("tls.client.key")) {
                (Some(cert), Some(key)) => {
                    let text = |path: &Path| path.to_string_lossy().into_owned();
                    let chain = self.pem(&text(&cert), at, "tls.client.cert");
                    let key = self.pem(&text(&key), at, "tls.client.key");
                    let identity = Identity::from_pem(&chain?, &key?).map_err(|error| {
                        self.bad_pem(&text(&cert), &error.to_string(), at, "tls.client");
                    });
                    tls.client = Some(identity.ok()?);
                }
                (cert, key) => {
                    for (name, value) in [("cert", cert), ("key", key)] {
                        if value.is_none() {
                            self.missing(&format!("tls.client.{name}"), at);
                        }
                    }
                    is_whole = false;
                }
            }
        }
        if tls.insecure {
            let message = "certificates are not verified (`tls.insecure`)".to_owned();
            self.findings.push(Finding::warning(
                "insecure",
                place("tls.insecure"),
                "tls.insecure",
                message,
            ));
        }
        if tls.roots == Roots::None && tls.ca.is_empty() && !tls.insecure && is_whole {
            let message =
                "`tls.roots` is `none` and `tls.ca` is empty: no certificate can be trusted"
                    .to_owned();
            self.findings.push(Finding::error(
                "contradiction",
                place("tls.roots"),
                "tls.roots",
                message,
            ));
            return None;
        }
        is_whole.then_some(tls)
    }

    fn pem(&mut self, file: &str, place: Place, path: &str) -> Option<Vec<u8>> {
        match self.files.read(Path::new(file)) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.bad_pem(file, &error.kind().to_string(), place, path);
                None
            }
        }
    }

    fn bad_pem(&mut self, file: &str, reason: &str, place: Place, path: &str) {
        let file = crate::render::quoted(file);
        let message = format!("`{path}`: {file} cannot be used: {reason}");
        self.findings
            .push(Finding::error("unreadable-file", place, path, message));
    }

    fn expect(
        &mut self,
        settings: &Settings,
        cache: &mut HashMap<String, Option<Expect>>,
    ) -> Option<Expect> {
        let Some(setting) = settings.get("expect") else {
            return Some(Expect::default());
        };
        // Two that read alike may mean different things by who wrote them.
        let is_for_all = is_for_all(settings, "expect.certificate.degraded");
        let key = format!("{} {is_for_all}", setting.datum);
        if let Some(known) = cache.get(&key) {
            return known.clone();
        }
        let built = expect(settings);
        self.check_order(
            settings,
            "expect.latency",
            built.latency.degraded,
            built.latency.failing,
        );
        let left = built.certificate;
        self.check_order(
            settings,
            "expect.certificate",
            Some(left.failing),
            left.degraded,
        );
        cache.insert(key, Some(built.clone()));
        Some(built)
    }

    /// A limit that degrades must be met before the one that fails.
    fn check_order(
        &mut self,
        settings: &Settings,
        path: &str,
        first: Option<std::time::Duration>,
        then: Option<std::time::Duration>,
    ) {
        if let (Some(first), Some(then)) = (first, then)
            && first > then
        {
            let place = settings
                .get(path)
                .map_or(Place::default(), |setting| setting.place);
            let message = format!("`{path}`: what fails would never degrade first");
            self.findings
                .push(Finding::error("contradiction", place, path, message));
        }
    }
}

fn expect(settings: &Settings) -> Expect {
    let mut expect = Expect::default();
    let parts = settings.texts("expect.status").unwrap_or_default();
    let sets = parts
        .iter()
        .filter_map(|part| part.parse::<StatusSet>().ok());
    if let Some(status) = sets.reduce(|all, part| all.union(&part)) {
        expect.status = status;
    }
    for (name, setting) in settings
        .map("expect.headers")
        .iter()
        .flat_map(|map| map.0.iter())
    {
        if let (Ok(name), Datum::Choice(test)) = (name.parse(), &setting.datum)
            && let Some(test) = text_test(test)
        {
            expect.headers.push(HeaderExpectation { name, test });
        }
    }
    expect.body.contains = settings.text("expect.body.contains").map(ToOwned::to_owned);
    expect.body.lacks = settings.text("expect.body.lacks").map(ToOwned::to_owned);
    expect.body.regex = settings
        .text("expect.body.regex")
        .and_then(|pattern| pattern.parse().ok());
    for (path, setting) in settings
        .map("expect.body.json")
        .iter()
        .flat_map(|map| map.0.iter())
    {
        if let (Ok(path), Datum::Json(value)) = (path.parse(), &setting.datum) {
            expect.body.json.push(JsonExpectation {
                path,
                value: value.clone(),
            });
        }
    }
    expect.latency.degraded = settings.duration("expect.latency.degraded");
    expect.latency.failing = settings.duration("expect.latency.failing");
    let degraded = "expect.certificate.degraded";
    expect.certificate.degraded = settings.duration(degraded).filter(|left| {
        !(*left == CertificateExpectation::DEGRADED && is_for_all(settings, degraded))
    });
    expect.certificate.failing = settings
        .duration("expect.certificate.failing")
        .unwrap_or_default();
    expect
}

/// Whether a value stands in `defaults`. A default written there means what it means unwritten: `reconnect_every: 20`
/// is still 100 over TLS, `degraded: 14d` still a third of a short certificate's life. In a group or a target it is
/// literal.
fn is_for_all(settings: &Settings, path: &str) -> bool {
    settings
        .get(path)
        .is_some_and(|setting| setting.origin == Origin::Defaults)
}

fn text_test(test: &Settings) -> Option<TextTest> {
    let (key, _) = test.0.first()?;
    let text = test.text(key)?;
    match &**key {
        "is" => Some(TextTest::Is(text.to_owned())),
        "contains" => Some(TextTest::Contains(text.to_owned())),
        _ => text.parse().ok().map(TextTest::Regex),
    }
}

fn dial(host: String, port: u16) -> Dial {
    match host.parse::<IpAddr>() {
        Ok(address) => Dial::Address(SocketAddr::new(address, port)),
        Err(_) => Dial::Name(host, port),
    }
}

fn with_credentials(proxy: &HttpUrl) -> Url {
    let mut url = Url::parse(proxy.expose()).expect("it was made from a URL");
    if let Some((user, password)) = proxy.credentials() {
        // Cannot fail for a URL with a host.
        let _ = url
            .set_username(user)
            .and_then(|()| url.set_password(Some(password.expose())));
    }
    url
}
