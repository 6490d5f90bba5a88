//! The cookie in which a browser keeps a refresh token: out of reach of scripts, and sent to the sign-in routes only.

use crate::{address::Origination, extract::Call};
use http::{HeaderMap, HeaderValue, header};
use std::time::Duration;

const REFRESH_COOKIE: &str = "chat_refresh";

/// Returns the refresh token that a browser keeps for us.
pub(crate) fn refresh_cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == REFRESH_COOKIE).map(|(_, value)| value).filter(|value| !value.is_empty())
}

impl Call {
    /// Makes the header that stores a refresh token where no script can read it.
    pub(crate) fn keep_refresh_cookie(&self, token: &str, life: Duration) -> HeaderValue {
        let line = format!("{REFRESH_COOKIE}={token}; Max-Age={}; {}", life.as_secs(), self.cookie_rules());
        HeaderValue::from_str(&line).expect("tokens are URL-safe text")
    }

    /// Makes the header that removes it.
    pub(crate) fn drop_refresh_cookie(&self) -> HeaderValue {
        let line = format!("{REFRESH_COOKIE}=; Max-Age=0; {}", self.cookie_rules());
        HeaderValue::from_str(&line).expect("the configured prefix is a path")
    }

    fn cookie_rules(&self) -> String {
        let Origination { secure, .. } = self.origination;
        let secure = if self.config().secure_cookies.unwrap_or(secure) { "; Secure" } else { "" };
        format!("Path={}/api/auth; HttpOnly; SameSite=Strict{secure}", self.config().prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::refresh_cookie;
    use http::{HeaderMap, HeaderValue, header};

    #[test]
    fn the_refresh_cookie_is_found_among_others() {
        let cookies = headers("a=b; chat_refresh=t0k; xchat_refresh=no");
        assert_eq!(refresh_cookie(&cookies), Some("t0k"));
        assert_eq!(refresh_cookie(&headers("chat_refresh=")), None);
    }

    fn headers(line: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(line).unwrap())])
    }
}
