//! The credential in a request's headers. Never in its address, where logs would keep it
//! (ASVS 14.2.1).

use std::{net::IpAddr, sync::Arc};

use actix_web::{HttpMessage, HttpRequest, http::header::AUTHORIZATION};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::{
    clock::Timestamp,
    domain::{secret::SecretDigest, session_tokens::SessionSeal, verification::KnownToken},
    web::{error::AppError, state::State, visit::RequestContext},
};

/// The API key in `Authorization: Bearer` or `X-API-Key`.
pub fn api_key(request: &HttpRequest) -> Result<&str, AppError> {
    match request.headers().get("x-api-key") {
        Some(value) => value.to_str().map(str::trim).map_err(|_| unreadable()),
        None => bearer(request, "Send an API key as “Authorization: Bearer <key>” or “X-API-Key: <key>”."),
    }
}

/// The master token in `Authorization: Bearer`.
pub fn master_token(request: &HttpRequest) -> Result<&str, AppError> {
    bearer(request, "Send an active master token as “Authorization: Bearer <token>”.")
}

/// The digest of the master token that was presented, or that a session token stands for.
pub(super) fn digest_of_token(presented: &str, seal: &SessionSeal, now: Timestamp) -> SecretDigest {
    seal.read(presented, now).unwrap_or_else(|| SecretDigest::of(presented))
}

/// The active master token behind the credential: the token itself, or a session token that stands
/// for it. Its use is noted.
pub async fn caller(
    request: &HttpRequest,
    state: &State,
    now: Timestamp,
) -> Result<Arc<KnownToken>, AppError> {
    let presented = master_token(request)?;
    let known = match state.session_tokens.read(presented, now) {
        Some(digest) => state.verifier.token(digest, now).await?,
        None => state.verifier.authenticate(presented, now).await?,
    };
    let known = known.ok_or_else(no_token)?;
    state.usage.note_token(&known, client_ip(request), now);
    Ok(known)
}

/// What whoever presents a token hears that is none, or none any more.
pub(super) fn no_token() -> AppError {
    AppError::Unauthorized {
        detail: "This token does not exist, has expired or is deactivated.",
        presented: true,
    }
}

fn bearer<'a>(request: &'a HttpRequest, advice: &'static str) -> Result<&'a str, AppError> {
    let missing = AppError::Unauthorized { detail: advice, presented: false };
    let (scheme, credential) = authorization(request)?.ok_or(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(credential) } else { Err(unreadable()) }
}

/// Scheme and credential of the header `Authorization`, if there is one.
pub fn authorization(request: &HttpRequest) -> Result<Option<(&str, &str)>, AppError> {
    let Some(value) = request.headers().get(AUTHORIZATION) else { return Ok(None) };
    scheme_and_credential(value.as_bytes()).map(Some).ok_or_else(unreadable)
}

/// The two parts of the value of `Authorization`.
pub fn scheme_and_credential(value: &[u8]) -> Option<(&str, &str)> {
    let value = str::from_utf8(value).ok().filter(|value| value.is_ascii())?;
    let (scheme, credential) = value.split_once(' ')?;
    Some((scheme, credential.trim()))
}

/// What `Authorization: Basic` carries (RFC 7617): a name and a key, in Base64. The last colon
/// parts them, since the name of a key may hold some.
pub fn name_and_key(credential: &str) -> Option<(String, String)> {
    let mut name = String::from_utf8(BASE64.decode(credential).ok()?).ok()?;
    let colon = name.rfind(':')?;
    let key = name.split_off(colon + 1);
    name.pop();
    Some((name, key))
}

/// Where the request comes from; behind trusted proxies what they say.
pub fn client_ip(request: &HttpRequest) -> Option<IpAddr> {
    request.extensions().get::<RequestContext>().and_then(|context| context.ip)
}

fn unreadable() -> AppError {
    AppError::Unauthorized {
        detail: "The credential could not be read. Send “Authorization: Bearer <key>”.",
        presented: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_takes_the_last_colon_for_the_border() {
        let (name, key) = name_and_key(&BASE64.encode("a: b:tess_x")).unwrap();
        assert_eq!((name.as_str(), key.as_str()), ("a: b", "tess_x"));
        for unreadable in ["%%%", &BASE64.encode("no colon"), &BASE64.encode(b"\xff:tess_x")] {
            assert_eq!(name_and_key(unreadable), None, "{unreadable}");
        }
    }

    #[test]
    fn a_scheme_stands_before_its_credential() {
        assert_eq!(scheme_and_credential(b"Bearer  tess_x "), Some(("Bearer", "tess_x")));
        assert_eq!(scheme_and_credential(b"Bearer"), None);
        assert_eq!(scheme_and_credential("Bearer schlüssel".as_bytes()), None);
    }
}
