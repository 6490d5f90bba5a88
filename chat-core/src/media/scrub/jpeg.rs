//! JPEG (ITU-T T.81 annex B): segments up to the first scan, coded data and more segments after it.

use super::{Dimensions, MAX_METADATA, Reader, Step, be16, check_pixels, exif};
use crate::Result;

pub(super) struct Jpeg {
    place: Place,
    dimensions: Option<Dimensions>,
    has_scan: bool,
}

enum Place {
    Start,
    Segments,
    Scan,
    End,
}

impl Jpeg {
    pub(super) fn new() -> Self {
        Self { place: Place::Start, dimensions: None, has_scan: false }
    }

    fn segment(&mut self, next: &[u8]) -> Result<Step> {
        if next.len() < 2 {
            return Ok(Step::Need(2));
        }
        if next[0] != 0xff {
            return Ok(Step::GiveUp);
        }
        let marker = next[1];
        match marker {
            // A fill byte before a marker.
            0xff => return Ok(Step::Drop(1)),
            0x01 | 0xd0..=0xd7 => return Ok(Step::Keep(2)),
            0xd8 | 0x00 => return Ok(Step::GiveUp),
            0xd9 => {
                self.place = Place::End;
                return Ok(Step::Keep(2));
            }
            _ => {}
        }
        if next.len() < 4 {
            return Ok(Step::Need(4));
        }
        let length = be16(&next[2..]) as usize;
        if length < 2 {
            return Ok(Step::GiveUp);
        }
        self.marked(marker, length + 2, next)
    }

    /// Decides about a segment of `whole` bytes, marker and length included.
    fn marked(&mut self, marker: u8, whole: usize, next: &[u8]) -> Result<Step> {
        let starts_with = |text: &[u8]| next.get(4..4 + text.len()) == Some(text);
        let step = match marker {
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                if next.len() < 9 {
                    return Ok(Step::Need(9));
                }
                let (height, width) = (be16(&next[5..]), be16(&next[7..]));
                check_pixels(width, height)?;
                self.dimensions = (width > 0 && height > 0).then_some(Dimensions { width, height });
                Step::Keep(whole as u64)
            }
            0xda => {
                self.place = Place::Scan;
                self.has_scan = true;
                Step::Keep(whole as u64)
            }
            // Of the application segments, only those that change how the pixels look stay: JFIF's density, the colour profile,
            // Adobe's colour transform. A second picture (MPF), thumbnails and maker notes go.
            0xe0..=0xef if next.len() < whole.min(18) => Step::NeedPrivate(18),
            0xe0 if starts_with(b"JFIF\0") => Step::Keep(whole as u64),
            0xe2 if starts_with(b"ICC_PROFILE\0") => Step::Keep(whole as u64),
            0xee if starts_with(b"Adobe") => Step::Keep(whole as u64),
            0xe1 if starts_with(b"Exif\0\0") && whole <= MAX_METADATA + 2 => {
                if next.len() < whole {
                    return Ok(Step::NeedPrivate(whole));
                }
                Step::Replace(whole as u64, oriented(&next[10..whole]))
            }
            0xe0..=0xef | 0xfe => Step::Drop(whole as u64),
            _ => Step::Keep(whole as u64),
        };
        Ok(step)
    }
}

/// Makes the segment that keeps a picture upright, if it needs one.
fn oriented(tiff: &[u8]) -> Vec<u8> {
    let Some(orientation) = exif::orientation(tiff) else { return Vec::new() };
    let mut segment = vec![0xff, 0xe1, 0, 2 + 6 + exif::MINIMAL as u8];
    segment.extend_from_slice(b"Exif\0\0");
    segment.extend_from_slice(&exif::minimal(orientation));
    segment
}

/// Finds the next marker in coded data, where `ff 00` is a byte and `ff d0` to `ff d7` are part of it.
fn scan(next: &[u8]) -> Step {
    let mut at = 0;
    while let Some(found) = next[at..].iter().position(|byte| *byte == 0xff) {
        at += found;
        match next.get(at + 1) {
            None => break,
            Some(0x00 | 0xd0..=0xd7) => at += 2,
            Some(_) => return Step::Keep(at as u64),
        }
    }
    // A last `ff` waits for its successor.
    let certain = if next.ends_with(&[0xff]) && at < next.len() { next.len() - 1 } else { next.len() };
    if certain == 0 { Step::Need(2) } else { Step::Keep(certain as u64) }
}

impl Reader for Jpeg {
    fn step(&mut self, next: &[u8]) -> Result<Step> {
        match self.place {
            Place::Start if next.len() < 2 => Ok(Step::Need(2)),
            Place::Start if next.starts_with(&[0xff, 0xd8]) => {
                self.place = Place::Segments;
                Ok(Step::Keep(2))
            }
            Place::Start => Ok(Step::GiveUp),
            Place::Scan => match scan(next) {
                Step::Keep(0) => {
                    self.place = Place::Segments;
                    self.segment(next)
                }
                step => Ok(step),
            },
            Place::Segments => self.segment(next),
            Place::End => Ok(Step::End),
        }
    }

    fn dimensions(&self) -> Option<Dimensions> {
        self.dimensions.filter(|_| self.has_scan)
    }
}
