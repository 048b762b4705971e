//! Against rustls' server in memory, the bytes cut anywhere.

use std::io::{Read, Write};
use std::time::SystemTime;

use base64::Engine;
use hc_testkit::tls::{Authority, DAY};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, CertificateError, RootCertStore, ServerConfig, ServerConnection};

use super::*;
use crate::spec::HttpVersion;
use crate::tls::{Identity, Roots, TlsSettings, certificates_from_pem, client_configs};

#[expect(
    clippy::disallowed_methods,
    reason = "certificates are judged by the machine's clock"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// A server for `shop.test`, of one version of TLS, and a client that trusts it.
fn configs(
    version: &'static rustls::SupportedProtocolVersion,
) -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let authority = Authority::new();
    let now = now();
    let server = authority.server_of(
        "shop.test",
        now - DAY,
        now + DAY,
        &[version],
        &["h2", "http/1.1"],
    );
    (server, trusting(&authority, None))
}

fn trusting(authority: &Authority, client: Option<Identity>) -> Arc<ClientConfig> {
    let settings = TlsSettings {
        roots: Roots::None,
        ca: certificates_from_pem(authority.pem().as_bytes()).unwrap(),
        client,
        ..TlsSettings::default()
    };
    client_configs(&settings, HttpVersion::Http1)
        .unwrap()
        .resuming
}

/// Both ends, and what the client has been told.
struct Pair {
    client: Session,
    server: ServerConnection,
    heard: Vec<u8>,
    /// What the server has been told.
    asked: Vec<u8>,
    /// Whether what the server says arrives in one piece.
    is_whole: bool,
    rng: fastrand::Rng,
}

impl Pair {
    fn new(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>, seed: u64) -> Self {
        Self::named(server, client, "shop.test", seed)
    }

    fn named(
        server: &Arc<ServerConfig>,
        client: &Arc<ClientConfig>,
        name: &str,
        seed: u64,
    ) -> Self {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        Self {
            client: Session::try_new(client.clone(), name).unwrap(),
            server: ServerConnection::new(server.clone()).unwrap(),
            heard: Vec::new(),
            asked: Vec::new(),
            is_whole: false,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// Carries bytes both ways until both are silent. `say`: what the client says first.
    fn talk(&mut self, mut say: Vec<u8>) -> Result<State, Error> {
        let mut state = self.client.advance(&[], &mut self.heard, &mut say);
        loop {
            self.tell_server(&say);
            say.clear();
            let mut bytes = Vec::new();
            while self.server.wants_write() {
                self.server.write_tls(&mut bytes).unwrap();
            }
            if bytes.is_empty() {
                return state;
            }
            let mut at = 0;
            while at < bytes.len() {
                let longest = match self.is_whole {
                    true => bytes.len(),
                    false => self.rng.usize(1..300),
                };
                let end = (at + longest).min(bytes.len());
                let mut piece = bytes[at..end].to_vec();
                at = end;
                let (heard, said) = (&mut self.heard, &mut say);
                state = match self.rng.bool() {
                    true => self.client.advance(&piece, heard, said),
                    false => self.client.advance_in_place(&mut piece, heard, said),
                };
                if state.is_err() {
                    // The alert.
                    self.tell_server(&say);
                    return state;
                }
            }
        }
    }

    fn tell_server(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            self.server.read_tls(&mut bytes).unwrap();
            // What the server thinks of it, it says in an alert.
            let _ = self.server.process_new_packets();
            // Nothing more is there, or the end.
            let _ = self.server.reader().read_to_end(&mut self.asked);
        }
    }

    fn ask(&mut self, text: &[u8]) -> Result<State, Error> {
        let mut out = Vec::new();
        self.client.seal(text, &mut out)?;
        self.talk(out)
    }

    fn server_heard(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.asked)
    }
}

#[test]
fn a_talk_in_any_pieces() {
    for version in [&TLS12, &TLS13] {
        let (server, client) = configs(version);
        for seed in 0..40 {
            let mut pair = Pair::new(&server, &client, seed);
            assert_eq!(pair.talk(Vec::new()), Ok(State::Open));
            assert_eq!(pair.client.version(), Some(version.version));
            assert_eq!(pair.client.alpn(), Some(&b"http/1.1"[..]));
            assert!(pair.client.peer_certificate().is_some());
            // Three records and more each way.
            let long = vec![b'x'; 40_000];
            pair.server.writer().write_all(&long).unwrap();
            assert_eq!(pair.ask(&long), Ok(State::Open));
            assert!(pair.server_heard() == long, "the server heard all");
            assert!(pair.heard == long, "the client heard all");
            assert_eq!(pair.client.partial.capacity(), 0, "nothing is kept");
            // The goodbyes.
            pair.heard.clear();
            pair.server.writer().write_all(b"bye").unwrap();
            pair.server.send_close_notify();
            assert_eq!(pair.talk(Vec::new()), Ok(State::PeerClosed));
            assert_eq!(pair.heard, b"bye");
            let mut out = Vec::new();
            pair.client.close(&mut out);
            pair.tell_server(&out);
            let end = pair.server.reader().read(&mut [0]).unwrap();
            assert_eq!(end, 0, "the server was told goodbye");
        }
    }
}

#[test]
fn a_peer_may_speak_with_the_end_of_its_handshake() {
    let (server, client) = configs(&TLS13);
    let mut server = (*server).clone();
    server.send_half_rtt_data = true;
    let server = Arc::new(server);
    let mut speaks_h2 = (*client).clone();
    speaks_h2.alpn_protocols = vec![b"h2".to_vec()];
    let speaks_h2 = Arc::new(speaks_h2);
    for seed in 0..20 {
        for (client, early, heard) in [(&speaks_h2, "SETTINGS", ""), (&client, "", "SETTINGS")] {
            let mut pair = Pair::new(&server, client, seed);
            pair.server.writer().write_all(b"SETTINGS").unwrap();
            assert_eq!(pair.talk(Vec::new()), Ok(State::Open));
            let mut said = pair.client.take_early();
            // In small pieces it comes after the end.
            said.append(&mut pair.heard);
            assert_eq!(said, b"SETTINGS");
            // In one piece it comes with it.
            let mut pair = Pair::new(&server, client, seed);
            pair.is_whole = true;
            pair.server.writer().write_all(b"SETTINGS").unwrap();
            assert_eq!(pair.talk(Vec::new()), Ok(State::Open));
            assert_eq!(pair.client.take_early(), early.as_bytes());
            assert_eq!(pair.heard, heard.as_bytes());
        }
    }
}

#[test]
fn records_split_anywhere_wait_for_their_rest() {
    let (server, client) = configs(&TLS13);
    let mut pair = Pair::new(&server, &client, 1);
    pair.talk(Vec::new()).unwrap();
    pair.server.writer().write_all(b"hello").unwrap();
    let mut bytes = Vec::new();
    pair.server.write_tls(&mut bytes).unwrap();
    let (heard, mut out) = (&mut pair.heard, Vec::new());
    for byte in &bytes[..bytes.len() - 1] {
        let state = pair.client.advance_in_place(&mut [*byte], heard, &mut out);
        assert_eq!((state, heard.len()), (Ok(State::Open), 0));
    }
    // A request meanwhile does not disturb it.
    pair.client.seal(b"GET", &mut out).unwrap();
    let last = bytes.last().copied().unwrap();
    pair.client
        .advance(&[last], heard, &mut Vec::new())
        .unwrap();
    assert_eq!(heard, b"hello");
    pair.tell_server(&out);
    assert_eq!(pair.server_heard(), b"GET");
}

#[test]
fn tickets_and_new_keys_while_idle_are_no_close() {
    let (server, client) = configs(&TLS13);
    let mut pair = Pair::new(&server, &client, 2);
    pair.talk(Vec::new()).unwrap();
    for _ in 0..3 {
        pair.server.refresh_traffic_keys().unwrap();
        assert_eq!(pair.talk(Vec::new()), Ok(State::Open));
        assert!(pair.heard.is_empty());
    }
    pair.server.writer().write_all(b"ok").unwrap();
    assert_eq!(pair.ask(b"GET"), Ok(State::Open));
    assert_eq!(
        (pair.server_heard(), pair.heard),
        (b"GET".to_vec(), b"ok".to_vec())
    );
}

#[test]
fn sessions_are_resumed_but_not_for_ever() {
    for version in [&TLS12, &TLS13] {
        let (server, client) = configs(version);
        let mut resumed = Vec::new();
        let mut leaf = None;
        for seed in 0..11 {
            let mut pair = Pair::new(&server, &client, seed);
            assert_eq!(pair.talk(Vec::new()), Ok(State::Open));
            resumed.push(pair.client.is_resumed());
            let shown = pair.client.peer_certificate().cloned();
            assert!(
                shown.is_some(),
                "a resumed session knows its certificate too"
            );
            assert_eq!(*leaf.get_or_insert(shown.clone()), shown);
        }
        let wanted: Vec<_> = (0..11).map(|nth| nth % 5 != 0).collect();
        assert_eq!(resumed, wanted, "{version:?}");
        // Another name begins anew.
        let mut other = Pair::named(&server, &client, "other.test", 1);
        assert!(other.talk(Vec::new()).is_err());
    }
}

#[test]
fn what_is_wrong_with_certificates_is_told_to_both() {
    let now = now();
    let authority = Authority::new();
    let client = trusting(&authority, None);
    let expired = authority.server("shop.test", now - 2 * DAY, now - DAY);
    let other = authority.server("other.test", now - DAY, now + DAY);
    type Says = fn(&CertificateError) -> bool;
    let table: [(_, Says, AlertDescription); 2] = [
        (
            expired,
            |error| matches!(error, CertificateError::ExpiredContext { .. }),
            AlertDescription::CertificateExpired,
        ),
        (
            other,
            |error| matches!(error, CertificateError::NotValidForNameContext { .. }),
            AlertDescription::BadCertificate,
        ),
    ];
    for (server, says, alert) in table {
        let mut pair = Pair::new(&server, &client, 3);
        match pair.talk(Vec::new()) {
            Err(Error::InvalidCertificate(error)) => assert!(says(&error), "{error:?}"),
            other => panic!("{other:?}"),
        }
        let told = pair.server.process_new_packets().unwrap_err();
        assert_eq!(told, Error::AlertReceived(alert));
        // It is over, and stays so.
        assert!(pair.client.seal(b"x", &mut Vec::new()).is_err());
        assert!(
            pair.client
                .advance(&[], &mut Vec::new(), &mut Vec::new())
                .is_err()
        );
    }
}

#[test]
fn a_peer_that_speaks_no_tls() {
    let (_, client) = configs(&TLS13);
    let name = ServerName::try_from("shop.test").unwrap();
    let mut session = Session::try_new(client, name).unwrap();
    let (mut plain, mut out) = (Vec::new(), Vec::new());
    assert_eq!(
        session.advance(&[], &mut plain, &mut out),
        Ok(State::Handshaking)
    );
    assert!(!out.is_empty(), "the hello");
    assert_eq!(
        session.seal(b"x", &mut Vec::new()),
        Err(Error::HandshakeNotComplete)
    );
    let answer = session.advance(b"HTTP/1.1 400 Bad Request\r\n\r\n", &mut plain, &mut out);
    assert!(
        matches!(answer, Err(Error::InvalidMessage(_))),
        "{answer:?}"
    );
    assert!(plain.is_empty());
}

#[test]
fn servers_that_want_to_know_the_client() {
    let authority = Authority::new();
    let now = now();
    let mut roots = RootCertStore::empty();
    for certificate in certificates_from_pem(authority.pem().as_bytes()).unwrap() {
        roots.add(certificate).unwrap();
    }
    for version in [&TLS12, &TLS13] {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots.clone()), provider.clone());
        let (chain, key) = authority.issue("shop.test", now - DAY, now + DAY);
        let server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(chain, key)
            .unwrap();
        let server = Arc::new(server);
        let (chain, key) = authority.issue("client.test", now - DAY, now + DAY);
        let chain = pem("CERTIFICATE", &chain[0]);
        let key = pem("PRIVATE KEY", key.secret_der());
        let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
        let known = trusting(&authority, Some(identity));
        let mut pair = Pair::new(&server, &known, 4);
        assert_eq!(pair.talk(Vec::new()), Ok(State::Open));
        assert_eq!(pair.ask(b"GET"), Ok(State::Open));
        assert_eq!(pair.server_heard(), b"GET");
        let mut pair = Pair::new(&server, &trusting(&authority, None), 5);
        let refused = pair.talk(Vec::new());
        let wanted = AlertDescription::CertificateRequired;
        assert_eq!(refused, Err(Error::AlertReceived(wanted)));
    }
}

/// What one costs while it is idle. Run alone: `cargo test --release -p hc-http --lib -- --ignored --nocapture idle`.
#[test]
#[ignore = "a measurement"]
fn idle_sessions_cost() {
    let resident = || {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = text.split(' ').nth(1).unwrap().parse().unwrap();
        pages * 4_096
    };
    // None is given back: what is freed would serve the next.
    let mut kept = Vec::new();
    for version in [&TLS12, &TLS13] {
        let (server, client) = configs(version);
        let open = |seed| {
            let mut pair = Pair::new(&server, &client, seed);
            pair.talk(Vec::new()).unwrap();
            pair.client
        };
        kept.extend((0..500).map(open));
        let before = resident();
        kept.extend((500..4_500).map(open));
        let each = resident().saturating_sub(before) / 4_000;
        let inline = size_of::<Session>();
        eprintln!(
            "{:?}: {each} bytes, {inline} of them in place",
            version.version
        );
    }
}
