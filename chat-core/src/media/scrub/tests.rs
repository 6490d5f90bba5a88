//! Real pictures, made by an independent encoder, with things in them that nobody meant to send.

use super::{Dimensions, Scrubber, exif, webp};
use crate::{ErrorKind, Result, media::sniff::Format};
use image::{DynamicImage, ImageFormat, RgbImage, metadata::Orientation};
use img_parts::{DynImage, ImageEXIF};
use std::io::Cursor;

const SECRET: &[u8] = b"N 52 31 E 13 24";
const FORMATS: [(Format, ImageFormat); 4] = [
    (Format::Gif, ImageFormat::Gif),
    (Format::Jpeg, ImageFormat::Jpeg),
    (Format::Png, ImageFormat::Png),
    (Format::Webp, ImageFormat::WebP),
];

fn scrubbed_by(format: Format, bytes: &[u8], piece: usize) -> Result<(Vec<u8>, Option<Dimensions>)> {
    let mut scrubber = Scrubber::new(format).unwrap();
    let mut kept = Vec::new();
    for piece in bytes.chunks(piece) {
        kept.extend(scrubber.push(piece)?);
    }
    let (rest, dimensions) = scrubber.finish();
    kept.extend(rest);
    Ok((kept, dimensions))
}

/// Scrubs in pieces of every awkward size and checks that they do not matter.
fn scrubbed(format: Format, bytes: &[u8]) -> Result<(Vec<u8>, Option<Dimensions>)> {
    let whole = scrubbed_by(format, bytes, bytes.len().max(1));
    for piece in [1, 2, 3, 7, 64, 1000] {
        match (&whole, scrubbed_by(format, bytes, piece)) {
            (Ok(whole), Ok(pieces)) => assert!(*whole == pieces, "{format:?} in pieces of {piece}"),
            (Err(_), Err(_)) => {}
            _ => panic!("{format:?} in pieces of {piece} differs"),
        }
    }
    whole
}

fn picture() -> DynamicImage {
    DynamicImage::ImageRgb8(RgbImage::from_fn(37, 23, |x, y| image::Rgb([x as u8 * 6, y as u8 * 9, 77])))
}

fn encoded(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn decoded(bytes: &[u8]) -> RgbImage {
    image::load_from_memory(bytes).unwrap().to_rgb8()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// EXIF as a camera writes it: the orientation, and a text behind it.
fn camera_exif(orientation: u8) -> Vec<u8> {
    let mut tiff = exif::minimal(orientation).to_vec();
    tiff.extend_from_slice(SECRET);
    tiff
}

fn with_exif(bytes: Vec<u8>, orientation: u8) -> Vec<u8> {
    let mut picture = DynImage::from_bytes(bytes.into()).unwrap().unwrap();
    picture.set_exif(Some(camera_exif(orientation).into()));
    let bytes = picture.encoder().bytes().to_vec();
    assert!(contains(&bytes, SECRET));
    bytes
}

fn orientation_of(bytes: &[u8]) -> Orientation {
    use image::ImageDecoder;
    let reader = image::ImageReader::new(Cursor::new(bytes)).with_guessed_format().unwrap();
    reader.into_decoder().unwrap().orientation().unwrap()
}

#[test]
fn a_plain_picture_passes_unchanged_and_is_measured() {
    for (format, encoder) in FORMATS {
        let bytes = encoded(encoder);
        let (kept, dimensions) = scrubbed(format, &bytes).unwrap();
        assert_eq!(dimensions, Some(Dimensions { width: 37, height: 23 }), "{format:?}");
        assert!(kept == bytes, "{format:?}");
    }
}

#[test]
fn exif_is_gone_the_pixels_are_the_same_and_the_picture_stays_upright() {
    for (format, encoder) in FORMATS.into_iter().skip(1) {
        let bytes = encoded(encoder);
        let (kept, dimensions) = scrubbed(format, &with_exif(bytes.clone(), 6)).unwrap();
        assert!(!contains(&kept, SECRET), "{format:?}");
        assert!(decoded(&kept) == decoded(&bytes), "{format:?}");
        assert_eq!(orientation_of(&kept), Orientation::Rotate90, "{format:?}");
        assert_eq!(dimensions, Some(Dimensions { width: 37, height: 23 }), "{format:?}");
    }
}

#[test]
fn an_upright_jpeg_or_png_keeps_no_exif_at_all() {
    for (format, encoder) in [(Format::Jpeg, ImageFormat::Jpeg), (Format::Png, ImageFormat::Png)] {
        let bytes = encoded(encoder);
        let (kept, _) = scrubbed(format, &with_exif(bytes.clone(), 1)).unwrap();
        assert!(kept == bytes, "{format:?}");
    }
}

#[test]
fn what_is_glued_behind_the_end_is_gone() {
    for (format, encoder) in FORMATS {
        let bytes = encoded(encoder);
        let polyglot = [&bytes, &b"<script>alert(1)</script>PK\x03\x04"[..], SECRET].concat();
        let (kept, _) = scrubbed(format, &polyglot).unwrap();
        assert!(kept == bytes, "{format:?}");
    }
}

#[test]
fn comments_are_gone() {
    let jpeg = encoded(ImageFormat::Jpeg);
    let segment = |marker: u8, text: &[u8]| {
        let length = u16::try_from(text.len() + 2).unwrap().to_be_bytes();
        [&[0xff, marker][..], &length, text].concat()
    };
    for marker in [0xfe, 0xe1, 0xe2, 0xed, 0xef] {
        let bytes = [&jpeg[..2], &segment(marker, SECRET), &jpeg[2..]].concat();
        assert!(scrubbed(Format::Jpeg, &bytes).unwrap().0 == jpeg, "{marker:x}");
    }

    let png = encoded(ImageFormat::Png);
    let chunk = |name: &[u8], text: &[u8]| {
        [&u32::try_from(text.len()).unwrap().to_be_bytes()[..], name, text, &[0; 4]].concat()
    };
    for name in [b"tEXt", b"iTXt", b"zTXt", b"tIME", b"prVt"] {
        let bytes = [&png[..33], &chunk(name, SECRET), &png[33..]].concat();
        assert!(scrubbed(Format::Png, &bytes).unwrap().0 == png, "{}", name.escape_ascii());
    }

    let gif = encoded(ImageFormat::Gif);
    let end = gif.len() - 1;
    for head in [&b"\x21\xfe"[..], b"\x21\xff\x0bXMP DataXMP", b"\x21\x01"] {
        let bytes = [&gif[..end], head, &[SECRET.len() as u8], SECRET, &[0], &gif[end..]].concat();
        assert!(scrubbed(Format::Gif, &bytes).unwrap().0 == gif, "{}", head.escape_ascii());
    }
}

#[test]
fn xmp_in_a_webp_is_overwritten_and_no_longer_announced() {
    let webp = with_exif(encoded(ImageFormat::WebP), 1);
    let xmp = [b"XMP ", &(SECRET.len() as u32).to_le_bytes()[..], SECRET, &[0]].concat();
    let mut bytes = [&webp, &xmp[..]].concat();
    let length = (bytes.len() as u32 - 8).to_le_bytes();
    bytes[4..8].copy_from_slice(&length);
    bytes[20] |= webp::HAS_XMP;
    let (kept, _) = scrubbed(Format::Webp, &bytes).unwrap();
    assert!(!contains(&kept, SECRET) && !contains(&kept, b"XMP "));
    assert_eq!(kept.len(), bytes.len());
    assert_eq!(kept[20] & webp::HAS_XMP, 0);
    assert!(decoded(&kept) == picture().to_rgb8());
}

#[test]
fn a_picture_that_does_not_follow_its_format_is_kept_as_it_is() {
    for (format, bytes) in [
        (Format::Jpeg, &b"\xff\xd8\xff\xe0"[..]),
        (Format::Jpeg, b"\xff\xd8\xff<html><script>alert(1)</script>"),
        (Format::Png, b"\x89PNG\r\n\x1a\n"),
        (Format::Png, b"\x89PNG\r\n\x1a\nnothing of the sort, really"),
        (Format::Gif, b"GIF89a"),
        (Format::Gif, b"GIF89a\x01\0\x01\0\0\0\0<script>"),
        (Format::Webp, b"RIFF\xff\xff\xff\xffWEBPVP8X\xff\xff\xff\x7f"),
        (Format::Webp, b"RIFF\0\0"),
    ] {
        let (kept, dimensions) = scrubbed(format, bytes).unwrap();
        assert_eq!((kept.as_slice(), dimensions), (bytes, None), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_picture_that_breaks_off_gives_nothing_away() {
    for (format, encoder) in FORMATS.into_iter().skip(1) {
        let bytes = with_exif(encoded(encoder), 6);
        let end = bytes.windows(SECRET.len()).position(|window| window == SECRET).unwrap() + SECRET.len();
        let (kept, _) = scrubbed(format, &bytes[..end]).unwrap();
        assert!(!contains(&kept, &SECRET[..8]), "{format:?}");
    }
}

#[test]
fn a_picture_of_too_many_pixels_is_refused_from_its_header() {
    let png = encoded(ImageFormat::Png);
    let mut bomb = png.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0x27, 0x10, 0, 0, 0x13, 0x89]);
    let jpeg = b"\xff\xd8\xff\xc0\0\x0b\x08\xff\xff\xff\xff\x01\x11\0".as_slice();
    let gif = b"GIF89a\xff\xff\xff\xff\0\0\0".as_slice();
    let wide_frame = b"GIF89a\x01\0\x01\0\0\0\0\x2c\0\0\0\0\xff\xff\xff\xff\0".as_slice();
    let webp = b"RIFF\xff\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\0\xff\xff\0".as_slice();
    for (format, bytes) in [
        (Format::Png, bomb.as_slice()),
        (Format::Jpeg, jpeg),
        (Format::Gif, gif),
        (Format::Gif, wide_frame),
        (Format::Webp, webp),
    ] {
        assert_eq!(scrubbed(format, bytes).unwrap_err().kind(), ErrorKind::TooLarge, "{format:?}");
    }
    // 10,000 by 5,000 is just allowed.
    bomb[23] = 0x88;
    assert!(scrubbed(Format::Png, &bomb).is_ok());
}

#[test]
fn a_picture_of_too_many_frames_is_refused() {
    let gif_of = |frames: usize| {
        let frame = b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0";
        [&b"GIF89a\x01\0\x01\0\0\0\0"[..], &frame.repeat(frames), b"\x3b"].concat()
    };
    assert!(scrubbed(Format::Gif, &gif_of(1_000)).unwrap().1.is_some());
    assert_eq!(scrubbed(Format::Gif, &gif_of(1_001)).unwrap_err().kind(), ErrorKind::TooLarge);

    let webp_of = |frames: usize| {
        let frame = [b"ANMF\x10\0\0\0", &[0; 16][..]].concat();
        let body = [b"WEBPVP8X\x0a\0\0\0\x02\0\0\0\0\0\0\0\0\0", &frame.repeat(frames)[..]].concat();
        [b"RIFF", &(body.len() as u32).to_le_bytes()[..], &body].concat()
    };
    assert!(scrubbed_by(Format::Webp, &webp_of(1_000), 4096).is_ok());
    assert!(scrubbed_by(Format::Webp, &webp_of(1_001), 4096).is_err());

    let png = encoded(ImageFormat::Png);
    let animated = [&png[..33], b"\0\0\0\x08acTL\0\0\x03\xe9\0\0\0\0....", &png[33..]].concat();
    assert_eq!(scrubbed(Format::Png, &animated).unwrap_err().kind(), ErrorKind::TooLarge);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_depend_on_the_pieces(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300),
        n in 0..4_usize,
        cut in 0..400_usize,
    ) {
        let (format, encoder) = FORMATS[n];
        let mut mutated = with_noise(encoded(encoder), &bytes, cut);
        scrubbed(format, &mutated).ok();
        mutated.splice(0.., bytes);
        scrubbed(format, &mutated).ok();
    }
}

/// Writes noise over a part of a picture.
fn with_noise(mut picture: Vec<u8>, noise: &[u8], at: usize) -> Vec<u8> {
    for (place, byte) in picture.iter_mut().skip(at).zip(noise) {
        *place ^= byte & 0x1f;
    }
    picture
}
