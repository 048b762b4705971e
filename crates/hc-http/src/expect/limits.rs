//! What may degrade before it fails: latency, and the life left to a certificate.

use std::time::{Duration, SystemTime};

use hc_core::{Failure, Kind, Mismatch, Phase, Sentence};

use super::answer::Certificate;
use crate::words;

/// How long a whole check may take. By default no limit but its timeout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LatencyExpectation {
    /// Longer than this degrades.
    pub degraded: Option<Duration>,
    /// Longer than this fails.
    pub failing: Option<Duration>,
}

/// How long the peer's own certificate must still be valid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CertificateExpectation {
    /// Less left than this degrades. `None`: [`DEGRADED`](Self::DEGRADED), or a third of the certificate's life if
    /// that is less.
    pub degraded: Option<Duration>,
    /// Less left than this fails. By default zero: only an expired one does.
    pub failing: Duration,
}

impl LatencyExpectation {
    pub(super) fn judge(&self, total: Duration) -> Result<Option<Failure>, Failure> {
        let over = |limit: Option<Duration>| {
            let limit = limit.filter(|limit| total > *limit)?;
            let (wanted, found) = (words::short(limit), words::short(total));
            Some(Failure::unexpected(
                "latency",
                Phase::Receive,
                &wanted,
                &found,
            ))
        };
        match over(self.failing) {
            Some(failure) => Err(failure),
            None => Ok(over(self.degraded)),
        }
    }
}

impl CertificateExpectation {
    /// Two weeks are time to act in, and a renewal at a third of 90 days never meets them.
    pub const DEGRADED: Duration = Duration::from_secs(14 * 86_400);

    pub(super) fn judge(
        &self,
        certificate: &Certificate,
        wall: SystemTime,
    ) -> Result<Option<Failure>, Failure> {
        let left = certificate.not_after.duration_since(wall).ok();
        let failing = (certificate.verified || !self.failing.is_zero()).then_some(self.failing);
        let degraded = self.degraded.or_else(|| {
            let life = certificate.not_after.duration_since(certificate.not_before);
            certificate
                .verified
                .then(|| Self::DEGRADED.min(life.unwrap_or_default() / 3))
        });
        let short_of = |wanted: Duration| match left {
            Some(left) => left < wanted,
            None => true,
        };
        match (failing, degraded) {
            (Some(wanted), _) if short_of(wanted) => Err(too_little(left, wanted)),
            (_, Some(wanted)) if short_of(wanted) => Ok(Some(too_little(left, wanted))),
            _ => Ok(None),
        }
    }
}

fn too_little(left: Option<Duration>, wanted: Duration) -> Failure {
    let found = match left {
        Some(left) => format!("{} left", words::span(left)),
        None => "expired".to_owned(),
    };
    let wanted = words::span(wanted);
    let message = format!("certificate: {found}, wanted {wanted}");
    let mut failure = Failure::new(Kind::Unexpected, Phase::Tls, message).with_code("certificate");
    failure.mismatch = Some(Box::new(Mismatch {
        wanted: Sentence::new(&wanted),
        found: Sentence::new(&found),
    }));
    failure
}
