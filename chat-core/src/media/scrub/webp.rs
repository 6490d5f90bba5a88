//! WebP (RFC 9649): a RIFF container, whose length stands in front.
//!
//! Because the length has been sent before the metadata is met, nothing is taken away: metadata is overwritten with zeros, under
//! a name that viewers skip.

use super::{Dimensions, MAX_METADATA, Reader, Step, check_frames, check_pixels, exif, le16, le24, le32};
use crate::Result;

/// The bit of an extended header that announces XMP.
pub(super) const HAS_XMP: u8 = 0x04;

/// The name of a chunk that says nothing.
const NOTHING: &[u8; 4] = b"JUNK";

pub(super) struct Webp {
    /// What the container still holds; unknown before its header.
    left: Option<u64>,
    dimensions: Option<Dimensions>,
    has_pixels: bool,
    frames: u32,
    zeros: u64,
}

impl Webp {
    pub(super) fn new() -> Self {
        Self { left: None, dimensions: None, has_pixels: false, frames: 0, zeros: 0 }
    }

    fn chunk(&mut self, left: u64, next: &[u8]) -> Result<Step> {
        if next.len() < 8 {
            return Ok(Step::Need(8));
        }
        let length = u64::from(le32(&next[4..]));
        let whole = 8 + length + (length & 1);
        if whole > left {
            return Ok(Step::GiveUp);
        }
        let step = self.named(next, length, whole)?;
        if !matches!(step, Step::Need(_) | Step::NeedPrivate(_)) {
            self.left = Some(left - whole);
        }
        Ok(step)
    }

    fn named(&mut self, next: &[u8], length: u64, whole: u64) -> Result<Step> {
        let name = &next[..4];
        let enough: usize = match name {
            b"VP8X" | b"VP8 " => 18,
            b"VP8L" => 13,
            b"ANMF" => 20,
            _ => 8,
        };
        if whole < enough as u64 {
            return Ok(Step::GiveUp);
        }
        if next.len() < enough {
            return Ok(Step::Need(enough));
        }
        match name {
            b"VP8X" => {
                self.measure(1 + le24(&next[12..]), 1 + le24(&next[15..]))?;
                let mut header = next[..18].to_vec();
                header[8] &= !HAS_XMP;
                return Ok(if length == 10 { Step::Replace(whole, header) } else { Step::GiveUp });
            }
            b"VP8 " => {
                self.has_pixels = true;
                self.measure(le16(&next[14..]) & 0x3fff, le16(&next[16..]) & 0x3fff)?;
            }
            b"VP8L" => {
                self.has_pixels = true;
                let bits = le32(&next[9..]);
                self.measure(1 + (bits & 0x3fff), 1 + (bits >> 14 & 0x3fff))?;
            }
            b"ANMF" => {
                self.has_pixels = true;
                self.frames += 1;
                check_frames(self.frames)?;
                check_pixels(1 + le24(&next[14..]), 1 + le24(&next[17..]))?;
            }
            b"ALPH" | b"ANIM" | b"ICCP" => {}
            b"EXIF" if length as usize <= MAX_METADATA => {
                if (next.len() as u64) < whole {
                    return Ok(Step::NeedPrivate(whole as usize));
                }
                return Ok(Step::Replace(whole, emptied(&next[8..8 + length as usize], whole)));
            }
            _ => {
                self.zeros = whole - 8;
                return Ok(Step::Replace(8, [NOTHING, &next[4..8]].concat()));
            }
        }
        Ok(Step::Keep(whole))
    }

    /// Takes the first size that is told: that of the canvas, if there is one.
    fn measure(&mut self, width: u32, height: u32) -> Result<()> {
        check_pixels(width, height)?;
        if self.dimensions.is_none() && width > 0 && height > 0 {
            self.dimensions = Some(Dimensions { width, height });
        }
        Ok(())
    }
}

/// Makes a chunk of the same length that says the orientation and nothing else.
fn emptied(exif: &[u8], whole: u64) -> Vec<u8> {
    // Some writers put JPEG's prefix before the block.
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let fits = exif.len() >= exif::MINIMAL;
    let mut chunk = if fits { b"EXIF".to_vec() } else { NOTHING.to_vec() };
    chunk.extend_from_slice(&(exif.len() as u32).to_le_bytes());
    if fits {
        chunk.extend_from_slice(&exif::minimal(exif::orientation(tiff).unwrap_or(1)));
    }
    chunk.resize(whole as usize, 0);
    chunk
}

impl Reader for Webp {
    fn step(&mut self, next: &[u8]) -> Result<Step> {
        if self.zeros > 0 {
            return Ok(Step::Zero(std::mem::take(&mut self.zeros)));
        }
        match self.left {
            None if next.len() < 12 => Ok(Step::Need(12)),
            None => {
                // The length counts the four letters after it, which are part of this header.
                self.left = Some(u64::from(le32(&next[4..])).saturating_sub(4));
                Ok(Step::Keep(12))
            }
            Some(0) => Ok(Step::End),
            Some(left) => self.chunk(left, next),
        }
    }

    fn dimensions(&self) -> Option<Dimensions> {
        self.dimensions.filter(|_| self.has_pixels)
    }
}
