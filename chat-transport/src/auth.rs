//! Who asks: an identity that the host put into the request, or a bearer token. And the cookie of the refresh token.

use crate::{address::Origination, extract::Call, guard};
use chat_core::{Error, Result, auth::Identity, model::User};
use http::{HeaderMap, HeaderValue, header};
use std::time::Duration;

const REFRESH_COOKIE: &str = "chat_refresh";

impl Call {
    /// Returns who asks.
    ///
    /// A host's own sign-in comes first; it may rest on a cookie, so a change must then come from a page of ours.
    pub(crate) async fn identity(&self) -> Result<Identity> {
        if let Some(identity) = self.parts.extensions.get::<Identity>() {
            if guard::has_ambient_credentials(&self.parts) {
                guard::check_cookie_request(&self.parts, self.config())?;
            }
            return Ok(identity.clone());
        }
        let token = bearer(&self.parts.headers)?
            .ok_or_else(|| Error::unauthenticated("the authorization header is missing"))?;
        self.chat().authenticate(token).await
    }

    /// Returns the chat's user who asks.
    pub(crate) async fn user(&self) -> Result<User> {
        let identity = self.identity().await?;
        self.chat().ensure_user(&identity).await
    }
}

/// Returns the token of the `Authorization` header: `Bearer`, one space, the token.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(|text| text.strip_prefix("Bearer "));
    match token {
        Some(token) if !token.is_empty() && !token.contains(' ') => Ok(Some(token)),
        _ => Err(Error::unauthenticated("the authorization header must be `Bearer` and a token")),
    }
}

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
    use super::{bearer, refresh_cookie};
    use http::{HeaderMap, HeaderValue, header};

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_bearer_token_has_one_form() {
        let token =
            |value| bearer(&headers(header::AUTHORIZATION, value)).map(|token| token.map(str::to_owned));
        assert_eq!(token("Bearer abc").unwrap().as_deref(), Some("abc"));
        for wrong in ["bearer abc", "Bearer  abc", "Bearer", "Bearer ", "Basic abc", "Bearer a b"] {
            assert!(token(wrong).is_err(), "{wrong}");
        }
        assert_eq!(bearer(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn the_refresh_cookie_is_found_among_others() {
        let cookies = headers(header::COOKIE, "a=b; chat_refresh=t0k; xchat_refresh=no");
        assert_eq!(refresh_cookie(&cookies), Some("t0k"));
        assert_eq!(refresh_cookie(&headers(header::COOKIE, "chat_refresh=")), None);
    }
}
