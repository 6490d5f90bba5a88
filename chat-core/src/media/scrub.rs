//! Takes out of pictures what nobody meant to send: place, camera, comments, whatever was glued behind the end.
//!
//! Works on the stream, without decoding pixels and without holding the file: a format's reader looks at the next few bytes and
//! says what becomes of them. On the way it learns the dimensions and refuses pictures that are dangerous to decode. A picture that
//! does not follow its format is kept as it is, without dimensions.

mod exif;
mod gif;
mod jpeg;
mod png;
mod webp;

use super::sniff::Format;
use crate::{Error, Result};

/// The most pixels of a picture.
const MAX_PIXELS: u64 = 50_000_000;

/// The most frames of a picture.
const MAX_FRAMES: u32 = 1_000;

/// Metadata up to this is looked at for the orientation; larger ones are dropped unread. A JPEG segment is never larger.
const MAX_METADATA: usize = 64 << 10;

/// Pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dimensions {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// What becomes of the next bytes.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// To decide, at least so many must be there.
    Need(usize),
    /// As [`Step::Need`], but what is there is metadata: if the file ends here, it is dropped.
    NeedPrivate(usize),
    /// They stay.
    Keep(u64),
    /// They go.
    Drop(u64),
    /// So many go, others come in their place.
    Replace(u64, Vec<u8>),
    /// Zeros come in the place of so many.
    Zero(u64),
    /// The picture is over: whatever follows goes.
    End,
    /// It does not follow the format: whatever follows stays.
    GiveUp,
}

/// Reads one format.
trait Reader: Send {
    /// Decides about the first bytes of `next`, which is never empty.
    ///
    /// # Errors
    /// [`TooLarge`](crate::ErrorKind::TooLarge) for a picture that is dangerous to decode.
    fn step(&mut self, next: &[u8]) -> Result<Step>;

    /// Returns the dimensions once a picture was seen that has pixels.
    fn dimensions(&self) -> Option<Dimensions>;
}

/// Cleans one picture that comes in pieces.
pub(crate) struct Scrubber {
    reader: Box<dyn Reader>,
    pending: Vec<u8>,
    mode: Mode,
}

#[derive(Debug, Clone, Copy)]
enum Mode {
    /// The reader is asked.
    Ask {
        private: bool,
    },
    Keep(u64),
    Drop(u64),
    Zero(u64),
    End,
    GiveUp,
}

impl Scrubber {
    /// Creates one for a picture's format; other files need none.
    pub(crate) fn new(format: Format) -> Option<Self> {
        let reader: Box<dyn Reader> = match format {
            Format::Gif => Box::new(gif::Gif::new()),
            Format::Jpeg => Box::new(jpeg::Jpeg::new()),
            Format::Png => Box::new(png::Png::new()),
            Format::Webp => Box::new(webp::Webp::new()),
            _ => return None,
        };
        Some(Self { reader, pending: Vec::new(), mode: Mode::Ask { private: false } })
    }

    /// Takes the next piece and returns what is kept of what is decided.
    ///
    /// # Errors
    /// [`TooLarge`](crate::ErrorKind::TooLarge) for a picture that is dangerous to decode.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<Vec<u8>> {
        let mut input = std::mem::take(&mut self.pending);
        input.extend_from_slice(piece);
        let mut kept = Vec::with_capacity(input.len());
        let mut at = 0;
        while at < input.len() {
            match self.advance(&input[at..], &mut kept)? {
                0 => break,
                used => at += used,
            }
        }
        input.drain(..at);
        self.pending = input;
        Ok(kept)
    }

    /// Ends the picture; returns what was still undecided and the dimensions.
    pub(crate) fn finish(self) -> (Vec<u8>, Option<Dimensions>) {
        let dimensions = self.reader.dimensions().filter(|_| !matches!(self.mode, Mode::GiveUp));
        let rest = if matches!(self.mode, Mode::Ask { private: true }) { Vec::new() } else { self.pending };
        (rest, dimensions)
    }

    /// Makes one move and returns how much of `next` it used; none if more has to come first.
    fn advance(&mut self, next: &[u8], kept: &mut Vec<u8>) -> Result<usize> {
        let take = |count: u64| usize::try_from(count).unwrap_or(usize::MAX).min(next.len());
        let used = match self.mode {
            Mode::Keep(count) => {
                let used = take(count);
                kept.extend_from_slice(&next[..used]);
                self.mode = rest(count, used, Mode::Keep);
                used
            }
            Mode::Drop(count) => {
                let used = take(count);
                self.mode = rest(count, used, Mode::Drop);
                used
            }
            Mode::Zero(count) => {
                let used = take(count);
                kept.resize(kept.len() + used, 0);
                self.mode = rest(count, used, Mode::Zero);
                used
            }
            Mode::End => next.len(),
            Mode::GiveUp => {
                kept.extend_from_slice(next);
                next.len()
            }
            Mode::Ask { .. } => return self.ask(next, kept),
        };
        Ok(used)
    }

    fn ask(&mut self, next: &[u8], kept: &mut Vec<u8>) -> Result<usize> {
        self.mode = match self.reader.step(next)? {
            Step::Need(_) => {
                self.mode = Mode::Ask { private: false };
                return Ok(0);
            }
            Step::NeedPrivate(_) => {
                self.mode = Mode::Ask { private: true };
                return Ok(0);
            }
            Step::Keep(count) => Mode::Keep(count),
            Step::Drop(count) => Mode::Drop(count),
            Step::Replace(count, bytes) => {
                kept.extend_from_slice(&bytes);
                Mode::Drop(count)
            }
            Step::Zero(count) => Mode::Zero(count),
            Step::End => Mode::End,
            Step::GiveUp => Mode::GiveUp,
        };
        self.advance(next, kept)
    }
}

fn rest(count: u64, used: usize, mode: impl FnOnce(u64) -> Mode) -> Mode {
    match count.saturating_sub(used as u64) {
        0 => Mode::Ask { private: false },
        left => mode(left),
    }
}

/// Checks the size of a picture or of one of its frames.
fn check_pixels(width: u32, height: u32) -> Result<()> {
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Error::too_large(format!("picture has more than {} megapixels", MAX_PIXELS / 1_000_000)));
    }
    Ok(())
}

/// Checks the number of frames.
fn check_frames(frames: u32) -> Result<()> {
    if frames > MAX_FRAMES {
        return Err(Error::too_large(format!("picture has more than {MAX_FRAMES} frames")));
    }
    Ok(())
}

fn be16(bytes: &[u8]) -> u32 {
    u32::from(bytes[0]) << 8 | u32::from(bytes[1])
}

fn be32(bytes: &[u8]) -> u32 {
    be16(bytes) << 16 | be16(&bytes[2..])
}

fn le16(bytes: &[u8]) -> u32 {
    u32::from(bytes[1]) << 8 | u32::from(bytes[0])
}

fn le24(bytes: &[u8]) -> u32 {
    u32::from(bytes[2]) << 16 | le16(bytes)
}

fn le32(bytes: &[u8]) -> u32 {
    le16(&bytes[2..]) << 16 | le16(bytes)
}

#[cfg(test)]
mod tests;
