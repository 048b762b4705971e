//! The two text forms: Prometheus's own, version 0.0.4, and OpenMetrics 1.0. They differ in how counters and infos are
//! named in the head of a family, in units, and in the end.

use crate::ledger::{BOUNDS_US, Histogram};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Prometheus,
    OpenMetrics,
}

impl Form {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// What an Accept header prefers; Prometheus's own form where it says nothing of the kind.
    pub(crate) fn accepted(accept: Option<&str>) -> Self {
        let quality = |wanted: &str| {
            let ranges = accept.unwrap_or_default().split(',');
            let found = ranges.filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let is_it = parts.next()?.eq_ignore_ascii_case(wanted);
                let q = parts.find_map(|part| part.strip_prefix("q="));
                is_it.then(|| q.map_or(1.0, |q| q.parse().unwrap_or(0.0)))
            });
            found.fold(0.0, f64::max)
        };
        let open = quality("application/openmetrics-text");
        match open > 0.0 && open >= quality("text/plain") {
            true => Self::OpenMetrics,
            false => Self::Prometheus,
        }
    }
}

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Gauge,
    /// Named without its `_total`.
    Counter,
    /// Named without its `_info`.
    Info,
    Histogram,
}

/// Writes families. Names and help texts are ours and need no escaping; label values are escaped where they are made.
pub(crate) struct Encoder {
    out: String,
    form: Form,
    name: &'static str,
    kind: Kind,
}

/// The value of a sample.
pub(crate) trait Value {
    fn write(self, out: &mut String);
}

impl Value for u64 {
    fn write(self, out: &mut String) {
        out.push_str(itoa::Buffer::new().format(self));
    }
}

impl Value for usize {
    fn write(self, out: &mut String) {
        (self as u64).write(out);
    }
}

impl Value for bool {
    fn write(self, out: &mut String) {
        out.push(if self { '1' } else { '0' });
    }
}

impl Value for f64 {
    fn write(self, out: &mut String) {
        out.push_str(zmij::Buffer::new().format(self));
    }
}

impl Encoder {
    pub(crate) fn new(form: Form, room: usize) -> Self {
        Self {
            out: String::with_capacity(room),
            form,
            name: "",
            kind: Kind::Gauge,
        }
    }

    /// Begins a family. `unit` is the last part of a name that has one.
    pub(crate) fn family(
        &mut self,
        kind: Kind,
        name: &'static str,
        unit: Option<&str>,
        help: &str,
    ) {
        (self.kind, self.name) = (kind, name);
        let open = self.form == Form::OpenMetrics;
        let shown = match kind {
            Kind::Counter if !open => "_total",
            Kind::Info if !open => "_info",
            _ => "",
        };
        let word = match kind {
            Kind::Gauge => "gauge",
            Kind::Info if !open => "gauge",
            Kind::Info => "info",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
        };
        for (what, text) in [("HELP", help), ("TYPE", word)] {
            self.push(&["# ", what, " ", name, shown, " ", text, "\n"]);
        }
        if let Some(unit) = unit.filter(|_| open) {
            self.push(&["# UNIT ", name, " ", unit, "\n"]);
        }
    }

    fn push(&mut self, parts: &[&str]) {
        for part in parts {
            self.out.push_str(part);
        }
    }

    /// A sample with labels that are written already: `a="b",c="d"`.
    pub(crate) fn sample(&mut self, labels: &[&str], value: impl Value) {
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        self.out.push_str(self.name);
        self.line(suffix, labels, value);
    }

    fn line(&mut self, suffix: &str, labels: &[&str], value: impl Value) {
        self.out.push_str(suffix);
        if labels.iter().any(|part| !part.is_empty()) {
            self.out.push('{');
            self.push(labels);
            self.out.push('}');
        }
        self.out.push(' ');
        value.write(&mut self.out);
        self.out.push('\n');
    }

    /// A histogram's samples: cumulated buckets, sum, count.
    pub(crate) fn histogram(&mut self, labels: &str, histogram: &Histogram) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut below = 0;
        for (count, bound) in histogram.counts.iter().zip(BOUND_TEXTS) {
            below += count;
            self.out.push_str(self.name);
            self.line("_bucket", &[labels, comma, "le=\"", bound, "\""], below);
        }
        self.out.push_str(self.name);
        self.line("_sum", &[labels], histogram.sum_ns as f64 / 1e9);
        self.out.push_str(self.name);
        self.line("_count", &[labels], below);
    }

    /// The whole text.
    pub(crate) fn finish(mut self) -> String {
        if self.form == Form::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
        self.out
    }
}

/// The bounds in seconds, as OpenMetrics wants numbers to be spelt.
const BOUND_TEXTS: [&str; BOUNDS_US.len() + 1] = [
    "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0",
    "2.5", "5.0", "10.0", "30.0", "+Inf",
];

/// Writes `name="value"` with what a value's text needs escaped.
pub(crate) fn label(out: &mut String, name: &str, value: &str) {
    out.push_str(name);
    out.push_str("=\"");
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// The same as a text of its own.
pub(crate) fn labels(pairs: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push(',');
        }
        label(&mut out, name, value);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_spelt_as_they_are() {
        for (text, bound) in BOUND_TEXTS.iter().zip(BOUNDS_US) {
            assert_eq!(text.parse::<f64>().unwrap(), bound as f64 / 1e6);
        }
    }

    #[track_caller]
    fn check(accept: Option<&str>, form: Form) {
        assert_eq!(Form::accepted(accept), form, "{accept:?}");
    }

    #[test]
    fn the_form_follows_the_accept_header() {
        check(None, Form::Prometheus);
        check(Some("*/*"), Form::Prometheus);
        check(Some("text/html,*/*;q=0.1"), Form::Prometheus);
        check(Some("application/openmetrics-text"), Form::OpenMetrics);
        // Prometheus 3.
        let three = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;q=0.3,*/*;q=0.1";
        check(Some(three), Form::OpenMetrics);
        check(
            Some("text/plain;q=0.9, application/openmetrics-text; q=0.2"),
            Form::Prometheus,
        );
        check(Some("application/openmetrics-text;q=0"), Form::Prometheus);
        check(
            Some("application/openmetrics-text;q=x,;;,"),
            Form::Prometheus,
        );
    }

    #[test]
    fn what_a_name_holds_stays_inside_its_quotes() {
        assert_eq!(
            labels(&[("a", "x\"} 1\n\\"), ("b", "")]),
            "a=\"x\\\"} 1\\n\\\\\",b=\"\""
        );
    }
}
