//! PNG (third edition, with animation): a signature and chunks.

use super::{Dimensions, MAX_METADATA, Reader, Step, be32, check_frames, check_pixels, exif};
use crate::Result;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Length, type and checksum around a chunk's data.
const FRAME: u64 = 12;

/// The chunks that change how the pixels look; all others that a viewer may ignore are dropped.
const KEPT: [&[u8; 4]; 16] = [
    b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"pHYs", b"hIST", b"sPLT", b"acTL",
    b"fcTL", b"fdAT", b"cICP", b"mDCV", b"cLLI",
];

pub(super) struct Png {
    place: Place,
    dimensions: Option<Dimensions>,
    has_pixels: bool,
    frames: u32,
}

#[derive(PartialEq, Eq)]
enum Place {
    Signature,
    Header,
    Chunks,
    End,
}

impl Png {
    pub(super) fn new() -> Self {
        Self { place: Place::Signature, dimensions: None, has_pixels: false, frames: 0 }
    }

    fn chunk(&mut self, next: &[u8]) -> Result<Step> {
        if next.len() < 8 {
            return Ok(Step::Need(8));
        }
        let length = be32(next);
        let Some(name) =
            next[4..8].first_chunk::<4>().filter(|name| name.iter().all(u8::is_ascii_alphabetic))
        else {
            return Ok(Step::GiveUp);
        };
        if length > i32::MAX.cast_unsigned() || (self.place == Place::Header) != (name == b"IHDR") {
            return Ok(Step::GiveUp);
        }
        self.named(*name, length, next)
    }

    fn named(&mut self, name: [u8; 4], length: u32, next: &[u8]) -> Result<Step> {
        let whole = u64::from(length) + FRAME;
        match &name {
            b"IHDR" => {
                if next.len() < 16 {
                    return Ok(Step::Need(16));
                }
                let (width, height) = (be32(&next[8..]), be32(&next[12..]));
                check_pixels(width, height)?;
                self.dimensions = (width > 0 && height > 0).then_some(Dimensions { width, height });
                self.place = Place::Chunks;
            }
            b"IDAT" => self.has_pixels = true,
            b"IEND" => self.place = Place::End,
            b"acTL" if next.len() < 12 => return Ok(Step::Need(12)),
            b"acTL" => check_frames(be32(&next[8..]))?,
            b"fcTL" => {
                self.frames += 1;
                check_frames(self.frames)?;
            }
            b"eXIf" if length as usize <= MAX_METADATA => {
                if (next.len() as u64) < whole {
                    return Ok(Step::NeedPrivate(whole as usize));
                }
                return Ok(Step::Replace(whole, oriented(&next[8..8 + length as usize])));
            }
            // A small first letter says that a viewer may ignore the chunk.
            _ if name[0].is_ascii_lowercase() && !KEPT.contains(&&name) => return Ok(Step::Drop(whole)),
            _ => {}
        }
        Ok(Step::Keep(whole))
    }
}

/// Makes the chunk that keeps a picture upright, if it needs one.
fn oriented(tiff: &[u8]) -> Vec<u8> {
    let Some(orientation) = exif::orientation(tiff) else { return Vec::new() };
    let mut chunk = (exif::MINIMAL as u32).to_be_bytes().to_vec();
    chunk.extend_from_slice(b"eXIf");
    chunk.extend_from_slice(&exif::minimal(orientation));
    let checksum = crc32(&chunk[4..]);
    chunk.extend_from_slice(&checksum.to_be_bytes());
    chunk
}

/// The checksum of PNG's annex D, bit by bit: it runs over 30 bytes.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}

impl Reader for Png {
    fn step(&mut self, next: &[u8]) -> Result<Step> {
        match self.place {
            Place::Signature if next.len() < SIGNATURE.len() => Ok(Step::Need(SIGNATURE.len())),
            Place::Signature if next.starts_with(SIGNATURE) => {
                self.place = Place::Header;
                Ok(Step::Keep(SIGNATURE.len() as u64))
            }
            Place::Signature => Ok(Step::GiveUp),
            Place::Header | Place::Chunks => self.chunk(next),
            Place::End => Ok(Step::End),
        }
    }

    fn dimensions(&self) -> Option<Dimensions> {
        self.dimensions.filter(|_| self.has_pixels)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(super::crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(super::crc32(b"IEND"), 0xae42_6082);
    }
}
