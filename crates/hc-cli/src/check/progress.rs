//! The line of progress: `[==>  ] 5120/10000  37 not healthy  2 s left`.

use std::time::Duration;

use hc_core::Timestamp;

/// Inside the brackets.
const WIDTH: usize = 5;

/// Nothing is shown of a run that ends before people wonder.
const PATIENCE: Duration = Duration::from_millis(500);

/// How far a round is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    of: usize,
    done: usize,
    not_healthy: usize,
    began: Timestamp,
}

impl Progress {
    /// Nothing done yet.
    pub(super) fn new(of: usize, began: Timestamp) -> Self {
        Self {
            of,
            done: 0,
            not_healthy: 0,
            began,
        }
    }

    /// One more is done.
    pub(super) fn add(&mut self, is_healthy: bool) {
        self.done += 1;
        self.not_healthy += usize::from(!is_healthy);
    }

    /// The line; empty while it is too early for one.
    pub(super) fn line(&self, now: Timestamp) -> String {
        let spent = now.since(self.began);
        if spent < PATIENCE {
            return String::new();
        }
        let filled = self.done * WIDTH / self.of.max(1);
        let arrow = if filled < WIDTH { ">" } else { "" };
        let bar = format!("{}{arrow}", "=".repeat(filled));
        let mut line = format!("[{bar:<WIDTH$}] {}/{}", self.done, self.of);
        if self.not_healthy > 0 {
            line.push_str(&format!("  {} not healthy", self.not_healthy));
        }
        if self.done > 0 {
            let left = (self.of - self.done) as f64 / self.done as f64;
            let left = spent.mul_f64(left).as_secs_f64().ceil();
            line.push_str(&format!("  {left} s left"));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_how_far_and_how_long() {
        let mut progress = Progress::new(10_000, Timestamp::ZERO);
        for at in 0..5_120 {
            progress.add(at >= 37);
        }
        assert_eq!(progress.line(Timestamp::from_millis(100)), "");
        assert_eq!(
            progress.line(Timestamp::from_millis(2_000)),
            "[==>  ] 5120/10000  37 not healthy  2 s left"
        );
        for _ in 5_120..10_000 {
            progress.add(true);
        }
        assert_eq!(
            progress.line(Timestamp::from_millis(4_000)),
            "[=====] 10000/10000  37 not healthy  0 s left"
        );
    }
}
