//! Who asks: an identity that the host put into the request, or a bearer token.

use crate::{extract::Call, guard};
use chat_core::{Error, Result, auth::Identity, model::User};
use http::{HeaderMap, header};

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

#[cfg(test)]
mod tests {
    use super::bearer;
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
}
