//! GIF (89a): a screen, then blocks; data comes in sub-blocks of at most 255 bytes.

use super::{Dimensions, Reader, Step, check_frames, check_pixels, le16};
use crate::Result;

/// The extensions of applications that a viewer needs: looping, and the colour profile.
const KEPT: [&[u8; 11]; 3] = [b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"];

pub(super) struct Gif {
    place: Place,
    dimensions: Option<Dimensions>,
    frames: u32,
}

#[derive(Clone, Copy)]
enum Place {
    Screen,
    Block,
    SubBlocks { kept: bool },
    End,
}

impl Gif {
    pub(super) fn new() -> Self {
        Self { place: Place::Screen, dimensions: None, frames: 0 }
    }

    fn screen(&mut self, next: &[u8]) -> Result<Step> {
        if next.len() < 13 {
            return Ok(Step::Need(13));
        }
        let (width, height) = (le16(&next[6..]), le16(&next[8..]));
        check_pixels(width, height)?;
        self.dimensions = (width > 0 && height > 0).then_some(Dimensions { width, height });
        self.place = Place::Block;
        Ok(Step::Keep(13 + colours(next[10])))
    }

    fn block(&mut self, next: &[u8]) -> Result<Step> {
        match next[0] {
            0x21 => Ok(self.extension(next)),
            0x2c => self.frame(next),
            0x3b => {
                self.place = Place::End;
                Ok(Step::Keep(1))
            }
            _ => Ok(Step::GiveUp),
        }
    }

    fn extension(&mut self, next: &[u8]) -> Step {
        if next.len() < 3 {
            return Step::Need(3);
        }
        let kept = match (next[1], next[2]) {
            // Graphic control: how long a frame stays, and what is transparent.
            (0xf9, _) => true,
            (0xff, 11) => {
                if next.len() < 14 {
                    return Step::NeedPrivate(14);
                }
                KEPT.iter().any(|name| next[3..14] == name[..])
            }
            _ => false,
        };
        self.place = Place::SubBlocks { kept };
        if kept { Step::Keep(2) } else { Step::Drop(2) }
    }

    fn frame(&mut self, next: &[u8]) -> Result<Step> {
        if next.len() < 10 {
            return Ok(Step::Need(10));
        }
        check_pixels(le16(&next[1..]) + le16(&next[5..]), le16(&next[3..]) + le16(&next[7..]))?;
        self.frames += 1;
        check_frames(self.frames)?;
        self.place = Place::SubBlocks { kept: true };
        // The byte after the colours is the code size; the sub-blocks follow it.
        Ok(Step::Keep(10 + colours(next[9]) + 1))
    }
}

/// Bytes of the colour table that these flags announce.
fn colours(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

impl Reader for Gif {
    fn step(&mut self, next: &[u8]) -> Result<Step> {
        match self.place {
            Place::Screen => self.screen(next),
            Place::Block => self.block(next),
            Place::SubBlocks { kept } => {
                if next[0] == 0 {
                    self.place = Place::Block;
                }
                let whole = u64::from(next[0]) + 1;
                Ok(if kept { Step::Keep(whole) } else { Step::Drop(whole) })
            }
            Place::End => Ok(Step::End),
        }
    }

    fn dimensions(&self) -> Option<Dimensions> {
        self.dimensions.filter(|_| self.frames > 0)
    }
}
