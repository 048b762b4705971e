//! The last check of a target, kept for those who ask: a plain pass in a few words, a failure in a few more that
//! are boxed, so that what an outage leaves behind is gone with the next pass. Only what is unusual is kept whole.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hc_core::{
    Cell, CheckResult, Connection, Evidence, Fact, Failure, Phases, Span, Timestamp, Verdict,
};

use super::describe::{Checked, Course, Judged};
use crate::interval::Reason;

/// The last check of a target.
#[derive(Default)]
pub(crate) enum Last {
    /// There was none yet.
    #[default]
    Never,
    /// It simply passed.
    Pass(Pass),
    /// It did not pass.
    Failed(Box<Failed>),
    /// It said more than a check usually does.
    Whole(Arc<Checked>),
}

/// A check that did not pass, with the evidence that is usual.
pub(crate) struct Failed {
    /// What was seen before it failed.
    seen: Pass,
    /// Without its evidence.
    failure: Failure,
    has_evidence: bool,
    retried: bool,
    result: CheckResult,
    verdict: Verdict,
    doubted: bool,
    shared: bool,
}

/// A pass with the facts that are usual.
pub(crate) struct Pass {
    at: Timestamp,
    phases: Phases,
    /// An IPv4 address, or an IPv6 one without scope and flow.
    ip: [u8; 16],
    duration: Span,
    lateness: Span,
    waited: Span,
    total: Span,
    body_bytes: u32,
    /// Seconds since 1970.
    certificate_expiry: u32,
    port: u16,
    status: u16,
    reason: Reason,
    connection: Option<Connection>,
    opened: u8,
    version: u8,
    /// Which of the fields hold anything.
    has: u16,
}

/// The versions that are usual.
const VERSIONS: [&str; 3] = ["1.0", "1.1", "2"];

// Facts, in the order in which probes tell them: a check that tells them in another order is kept whole.
const STATUS: u16 = 1;
const VERSION: u16 = 1 << 1;
const BODY_BYTES: u16 = 1 << 2;
const BODY_CUT: u16 = 1 << 3;
const EXPIRY: u16 = 1 << 4;
const INSECURE: u16 = 1 << 5;
const USER_CLOCK: u16 = 1 << 6;
// What is no fact.
const V4: u16 = 1 << 7;
const V6: u16 = 1 << 8;

impl Last {
    /// Keeps a check of the target of that cell.
    pub(crate) fn keep(judged: Judged, cell: &Cell, wall: SystemTime) -> Self {
        if let Some(pass) = Pass::of(&judged) {
            return Self::Pass(pass);
        }
        Failed::of(judged).map_or_else(
            |judged| Self::Whole(Arc::new(judged.of(cell, wall))),
            |failed| Self::Failed(Box::new(failed)),
        )
    }

    /// The check as it was told; `wall_of` turns its time into one for people.
    pub(crate) fn told(
        &self,
        cell: &Cell,
        wall_of: impl FnOnce(Timestamp) -> SystemTime,
    ) -> Option<Arc<Checked>> {
        match self {
            Self::Never => None,
            Self::Pass(pass) => Some(Arc::new(pass.told().of(cell, wall_of(pass.at)))),
            Self::Failed(failed) => Some(Arc::new(failed.told().of(cell, wall_of(failed.seen.at)))),
            Self::Whole(checked) => Some(checked.clone()),
        }
    }
}

impl Pass {
    /// None: it holds what there is no place for.
    fn of(judged: &Judged) -> Option<Self> {
        let Ok(evidence) = &judged.outcome else {
            return None;
        };
        let is_plain = judged.result == CheckResult::Pass
            && judged.verdict == Verdict::Pass
            && evidence.warning.is_none()
            && !evidence.retried
            && !judged.doubted
            && !judged.shared;
        is_plain.then(|| Self::seen(&judged.course(), evidence))?
    }

    /// What there is beside result and verdict, if the evidence has a place here.
    pub(super) fn seen(course: &Course, evidence: &Evidence) -> Option<Self> {
        let mut pass = Self {
            at: course.at,
            phases: evidence.phases,
            ip: [0; 16],
            duration: Span::of(course.duration),
            lateness: Span::of(course.lateness),
            waited: Span::of(course.waited),
            total: Span::from(evidence.total),
            body_bytes: 0,
            certificate_expiry: 0,
            port: 0,
            status: 0,
            reason: course.reason,
            connection: evidence.connection,
            opened: evidence.opened,
            version: 0,
            has: 0,
        };
        for fact in &evidence.facts {
            let flag = pass.fact(fact)?;
            if pass.has >= flag {
                return None;
            }
            pass.has |= flag;
        }
        pass.address(evidence.address)?;
        Some(pass)
    }

    fn fact(&mut self, fact: &Fact) -> Option<u16> {
        Some(match fact {
            Fact::HttpStatus(status) => {
                self.status = *status;
                STATUS
            }
            Fact::HttpVersion(version) => {
                let at = VERSIONS.iter().position(|known| known == version)?;
                self.version = u8::try_from(at).ok()?;
                VERSION
            }
            Fact::BodyBytes(bytes) => {
                self.body_bytes = u32::try_from(*bytes).ok()?;
                BODY_BYTES
            }
            Fact::BodyCut => BODY_CUT,
            Fact::CertificateExpiry(at) => {
                let since = at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
                self.certificate_expiry = u32::try_from(since.as_secs()).ok()?;
                (since.subsec_nanos() == 0).then_some(EXPIRY)?
            }
            Fact::Insecure => INSECURE,
            Fact::UserClock => USER_CLOCK,
            _ => return None,
        })
    }

    fn address(&mut self, address: Option<SocketAddr>) -> Option<()> {
        match address {
            None => {}
            Some(SocketAddr::V4(v4)) => {
                self.ip[..4].copy_from_slice(&v4.ip().octets());
                self.port = v4.port();
                self.has |= V4;
            }
            Some(SocketAddr::V6(v6)) if v6.scope_id() == 0 && v6.flowinfo() == 0 => {
                self.ip = v6.ip().octets();
                self.port = v6.port();
                self.has |= V6;
            }
            Some(SocketAddr::V6(_)) => return None,
        }
        Some(())
    }

    fn told(&self) -> Judged {
        Judged {
            at: self.at,
            result: CheckResult::Pass,
            verdict: Verdict::Pass,
            outcome: Ok(self.evidence()),
            duration: self.duration.get().unwrap_or_default(),
            lateness: self.lateness.get().unwrap_or_default(),
            waited: self.waited.get().unwrap_or_default(),
            reason: self.reason,
            doubted: false,
            shared: false,
        }
    }

    fn evidence(&self) -> Evidence {
        let mut evidence = Evidence::new();
        evidence.phases = self.phases;
        evidence.total = self.total.get();
        evidence.connection = self.connection;
        evidence.opened = self.opened;
        let [a, b, c, d, ..] = self.ip;
        let ip = match self.has & (V4 | V6) {
            V4 => Some(IpAddr::from(Ipv4Addr::new(a, b, c, d))),
            V6 => Some(IpAddr::from(Ipv6Addr::from(self.ip))),
            _ => None,
        };
        evidence.address = ip.map(|ip| SocketAddr::new(ip, self.port));
        let expiry = Duration::from_secs(u64::from(self.certificate_expiry));
        let facts = [
            (STATUS, Fact::HttpStatus(self.status)),
            (
                VERSION,
                Fact::HttpVersion(VERSIONS[usize::from(self.version)]),
            ),
            (BODY_BYTES, Fact::BodyBytes(u64::from(self.body_bytes))),
            (BODY_CUT, Fact::BodyCut),
            (
                EXPIRY,
                Fact::CertificateExpiry(SystemTime::UNIX_EPOCH + expiry),
            ),
            (INSECURE, Fact::Insecure),
            (USER_CLOCK, Fact::UserClock),
        ];
        let known = facts
            .into_iter()
            .filter(|(flag, _)| self.has & flag != 0)
            .map(|(_, fact)| fact);
        evidence.facts.extend(known);
        evidence
    }
}

impl Failed {
    /// The check back if there is no place for it here.
    #[expect(clippy::result_large_err, reason = "it is the check itself, moved")]
    fn of(judged: Judged) -> Result<Self, Judged> {
        let Err(failure) = &judged.outcome else {
            return Err(judged);
        };
        let nothing = Evidence::new();
        let evidence = failure.evidence.as_deref().unwrap_or(&nothing);
        let retried = evidence.retried;
        let seen = match evidence.warning {
            None => Pass::seen(&judged.course(), evidence),
            Some(_) => None,
        };
        match (seen, judged) {
            (
                Some(seen),
                Judged {
                    outcome: Err(mut failure),
                    result,
                    verdict,
                    doubted,
                    shared,
                    ..
                },
            ) => Ok(Self {
                seen,
                has_evidence: failure.evidence.take().is_some(),
                failure,
                retried,
                result,
                verdict,
                doubted,
                shared,
            }),
            (_, judged) => Err(judged),
        }
    }

    fn told(&self) -> Judged {
        let mut failure = self.failure.clone();
        if self.has_evidence {
            let mut evidence = self.seen.evidence();
            evidence.retried = self.retried;
            failure.evidence = Some(Box::new(evidence));
        }
        Judged {
            result: self.result,
            verdict: self.verdict,
            outcome: Err(failure),
            doubted: self.doubted,
            shared: self.shared,
            ..self.seen.told()
        }
    }
}

#[cfg(test)]
mod tests {
    use hc_core::{Health, Start, Target, Word, probe_fn};

    use super::*;

    fn judged(evidence: Evidence) -> Judged {
        Judged {
            at: Timestamp::from_millis(5),
            result: CheckResult::Pass,
            verdict: Verdict::Pass,
            outcome: Ok(evidence),
            duration: Duration::from_nanos(12_345),
            lateness: Duration::from_millis(3),
            waited: Duration::ZERO,
            reason: Reason::Interval,
            doubted: false,
            shared: false,
        }
    }

    fn cell() -> Arc<Cell> {
        let target = Target::new("a", probe_fn(|_| async { Ok(Evidence::new()) }))
            .with_group("shop")
            .with_probe_name("http");
        let health = Health::new(Start::First, Timestamp::ZERO);
        let word = Word::new(&health, &target.policy, false);
        let (publisher, _) = hc_core::view(1);
        publisher
            .add(&target, word, Timestamp::ZERO, SystemTime::UNIX_EPOCH)
            .expect("it is new")
    }

    fn usual() -> Evidence {
        let mut evidence = Evidence::new();
        evidence.total = Some(Duration::from_micros(7));
        evidence
            .phases
            .set(hc_core::Phase::Wait, Duration::from_micros(7));
        evidence.connection = Some(Connection::New);
        evidence.opened = 1;
        evidence.address = "127.0.0.9:80".parse().ok();
        let expiry = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
        evidence.facts.extend([
            Fact::HttpStatus(204),
            Fact::HttpVersion("2"),
            Fact::BodyBytes(0),
            Fact::BodyCut,
            Fact::CertificateExpiry(expiry),
            Fact::Insecure,
            Fact::UserClock,
        ]);
        evidence
    }

    /// Kept and told again, it is what it was; whether it was kept in few words.
    #[track_caller]
    fn check(evidence: Evidence, in_few_words: bool) {
        let (cell, wall) = (cell(), SystemTime::UNIX_EPOCH);
        let last = Last::keep(judged(evidence.clone()), &cell, wall);
        assert_eq!(matches!(last, Last::Pass(_)), in_few_words, "{evidence:?}");
        let told = last.told(&cell, |_| wall).expect("there was one");
        let before = judged(evidence).of(&cell, wall);
        assert_eq!(format!("{told:?}"), format!("{before:?}"));
        assert_eq!(told.group.as_ref(), "shop");
    }

    #[test]
    fn a_usual_pass_is_kept_in_few_words_and_loses_nothing() {
        check(Evidence::new(), true);
        check(usual(), true);
        let mut v6 = usual();
        v6.address = "[::1]:443".parse().ok();
        check(v6, true);
    }

    #[test]
    fn what_has_no_place_there_is_kept_whole() {
        let with = |change: fn(&mut Evidence)| {
            let mut evidence = usual();
            change(&mut evidence);
            check(evidence, false);
        };
        with(|e| e.facts.push(Fact::Own("mine", "yes".into())));
        with(|e| e.facts.reverse());
        with(|e| e.facts.push(Fact::Insecure));
        with(|e| e.facts = vec![Fact::HttpVersion("3")].into());
        with(|e| e.facts = vec![Fact::BodyBytes(1 << 40)].into());
        with(|e| e.retried = true);
        with(|e| e.address = "[fe80::1%3]:80".parse().ok());
    }

    #[test]
    fn a_failure_is_kept_in_a_few_more_and_loses_nothing() {
        let bare = || Failure::new(hc_core::Kind::Refused, hc_core::Phase::Connect, "refused");
        let mut retried = usual();
        retried.retried = true;
        let mut odd = usual();
        odd.facts.push(Fact::Own("mine", "yes".into()));
        for (failure, in_few_words) in [
            (bare(), true),
            (bare().with_evidence(Evidence::new()), true),
            (bare().with_code("no").with_evidence(retried), true),
            (bare().with_evidence(odd), false),
        ] {
            let failed = || Judged {
                result: CheckResult::Failure,
                verdict: Verdict::Fail(2),
                outcome: Err(failure.clone()),
                doubted: true,
                shared: true,
                ..judged(Evidence::new())
            };
            let (cell, wall) = (cell(), SystemTime::UNIX_EPOCH);
            let last = Last::keep(failed(), &cell, wall);
            assert_eq!(matches!(last, Last::Failed(_)), in_few_words, "{failure:?}");
            let told = last.told(&cell, |_| wall).expect("there was one");
            assert_eq!(
                format!("{told:?}"),
                format!("{:?}", failed().of(&cell, wall))
            );
        }
        assert_eq!(size_of::<Failed>(), 152);
    }
}
