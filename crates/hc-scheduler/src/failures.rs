//! The failures that whoever runs a probe has to state itself: a deadline that passed, a panic.
//!
//! [`Monitor`](crate::Monitor) does so; who runs single checks without one does likewise.

use std::any::Any;
use std::time::Duration;

use hc_core::{CheckContext, Failure, Kind, Phase};

/// The deadline passed: the phase that the check was in tells whose fault that usually is.
#[must_use]
pub fn timed_out(context: &CheckContext, timeout: Duration) -> Failure {
    let within = format!("within {}", words(timeout));
    let evidence = context.evidence();
    let failure = match context.phase() {
        Some(Phase::Resolve) => {
            let message = format!("the resolver did not answer {within}");
            Failure::new(Kind::Resolver, Phase::Resolve, message).with_code("silent")
        }
        Some(Phase::Connect) => {
            let message = match evidence.address {
                Some(address) => format!("no connection to {address} {within}"),
                None => format!("no connection {within}"),
            };
            Failure::new(Kind::Timeout, Phase::Connect, message)
        }
        phase => Failure::new(Kind::Timeout, phase, format!("no answer {within}")),
    };
    failure.with_evidence(evidence)
}

/// The probe panicked: a bug of the checker, never the target's fault.
#[must_use]
pub fn panicked(context: &CheckContext, payload: &(dyn Any + Send)) -> Failure {
    let said = payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    let message = format!("bug in the probe: {said}");
    Failure::new(Kind::Panicked, context.phase(), message).with_evidence(context.evidence())
}

/// A timeout as sentences spell it: `2 s`, `1.5 s`, `300 ms`.
#[must_use]
pub fn words(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis < 1000 {
        format!("{millis} ms")
    } else {
        let seconds = format!("{:.3}", duration.as_secs_f64());
        format!("{} s", seconds.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        let table = [
            (2_000, "2 s"),
            (1_500, "1.5 s"),
            (300, "300 ms"),
            (60_000, "60 s"),
        ];
        for (millis, text) in table {
            assert_eq!(words(Duration::from_millis(millis)), text);
        }
    }
}
