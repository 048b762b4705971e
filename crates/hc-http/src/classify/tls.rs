//! What went wrong in TLS, by the reasons that rustls gives.

use hc_core::{Failure, Kind, Phase};
use rustls::{AlertDescription, CertificateError};

use crate::words;

/// A failed handshake, or broken TLS later: told as of TLS, whenever it shows.
pub(crate) fn tls_error(error: &rustls::Error) -> Failure {
    let (code, message) = tls_sentence(error);
    Failure::new(Kind::Tls, Phase::Tls, message).with_code(code)
}

fn tls_sentence(error: &rustls::Error) -> (&'static str, String) {
    use rustls::Error as Tls;
    match error {
        Tls::InvalidCertificate(problem) => certificate_sentence(problem),
        Tls::PeerIncompatible(problem) => (
            "version",
            format!("no common version or cipher of TLS: {problem:?}"),
        ),
        Tls::AlertReceived(AlertDescription::ProtocolVersion) => (
            "version",
            "the server refused our versions of TLS".to_owned(),
        ),
        Tls::AlertReceived(alert) => (
            "alert",
            format!("the server refused the handshake: {alert:?}"),
        ),
        Tls::NoApplicationProtocol => (
            "other",
            "the server speaks none of the wanted versions of HTTP".to_owned(),
        ),
        Tls::InvalidMessage(_) | Tls::InappropriateMessage { .. } => {
            ("other", "not a TLS answer".to_owned())
        }
        other => ("other", format!("TLS failed: {other}")),
    }
}

fn certificate_sentence(problem: &CertificateError) -> (&'static str, String) {
    use CertificateError as Bad;
    match problem {
        Bad::Expired => ("expired", "certificate expired".to_owned()),
        Bad::ExpiredContext { time, not_after } => {
            let ago = time.as_secs().saturating_sub(not_after.as_secs());
            let ago = words::span_in_words(std::time::Duration::from_secs(ago));
            ("expired", format!("certificate expired {ago} ago"))
        }
        Bad::NotValidYet => ("not_yet_valid", "certificate is not valid yet".to_owned()),
        Bad::NotValidYetContext { time, not_before } => {
            let wait = not_before.as_secs().saturating_sub(time.as_secs());
            let wait = words::span_in_words(std::time::Duration::from_secs(wait));
            (
                "not_yet_valid",
                format!("certificate is not valid for another {wait}"),
            )
        }
        Bad::NotValidForName => ("wrong_name", "certificate is for another name".to_owned()),
        Bad::NotValidForNameContext {
            expected,
            presented,
        } => {
            // rustls writes each as `DnsName("other.test")`.
            let bare = |name: &String| name.split('"').nth(1).unwrap_or(name).to_owned();
            let presented = presented
                .iter()
                .take(3)
                .map(bare)
                .collect::<Vec<_>>()
                .join(", ");
            let expected = expected.to_str();
            (
                "wrong_name",
                format!("certificate is for {presented}, not for {expected}"),
            )
        }
        // A bad signature is an issuer of a known name with another key: an authority made anew.
        Bad::UnknownIssuer | Bad::BadSignature => (
            "unknown_issuer",
            "certificate is signed by an unknown issuer".to_owned(),
        ),
        other => ("other", format!("certificate is not acceptable: {other}")),
    }
}
