//! The one thing in EXIF that a viewer needs: which side is up.

/// Bytes of a block that says nothing but the orientation.
pub(super) const MINIMAL: usize = 26;

/// Reads the orientation (2–8; 1 and nonsense are [`None`]) out of a TIFF block, as EXIF 2.3 section 4.6.2 has it.
pub(super) fn orientation(tiff: &[u8]) -> Option<u8> {
    let is_little = match tiff.get(..2)? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let u16_at = |at: usize| -> Option<u16> {
        let bytes: [u8; 2] = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let u32_at = |at: usize| -> Option<u32> {
        let bytes: [u8; 4] = tiff.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    if u16_at(2)? != 42 {
        return None;
    }
    let directory = usize::try_from(u32_at(4)?).ok()?;
    let entries = usize::from(u16_at(directory)?);
    (0..entries).find_map(|n| {
        let entry = directory.checked_add(2 + n * 12)?;
        if u16_at(entry)? != 0x0112 || u16_at(entry + 2)? != 3 {
            return None;
        }
        u8::try_from(u16_at(entry + 8)?).ok().filter(|value| (2..=8).contains(value))
    })
}

/// Makes a TIFF block with the orientation alone.
pub(super) fn minimal(orientation: u8) -> [u8; MINIMAL] {
    let mut tiff = *b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
    tiff[19] = orientation;
    tiff
}

#[cfg(test)]
mod tests {
    use super::{minimal, orientation};

    #[test]
    fn a_minimal_block_says_the_orientation_and_nothing_else() {
        for value in 2..=8 {
            assert_eq!(orientation(&minimal(value)), Some(value));
        }
        assert_eq!(orientation(&minimal(1)), None);
    }

    #[test]
    fn a_broken_block_says_nothing() {
        let good = minimal(6);
        for cut in 0..good.len() - 6 {
            assert_eq!(orientation(&good[..cut.min(18)]), None);
        }
        assert_eq!(orientation(b"II\x2a\0\xff\xff\xff\xff"), None);
        assert_eq!(orientation(b"MM\0\x2a\0\0\0\x08\xff\xff"), None);
        assert_eq!(
            orientation(b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0\0\0\0\0"),
            Some(3)
        );
    }
}
