//! What is told to an OpenTelemetry collector, where hc was built with the feature `otlp` and the environment names one.

#[cfg(feature = "otlp")]
pub use with::Export;
#[cfg(not(feature = "otlp"))]
pub use without::Export;

#[cfg(feature = "otlp")]
mod with {
    use std::sync::Arc;

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

    fn record(said: Said, wall: std::time::SystemTime) -> Record {
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

    use hc_scheduler::MonitorHandle;

    use crate::Open;
    use crate::journal::Record;

    /// hc was built without an export: nothing is ever exported.
    #[derive(Clone, Debug)]
    pub struct Export(());

    impl Export {
        /// Nothing is read.
        ///
        /// # Errors
        /// None.
        pub fn by(_read: &dyn Fn(&str) -> Option<String>) -> Result<Self, Infallible> {
            Ok(Self(()))
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
}
