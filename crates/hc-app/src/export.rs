//! What is told to an OpenTelemetry collector, where hc was built with the feature `otlp` and the environment names one.

#[cfg(feature = "otlp")]
pub use with::Export;
#[cfg(not(feature = "otlp"))]
pub use without::Export;

#[cfg(feature = "otlp")]
mod with {
    use std::sync::Arc;
    use std::time::SystemTime;

    use hc_scheduler::MonitorHandle;
    use hc_server::otlp::{Said, Settings, SettingsError, StartError};

    use crate::Open;
    use crate::journal::{Level, Record, Value};

    /// Where to export to, if anywhere.
    #[derive(Clone, Debug)]
    pub struct Export(Option<Settings>);

    impl Export {
        /// What OpenTelemetry's variables say, which `read` reads.
        ///
        /// # Errors
        /// One of them says what cannot be; nothing secret is in the error.
        pub fn by(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
            Settings::read(read).map(Self)
        }

        /// Whether it could begin.
        ///
        /// # Errors
        /// A file of roots that cannot be read.
        pub fn check(&self) -> Result<(), StartError> {
            self.0.as_ref().map_or(Ok(()), Settings::check)
        }

        /// Nothing: where there is an endpoint, it is exported to.
        #[must_use]
        pub fn warning(&self, _wall: SystemTime) -> Option<Record> {
            None
        }

        /// Where to, without anything secret; `None`: nothing is exported.
        #[must_use]
        pub fn shown(&self) -> Option<String> {
            self.0.as_ref().map(Settings::shown)
        }

        /// Begins to export what that window shows of that monitor; `write` hears of trouble and must not block. It ends with the window.
        ///
        /// # Errors
        /// A file of roots that cannot be read.
        pub fn begin(
            self,
            window: &mut Open,
            monitor: MonitorHandle,
            write: impl Fn(&Record) + Send + Sync + 'static,
        ) -> Result<(), StartError> {
            let Some(settings) = self.0 else {
                return Ok(());
            };
            let tell = Arc::new(move |said| write(&record(said, monitor.wall())));
            let exporting = window.server().export(settings, tell)?;
            window.exports(exporting);
            Ok(())
        }
    }

    fn record(said: Said, wall: SystemTime) -> Record {
        match said {
            Said::Failing { signal, why } => Record::new(wall, Level::Warn, "export")
                .with("signal", signal.as_str())
                .with_message(why),
            Said::Recovered {
                signal,
                lasted,
                dropped,
            } => Record::new(wall, Level::Info, "export_end")
                .with("signal", signal.as_str())
                .with("lasted", Value::Span(lasted))
                .with("dropped", dropped),
            // Something new to say is at least said to be there.
            _ => Record::new(wall, Level::Info, "export"),
        }
    }
}

#[cfg(not(feature = "otlp"))]
mod without {
    use std::convert::Infallible;
    use std::time::SystemTime;

    use hc_scheduler::MonitorHandle;

    use crate::Open;
    use crate::journal::{Level, Record};

    /// The variables that name an endpoint.
    const ENDPOINTS: [&str; 3] = [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    ];

    /// hc was built without an export: nothing is ever exported. Whoever named an endpoint is told so.
    #[derive(Clone, Debug)]
    pub struct Export {
        is_wanted: bool,
    }

    impl Export {
        /// Whether one of OpenTelemetry's variables, which `read` reads, names an endpoint.
        ///
        /// # Errors
        /// None.
        pub fn by(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, Infallible> {
            let says = |name: &str| read(name).filter(|value| !value.trim().is_empty());
            let is_off = says("OTEL_SDK_DISABLED")
                .is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
            let is_wanted = !is_off && ENDPOINTS.into_iter().any(|name| says(name).is_some());
            Ok(Self { is_wanted })
        }

        /// Nothing can be wrong.
        ///
        /// # Errors
        /// None.
        pub fn check(&self) -> Result<(), Infallible> {
            Ok(())
        }

        /// What is told whoever named an endpoint.
        #[must_use]
        pub fn warning(&self, wall: SystemTime) -> Option<Record> {
            self.is_wanted.then(|| {
                Record::new(wall, Level::Warn, "export")
                    .with_message("built without otlp: nothing is exported")
            })
        }

        /// Nowhere.
        #[must_use]
        pub fn shown(&self) -> Option<String> {
            None
        }

        /// Begins nothing.
        ///
        /// # Errors
        /// None.
        pub fn begin(
            self,
            _window: &mut Open,
            _monitor: MonitorHandle,
            _write: impl Fn(&Record) + Send + Sync + 'static,
        ) -> Result<(), Infallible> {
            Ok(())
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::journal::TimeStyle;

        #[track_caller]
        fn check(variables: &[(&str, &str)], wanted: &str) {
            let read = |name: &str| {
                let mut all = variables.iter();
                all.find(|(known, _)| *known == name)
                    .map(|(_, value)| (*value).to_owned())
            };
            let Ok(export) = Export::by(&read);
            let told = export.warning(SystemTime::UNIX_EPOCH);
            let told = told.map(|record| record.logfmt(TimeStyle::None));
            assert_eq!(told.unwrap_or_default(), wanted);
        }

        #[test]
        fn an_endpoint_that_nothing_goes_to_is_told_of() {
            let wanted = "WARN export msg=\"built without otlp: nothing is exported\"";
            let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318");
            check(&[endpoint], wanted);
            check(&[("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://c")], wanted);
            check(&[], "");
            check(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")], "");
            check(&[endpoint, ("OTEL_SDK_DISABLED", "true")], "");
        }
    }
}
