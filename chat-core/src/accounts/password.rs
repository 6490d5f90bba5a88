//! Which passwords are taken: by length, and by how many guesses they stand.

use crate::{Error, Result};
use std::ops::RangeInclusive;

/// Characters of a password.
const CHARS: RangeInclusive<usize> = 8..=256;

/// Says whether a password can be anybody's: longer ones are not worth a hash.
pub(super) fn is_plausible(password: &str) -> bool {
    !password.is_empty() && password.len() <= CHARS.end() * 4 && password.chars().count() <= *CHARS.end()
}

/// Checks a password that somebody chooses. Takes some milliseconds: not for the runtime's threads.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid) with the reason and a hint.
pub(super) fn check(password: &str, username: &str, min_score: u8) -> Result<()> {
    let chars = password.chars().count();
    if !CHARS.contains(&chars) {
        let (least, most) = (CHARS.start(), CHARS.end());
        return Err(Error::invalid(format!("password must have {least} to {most} characters")));
    }
    let entropy = zxcvbn::zxcvbn(password, &[username, "chat"]);
    if u8::from(entropy.score()) >= min_score {
        return Ok(());
    }
    let mut reasons = Vec::new();
    if let Some(feedback) = entropy.feedback() {
        reasons.extend(feedback.warning().map(|warning| warning.to_string()));
        reasons.extend(feedback.suggestions().iter().map(ToString::to_string));
    }
    if reasons.is_empty() {
        reasons.push("Use a few words, avoid common phrases.".to_owned());
    }
    let reasons: Vec<String> = reasons.iter().map(|reason| as_clause(reason)).collect();
    Err(Error::invalid(format!("password is too easy to guess: {}", reasons.join("; "))))
}

/// Turns a sentence into part of one.
fn as_clause(sentence: &str) -> String {
    let mut chars = sentence.trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_password_is_refused_with_a_reason_and_a_hint() {
        for (password, reason) in [
            ("short", "8 to 256 characters"),
            ("password123", "too easy to guess"),
            ("qwertyuiop", "too easy to guess"),
            ("adalovelace", "too easy to guess"),
        ] {
            let error = check(password, "adalovelace", 2).unwrap_err();
            assert!(error.message().contains(reason), "{password}: {error}");
            assert!(!error.message().contains(password), "a password is never repeated: {error}");
            assert!(!error.message().ends_with('.'), "{error}");
        }
        assert!(check(&"å".repeat(257), "ada", 0).is_err());
    }

    #[test]
    fn a_good_password_is_taken_and_the_score_can_be_lowered() {
        check("correct horse battery staple", "ada", 2).unwrap();
        check("ein Mops kam in die Küche", "ada", 3).unwrap();
        check("password123", "ada", 0).unwrap();
    }
}
