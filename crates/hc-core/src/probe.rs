//! The extension point: a value that can ask one target one kind of question.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;

use crate::context::CheckContext;
use crate::evidence::Evidence;
use crate::failure::Failure;

/// Asks one target one kind of question.
///
/// # Errors
/// A failed check is an `Err`, with the [`Blame`](crate::Blame) set where it is known. What is the checker's own
/// trouble is blamed on `Local` and never counts against the target.
///
/// # Cancel safety
/// The caller drops the future at the deadline, at a pause and at a shutdown. A probe that keeps a connection
/// must not take it back after that.
///
/// # Example
/// ```
/// use hc_core::{CheckContext, Evidence, Failure, Kind, Phase, Probe, async_trait};
///
/// /// Passes while a file exists.
/// struct FileExists(std::path::PathBuf);
///
/// #[async_trait]
/// impl Probe for FileExists {
///     async fn check(&self, cx: &CheckContext) -> Result<Evidence, Failure> {
///         cx.enter(Phase::Wait);
///         match self.0.exists() {
///             true => Ok(Evidence::new()),
///             false => Err(Failure::new(Kind::Unexpected, Phase::Wait, "the file is gone")),
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait Probe: Send + Sync {
    /// Asks once.
    async fn check(&self, cx: &CheckContext) -> Result<Evidence, Failure>;
}

// What a probe holds may be secret.
impl fmt::Debug for dyn Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probe")
    }
}

type CheckFuture<'a> = Pin<Box<dyn Future<Output = Result<Evidence, Failure>> + Send + 'a>>;

// By hand: through the macro each check would box its future twice.
impl<P: Probe + ?Sized> Probe for Arc<P> {
    fn check<'a, 'b, 'c>(&'a self, cx: &'b CheckContext) -> CheckFuture<'c>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        (**self).check(cx)
    }
}

/// A probe made of a closure; see [`probe_fn`].
#[derive(Clone, Copy, Debug)]
pub struct ProbeFn<F>(F);

/// Makes a probe of a closure that takes the context by value.
///
/// ```
/// use hc_core::{Evidence, probe_fn};
///
/// let always = probe_fn(|_cx| async move { Ok(Evidence::new()) });
/// # let _: &dyn hc_core::Probe = &always;
/// ```
pub fn probe_fn<F, T>(ask: F) -> ProbeFn<F>
where
    F: Fn(CheckContext) -> T + Send + Sync,
    T: Future<Output = Result<Evidence, Failure>> + Send + 'static,
{
    ProbeFn(ask)
}

impl<F, T> Probe for ProbeFn<F>
where
    F: Fn(CheckContext) -> T + Send + Sync,
    T: Future<Output = Result<Evidence, Failure>> + Send + 'static,
{
    fn check<'a, 'b, 'c>(&'a self, cx: &'b CheckContext) -> CheckFuture<'c>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin((self.0)(cx.clone()))
    }
}
