//! Pauses between attempts: doubling, capped, and with jitter, so that clients of a restarted server do not come back in step.

use std::time::Duration;

/// The pauses of one series of attempts.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    attempts: u32,
    random: u64,
}

impl Backoff {
    /// Starts with `first`, doubles up to `cap`; every pause is 80–120 % of that. Equal seeds give equal pauses.
    #[must_use]
    pub const fn new(first: Duration, cap: Duration, seed: u64) -> Self {
        // Zero is the one state that the generator never leaves.
        Self { first, cap, attempts: 0, random: seed | 1 }
    }

    /// Returns the next pause.
    pub fn pause(&mut self) -> Duration {
        let doubled = self.first.saturating_mul(1 << self.attempts.min(20)).min(self.cap);
        self.attempts += 1;
        doubled.mul_f64(0.8 + 0.4 * self.fraction())
    }

    /// Starts over, after a success.
    pub const fn reset(&mut self) {
        self.attempts = 0;
    }

    /// Xorshift (Marsaglia 2003): good enough to spread attempts, and needs no dependency.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    const fn fraction(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::Backoff;
    use std::time::Duration;

    #[test]
    fn pauses_double_up_to_the_cap_and_start_over() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30), 7);
        for expected in [1, 2, 4, 8, 16, 30, 30] {
            let pause = backoff.pause().as_secs_f64();
            assert!((0.8..=1.2).contains(&(pause / f64::from(expected))), "{pause} for {expected}");
        }
        backoff.reset();
        assert!(backoff.pause() < Duration::from_millis(1_201));
    }
}
