//! Rules for what people type: message texts and names. Pure functions; markup is text like any other.

use crate::{Error, Result, config::Limits};
use std::ops::RangeInclusive;
use unicode_normalization::UnicodeNormalization;

/// Characters of a title or display name.
pub(crate) const NAME_CHARS: RangeInclusive<usize> = 1..=100;

/// Checks the text of a message: within the limits, without NUL (not every store can keep it), and with something to see in it.
///
/// # Errors
/// [`TooLarge`](crate::ErrorKind::TooLarge) past the limits, [`Invalid`](crate::ErrorKind::Invalid) otherwise.
pub(crate) fn check_message(text: &str, limits: &Limits) -> Result<()> {
    check_size(text, limits)?;
    if is_blank(text) {
        return Err(Error::invalid("message is empty"));
    }
    Ok(())
}

/// Checks the size of a text that may be empty because a file comes with it.
///
/// # Errors
/// As [`check_message`], but for an empty one.
pub(crate) fn check_size(text: &str, limits: &Limits) -> Result<()> {
    if text.len() > limits.message_bytes {
        return Err(Error::too_large(format!("message is longer than {} bytes", limits.message_bytes)));
    }
    if text.len() > limits.message_chars && text.chars().count() > limits.message_chars {
        return Err(Error::too_large(format!("message is longer than {} characters", limits.message_chars)));
    }
    if text.contains('\0') {
        return Err(Error::invalid("message contains a NUL character"));
    }
    Ok(())
}

/// Says whether nothing of a text can be seen.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c.is_control() || is_invisible(c))
}

/// Cleans a title or display name: NFKC, trimmed, 1–100 characters, no control or direction characters. The joiners that emoji
/// and some scripts need are kept, but do not make a name by themselves.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid) naming `field`.
pub(crate) fn clean_name(field: &'static str, text: &str) -> Result<String> {
    let name = normalise(text, *NAME_CHARS.end()).filter(|name| !is_blank(name)).ok_or_else(|| {
        Error::invalid(format!("{field} must have {} to {} characters", NAME_CHARS.start(), NAME_CHARS.end()))
    })?;
    if name.chars().any(|c| c.is_control() || (is_invisible(c) && !is_joiner(c))) {
        return Err(Error::invalid(format!("{field} must not contain control or invisible characters")));
    }
    Ok(name)
}

/// Cleans a name to sign in with: as [`clean_name`] but 1–32 characters and without any invisible one, so that no two names look
/// the same by a hidden character.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid).
pub(crate) fn clean_username(text: &str) -> Result<String> {
    let name = normalise(text, 32)
        .filter(|name| !name.is_empty())
        .ok_or_else(|| Error::invalid("username must have 1 to 32 characters"))?;
    if name.chars().any(|c| c.is_control() || is_invisible(c)) || is_blank(&name) {
        return Err(Error::invalid("username must not contain control or invisible characters"));
    }
    Ok(name)
}

/// Makes a usable name of what a host says, which nobody can be asked to correct: drops what [`clean_name`] refuses, cuts, and
/// falls back when nothing is left.
pub(crate) fn tame_name(text: &str, fallback: &str) -> String {
    let tame = |text: &str| -> String {
        let kept = text.nfkc().filter(|&c| !c.is_control() && (!is_invisible(c) || is_joiner(c)));
        kept.take(*NAME_CHARS.end()).collect::<String>().trim().to_owned()
    };
    [text, fallback].map(tame).into_iter().find(|name| !is_blank(name)).unwrap_or_else(|| "?".to_owned())
}

/// Normalises and trims; `None` when it has more than `most` characters. Compatibility forms can expand eighteenfold, so a long
/// input is refused before it is normalised.
fn normalise(text: &str, most: usize) -> Option<String> {
    let text = text.trim();
    if text.len() > most * 8 {
        return None;
    }
    let name: String = text.nfkc().take(most + 1).collect();
    let name = name.trim();
    (name.chars().count() <= most).then(|| name.to_owned())
}

/// Says whether a character takes no room or changes the direction of others: zero-width, fillers, bidi controls, tags.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Says whether an invisible character is needed to write some scripts and emoji.
const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0020}'..='\u{e007f}')
}
