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
#[cfg(any(feature = "accounts", test))]
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

#[cfg(test)]
mod tests {
    use super::{check_message, check_size, clean_name, clean_username, is_blank, tame_name};
    use crate::{ErrorKind, config::Limits};

    fn refusal<T>(result: crate::Result<T>) -> Option<ErrorKind> {
        result.err().map(|error| error.kind())
    }

    #[test]
    fn a_message_of_the_largest_size_passes_and_one_more_does_not() {
        let limits = Limits::default();
        assert_eq!(refusal(check_message(&"a".repeat(16_384), &limits)), None);
        assert_eq!(refusal(check_message(&"a".repeat(16_385), &limits)), Some(ErrorKind::TooLarge));
        let widest = "\u{1f600}".repeat(16_384);
        assert_eq!(widest.len(), limits.message_bytes);
        assert_eq!(refusal(check_message(&widest, &limits)), None);
        let tight = Limits { message_bytes: 10, ..limits };
        assert_eq!(refusal(check_size("\u{1f600}\u{1f600}\u{1f600}", &tight)), Some(ErrorKind::TooLarge));
    }

    #[test]
    fn a_message_that_shows_nothing_is_refused() {
        for blank in ["", " ", "\t\r\n", "\u{200b}\u{feff}", "\u{3000}\u{2060}", "\u{202e}"] {
            assert!(is_blank(blank), "{blank:?}");
            assert_eq!(refusal(check_message(blank, &Limits::default())), Some(ErrorKind::Invalid));
        }
        assert_eq!(refusal(check_message("a\0b", &Limits::default())), Some(ErrorKind::Invalid));
        assert_eq!(refusal(check_message("<b>\u{202b}hi</b>", &Limits::default())), None);
    }

    #[test]
    fn a_name_is_normalised_and_bounded() {
        assert_eq!(clean_name("title", "  \u{ff21}\u{ff22}  ").unwrap(), "AB");
        assert_eq!(clean_name("title", "<script>").unwrap(), "<script>");
        assert_eq!(clean_name("title", &"x".repeat(100)).unwrap().len(), 100);
        let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}";
        assert_eq!(clean_name("title", family).unwrap(), family);
        // One character that NFKC expands to eighteen.
        let expanding = "\u{fdfa}".repeat(6);
        let bad = ["", "  ", "a\nb", "a\u{202e}b", "\u{200d}", "\u{200b}", &"x".repeat(101), &expanding];
        for name in bad {
            assert_eq!(refusal(clean_name("title", name)), Some(ErrorKind::Invalid), "{name:?}");
        }
    }

    #[test]
    fn a_username_has_no_invisible_character() {
        assert_eq!(clean_username("\u{ff21}nna").unwrap(), "Anna");
        assert_eq!(clean_username(&"x".repeat(32)).unwrap().len(), 32);
        for name in ["", " ", &"x".repeat(33), "a\u{200d}b", "a\u{200f}b", "a\u{7}b", "a\u{ad}b"] {
            assert_eq!(refusal(clean_username(name)), Some(ErrorKind::Invalid), "{name:?}");
        }
    }

    #[test]
    fn what_a_host_says_becomes_a_usable_name() {
        assert_eq!(tame_name("Ann\u{202e}a\n", "7"), "Anna");
        assert_eq!(tame_name(" \u{200b} ", "user-7"), "user-7");
        assert_eq!(tame_name("", "\n"), "?");
        assert_eq!(tame_name(&"x".repeat(300), "7").len(), 100);
    }
}
