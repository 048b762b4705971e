//! Who hears of every check: one synchronous, non-blocking listener, for metrics.

use hc_core::HealthView;

use crate::plan::Checked;

/// Hears of every check that has ended. Called on the driver's own task, with several
/// workers by all of them at once: it must not block, and should only count.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use hc_scheduler::{Checked, Observer};
///
/// #[derive(Default)]
/// struct Count(AtomicU64);
///
/// impl Observer for Count {
///     fn check_ended(&self, _check: &Checked) {
///         self.0.fetch_add(1, Ordering::Relaxed);
///     }
/// }
/// ```
pub trait Observer: Send + Sync {
    /// A check has ended and was judged.
    fn check_ended(&self, check: &Checked);

    /// The monitor starts: its targets are in this view before the first check ends. Default: nothing.
    fn starts(&self, _view: &HealthView) {}

    /// Whether it would do anything with a check that ended now. Asked for each check before [`Checked`] is made, which
    /// is spared if not. Default: it always would.
    fn is_listening(&self) -> bool {
        true
    }
}
