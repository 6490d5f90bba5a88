//! What a file is, told from its first bytes and never from its name.
//!
//! A short list of what is taken; everything else is refused. HTML, SVG and scripts are on no list: they are text only by
//! accident, and are refused as text too.

use crate::model::MediaKind;

/// So many first bytes decide.
pub(crate) const HEAD: usize = 8 << 10;

/// A type that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    Docx,
    Gif,
    Jpeg,
    M4a,
    Mp3,
    Mp4,
    OggAudio,
    OggVideo,
    Opus,
    Pdf,
    Png,
    Pptx,
    Text,
    Wav,
    Webm,
    Webp,
    Xlsx,
    Zip,
}

impl Format {
    /// Returns kind, type and the ending for addresses.
    pub(crate) const fn facts(self) -> (MediaKind, &'static str, &'static str) {
        use MediaKind::{Audio, Document, Image, Text, Video};
        match self {
            Self::Docx => {
                (Document, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx")
            }
            Self::Gif => (Image, "image/gif", "gif"),
            Self::Jpeg => (Image, "image/jpeg", "jpg"),
            Self::M4a => (Audio, "audio/mp4", "m4a"),
            Self::Mp3 => (Audio, "audio/mpeg", "mp3"),
            Self::Mp4 => (Video, "video/mp4", "mp4"),
            Self::OggAudio => (Audio, "audio/ogg", "ogg"),
            Self::OggVideo => (Video, "video/ogg", "ogg"),
            Self::Opus => (Audio, "audio/ogg", "opus"),
            Self::Pdf => (Document, "application/pdf", "pdf"),
            Self::Png => (Image, "image/png", "png"),
            Self::Pptx => (
                Document,
                "application/vnd.openxmlformats-officedocument.presentationml.presentation",
                "pptx",
            ),
            Self::Text => (Text, "text/plain; charset=utf-8", "txt"),
            Self::Wav => (Audio, "audio/wav", "wav"),
            Self::Webm => (Video, "video/webm", "webm"),
            Self::Webp => (Image, "image/webp", "webp"),
            Self::Xlsx => {
                (Document, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx")
            }
            Self::Zip => (Document, "application/zip", "zip"),
        }
    }

    /// Tells a format from the first [`HEAD`] bytes of a file, or all of a smaller one.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        let at = |place: usize, text: &[u8]| head.get(place..place + text.len()) == Some(text);
        match head {
            _ if at(0, b"\xff\xd8\xff") => Some(Self::Jpeg),
            _ if at(0, b"\x89PNG\r\n\x1a\n") => Some(Self::Png),
            _ if at(0, b"GIF87a") || at(0, b"GIF89a") => Some(Self::Gif),
            _ if at(0, b"RIFF") && at(8, b"WEBP") => Some(Self::Webp),
            _ if at(0, b"RIFF") && at(8, b"WAVE") => Some(Self::Wav),
            _ if at(4, b"ftyp") => iso_media(head),
            _ if at(0, b"\x1a\x45\xdf\xa3") => matroska(head),
            _ if at(0, b"OggS") => ogg(head),
            _ if at(0, b"ID3") || is_mp3_frame(head) => Some(Self::Mp3),
            _ if at(0, b"%PDF-") => Some(Self::Pdf),
            _ if at(0, b"PK\x03\x04") || at(0, b"PK\x05\x06") => Some(archive(head)),
            _ => is_text(head).then_some(Self::Text),
        }
    }
}

/// Tells by the major brand (ISO 14496-12): QuickTime, HEIF and others share the container and are not taken.
fn iso_media(head: &[u8]) -> Option<Format> {
    match head.get(8..12)? {
        b"M4A " | b"M4B " => Some(Format::M4a),
        b"isom" | b"iso2" | b"iso4" | b"iso5" | b"iso6" | b"mp41" | b"mp42" | b"avc1" | b"M4V " | b"dash"
        | b"mmp4" | b"MSNV" | b"f4v " => Some(Format::Mp4),
        _ => None,
    }
}

/// Tells by the document type in the header, which comes within the first bytes.
fn matroska(head: &[u8]) -> Option<Format> {
    contains(&head[..head.len().min(128)], b"\x42\x82\x84webm").then_some(Format::Webm)
}

/// Tells by the first packet, which begins after a page header of 27 bytes and its lacing values.
fn ogg(head: &[u8]) -> Option<Format> {
    let packet = head.get(27 + usize::from(*head.get(26)?)..)?;
    match packet {
        _ if packet.starts_with(b"OpusHead") => Some(Format::Opus),
        _ if packet.starts_with(b"\x01vorbis") || packet.starts_with(b"\x7fFLAC") => Some(Format::OggAudio),
        _ if packet.starts_with(b"\x80theora") || packet.starts_with(b"fishead") => Some(Format::OggVideo),
        _ => None,
    }
}

/// Checks the header of an audio frame (ISO 11172-3): sync, layer III, a bit rate and a sampling rate that exist.
fn is_mp3_frame(head: &[u8]) -> bool {
    let [first, second, third, _, ..] = head else { return false };
    *first == 0xff
        && second & 0xe6 == 0xe2
        && second & 0x18 != 0x08
        && !matches!(third >> 4, 0x0 | 0xf)
        && third >> 2 & 3 != 3
}

/// Tells office documents from other archives by the folders that their first entries are in.
fn archive(head: &[u8]) -> Format {
    if !contains(head, b"[Content_Types].xml") {
        return Format::Zip;
    }
    let mut formats = entries(head).filter_map(|name| match name {
        _ if name.starts_with(b"word/") => Some(Format::Docx),
        _ if name.starts_with(b"xl/") => Some(Format::Xlsx),
        _ if name.starts_with(b"ppt/") => Some(Format::Pptx),
        _ => None,
    });
    formats.next().unwrap_or(Format::Zip)
}

/// Finds the names of an archive's first entries. Lengths are often told only behind an entry, so it looks for the mark.
fn entries(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let marks = head.windows(4).enumerate().filter(|(_, mark)| mark == b"PK\x03\x04").map(|(at, _)| at);
    marks.filter_map(|at| {
        let length = u16::from_le_bytes(head.get(at + 26..at + 28)?.try_into().ok()?);
        let name = head.get(at + 30..)?;
        Some(&name[..name.len().min(length.into())])
    })
}

/// Says whether this is text that no browser or shell would run.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The cut may have gone through a character.
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let is_plain = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\u{c}');
    !text.is_empty() && text.chars().all(is_plain) && !is_markup(text)
}

/// Looks for what makes a browser take bytes for HTML or SVG (WHATWG MIME Sniffing, section 7.1), anywhere in the head, and for
/// a script's first line.
fn is_markup(text: &str) -> bool {
    const TAGS: [&str; 12] = [
        "<!doctype",
        "<html",
        "<head",
        "<body",
        "<script",
        "<iframe",
        "<svg",
        "<style",
        "<title",
        "<img",
        "<?xml",
        "<?php",
    ];
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let lower = text.to_ascii_lowercase();
    start.starts_with("#!") || start.starts_with("<!--") || TAGS.iter().any(|tag| lower.contains(tag))
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::Format;

    fn zip_with(names: &[&str]) -> Vec<u8> {
        let mut archive = Vec::new();
        for name in names {
            archive.extend_from_slice(b"PK\x03\x04");
            archive.extend_from_slice(&[0; 22]);
            archive.extend_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
            archive.extend_from_slice(&[0; 2]);
            archive.extend_from_slice(name.as_bytes());
            archive.extend_from_slice(b"some compressed bytes");
        }
        archive
    }

    fn ogg_with(packet: &[u8]) -> Vec<u8> {
        let mut page = b"OggS".to_vec();
        page.extend_from_slice(&[0; 22]);
        page.extend_from_slice(&[1, 30]);
        page.extend_from_slice(packet);
        page
    }

    #[test]
    fn every_type_that_is_taken_is_told_from_its_bytes() {
        let office =
            |folder: &str| zip_with(&["[Content_Types].xml", "_rels/.rels", &format!("{folder}/a.xml")]);
        let cases: Vec<(Vec<u8>, &str)> = vec![
            (b"\xff\xd8\xff\xe0".to_vec(), "jpg"),
            (b"\x89PNG\r\n\x1a\n".to_vec(), "png"),
            (b"GIF89a".to_vec(), "gif"),
            (b"RIFF\x10\0\0\0WEBPVP8 ".to_vec(), "webp"),
            (b"\0\0\0\x18ftypmp42\0\0\0\0".to_vec(), "mp4"),
            (b"\0\0\0\x18ftypisom\0\0\x02\0".to_vec(), "mp4"),
            (b"\0\0\0\x18ftypM4A \0\0\0\0".to_vec(), "m4a"),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm".to_vec(), "webm"),
            (ogg_with(b"OpusHead\x01"), "opus"),
            (ogg_with(b"\x01vorbis"), "ogg"),
            (ogg_with(b"\x80theora"), "ogg"),
            (b"ID3\x04\0\0".to_vec(), "mp3"),
            (b"\xff\xfb\x90\x64".to_vec(), "mp3"),
            (b"RIFF\x10\0\0\0WAVEfmt ".to_vec(), "wav"),
            (b"%PDF-1.7".to_vec(), "pdf"),
            (zip_with(&["a.txt"]), "zip"),
            (office("word"), "docx"),
            (office("xl"), "xlsx"),
            (office("ppt"), "pptx"),
            ("Grüße,\r\n\tein Text <3 a < b".as_bytes().to_vec(), "txt"),
        ];
        for (bytes, extension) in cases {
            let found = Format::of(&bytes).map(|format| format.facts().2);
            assert_eq!(found, Some(extension), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_a_browser_or_shell_would_run_is_refused() {
        for bytes in [
            "<!DOCTYPE html><p>x".as_bytes(),
            b"  <HTML>",
            b"\xef\xbb\xbf<html>",
            b"hello <script>alert(1)</script>",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"<?xml version='1.0'?>",
            b"<!-- x --><svg/>",
            b"#!/bin/sh\nrm -rf",
            b"<?php echo 1;",
            b"MZ\x90\0\x03",
            b"\x7fELF\x02\x01",
            b"\0\0\0\x18ftypqt  ",
            b"\0\0\0\x18ftypheic",
            b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x88matroska",
            b"BM\x10\0\0\0\0\0",
            b"text with a \0 in it",
            b"\xff\xfe<\0h\0",
            b"",
        ] {
            assert_eq!(Format::of(bytes), None, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_text_that_is_cut_inside_a_character_is_still_text() {
        let text = "ä".repeat(10);
        assert_eq!(Format::of(&text.as_bytes()[..19]), Some(Format::Text));
        assert_eq!(Format::of(&[0xc3, 0x28]), None);
    }
}
