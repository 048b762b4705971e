//! `hc run` where it was built with the feature `otlp`: what it exports, and what it says of a collector that is none.
//! What is in the requests is tested where they are made (hc-server).

#![expect(clippy::unwrap_used, reason = "a test may")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use common::{folder, hc};
use hc_testkit::server::{Server, http};
use hc_testkit::tls::{Authority, DAY};

/// How long a request is waited for before the test has failed.
const LONG: Duration = Duration::from_secs(30);

/// Reads one request and takes it; its path, its headers in lower case, its body.
fn take(stream: TcpStream) -> (String, String, Vec<u8>) {
    stream.set_read_timeout(Some(LONG)).unwrap();
    let mut reader = BufReader::new(stream);
    let (mut first, mut headers) = (String::new(), String::new());
    reader.read_line(&mut first).unwrap();
    while !headers.ends_with("\r\n\r\n") {
        reader.read_line(&mut headers).unwrap();
    }
    let headers = headers.to_lowercase();
    let length = headers
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    reader.get_mut().write_all(answer).unwrap();
    let path = first.split(' ').nth(1).unwrap().to_owned();
    (path, headers, body)
}

fn terminate(child: &Child) {
    let sent = Command::new("kill").arg(child.id().to_string()).status();
    assert!(sent.unwrap().success());
}

const NOBODY: &str = "targets: [{ name: nobody, url: \"http://127.0.0.1:1/\" }]";

/// Nobody looks in, and nothing listens: what is exported is remembered all the same.
#[test]
fn a_collector_hears_of_a_transition_and_of_the_end() {
    let folder = folder("otlp");
    let config = folder.join("hc.yaml");
    std::fs::write(&config, format!("control: none\n{NOBODY}")).unwrap();
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = collector.local_addr().unwrap();
    let mut child = hc()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{at}"))
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-key=geheim")
        .args(["run", "-c", config.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let start = lines.next().unwrap();
    assert!(start.contains(&format!(" export={at}")), "{start}");

    let (path, headers, body) = take(collector.accept().unwrap().0);
    assert_eq!(path, "/v1/logs");
    assert!(headers.contains("x-key: geheim\r\n"), "{headers}");
    let body = String::from_utf8_lossy(&body);
    assert!(
        body.contains("hc.transition") && body.contains("refused"),
        "{body}"
    );
    assert!(body.contains("http://127.0.0.1:1/"), "{body}");

    terminate(&child);
    let (path, _, body) = take(collector.accept().unwrap().0);
    assert_eq!(path, "/v1/metrics");
    assert!(String::from_utf8_lossy(&body).contains("hc.targets"));
    let (_, _, body) = take(collector.accept().unwrap().0);
    assert!(String::from_utf8_lossy(&body).contains("hc.target.failures"));
    let rest: Vec<String> = lines.collect();
    assert!(rest.last().unwrap().contains("INFO stopped"), "{rest:?}");
    assert!(!start.contains("geheim") && !rest.iter().any(|line| line.contains("geheim")));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// It takes connections and never answers: the end comes as soon as ever.
#[test]
fn a_collector_that_hangs_does_not_hold_up_the_end() {
    let folder = folder("otlp_hangs");
    let config = folder.join("hc.yaml");
    std::fs::write(&config, format!("shutdown: {{ grace: 1s }}\n{NOBODY}")).unwrap();
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = collector.local_addr().unwrap();
    let mut child = hc()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{at}"))
        .args(["run", "-c", config.to_str().unwrap()])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let _silent = collector.accept().unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "how long the end takes is what this is about"
    )]
    let began = Instant::now();
    terminate(&child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    // The grace of the checks and that of those who look in are 1 s each; a request would be given 10 s.
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
}

/// By the roots that are named it is trusted, and by the machine's it is not; the log says which.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_collector_behind_tls_is_known_by_its_roots() {
    let folder = folder("otlp_tls");
    let config = folder.join("hc.yaml");
    std::fs::write(&config, format!("control: none\n{NOBODY}")).unwrap();
    let authority = Authority::new();
    let roots = folder.join("roots.pem");
    std::fs::write(&roots, authority.pem()).unwrap();
    #[expect(clippy::disallowed_methods, reason = "certificates are of now")]
    let now = SystemTime::now();
    let tls = authority.server("127.0.0.1", now - DAY, now + DAY);
    let collector = Server::start_tls(tls, |_, _| http::ok()).await;
    for named in [Some(roots.to_str().unwrap()), None] {
        let mut command = hc();
        command
            .env(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                format!("https://{}", collector.address()),
            )
            // One request: the server reads no bodies.
            .env("OTEL_METRICS_EXPORTER", "none")
            .args(["run", "-c", config.to_str().unwrap()])
            .stdout(Stdio::piped());
        if let Some(roots) = named {
            command.env("OTEL_EXPORTER_OTLP_CERTIFICATE", roots);
        }
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        match named {
            Some(_) => {
                let heard = async {
                    while collector.heads().is_empty() {
                        tokio::task::yield_now().await;
                    }
                };
                tokio::time::timeout(LONG, heard).await.unwrap();
                assert!(collector.heads()[0].starts_with("POST /v1/logs HTTP/"));
            }
            None => {
                let warning = lines.find(|line| line.contains("WARN export ")).unwrap();
                assert!(
                    warning.contains("signal=logs") && warning.contains("UnknownIssuer"),
                    "{warning}"
                );
            }
        }
        terminate(&child);
        let rest: Vec<String> = lines.collect();
        // Nothing else, and nothing twice.
        assert!(
            !rest.iter().any(|line| line.contains("WARN export ")),
            "{rest:?}"
        );
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_variable_that_cannot_be_is_one_error_at_the_start() {
    let ran = hc()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        .args(["run", "http://127.0.0.1:1/"])
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(2));
    let said = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(
        said,
        "hc: failed to export: OTEL_EXPORTER_OTLP_PROTOCOL: wanted `http/protobuf`, found `grpc`\n"
    );
    assert!(ran.stdout.is_empty());
}

/// The file of roots is read before anything is asked.
#[test]
fn roots_that_cannot_be_read_are_told_at_the_start() {
    let ran = hc()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "https://127.0.0.1:1")
        .env("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere/ca.pem")
        .env("XDG_RUNTIME_DIR", folder("otlp_roots"))
        .args(["run", "http://127.0.0.1:1/"])
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(2));
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(
        said.starts_with("hc: failed to export: the roots in /nowhere/ca.pem: "),
        "{said}"
    );
    assert!(ran.stdout.is_empty());
}
