//! One-use tickets that open a connection, for browsers, which cannot put a token into the request of a socket.
//!
//! A ticket carries the identity and its own end, signed with a key that all nodes share, so that any node may redeem
//! what any other issued and nothing is stored. That it works once is remembered by the node that redeemed it, for the
//! thirty seconds of its life; on another node the same ticket would pass a second time within them. Whoever holds the
//! ticket that long could have used it first anyway, and it grants no more than its owner's connection.

use crate::{
    Chat, Error, Result,
    auth::{Identity, Subject},
    model::{AuthSessionId, Timestamp, UserId},
};
use ahash::AHashMap;
use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a ticket is good.
pub const TICKET_LIFE: Duration = Duration::from_secs(30);

/// The most used tickets that a node remembers; beyond them it redeems none until some have ended.
const MEMORY: usize = 100_000;

/// The longest ticket in bytes that is looked at: names and picture addresses have limits of their own.
const LONGEST: usize = 8 << 10;

/// A ticket, fresh from [`Chat::issue_ticket`].
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    text: String,
}

impl Ticket {
    /// Returns the text that goes into the address of the connection; it is a secret.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ticket(..)")
    }
}

/// Signs tickets and remembers the used ones.
#[derive(Debug)]
pub(crate) struct TicketOffice {
    key: hmac::Key,
    used: Mutex<AHashMap<u128, Timestamp>>,
}

/// What a ticket says. Short names keep addresses short.
#[derive(Serialize, Deserialize)]
struct Claims {
    n: u128,
    t: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    u: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    d: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    a: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    e: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    s: Option<AuthSessionId>,
}

impl TicketOffice {
    /// Derives the signing key from a secret that all nodes share.
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"connection ticket, version 1");
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()), used: Mutex::default() }
    }

    fn issue(&self, identity: &Identity, now: Timestamp) -> Result<Ticket> {
        let (mut high, mut low) = (0, 0);
        for half in [&mut high, &mut low] {
            *half = getrandom::u64()
                .map_err(|error| Error::unavailable("no randomness for a ticket").with_source(error))?;
        }
        let (u, x) = match &identity.subject {
            Subject::User(id) => (Some(*id), None),
            Subject::External(id) => (None, Some(id.clone())),
        };
        let claims = Claims {
            n: u128::from(high) << 64 | u128::from(low),
            t: now.plus(TICKET_LIFE).as_micros(),
            u,
            x,
            d: identity.display_name.clone(),
            a: identity.avatar.clone(),
            e: identity.expires_at.map(Timestamp::as_micros),
            s: identity.session,
        };
        let body = serde_json::to_vec(&claims).expect("claims have string keys only");
        let mac = hmac::sign(&self.key, &body);
        let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(body), URL_SAFE_NO_PAD.encode(mac));
        if text.len() > LONGEST {
            return Err(Error::too_large("identity is too long for a ticket"));
        }
        Ok(Ticket { text })
    }

    fn redeem(&self, ticket: &str, now: Timestamp) -> Result<Identity> {
        let claims = self.open(ticket).ok_or_else(refused)?;
        let ends = Timestamp::from_micros(claims.t);
        if ends <= now {
            return Err(refused());
        }
        self.remember(claims.n, ends, now)?;
        let subject = match (claims.u, claims.x) {
            (Some(id), None) => Subject::User(id),
            (None, Some(id)) => Subject::External(id),
            _ => return Err(refused()),
        };
        Ok(Identity {
            subject,
            display_name: claims.d,
            avatar: claims.a,
            expires_at: claims.e.map(Timestamp::from_micros),
            session: claims.s,
        })
    }

    fn open(&self, ticket: &str) -> Option<Claims> {
        let (body, mac) = ticket.split_once('.').filter(|_| ticket.len() <= LONGEST)?;
        let body = URL_SAFE_NO_PAD.decode(body).ok()?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        hmac::verify(&self.key, &body, &mac).ok()?;
        serde_json::from_slice(&body).ok()
    }

    fn remember(&self, number: u128, ends: Timestamp, now: Timestamp) -> Result<()> {
        let mut used = self.used.lock();
        if used.len() >= MEMORY {
            used.retain(|_, ends| *ends > now);
        }
        if used.len() >= MEMORY {
            return Err(Error::busy("too many tickets at once").with_retry_after(TICKET_LIFE));
        }
        match used.insert(number, ends) {
            None => Ok(()),
            Some(_) => Err(refused()),
        }
    }

    /// Forgets used tickets whose life is over anyway.
    pub(crate) fn forget_ended(&self, now: Timestamp) {
        let mut used = self.used.lock();
        used.retain(|_, ends| *ends > now);
        used.shrink_to_fit();
    }
}

fn refused() -> Error {
    Error::unauthenticated("ticket is unknown, used or over")
}

impl Chat {
    /// Issues a ticket that opens one connection for this identity within [`TICKET_LIFE`].
    ///
    /// # Errors
    /// [`TooLarge`](crate::ErrorKind::TooLarge) for an identity that does not fit into an address,
    /// [`Unavailable`](crate::ErrorKind::Unavailable) without randomness.
    pub fn issue_ticket(&self, identity: &Identity) -> Result<Ticket> {
        self.inner.tickets.issue(identity, self.inner.clock.now())
    }

    /// Turns a ticket back into the identity that it was issued for. It works once.
    ///
    /// # Errors
    /// [`Unauthenticated`](crate::ErrorKind::Unauthenticated) for a ticket that is forged, used or over,
    /// [`Busy`](crate::ErrorKind::Busy) when too many were redeemed lately.
    pub fn redeem_ticket(&self, ticket: &str) -> Result<Identity> {
        self.inner.tickets.redeem(ticket, self.inner.clock.now())
    }
}

#[cfg(test)]
mod tests {
    use super::{TICKET_LIFE, TicketOffice};
    use crate::{
        auth::Identity,
        model::{Timestamp, UserId},
    };

    const NOON: Timestamp = Timestamp::from_micros(1_000_000);

    #[test]
    fn a_ticket_gives_back_its_identity_once() {
        let office = TicketOffice::new(&[7; 32]);
        let identity = Identity::external("host-7", "Ann").with_avatar("https://example.org/a.png");
        let ticket = office.issue(&identity, NOON).unwrap();
        assert_eq!(office.redeem(ticket.as_str(), NOON).unwrap(), identity);
        assert!(office.redeem(ticket.as_str(), NOON).is_err());
    }

    #[test]
    fn a_ticket_of_one_node_is_good_on_another_and_not_for_a_stranger() {
        let ticket = TicketOffice::new(&[7; 32]).issue(&Identity::user(UserId::new(3), "Bob"), NOON).unwrap();
        assert!(TicketOffice::new(&[8; 32]).redeem(ticket.as_str(), NOON).is_err());
        assert!(TicketOffice::new(&[7; 32]).redeem(ticket.as_str(), NOON).is_ok());
    }

    #[test]
    fn a_ticket_ends_after_its_life_and_is_forgotten_then() {
        let office = TicketOffice::new(&[7; 32]);
        let identity = Identity::user(UserId::new(3), "Bob");
        let late = office.issue(&identity, NOON).unwrap();
        let used = office.issue(&identity, NOON).unwrap();
        office.redeem(used.as_str(), NOON).unwrap();
        let end = NOON.plus(TICKET_LIFE);
        assert!(office.redeem(late.as_str(), end).is_err());
        office.forget_ended(end);
        assert!(office.used.lock().is_empty());
    }

    #[test]
    fn a_changed_ticket_is_refused() {
        let office = TicketOffice::new(&[7; 32]);
        let ticket = office.issue(&Identity::user(UserId::new(3), "Bob"), NOON).unwrap();
        let (body, mac) = ticket.as_str().split_once('.').unwrap();
        for forged in [format!("{body}x.{mac}"), format!("{body}."), body.to_owned(), String::new()] {
            assert!(office.redeem(&forged, NOON).is_err(), "{forged}");
        }
    }
}
