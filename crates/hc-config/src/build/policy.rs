//! The policy of a target.

use std::time::Duration;

use hc_core::{Flap, Kind, Policy, Start, Unsteady, UnsteadyVerdict};

use crate::build::strongest;
use crate::config::Profile;
use crate::diagnostic::Finding;
use crate::place::Place;
use crate::read::Reader;
use crate::settings::{Datum, Settings};
use crate::units::format_duration;

impl Reader<'_> {
    /// Builds the policy; `whole` is the target's place, for contradictions that nobody wrote down.
    pub(crate) fn policy(
        &mut self,
        settings: &Settings,
        profile: Profile,
        whole: Place,
    ) -> Option<Policy> {
        let preset = profile.preset();
        let interval = settings.duration("interval").unwrap_or(preset.interval);
        // What nobody wrote gives way.
        let fast = settings
            .duration("fast_interval")
            .unwrap_or(preset.fast_interval.min(interval));
        let max = match settings.datum("max_interval") {
            Some(Datum::Duration(max)) => *max,
            Some(Datum::Times(times)) => interval.mul_f64(*times),
            _ => interval.mul_f64(preset.max_interval),
        };
        let mut builder = Policy::builder()
            .interval(interval)
            .fast_interval(fast)
            .max_interval(max);
        // `auto` is a word, and what the builder takes.
        if let Some(min) = settings.duration("min_interval") {
            builder = builder.min_interval(min);
        }
        if let Some(timeout) = settings.duration("timeout") {
            builder = builder.timeout(timeout);
        }
        // Read in range: 1 to 100.
        let count = |key: &str| settings.count(key).and_then(|n| u32::try_from(n).ok());
        if let Some(rise) = count("rise") {
            builder = builder.rise(rise);
        }
        if let Some(fall) = count("fall") {
            builder = builder.fall(fall);
        }
        builder = builder.start(match settings.word("start") {
            Some("healthy") => Start::Healthy,
            Some("unhealthy") => Start::Unhealthy,
            _ => Start::First,
        });
        if let Some(Datum::Factor(factor)) = settings.datum("backoff") {
            builder = builder.backoff(*factor);
        }
        if let Some(jitter) = settings.share("jitter") {
            builder = builder.jitter(jitter);
        }
        for (kind, setting) in settings.map("weight").iter().flat_map(|map| map.0.iter()) {
            if let (Ok(kind), Datum::Count(weight)) = (kind.parse::<Kind>(), &setting.datum) {
                builder = builder.weight(kind, u8::try_from(*weight).unwrap_or(u8::MAX));
            }
        }
        builder = builder.flap(flap(settings)).unsteady(unsteady(settings));
        match builder.build() {
            Ok(policy) => {
                self.warn_of_timeout(&policy, settings, whole);
                Some(policy)
            }
            Err(errors) => {
                for error in errors.0 {
                    let place = strongest(settings, rivals(error.key)).unwrap_or(whole);
                    let message = format!("`{}`: {}", error.key, error.problem);
                    self.findings
                        .push(Finding::error("contradiction", place, error.key, message));
                }
                None
            }
        }
    }

    fn warn_of_timeout(&mut self, policy: &Policy, settings: &Settings, whole: Place) {
        let (timeout, interval): (Duration, Duration) = (policy.timeout(), policy.interval());
        if timeout <= interval {
            return;
        }
        let place = strongest(settings, &["timeout", "interval"]).unwrap_or(whole);
        let (timeout, interval) = (format_duration(timeout), format_duration(interval));
        let message =
            format!("timeout {timeout} is longer than interval {interval}: slow checks skip ticks");
        self.findings.push(Finding::warning(
            "timeout-over-interval",
            place,
            "timeout",
            message,
        ));
    }
}

/// The keys that a contradiction of this key may come from.
fn rivals(key: &str) -> &'static [&'static str] {
    match key {
        "fast_interval" => &["fast_interval", "interval"],
        "min_interval" => &["min_interval", "fast_interval", "interval"],
        "max_interval" => &["max_interval", "interval"],
        "flap" => &["flap"],
        "unsteady" => &["unsteady"],
        _ => &["interval"],
    }
}

fn flap(settings: &Settings) -> Option<Flap> {
    if settings.word("flap") == Some("none") {
        return None;
    }
    let Flap { high, low } = Flap::default();
    Some(Flap {
        high: settings.share("flap.high").unwrap_or(high),
        low: settings.share("flap.low").unwrap_or(low),
    })
}

fn unsteady(settings: &Settings) -> Option<Unsteady> {
    if settings.word("unsteady") == Some("none") {
        return None;
    }
    let usual = Unsteady::default();
    let count = |key: &str, usual: u8| {
        settings
            .count(key)
            .and_then(|n| u8::try_from(n).ok())
            .unwrap_or(usual)
    };
    Some(Unsteady {
        failures: count("unsteady.failures", usual.failures),
        until: count("unsteady.until", usual.until),
        of: count("unsteady.of", usual.of),
        verdict: match settings.word("unsteady.verdict") {
            Some("unhealthy") => UnsteadyVerdict::Unhealthy,
            _ => UnsteadyVerdict::Degraded,
        },
    })
}
