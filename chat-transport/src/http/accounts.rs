//! Signing up, in and out with a password.

use crate::{cookie, extract::Call, guard, respond, respond::Response};
use chat_core::{
    Error, Result,
    accounts::{Accounts, Device, Login, NewRegistration, PasswordChange, RefreshToken, SignedIn, TokenLife},
    limits::{LimitScope, LimitSubject},
    model::{Timestamp, User, UserId},
};
use http::header;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who signs up or in.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Credentials {
    /// 1–32 characters.
    username: String,
    /// 8–256 characters, and hard to guess.
    password: String,
    /// A token of 15 minutes instead of 24 hours, for clients that refresh.
    #[serde(default)]
    short_token: bool,
    /// Put the refresh token into a cookie that no script can read, instead of the answer.
    #[serde(default)]
    cookie: bool,
    /// What the person shall recognise the session by.
    device_name: Option<String>,
    /// An invitation, where registration needs one.
    invite: Option<String>,
}

/// A refresh token, unless it comes by cookie.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct RefreshBody {
    /// Absent: from the cookie.
    refresh_token: Option<String>,
    /// A token of 15 minutes; by default so when it comes by cookie.
    short_token: Option<bool>,
}

/// Another password.
#[derive(Deserialize, ToSchema)]
pub(crate) struct PasswordBody {
    /// The present one.
    old_password: String,
    /// The next one.
    new_password: String,
}

/// A signed-in person.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignedInView {
    /// For `Authorization: Bearer`.
    token: String,
    /// When the token ends.
    expires_at: Timestamp,
    /// For the next token; absent when it is in the cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Who.
    user: AccountView,
}

/// The person of an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountView {
    id: UserId,
    username: String,
    display_name: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<&User> for AccountView {
    fn from(user: &User) -> Self {
        Self {
            id: user.id,
            username: user.handle().to_owned(),
            display_name: user.display_name.clone(),
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// Where the refresh token travels.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Carrier {
    Body,
    Cookie,
}

impl Call {
    /// Returns the accounts; without them their routes do not exist.
    pub(super) fn accounts(&self) -> Result<&Accounts> {
        self.shared.accounts.as_ref().ok_or_else(|| Error::not_found("there is nothing at this path"))
    }

    async fn credentials(&self) -> Result<Credentials> {
        self.accounts()?;
        if let Some(address) = self.origination.address {
            self.chat().check_rate(LimitScope::SignIns, LimitSubject::address(address)).await?;
        }
        let credentials: Credentials = self.json().await?;
        if credentials.username.is_empty() || credentials.password.is_empty() {
            return Err(Error::invalid("username and password must not be empty"));
        }
        if credentials.cookie {
            // Else a foreign page could sign its visitors in as somebody of its choice.
            guard::check_origin(&self.parts, self.config())?;
        }
        Ok(credentials)
    }

    fn device(&self, name: Option<String>) -> Device {
        let name = name.or_else(|| self.header("user-agent").map(str::to_owned));
        Device { name: name.unwrap_or_default(), address: self.origination.address }
    }

    fn show_signed_in(&self, signed_in: &SignedIn, carrier: Carrier) -> Result<Response> {
        let secret = signed_in.refresh.reveal();
        let cookie = match carrier {
            Carrier::Body => None,
            Carrier::Cookie => Some(self.keep_refresh_cookie(&secret, self.accounts()?.session_life())),
        };
        let mut response = respond::ok(&SignedInView {
            token: signed_in.access.token.clone(),
            expires_at: signed_in.access.expires_at,
            refresh_token: cookie.is_none().then_some(secret),
            user: AccountView::from(&signed_in.user),
        });
        if let Some(cookie) = cookie {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        Ok(response)
    }

    /// Finds the refresh token: in the body, or in the cookie of a request that comes from a page of ours.
    fn refresh_token(&self, body: &RefreshBody) -> Result<Option<(RefreshToken, Carrier)>> {
        if let Some(text) = &body.refresh_token {
            return Ok(Some((RefreshToken::parse(text)?, Carrier::Body)));
        }
        let Some(text) = cookie::refresh_cookie(&self.parts.headers) else { return Ok(None) };
        guard::check_cookie_request(&self.parts, self.config())?;
        Ok(Some((RefreshToken::parse(text)?, Carrier::Cookie)))
    }
}

const fn life(short: bool) -> TokenLife {
    if short { TokenLife::Short } else { TokenLife::Full }
}

const fn carrier(cookie: bool) -> Carrier {
    if cookie { Carrier::Cookie } else { Carrier::Body }
}

/// Registers a person and signs them in.
#[utoipa::path(
    post, path = "/api/auth/register", tag = "accounts", request_body = Credentials,
    responses(
        (status = 200, description = "Registered and signed in.", body = SignedInView),
        (status = 409, description = "Somebody has this name.", body = crate::Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn register(call: Call) -> Result<Response> {
    let credentials = call.credentials().await?;
    let device = call.device(credentials.device_name);
    let signed_in = call
        .accounts()?
        .register(NewRegistration {
            username: credentials.username,
            password: credentials.password,
            invite: credentials.invite,
            life: life(credentials.short_token),
            device,
        })
        .await?;
    call.show_signed_in(&signed_in, carrier(credentials.cookie))
}

/// Signs a person in.
#[utoipa::path(
    post, path = "/api/auth/login", tag = "accounts", request_body = Credentials,
    responses((status = 200, description = "Signed in.", body = SignedInView)),
)]
pub(crate) async fn login(call: Call) -> Result<Response> {
    let credentials = call.credentials().await?;
    let device = call.device(credentials.device_name);
    let signed_in = call
        .accounts()?
        .login(Login {
            username: credentials.username,
            password: credentials.password,
            life: life(credentials.short_token),
            device,
        })
        .await?;
    call.show_signed_in(&signed_in, carrier(credentials.cookie))
}

/// Gives the next token and the successor of the refresh token, which travels as it came.
#[utoipa::path(
    post, path = "/api/auth/refresh", tag = "accounts", request_body = Option<RefreshBody>,
    responses((status = 200, description = "Still signed in.", body = SignedInView)),
)]
pub(crate) async fn refresh(call: Call) -> Result<Response> {
    call.accounts()?;
    let body: RefreshBody = call.json_or_default().await?;
    let (token, carrier) =
        call.refresh_token(&body)?.ok_or_else(|| Error::unauthenticated("a refresh token is missing"))?;
    let short = body.short_token.unwrap_or(carrier == Carrier::Cookie);
    let signed_in = call.accounts()?.refresh(&token, life(short)).await?;
    call.show_signed_in(&signed_in, carrier)
}

/// Ends one's own session, named by the bearer token or the refresh token.
#[utoipa::path(
    post, path = "/api/auth/logout", tag = "accounts", request_body = Option<RefreshBody>,
    responses((status = 204, description = "Signed out; the cookie is removed.")),
    security(("bearer" = []), ()),
)]
pub(crate) async fn logout(call: Call) -> Result<Response> {
    call.accounts()?;
    let body: RefreshBody = call.json_or_default().await?;
    if call.parts.headers.contains_key(header::AUTHORIZATION) {
        let identity = call.identity().await?;
        let user = call.chat().ensure_user(&identity).await?;
        // A token that was minted without a session has nothing to end; it stays good to its own end.
        if let Some(session) = identity.session {
            call.accounts()?.revoke_session(user.id, session).await?;
        }
    } else {
        let (token, _) =
            call.refresh_token(&body)?.ok_or_else(|| Error::unauthenticated("a token is missing"))?;
        call.accounts()?.log_out(&token).await?;
    }
    let mut response = respond::no_content();
    response.headers_mut().insert(header::SET_COOKIE, call.drop_refresh_cookie());
    Ok(response)
}

/// Replaces one's own password and ends one's other sessions.
#[utoipa::path(
    post, path = "/api/auth/password", tag = "accounts", request_body = PasswordBody,
    responses((status = 204, description = "Replaced.")),
    security(("bearer" = [])),
)]
pub(crate) async fn change_password(call: Call) -> Result<Response> {
    call.accounts()?;
    let identity = call.identity().await?;
    let user = call.chat().ensure_user(&identity).await?;
    let PasswordBody { old_password, new_password } = call.json().await?;
    let change = PasswordChange { old: old_password, new: new_password };
    let address = call.origination.address;
    call.accounts()?.change_password(user.id, identity.session, change, address).await?;
    Ok(respond::no_content())
}
