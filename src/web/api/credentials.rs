//! The credential in a request's headers. Never in its address, where logs would keep it
//! (ASVS 14.2.1).

use std::{borrow::Cow, net::IpAddr, sync::Arc};

use actix_web::{
    HttpMessage, HttpRequest,
    http::header::{AUTHORIZATION, HeaderName, HeaderValue},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::{
    clock::Timestamp,
    domain::{
        secret::{self, SecretDigest, SecretKind},
        session_tokens::SessionSeal,
        verification::{KnownCaller, KnownInstanceToken, KnownToken},
    },
    web::{error::AppError, state::State, visit::RequestContext},
};

static X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// As Kong and APISIX have it.
static APIKEY: HeaderName = HeaderName::from_static("apikey");

/// A key as it was presented, with the name that Basic asks for beside it.
pub struct Presented<'a> {
    /// The key.
    pub key: Cow<'a, str>,
    /// The name that the key must have.
    pub name: Option<String>,
}

/// The API key in `X-API-Key`, or else in `Authorization`: as `Bearer`, or as the password of `Basic`
/// with the key's name. The former counts first, since behind a gateway `Authorization` may be meant
/// for what stands there.
///
/// Where there are keys of other systems, they may come as they did there: in `apikey` or a header that
/// the operator names, which count before an `Authorization` that has no key of ours, or in
/// `Authorization` as `Api-Key` or `Token`.
pub async fn api_key<'a>(request: &'a HttpRequest, state: &State) -> Result<Presented<'a>, AppError> {
    let sent = Sent::with(request)?;
    let own = key_of(&sent);
    let is_ours = |presented: &Presented<'_>| secret::is_well_formed(SecretKind::ApiKey, &presented.key);
    if sent.api_key.is_some() || own.as_ref().is_ok_and(is_ours) || !state.verifier.has_imported_keys().await
    {
        return own;
    }
    for name in std::iter::once(&APIKEY).chain(&state.config.key_headers) {
        if let Some(value) = single(request, name)? {
            return key_in(value);
        }
    }
    match sent.authorization.map(parts) {
        Some(Ok((scheme, credential))) if is_scheme_of_other_systems(scheme) => {
            Ok(Presented { key: credential.into(), name: None })
        }
        _ => own,
    }
}

/// As Django REST Framework API Key has it, and Django REST Framework itself.
fn is_scheme_of_other_systems(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("api-key") || scheme.eq_ignore_ascii_case("token")
}

fn key_in(value: &HeaderValue) -> Result<Presented<'_>, AppError> {
    let key = value.to_str().map_err(|_| unreadable())?.trim();
    Ok(Presented { key: key.into(), name: None })
}

fn key_of<'a>(sent: &Sent<'a>) -> Result<Presented<'a>, AppError> {
    if let Some(value) = sent.api_key {
        return key_in(value);
    }
    let missing = missing("Send an API key as “Authorization: Bearer <key>” or “X-API-Key: <key>”.");
    let (scheme, credential) = parts(sent.authorization.ok_or(missing)?)?;
    if scheme.eq_ignore_ascii_case("basic") {
        let (name, key) = name_and_key(credential).ok_or_else(unreadable)?;
        return Ok(Presented { key: key.into(), name: Some(name) });
    }
    Ok(Presented { key: bearer((scheme, credential))?.into(), name: None })
}

/// The master token in `Authorization: Bearer`.
pub fn master_token(request: &HttpRequest) -> Result<&str, AppError> {
    let missing = missing("Send an active master token as “Authorization: Bearer <token>”.");
    bearer(parts(Sent::with(request)?.authorization.ok_or(missing)?)?)
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
    let known = known.ok_or_else(|| no_such_token(presented, SecretKind::MasterToken))?;
    state.usage.note_token(&known, client_ip(request), now);
    Ok(known)
}

/// The active token behind the credential of whoever verifies keys: a master token, a session token that stands for one,
/// or an instance token. Its use is noted.
pub async fn verifying_caller(
    request: &HttpRequest,
    state: &State,
    now: Timestamp,
) -> Result<KnownCaller, AppError> {
    if secret::is_well_formed(SecretKind::InstanceToken, master_token(request)?) {
        return instance_caller(request, state, now).await.map(KnownCaller::Instance);
    }
    caller(request, state, now).await.map(KnownCaller::Organization)
}

/// The active instance token behind the credential. Its use is noted.
pub async fn instance_caller(
    request: &HttpRequest,
    state: &State,
    now: Timestamp,
) -> Result<Arc<KnownInstanceToken>, AppError> {
    let missing = missing("Send an active instance token as “Authorization: Bearer <token>”.");
    let presented = bearer(parts(Sent::with(request)?.authorization.ok_or(missing)?)?)?;
    let known = state.verifier.authenticate_on_instance(presented, now).await?;
    let known = known.ok_or_else(|| no_such_token(presented, SecretKind::InstanceToken))?;
    state.usage.note_instance_token(&known, client_ip(request), now);
    Ok(known)
}

/// What whoever presents a token hears that is none, or none any more.
pub(super) fn no_token() -> AppError {
    AppError::Unauthorized {
        detail: "This token doesn’t exist, has expired or is deactivated.",
        presented: true,
    }
}

/// [`no_token`], or what whoever presents a secret of another kind should send instead.
fn no_such_token(presented: &str, wanted: SecretKind) -> AppError {
    let is = |kind| kind != wanted && secret::is_well_formed(kind, presented);
    let detail = match wanted {
        SecretKind::InstanceToken if is(SecretKind::MasterToken) => {
            "This is a master token of an organization. Send an instance token."
        }
        SecretKind::InstanceToken if is(SecretKind::ApiKey) => "This is an API key. Send an instance token.",
        _ if is(SecretKind::InstanceToken) => {
            "This is an instance token. Send a master token of the organization."
        }
        _ if is(SecretKind::ApiKey) => "This is an API key. Send a master token of the organization.",
        _ => return no_token(),
    };
    AppError::Unauthorized { detail, presented: true }
}

/// Scheme and credential of the header `Authorization`, if there is one.
pub fn authorization(request: &HttpRequest) -> Result<Option<(&str, &str)>, AppError> {
    Sent::with(request)?.authorization.map(parts).transpose()
}

/// The headers in which a credential may come. An empty one is none.
struct Sent<'a> {
    api_key: Option<&'a HeaderValue>,
    authorization: Option<&'a HeaderValue>,
}

impl<'a> Sent<'a> {
    /// Refuses a request with two of one header, also where only the other one counts: who reads the
    /// request next may take the one that was not looked at.
    fn with(request: &'a HttpRequest) -> Result<Self, AppError> {
        Ok(Self { api_key: single(request, &X_API_KEY)?, authorization: single(request, &AUTHORIZATION)? })
    }
}

/// The value of a header that may come once. More than one of them is `invalid_request` (RFC 6750,
/// sections 2 and 3.1), however alike they are.
pub fn single<'a>(request: &'a HttpRequest, name: &HeaderName) -> Result<Option<&'a HeaderValue>, AppError> {
    let mut values = request.headers().get_all(name);
    let first = values.next();
    if values.next().is_some() {
        return Err(AppError::CredentialTwice);
    }
    Ok(first.filter(|value| !value.as_bytes().trim_ascii().is_empty()))
}

fn missing(advice: &'static str) -> AppError {
    AppError::Unauthorized { detail: advice, presented: false }
}

fn parts(authorization: &HeaderValue) -> Result<(&str, &str), AppError> {
    scheme_and_credential(authorization.as_bytes()).ok_or_else(unreadable)
}

fn bearer<'a>((scheme, credential): (&str, &'a str)) -> Result<&'a str, AppError> {
    if scheme.eq_ignore_ascii_case("bearer") { Ok(credential) } else { Err(unreadable()) }
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
        detail: "The credentials can’t be read. Send “Authorization: Bearer <key>”.",
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
