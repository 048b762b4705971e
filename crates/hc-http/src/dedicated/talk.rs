//! One request and its answer over a connection: sends, waits, hands what comes to the reader, and marks the phases
//! with the kernel's times.

use std::io;
use std::task::{Context, Poll};
use std::time::SystemTime;

use hc_core::{CheckContext, Failure, Phase, Timestamp};

use super::reader::{Answer, Reader, Step};
use super::wire::Outgoing;
use super::worker::{Link, Received, Worker};
use crate::classify;

/// A request under way.
pub(super) struct Talk<'a> {
    pub(super) cx: &'a CheckContext,
    pub(super) link: &'a Link,
    pub(super) wire: Outgoing<'a>,
    pub(super) reader: Reader,
    /// Whether the connection has carried other requests: what came before this one is no answer to it.
    pub(super) is_reused: bool,
    /// Whether each millisecond counts.
    pub(super) is_hurried: bool,
    /// When the check began, if nothing came before this.
    pub(super) begun: Option<Timestamp>,
}

/// How it went.
pub(super) struct Said {
    pub(super) answer: Answer,
    /// When the last byte was there, if the kernel told.
    pub(super) at: Option<Timestamp>,
}

/// Where a request stands.
struct Progress {
    sent: usize,
    is_sent: bool,
    sent_at: Timestamp,
    sent_wall: SystemTime,
    /// What sending ended with, if badly: the server may have answered all the same.
    send_error: Option<io::Error>,
    polls: u32,
    received_at: Option<Timestamp>,
    /// Whether that is the kernel's word.
    is_stamped: bool,
}

impl Talk<'_> {
    /// Sends the request and reads the answer. The failure comes with whether a byte of the answer was there.
    pub(super) async fn hold(mut self) -> Result<Said, (Failure, bool)> {
        let now = self.begun.unwrap_or_else(|| self.cx.now());
        let mut progress = Progress {
            sent: 0,
            is_sent: false,
            sent_at: now,
            sent_wall: Worker::wall(),
            polls: 0,
            send_error: None,
            received_at: None,
            is_stamped: false,
        };
        self.cx.enter_at(Phase::Send, now);
        let result = std::future::poll_fn(|task| self.poll(task, &mut progress)).await;
        match result {
            Ok(answer) => {
                let at = progress.received_at.unwrap_or(progress.sent_at);
                self.cx.leave_at(at);
                let at = progress.is_stamped.then_some(at);
                Ok(Said { answer, at })
            }
            Err(failure) => Err((failure, self.reader.has_begun())),
        }
    }

    fn poll(
        &mut self,
        task: &Context<'_>,
        progress: &mut Progress,
    ) -> Poll<Result<Answer, Failure>> {
        if !progress.is_sent {
            let send = |bytes: &[u8]| self.link.poll_send(task, bytes, &mut progress.sent);
            match self.wire.with(send) {
                Poll::Pending => {}
                Poll::Ready(result) => {
                    progress.is_sent = true;
                    progress.send_error = result.err();
                    self.cx.enter(Phase::Wait);
                }
            }
        }
        // Polled without news, as a driver does at the deadline: what lies there unseen still counts.
        let mut may_look = progress.polls > 0;
        progress.polls = progress.polls.saturating_add(1);
        loop {
            let Self {
                cx,
                link,
                reader,
                is_reused,
                is_hurried,
                ..
            } = self;
            let received = link.poll_receive(task, *is_hurried, |received| match received {
                Received::End => reader.end(),
                Received::Bytes(_, Some(at))
                    if *is_reused && at < progress.sent_wall && !is_set_back(progress) =>
                {
                    Err(classify::closed(Phase::Wait))
                }
                Received::Bytes(bytes, at) => {
                    let stamp = at.and_then(|at| by_kernel(cx.now(), at, progress));
                    progress.is_stamped = stamp.is_some();
                    let at = stamp.unwrap_or_else(|| cx.now());
                    if progress.received_at.is_none() {
                        cx.enter_at(Phase::Receive, at);
                    }
                    progress.received_at = Some(at);
                    reader.take(bytes)
                }
            });
            let step = match received {
                Poll::Pending if std::mem::take(&mut may_look) => {
                    self.link.look_again();
                    continue;
                }
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(step)) => step,
                Poll::Ready(Err(error)) => Err(self.broken(&error, progress)),
            };
            match step {
                Ok(Step::More) => may_look = false,
                Ok(Step::Done(mut answer)) => {
                    answer.reusable &= progress.is_sent && progress.send_error.is_none();
                    return Poll::Ready(Ok(answer));
                }
                Err(failure) => {
                    // A request that could not be sent, and was not answered either.
                    let unsent = progress.send_error.as_ref();
                    let unsent = unsent.filter(|_| !self.reader.has_begun());
                    return Poll::Ready(Err(match unsent {
                        Some(error) => classify::io_error(error, Phase::Send),
                        None => failure,
                    }));
                }
            }
        }
    }

    /// The connection broke while an answer was awaited.
    fn broken(&mut self, error: &io::Error, progress: &Progress) -> Failure {
        let at = match (progress.is_sent, self.reader.is_past_head()) {
            (_, true) => Phase::Receive,
            (true, false) => Phase::Wait,
            (false, false) => Phase::Send,
        };
        if error.kind() != io::ErrorKind::UnexpectedEof {
            return classify::io_error(error, at);
        }
        match self.reader.end() {
            // TLS that ends without a goodbye: a body that lasts until then may have been cut.
            Ok(_) => classify::body_short(),
            Err(failure) => failure,
        }
    }
}

/// The kernel's time as the driver's, if it lies between sending and now: whatever the wall's clock has been through.
fn by_kernel(now: Timestamp, at: SystemTime, progress: &Progress) -> Option<Timestamp> {
    let took = at.duration_since(progress.sent_wall).ok()?;
    (took <= now.since(progress.sent_at)).then(|| progress.sent_at + took)
}

/// Whether the wall's clock was set back since the request: then what came after it may be stamped as if before.
fn is_set_back(progress: &Progress) -> bool {
    Worker::wall() < progress.sent_wall
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Sent now, as the wall's clock said.
    fn sent() -> Progress {
        Progress {
            sent: 0,
            is_sent: true,
            sent_at: Timestamp::from_millis(1_000),
            sent_wall: Worker::wall(),
            polls: 0,
            send_error: None,
            received_at: None,
            is_stamped: false,
        }
    }

    #[test]
    fn a_stamp_counts_only_between_the_request_and_now() {
        let (sent, millis) = (sent(), Duration::from_millis);
        let by_kernel = |at| by_kernel(Timestamp::from_millis(1_020), at, &sent);
        let told = by_kernel(sent.sent_wall + millis(7));
        assert_eq!(told, Some(Timestamp::from_millis(1_007)));
        // The clock was set forward or back meanwhile, by little and by much.
        let day = Duration::from_secs(86_400);
        for step in [millis(21), day] {
            assert_eq!(by_kernel(sent.sent_wall + step), None);
            assert_eq!(by_kernel(sent.sent_wall - step), None);
        }
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_answer_an_old_one() {
        let mut progress = sent();
        assert!(!is_set_back(&progress));
        progress.sent_wall += Duration::from_secs(3_600);
        assert!(is_set_back(&progress));
    }
}
