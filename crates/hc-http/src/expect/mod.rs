//! What an answer must be: plain, validated data, and its pure judgement.
//!
//! Knows nothing of connections, clients or time: an [`Answer`] comes in, a verdict goes out. The first thing
//! that does not hold is the failure; what is only worth a warning degrades.

mod answer;
mod body;
mod limits;
mod status;
mod text;

pub use answer::{Answer, Certificate};
pub use body::{BodyExpectation, JsonExpectation, JsonPath, JsonPathError};
pub use limits::{CertificateExpectation, LatencyExpectation};
pub use status::{StatusSet, StatusSetError};
pub(crate) use text::shown;
pub use text::{HeaderExpectation, Pattern, PatternError, TextTest};

use hc_core::Failure;

/// All that must hold of an answer. The default wants a status of 200 to 299, and a certificate not near its end.
///
/// ```
/// use hc_http::expect::{Expect, TextTest};
///
/// let mut expect = Expect::default();
/// expect.status = "200, 3xx".parse()?;
/// expect.body.lacks = Some("ERROR".into());
/// assert_eq!(expect.status.to_string(), "200, 300-399");
/// # Ok::<(), hc_http::expect::StatusSetError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Hash)]
pub struct Expect {
    /// The statuses that pass.
    pub status: StatusSet,
    /// What the answer's headers must be.
    pub headers: Vec<HeaderExpectation>,
    /// What the body must be.
    pub body: BodyExpectation,
    /// How long the whole check may take.
    pub latency: LatencyExpectation,
    /// How long the peer's certificate must still be valid.
    pub certificate: CertificateExpectation,
}

impl Expect {
    /// Judges an answer: `Err` is the failure, `Ok(Some(_))` the warning that degrades the pass.
    ///
    /// # Errors
    /// The first expectation that does not hold, in the order of the fields.
    pub fn judge(&self, answer: &Answer<'_>) -> Result<Option<Failure>, Failure> {
        self.status.judge(answer.status)?;
        for header in &self.headers {
            header.judge(answer.headers)?;
        }
        self.body.judge(answer)?;
        let slow = self.latency.judge(answer.total)?;
        let ending = match &answer.certificate {
            Some(certificate) => self.certificate.judge(certificate, answer.wall)?,
            None => None,
        };
        Ok(ending.or(slow))
    }
}

#[cfg(test)]
mod tests;
