//! The probe: composes the request once, has it carried, follows redirects, retries once, and has the answer judged.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use hc_core::{
    CheckContext, Connection, Evidence, Fact, Failure, Kind, Phase, Probe, async_trait, stable_hash,
};

use crate::BuildError;
use crate::builder::HttpProbeBuilder;
use crate::clients::Clients;
use crate::compose::compose;
use crate::decompress;
use crate::dedicated::Dedicated;
use crate::exchange::{Exchange, Request, Trail, Transport, Wish, is_repeatable};
use crate::expect::Answer;
use crate::pooled::{Pooled, misfit};
use crate::proxy;
use crate::redirect::{follow, redirect};
use crate::spec::{Dial, HttpSpec, TransportKind};

/// Asks one HTTP server one question and judges the answer.
///
/// # Cancel safety
/// Dropping a check closes the connection that it was using; a TLS handshake under way goes on for the next one.
pub struct HttpProbe {
    /// Shared by all probes of equal settings: without URL and `connect`.
    settings: Arc<HttpSpec>,
    connect: Option<Box<Dial>>,
    carrier: Carrier,
    /// Where it stands in its round of planned reconnects; 0: not known yet, the first check's target says.
    turn: AtomicU32,
}

/// What carries its requests.
enum Carrier {
    /// The usual one, which has its request composed as bytes.
    Dedicated(Dedicated),
    /// Anything behind the seam.
    Seam(Box<Seam>),
}

/// A request, and what carries it.
struct Seam {
    url: Arc<str>,
    request: Request,
    transport: Box<dyn Transport>,
}

impl HttpProbe {
    /// A builder for `GET url`.
    ///
    /// # Errors
    /// If the text is no `http` or `https` URL.
    pub fn builder(url: &str) -> Result<HttpProbeBuilder, BuildError> {
        HttpProbeBuilder::try_new(url)
    }

    /// The probe of a spec, over the transport that fits it, sharing client configurations through `clients`.
    ///
    /// # Errors
    /// If the spec cannot be used: the URL's scheme, a header's value, a certificate.
    pub fn try_new(spec: HttpSpec, clients: &Clients) -> Result<Self, BuildError> {
        let request = compose(&spec)?;
        let settings = clients.settings(&spec);
        let url = Arc::<str>::from(spec.url.as_str());
        let carrier = match is_pooled(&spec) {
            true => {
                let pooled = Pooled::try_new(&spec, clients)?;
                let transport: Box<dyn Transport> = Box::new(pooled);
                Carrier::Seam(Box::new(Seam {
                    url,
                    request,
                    transport,
                }))
            }
            false => {
                let line = clients.line(&settings)?;
                let dedicated = Dedicated::new(&spec, &request, line, url.clone());
                match spec.redirects > 0 || spec.proxy.is_some() {
                    true => Carrier::Seam(Box::new(Seam {
                        url,
                        request,
                        transport: Box::new(dedicated),
                    })),
                    false => Carrier::Dedicated(dedicated),
                }
            }
        };
        Ok(Self {
            settings,
            connect: spec.connect.map(Box::new),
            carrier,
            turn: AtomicU32::new(0),
        })
    }

    /// The probe of a spec over a transport of its own.
    ///
    /// # Errors
    /// If the spec cannot be used.
    pub fn over(spec: HttpSpec, transport: impl Transport + 'static) -> Result<Self, BuildError> {
        let request = compose(&spec)?;
        Ok(Self {
            settings: Arc::new(spec.to_settings()),
            carrier: Carrier::Seam(Box::new(Seam {
                url: spec.url.as_str().into(),
                request,
                transport: Box::new(transport),
            })),
            connect: spec.connect.map(Box::new),
            turn: AtomicU32::new(0),
        })
    }

    /// What it does.
    #[must_use]
    pub fn spec(&self) -> HttpSpec {
        let url = match &self.carrier {
            Carrier::Dedicated(dedicated) => dedicated.url(),
            Carrier::Seam(seam) => &seam.url,
        };
        HttpSpec {
            url: url.parse().expect("it was a URL"),
            connect: self.connect.as_deref().cloned(),
            ..(*self.settings).clone()
        }
    }

    /// Each k-th check, those that ask for it, and all of a target that keeps none, use a new connection.
    fn wish(&self, cx: &CheckContext) -> Wish {
        let every = self.settings.effective_reconnect_every();
        let mut turn = self.turn.fetch_add(1, Ordering::Relaxed);
        if turn == 0 {
            // Each target begins elsewhere in its round: a fleet that was started together must not reconnect together.
            turn = every + (stable_hash(&[cx.target().as_str()]) % u64::from(every)) as u32;
            self.turn.store(turn.wrapping_add(1), Ordering::Relaxed);
        }
        let is_kth = turn.wrapping_add(1).is_multiple_of(every);
        match is_kth || cx.wants_fresh_connection() || self.settings.keep_alive.is_zero() {
            true => Wish::Fresh,
            false => Wish::Kept,
        }
    }

    async fn ask(
        &self,
        cx: &CheckContext,
        trail: &mut Trail,
        retried: &mut bool,
    ) -> Result<Exchange, Failure> {
        let wish = self.wish(cx);
        let seam = match &self.carrier {
            Carrier::Dedicated(dedicated) => {
                let result = dedicated.ask(cx, wish, trail).await;
                return match result {
                    Err(failure) if self.may_be_a_race(&failure, trail, *retried) => {
                        *retried = true;
                        dedicated.ask(cx, Wish::Fresh, trail).await
                    }
                    result => result,
                };
            }
            Carrier::Seam(seam) => seam,
        };
        self.follow(cx, seam, wish, trail, retried).await
    }

    /// Whether it may be tried once more, at once: it failed on a kept connection before the answer's first byte.
    fn may_be_a_race(&self, failure: &Failure, trail: &Trail, was_retried: bool) -> bool {
        let is_repeatable = is_repeatable(&self.settings.method);
        let may_be_one = trail.connection == Some(Connection::Reused)
            && !trail.answered
            && !matches!(failure.kind, Kind::Timeout | Kind::Limit);
        is_repeatable && may_be_one && !was_retried
    }

    /// Has the request carried over the seam, and goes where answers send it.
    async fn follow(
        &self,
        cx: &CheckContext,
        seam: &Seam,
        mut wish: Wish,
        trail: &mut Trail,
        retried: &mut bool,
    ) -> Result<Exchange, Failure> {
        let transport = &seam.transport;
        let mut request = seam.request.clone();
        let settings = &self.settings;
        for followed in 0..=settings.redirects {
            let result = transport.exchange(cx, &request, wish, trail).await;
            let exchange = match result {
                Err(failure)
                    if self.may_be_a_race(&failure, trail, *retried)
                        && is_repeatable(&request.method) =>
                {
                    *retried = true;
                    transport.exchange(cx, &request, Wish::Fresh, trail).await?
                }
                result => result?,
            };
            if exchange.status == 407
                && request.url.scheme() == "http"
                && let Some(proxy) = &settings.proxy
            {
                return Err(proxy::answered(&proxy::name(&proxy.url), 407, Phase::Wait));
            }
            if settings.redirects == 0 {
                return Ok(exchange);
            }
            let Some(next) = redirect(&exchange, &request.url) else {
                return Ok(exchange);
            };
            if followed == settings.redirects {
                break;
            }
            follow(&mut request, next, exchange.status);
            wish = Wish::Kept;
        }
        let message = format!("over {} redirects", settings.redirects);
        Err(Failure::new(Kind::Limit, Phase::Wait, message).with_code("redirects"))
    }

    fn judge(
        &self,
        cx: &CheckContext,
        mut exchange: Exchange,
        total: Duration,
        trail: &Trail,
    ) -> Result<Option<Failure>, Failure> {
        let limit = self.settings.max_body;
        if self.settings.decompress {
            match decompress::decompress(&exchange.headers, &exchange.body, limit) {
                Ok(Some(_)) | Err(_) if exchange.cut => return Err(decompress::too_much(limit)),
                Ok(Some(body)) => exchange.body = body,
                Ok(None) => {}
                Err(failure) => return Err(failure),
            }
        }
        self.settings.expect.judge(&Answer {
            status: exchange.status,
            headers: &exchange.headers,
            body: &exchange.body,
            cut_at: exchange.cut.then_some(limit),
            total,
            certificate: trail.certificate,
            // Only a certificate is judged by it, and a clock is not read for nothing.
            wall: match trail.certificate {
                Some(_) => cx.clock().wall(),
                None => SystemTime::UNIX_EPOCH,
            },
        })
    }
}

fn is_pooled(spec: &HttpSpec) -> bool {
    let wants_reqwest = spec.proxy.is_some() || spec.redirects > 0 || spec.decompress;
    match spec.transport {
        TransportKind::Pooled => true,
        TransportKind::Auto => wants_reqwest && misfit(spec).is_none(),
        TransportKind::Dedicated => false,
    }
}

#[async_trait]
impl Probe for HttpProbe {
    async fn check(&self, cx: &CheckContext) -> Result<Evidence, Failure> {
        let start = cx.now();
        let mut trail = Trail {
            begun: Some(start),
            ..Trail::default()
        };
        let mut retried = false;
        let answer = self.ask(cx, &mut trail, &mut retried).await;
        // The answer was there before anybody looked.
        let end = trail.ended.filter(|_| answer.is_ok());
        let total = end.unwrap_or_else(|| cx.now()).since(start);
        let mut evidence = Evidence::new();
        if let Ok(exchange) = &answer {
            evidence.facts.extend([
                Fact::HttpStatus(exchange.status),
                Fact::HttpVersion(exchange.version),
                Fact::BodyBytes(exchange.length),
            ]);
            evidence.facts.extend(exchange.cut.then_some(Fact::BodyCut));
        }
        let has_answer = answer.is_ok();
        let judged = answer.and_then(|exchange| self.judge(cx, exchange, total, &trail));
        evidence.phases = cx.phases();
        evidence.total = Some(total);
        // A connection that did not come to be is none.
        evidence.connection = trail.connection.filter(|connection| {
            *connection == Connection::Reused || trail.opened > 0 || trail.continued
        });
        evidence.opened = trail.opened;
        evidence.retried = retried;
        // Of a connection that did not come to be the marks know where it was to lead.
        let marks = cx.evidence();
        evidence.address = trail.address.or(marks.address);
        if let Some(certificate) = trail.certificate {
            evidence
                .facts
                .push(Fact::CertificateExpiry(certificate.not_after));
        }
        if self.settings.tls.insecure && self.settings.url.scheme() == "https" {
            evidence.facts.push(Fact::Insecure);
        }
        if end.is_none() && has_answer {
            evidence.facts.push(Fact::UserClock);
        }
        if !marks.facts.is_empty() {
            evidence.facts.extend(marks.facts.iter().cloned());
        }
        match judged {
            Ok(warning) => {
                if let Some(warning) = warning {
                    evidence.warn(warning);
                }
                Ok(evidence)
            }
            Err(failure) => Err(failure.with_evidence(evidence)),
        }
    }
}

impl std::fmt::Debug for HttpProbe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("HttpProbe").field(&self.spec()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::ProxySettings;

    struct Still;
    impl hc_core::Clock for Still {
        fn now(&self) -> hc_core::Timestamp {
            hc_core::Timestamp::ZERO
        }

        fn wall(&self) -> std::time::SystemTime {
            std::time::SystemTime::UNIX_EPOCH
        }
    }

    /// Twenty checks of each of 200 targets: one planned reconnect each, spread over the twenty.
    #[test]
    fn a_fleet_that_started_together_does_not_reconnect_together() {
        let clients = Clients::new();
        let mut fresh_at = [0; 20];
        for n in 0..200 {
            let spec = HttpSpec::new("http://127.0.0.1/".parse().unwrap());
            let probe = HttpProbe::try_new(spec, &clients).unwrap();
            let cx = CheckContext::new(
                format!("target-{n}").into(),
                std::sync::Arc::new(Still),
                hc_core::Timestamp::NEVER,
                hc_core::Nudge::nowhere(),
            );
            let fresh: Vec<usize> = (0..20)
                .filter(|_| matches!(probe.wish(&cx), Wish::Fresh))
                .collect();
            assert_eq!(fresh.len(), 1);
            fresh_at[fresh[0]] += 1;
        }
        assert!(
            fresh_at.iter().all(|targets| (1..=25).contains(targets)),
            "{fresh_at:?}"
        );
    }

    #[tokio::test]
    async fn who_refuses_is_known_by_its_address() {
        // Bound and not listening: nobody else gets the port meanwhile.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        for transport in [TransportKind::Dedicated, TransportKind::Pooled] {
            let mut spec = HttpSpec::new(format!("http://{address}/").parse().unwrap());
            spec.transport = transport;
            let probe = HttpProbe::try_new(spec, &Clients::new()).unwrap();
            let cx = CheckContext::alone(
                "a".into(),
                std::sync::Arc::new(Still),
                Duration::from_secs(9),
            );
            let failure = probe.check(&cx).await.unwrap_err();
            assert_eq!(failure.kind, Kind::Refused);
            assert_eq!(
                failure.evidence.unwrap().address,
                Some(address),
                "{transport:?}"
            );
        }
    }

    #[test]
    fn each_spec_is_carried_by_what_fits_it() {
        let of = |url: &str| HttpSpec::new(url.parse().unwrap());
        let proxy = Some(ProxySettings {
            url: "http://10.0.0.1:3128/".parse().unwrap(),
        });
        let decompress = HttpSpec {
            decompress: true,
            ..of("https://a.test/")
        };
        let redirects = HttpSpec {
            redirects: 1,
            ..of("http://a.test/")
        };
        let proxied = HttpSpec {
            proxy: proxy.clone(),
            ..of("http://a.test/")
        };
        let tunnelled = HttpSpec {
            proxy,
            ..of("https://a.test/")
        };
        let forced = HttpSpec {
            transport: TransportKind::Dedicated,
            ..redirects.clone()
        };
        let asked_for = HttpSpec {
            transport: TransportKind::Pooled,
            ..of("http://a.test/")
        };
        let table = [
            (of("http://a.test/"), false),
            (of("https://a.test/"), false),
            (decompress, true),
            (redirects, true),
            (proxied, true),
            (tunnelled, false),
            (forced, false),
            (asked_for, true),
        ];
        for (spec, is_pooled) in table {
            let found = super::is_pooled(&spec);
            assert_eq!(found, is_pooled, "{spec:?}");
        }
        let mut beyond = of("http://10.0.0.7/");
        beyond.connect = Some(crate::Dial::Address("10.0.0.8:80".parse().unwrap()));
        beyond.transport = TransportKind::Pooled;
        let error = HttpProbe::try_new(beyond, &Clients::new()).unwrap_err();
        let says = "the pooled transport connects to the URL's own address";
        assert_eq!(error.to_string(), says);
    }
}
