use super::{AccessClaims, TokenKey, TokenKeys, install_crypto};
use crate::{
    ErrorKind,
    model::{AuthSessionId, Timestamp, UserId},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

fn keys() -> TokenKeys {
    install_crypto();
    TokenKeys::new(TokenKey::new(SECRET).unwrap())
}

fn claims() -> AccessClaims {
    AccessClaims {
        user_id: UserId::new(7),
        username: "ada".to_owned(),
        expires_at: NOW.plus(Duration::from_mins(15)),
        session: Some(AuthSessionId::new(3)),
    }
}

/// Signs what a host (or an attacker with the key) might.
fn minted(header: &Header, claims: &Value, secret: &[u8]) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret)).unwrap()
}

fn hs256() -> Header {
    Header::new(Algorithm::HS256)
}

#[test]
fn a_signed_token_is_read_back() {
    let keys = keys();
    let token = keys.sign_access(&claims()).unwrap();
    assert_eq!(keys.open_access(&token.token, NOW).unwrap(), claims());
    let header = jsonwebtoken::decode_header(&token.token).unwrap();
    assert_eq!((header.alg, header.kid.map(|kid| kid.len())), (Algorithm::HS256, Some(8)));
}

#[test]
fn a_token_ends_at_its_exp() {
    let keys = keys();
    let token = keys.sign_access(&claims()).unwrap().token;
    assert!(keys.open_access(&token, NOW.plus(Duration::from_secs(899))).is_ok());
    let late = keys.open_access(&token, NOW.plus(Duration::from_secs(900))).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Unauthenticated);
}

#[test]
fn a_token_without_signature_or_of_another_algorithm_is_refused() {
    let keys = keys();
    let good = json!({ "user_id": 7, "username": "ada", "exp": NOW.as_seconds() + 60 });
    let body = URL_SAFE_NO_PAD.encode(good.to_string());
    for alg in ["none", "None", "NONE", "hs256"] {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": alg, "typ": "JWT" }).to_string());
        for signature in ["", "AAAA"] {
            let token = format!("{header}.{body}.{signature}");
            assert_eq!(
                keys.open_access(&token, NOW).unwrap_err().kind(),
                ErrorKind::Unauthenticated,
                "{token}"
            );
        }
    }
    for alg in [Algorithm::HS384, Algorithm::HS512] {
        assert!(keys.open_access(&minted(&Header::new(alg), &good, SECRET), NOW).is_err());
    }
    assert!(keys.open_access(&minted(&hs256(), &good, b"another secret of thirty-two byte"), NOW).is_err());
    for junk in ["", ".", "..", "a.b.c", "\u{0}", &"x".repeat(10_000)] {
        assert_eq!(keys.open_access(junk, NOW).unwrap_err().kind(), ErrorKind::Unauthenticated);
    }
}

#[test]
fn a_changed_token_is_refused() {
    let keys = keys();
    let token = keys.sign_access(&claims()).unwrap().token;
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let body = String::from_utf8(URL_SAFE_NO_PAD.decode(&parts[1]).unwrap()).unwrap();
    parts[1] = URL_SAFE_NO_PAD.encode(body.replace("\"user_id\":7", "\"user_id\":1"));
    assert_ne!(parts.join("."), token);
    assert!(keys.open_access(&parts.join("."), NOW).is_err());
}

#[test]
fn claims_that_are_missing_or_absurd_are_refused() {
    let keys = keys();
    let exp = NOW.as_seconds() + 60;
    for claims in [
        json!({ "username": "ada", "exp": exp }),
        json!({ "user_id": 7, "username": "ada" }),
        json!({ "user_id": 0, "exp": exp }),
        json!({ "user_id": -1, "exp": exp }),
        json!({ "user_id": "7", "exp": exp }),
        json!({ "user_id": 7.5, "exp": exp }),
        json!({ "user_id": 9_007_199_254_740_992_i64, "exp": exp }),
        json!({ "user_id": 7, "exp": "tomorrow" }),
        json!({ "user_id": 7, "exp": null }),
        json!({ "user_id": 7, "exp": -1 }),
        json!({ "user_id": 7, "exp": exp, "nbf": NOW.as_seconds() + 30 }),
        json!({ "user_id": 7, "exp": exp, "sid": 0 }),
        json!([7, exp]),
    ] {
        let token = minted(&hs256(), &claims, SECRET);
        assert_eq!(keys.open_access(&token, NOW).unwrap_err().kind(), ErrorKind::Unauthenticated, "{claims}");
    }
}

#[test]
fn a_token_that_a_host_minted_with_the_key_is_good_without_sid_and_kid() {
    let token =
        minted(&hs256(), &json!({ "user_id": 9, "exp": NOW.as_seconds() + 60, "aud": "app" }), SECRET);
    let claims = keys().open_access(&token, NOW).unwrap();
    assert_eq!((claims.user_id, claims.session), (UserId::new(9), None));
}

#[test]
fn a_replaced_key_still_opens_its_tokens_and_signs_none() {
    let old = keys().sign_access(&claims()).unwrap().token;
    let next = TokenKey::new(b"another secret that has enough bytes").unwrap();
    let rotated = TokenKeys::new(next.clone()).with_previous(TokenKey::new(SECRET).unwrap());
    assert_eq!(rotated.open_access(&old, NOW).unwrap(), claims());
    let fresh = rotated.sign_access(&claims()).unwrap().token;
    assert!(TokenKeys::new(next).open_access(&fresh, NOW).is_ok());
    assert!(keys().open_access(&fresh, NOW).is_err());
}

#[test]
fn an_invitation_is_no_access_token_and_the_other_way_round() {
    let keys = keys();
    let invite = keys.sign_invite(NOW.plus(Duration::from_secs(60))).unwrap();
    assert!(keys.accepts_invite(&invite, NOW));
    assert!(!keys.accepts_invite(&invite, NOW.plus(Duration::from_secs(60))));
    assert!(keys.open_access(&invite, NOW).is_err());
    assert!(!keys.accepts_invite(&keys.sign_access(&claims()).unwrap().token, NOW));
}

#[test]
fn a_short_secret_is_refused_and_never_shown() {
    assert_eq!(TokenKey::new(&[1; 31]).unwrap_err().kind(), ErrorKind::Invalid);
    let shown = format!("{:?}", keys());
    assert!(!shown.contains("0123456789abcdef"), "{shown}");
}
