//! Addresses of files: signed paths that a browser can load without a header.
//!
//! `<base>/uploads/<key id>.<day>.<mac>/<media id>/<variant>/<name.ext>`: the same for all readers of a day, so that caches
//! work, and ending in the extension, because classic pages look at the end of the text. Knowing an address is the right to
//! load the file; who is told one is decided elsewhere. The signature is HMAC-SHA256, cut to 128 bits.

use crate::{
    Error, Result,
    model::{Attachment, MediaId, Timestamp},
};
use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::fmt;

/// The first segment of every address's path.
const ROOT: &str = "/uploads/";

/// An address is good on the day it was made and on so many days after it.
const DAYS: i64 = 6;

/// Bytes of the signature that an address carries.
const MAC_BYTES: usize = 16;

/// Characters of an uploader's name that an address shows.
const NAME_CHARS: usize = 40;

/// Which form of a file an address leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Variant {
    /// The file as it is stored.
    Original,
}

impl Variant {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Original => "original",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        (text == Self::Original.as_str()).then_some(Self::Original)
    }
}

/// What an address with a good signature leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addressed {
    /// The file.
    pub media_id: MediaId,
    /// Its form.
    pub variant: Variant,
}

/// Makes and reads addresses.
#[derive(Clone)]
pub struct Addresses {
    base: String,
    current: Key,
    previous: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    id: String,
    mac: hmac::Key,
}

impl Key {
    fn new(secret: &[u8; 32]) -> Self {
        let mac = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let id = URL_SAFE_NO_PAD.encode(&hmac::sign(&mac, b"key id").as_ref()[..3]);
        Self { id, mac }
    }

    /// Signs a day and what follows the signature in the path.
    fn sign(&self, day: i64, rest: &str) -> [u8; MAC_BYTES] {
        let tag = hmac::sign(&self.mac, format!("{day}/{rest}").as_bytes());
        let mut cut = [0; MAC_BYTES];
        cut.copy_from_slice(&tag.as_ref()[..MAC_BYTES]);
        cut
    }
}

impl Addresses {
    /// Creates them over a secret. `base` is what stands before `/uploads/`: nothing, a mount prefix such as `/chat`, or the
    /// origin of a CDN.
    #[must_use]
    pub fn new(secret: &[u8; 32], base: impl Into<String>) -> Self {
        let mut base = base.into();
        base.truncate(base.trim_end_matches('/').len());
        Self { base, current: Key::new(secret), previous: Vec::new() }
    }

    /// Adds a secret that was in force before: its addresses are still read.
    #[must_use]
    pub fn with_previous(mut self, secret: &[u8; 32]) -> Self {
        self.previous.push(Key::new(secret));
        self
    }

    /// Makes the address of a file as it is stored.
    #[must_use]
    pub fn address(&self, attachment: &Attachment, now: Timestamp) -> String {
        let Attachment { id, name, extension, .. } = attachment;
        let rest = format!("{id}/{}/{}.{extension}", Variant::Original.as_str(), plain_stem(name));
        let day = day_of(now);
        let mac = URL_SAFE_NO_PAD.encode(self.current.sign(day, &rest));
        format!("{}{ROOT}{}.{day}.{mac}/{rest}", self.base, self.current.id)
    }

    /// Reads an address that somebody sent back: with or without an origin before it, expired or not.
    ///
    /// Returns [`None`] for anything that was not signed here.
    #[must_use]
    pub fn parse(&self, address: &str) -> Option<Addressed> {
        let path = path_of(address);
        let path = path.strip_prefix(path_of(&self.base)).unwrap_or(path);
        self.read(path).map(|(_, addressed)| addressed)
    }

    /// Reads the path of a request, from `/uploads/` on.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for a path that was not signed here or is over.
    pub fn open(&self, path: &str, now: Timestamp) -> Result<Addressed> {
        let today = day_of(now);
        match self.read(path) {
            // A node whose clock is ahead may already sign with tomorrow.
            Some((day, addressed)) if (today - DAYS..=today + 1).contains(&day) => Ok(addressed),
            _ => Err(Error::not_found("no such file")),
        }
    }

    fn read(&self, path: &str) -> Option<(i64, Addressed)> {
        let (signature, rest) = path.strip_prefix(ROOT)?.split_once('/')?;
        let mut parts = signature.splitn(3, '.');
        let (id, day, mac) = (parts.next()?, parts.next()?, parts.next()?);
        let day = day.parse::<i64>().ok()?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        let mut keys = std::iter::once(&self.current).chain(&self.previous);
        let key = keys.find(|key| key.id == id)?;
        verify_slices_are_equal(&key.sign(day, rest), &mac).ok()?;
        let mut parts = rest.splitn(3, '/');
        let media_id = parts.next()?.parse().ok()?;
        let variant = Variant::parse(parts.next()?)?;
        Some((day, Addressed { media_id, variant }))
    }
}

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Addresses")
            .field("base", &self.base)
            .field("key", &self.current.id)
            .finish_non_exhaustive()
    }
}

const fn day_of(now: Timestamp) -> i64 {
    now.as_seconds().div_euclid(86_400)
}

/// Cuts the origin off an absolute address, and the query and fragment off any.
fn path_of(address: &str) -> &str {
    let rest = ["https://", "http://"].iter().find_map(|scheme| address.strip_prefix(scheme));
    let path = rest.map_or(address, |rest| rest.find('/').map_or("", |at| &rest[at..]));
    path.split(['?', '#']).next().unwrap_or(path)
}

/// Reduces an uploader's name to what needs no escaping anywhere: letters and digits of ASCII, with single hyphens.
fn plain_stem(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let mut plain = String::new();
    for c in stem.chars() {
        if plain.len() >= NAME_CHARS {
            break;
        }
        if c.is_ascii_alphanumeric() {
            plain.push(c);
        } else if !plain.is_empty() && !plain.ends_with('-') {
            plain.push('-');
        }
    }
    plain.truncate(plain.trim_end_matches('-').len());
    if plain.is_empty() { "file".to_owned() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::{Addressed, Addresses, Variant};
    use crate::{
        ErrorKind,
        model::{Attachment, MediaId, MediaKind, Timestamp},
    };

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
    const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

    fn picture(name: &str) -> Attachment {
        Attachment {
            id: MediaId::new(7),
            kind: MediaKind::Image,
            mime: "image/png".to_owned(),
            extension: "png".to_owned(),
            name: name.to_owned(),
            size: 1,
            width: None,
            height: None,
        }
    }

    const SEVEN: Addressed = Addressed { media_id: MediaId::new(7), variant: Variant::Original };

    #[test]
    fn an_address_leads_back_to_its_file_and_ends_in_the_extension() {
        let addresses = Addresses::new(&[1; 32], "");
        let address = addresses.address(&picture("Cat on mat.jpeg"), NOW);
        assert!(address.starts_with("/uploads/"), "{address}");
        assert!(address.ends_with("/7/original/Cat-on-mat.png"), "{address}");
        assert_eq!(addresses.open(&address, NOW).unwrap(), SEVEN);
    }

    #[test]
    fn all_readers_of_a_day_get_the_same_address_and_those_of_the_next_another() {
        let addresses = Addresses::new(&[1; 32], "");
        let midnight = Timestamp::from_micros(NOW.as_seconds().div_euclid(86_400) * 86_400_000_000);
        let first = addresses.address(&picture("a"), midnight);
        let last_moment = midnight.plus(DAY - std::time::Duration::from_micros(1));
        assert_eq!(first, addresses.address(&picture("a"), last_moment));
        assert_ne!(first, addresses.address(&picture("a"), midnight.plus(DAY)));
    }

    #[test]
    fn an_address_opens_for_at_least_a_day_and_at_most_seven_and_is_recognised_for_ever() {
        let addresses = Addresses::new(&[1; 32], "");
        let address = addresses.address(&picture("a"), NOW);
        assert!(addresses.open(&address, NOW.plus(DAY)).is_ok());
        assert_eq!(addresses.open(&address, NOW.plus(DAY * 7)).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(addresses.open(&address, NOW.minus(DAY * 3)).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(addresses.parse(&address), Some(SEVEN));
    }

    #[test]
    fn nothing_in_an_address_can_be_changed() {
        let addresses = Addresses::new(&[1; 32], "");
        let address = addresses.address(&picture("cat.png"), NOW);
        for (from, to) in [
            ("/7/", "/8/"),
            ("original", "w320"),
            (".png", ".html"),
            ("cat", "../cat"),
            (".", ".1"),
            ("/7/", "/07/"),
        ] {
            let changed = address.replacen(from, to, 1);
            assert_ne!(changed, address);
            assert_eq!(addresses.parse(&changed), None, "{changed}");
        }
        let other = Addresses::new(&[2; 32], "");
        assert_eq!(other.parse(&address), None);
        for text in
            ["", "/uploads/", "/uploads/a.b.c/7/original/a.png", "/uploads/../x", "javascript:alert(1)"]
        {
            assert_eq!(addresses.parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_address_is_recognised_behind_an_origin_and_behind_our_own_base() {
        for base in ["", "/chat", "/chat/", "https://cdn.example.org", "https://cdn.example.org/chat/"] {
            let addresses = Addresses::new(&[1; 32], base);
            let address = addresses.address(&picture("a"), NOW);
            assert!(!address.contains("//uploads"), "{address}");
            assert_eq!(addresses.parse(&address), Some(SEVEN), "{address}");
            let path = &address[address.find("/uploads/").unwrap()..];
            assert_eq!(addresses.parse(path), Some(SEVEN), "{path}");
            assert_eq!(addresses.parse(&format!("http://127.0.0.1:8080{path}?x=1#y")), Some(SEVEN));
            assert!(addresses.open(path, NOW).is_ok());
        }
    }

    #[test]
    fn an_older_secret_still_reads_its_addresses() {
        let old = Addresses::new(&[1; 32], "");
        let address = old.address(&picture("a"), NOW);
        let rotated = Addresses::new(&[2; 32], "").with_previous(&[1; 32]);
        assert_eq!(rotated.parse(&address), Some(SEVEN));
        assert_ne!(rotated.address(&picture("a"), NOW), address);
    }

    #[test]
    fn a_hostile_name_leaves_only_plain_characters() {
        let addresses = Addresses::new(&[1; 32], "");
        for (name, stem) in [
            ("../../etc/passwd", "file"),
            ("\"><script>.svg", "script"),
            ("\u{202e}gpj.exe", "gpj"),
            ("写真.png", "file"),
            ("a b  c", "a-b-c"),
        ] {
            let address = addresses.address(&picture(name), NOW);
            assert!(address.ends_with(&format!("/original/{stem}.png")), "{name}: {address}");
        }
    }
}
