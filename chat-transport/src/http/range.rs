//! Which bytes of a file a request asks for (RFC 9110, 13 and 14): validators and one range.

use http::{HeaderMap, header};
use std::ops::Range;

/// What to answer with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The client has it already.
    NotModified,
    /// A part.
    Part(Range<u64>),
    /// A part that the file does not have.
    Unsatisfiable,
    /// All of it.
    Whole,
}

impl Wanted {
    /// Reads the conditions of a request for a file of this size and tag.
    pub(crate) fn of(headers: &HeaderMap, size: u64, etag: &str) -> Self {
        if let Some(known) = text(headers, header::IF_NONE_MATCH) {
            let mut tags = known.split(',').map(|tag| tag.trim().trim_start_matches("W/"));
            if tags.any(|tag| tag == "*" || tag == etag) {
                return Self::NotModified;
            }
        }
        // A part of another version would not fit to what the client has.
        let same_version = text(headers, header::IF_RANGE).is_none_or(|tag| tag == etag);
        match text(headers, header::RANGE) {
            Some(range) if same_version => Self::parse(range, size),
            _ => Self::Whole,
        }
    }

    /// Several ranges at once and foreign units are answered with the whole, as the RFC allows.
    fn parse(range: &str, size: u64) -> Self {
        let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
            return Self::Whole;
        };
        let number = |text: &str| text.trim().parse::<u64>();
        let range = match (number(first), number(last)) {
            (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
            (Ok(first), Err(_)) if last.trim().is_empty() => first..size,
            (Err(_), Ok(suffix)) if first.trim().is_empty() => size.saturating_sub(suffix)..size,
            _ => return Self::Whole,
        };
        if range.start < range.end { Self::Part(range) } else { Self::Unsatisfiable }
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::Wanted;
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn wanted(lines: &[(&'static str, &'static str)]) -> Wanted {
        let lines = lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        Wanted::of(&HeaderMap::from_iter(lines), 100, "\"tag\"")
    }

    #[test]
    fn one_range_is_cut_to_the_file() {
        assert_eq!(wanted(&[("range", "bytes=0-9")]), Wanted::Part(0..10));
        assert_eq!(wanted(&[("range", "bytes=90-")]), Wanted::Part(90..100));
        assert_eq!(wanted(&[("range", "bytes=-10")]), Wanted::Part(90..100));
        assert_eq!(wanted(&[("range", "bytes=-1000")]), Wanted::Part(0..100));
        assert_eq!(wanted(&[("range", "bytes=50-1000")]), Wanted::Part(50..100));
    }

    #[test]
    fn a_range_beyond_the_file_cannot_be_satisfied() {
        for range in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=18446744073709551615-"] {
            assert_eq!(wanted(&[("range", range)]), Wanted::Unsatisfiable, "{range}");
        }
    }

    #[test]
    fn what_is_no_single_range_gets_the_whole() {
        for range in ["bytes=0-1,5-6", "bytes=9-1", "bytes=", "bytes=-", "items=0-1", "bytes=a-b"] {
            assert_eq!(wanted(&[("range", range)]), Wanted::Whole, "{range}");
        }
    }

    #[test]
    fn validators_decide_first() {
        assert_eq!(wanted(&[("if-none-match", "\"tag\"")]), Wanted::NotModified);
        assert_eq!(wanted(&[("if-none-match", "\"x\", W/\"tag\"")]), Wanted::NotModified);
        assert_eq!(wanted(&[("if-none-match", "\"x\"")]), Wanted::Whole);
        assert_eq!(wanted(&[("range", "bytes=0-9"), ("if-range", "\"x\"")]), Wanted::Whole);
        assert_eq!(wanted(&[("range", "bytes=0-9"), ("if-range", "\"tag\"")]), Wanted::Part(0..10));
    }
}
