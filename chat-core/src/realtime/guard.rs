//! What a connection may do to us: how many frames it may send, and how many of them may be broken.
//!
//! A leaky bucket each (the same cell rate idea as the quotas per person): a nuisance costs an `error`, and the connection
//! if it goes on. Quotas of messages and the like are counted per person elsewhere.

use crate::{Error, protocol::CloseCode};
use std::time::Duration;
use tokio::time::Instant;

/// Frames that may come at once.
const BURST: u32 = 1_000;

/// One more frame may come after this: fifty a second in the long run.
const FRAME_EVERY: Duration = Duration::from_millis(20);

/// Frames over the burst that are answered with an error before the connection is closed.
const FLOODS: u32 = 100;

/// Broken frames that are answered with an error before the connection is closed.
const BROKEN: u32 = 20;

/// One broken frame is forgiven after this.
const FORGIVEN_EVERY: Duration = Duration::from_secs(3);

/// Counts what one connection does.
#[derive(Debug)]
pub(super) struct Guard {
    frames: Bucket,
    broken: Bucket,
    limits_frames: bool,
}

/// What is done about a frame that should not have come.
#[derive(Debug)]
pub(super) enum Offence {
    /// It is answered.
    Refuse(Error),
    /// The connection ends.
    Close(CloseCode),
}

/// A bucket whose level is kept as the moment at which it is empty.
#[derive(Debug)]
struct Bucket {
    empty_at: Instant,
}

impl Guard {
    /// Starts counting; without rate limits only broken frames count.
    pub(super) fn new(limits_frames: bool) -> Self {
        let now = Instant::now();
        Self { frames: Bucket { empty_at: now }, broken: Bucket { empty_at: now }, limits_frames }
    }

    /// Counts a frame.
    pub(super) fn frame(&mut self) -> Result<(), Offence> {
        if !self.limits_frames {
            return Ok(());
        }
        let level = self.frames.level(FRAME_EVERY);
        if level >= BURST + FLOODS {
            return Err(Offence::Close(CloseCode::Flood));
        }
        self.frames.add(FRAME_EVERY);
        if level < BURST {
            return Ok(());
        }
        let pause = FRAME_EVERY * (level + 1 - BURST);
        Err(Offence::Refuse(
            Error::rate_limited("too many frames on this connection").with_retry_after(pause),
        ))
    }

    /// Counts a frame that could not be understood.
    pub(super) fn broken(&mut self, error: Error) -> Offence {
        if self.broken.level(FORGIVEN_EVERY) >= BROKEN {
            return Offence::Close(CloseCode::Protocol);
        }
        self.broken.add(FORGIVEN_EVERY);
        Offence::Refuse(error)
    }
}

impl Bucket {
    fn level(&self, drop_every: Duration) -> u32 {
        let left = self.empty_at.saturating_duration_since(Instant::now());
        u32::try_from(left.as_nanos().div_ceil(drop_every.as_nanos())).unwrap_or(u32::MAX)
    }

    fn add(&mut self, drop_every: Duration) {
        self.empty_at = self.empty_at.max(Instant::now()) + drop_every;
    }
}

#[cfg(test)]
mod tests {
    use super::{BROKEN, BURST, FLOODS, FORGIVEN_EVERY, FRAME_EVERY, Guard, Offence};
    use crate::{Error, protocol::CloseCode};

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_refused_and_then_closed_with_4104() {
        let mut guard = Guard::new(true);
        assert!((0..BURST).all(|_| guard.frame().is_ok()));
        assert!((0..FLOODS).all(|_| matches!(guard.frame(), Err(Offence::Refuse(_)))));
        assert!(matches!(guard.frame(), Err(Offence::Close(CloseCode::Flood))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_frame_may_come_after_the_pause_it_was_told() {
        let mut guard = Guard::new(true);
        for _ in 0..BURST {
            guard.frame().unwrap();
        }
        let Err(Offence::Refuse(error)) = guard.frame() else { panic!("the burst is used up") };
        tokio::time::advance(error.retry_after().unwrap() + FRAME_EVERY).await;
        assert!(guard.frame().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn without_rate_limits_frames_are_not_counted() {
        let mut guard = Guard::new(false);
        assert!((0..10 * BURST).all(|_| guard.frame().is_ok()));
    }

    #[tokio::test(start_paused = true)]
    async fn repeated_broken_frames_close_with_4101_and_old_ones_are_forgiven() {
        let mut guard = Guard::new(true);
        let mut broken = || guard.broken(Error::invalid("broken"));
        assert!((0..BROKEN).all(|_| matches!(broken(), Offence::Refuse(_))));
        assert!(matches!(broken(), Offence::Close(CloseCode::Protocol)));
        tokio::time::advance(FORGIVEN_EVERY).await;
        assert!(matches!(broken(), Offence::Refuse(_)));
    }
}
