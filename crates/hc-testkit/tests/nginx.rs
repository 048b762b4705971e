//! The testkit's nginx does what it says, since other tests believe it.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use hc_testkit::nginx::{Answer, Nginx};

/// The status of `GET /health`; none when nothing came within the limit.
fn ask(address: SocketAddr, limit: Duration) -> std::io::Result<Option<u16>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(limit))?;
    stream.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
    let mut text = String::new();
    match stream.read_to_string(&mut text) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            return Ok(None);
        }
        other => other?,
    };
    Ok(text
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok()))
}

#[track_caller]
fn check(address: SocketAddr, expected: Option<u16>) {
    assert_eq!(
        ask(address, Duration::from_secs(10)).expect("it answers"),
        expected,
        "{address}"
    );
}

#[test]
fn each_address_answers_as_it_is_told() {
    let mut nginx = Nginx::fleet(20).unwrap();
    let addresses = nginx.addresses();
    assert_eq!(addresses.len(), 20);
    let [first, failing, closing, slow, stopped] = addresses[..5] else {
        panic!("five of them")
    };
    check(first, Some(200));

    nginx.set(failing, Answer::Failing).unwrap();
    nginx.set(closing, Answer::Close).unwrap();
    nginx
        .set(slow, Answer::Delayed(Duration::from_millis(300)))
        .unwrap();
    check(failing, Some(500));
    check(closing, None);
    assert_eq!(
        ask(slow, Duration::from_millis(30)).unwrap(),
        None,
        "not before its time"
    );
    check(slow, Some(200));
    nginx.set(slow, Answer::Hang).unwrap();
    assert_eq!(ask(slow, Duration::from_millis(500)).unwrap(), None);

    nginx.stop(&[stopped]).unwrap();
    assert_eq!(
        ask(stopped, Duration::from_secs(1)).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    assert_eq!(nginx.addresses().len(), 19);
    check(first, Some(200));
    check(failing, Some(500));

    nginx.bring_back(&[stopped]).unwrap();
    for address in [failing, closing, slow] {
        nginx.set(address, Answer::Ok).unwrap();
    }
    for address in &addresses {
        check(*address, Some(200));
    }
    assert_eq!(nginx.served().unwrap()[&first], 3);
    assert!(nginx.counted().unwrap().requests >= 27);
}

#[test]
fn frozen_it_accepts_and_says_nothing_and_killed_it_is_gone() {
    let mut nginx = Nginx::fleet(2).unwrap();
    let address = nginx.addresses()[0];
    nginx.freeze().unwrap();
    assert_eq!(ask(address, Duration::from_millis(200)).unwrap(), None);
    nginx.thaw().unwrap();
    check(address, Some(200));
    nginx.kill().unwrap();
    assert_eq!(
        ask(address, Duration::from_secs(1)).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    let folder = nginx.folder().to_owned();
    assert!(folder.exists());
    drop(nginx);
    assert!(!folder.exists());
}

#[test]
fn a_dropped_one_leaves_no_process_even_when_frozen() {
    let nginx = Nginx::fleet(1).unwrap();
    let processes = nginx.processes();
    assert!(processes.len() >= 2, "a master and a worker");
    nginx.freeze().unwrap();
    drop(nginx);
    for process in processes {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        assert!(
            stat.is_empty() || stat.contains(" Z "),
            "{process} still runs: {stat}"
        );
    }
}

#[test]
fn only_loopback_is_served() {
    let error = Nginx::start(["192.0.2.1".parse().unwrap()]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}
