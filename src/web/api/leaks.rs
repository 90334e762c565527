//! Reports of leaked keys, from GitHub's secret scanning or from any machine that shares a secret
//! with this server. The format is GitHub's secret scanning partner protocol:
//! <https://docs.github.com/en/code-security/secret-scanning/secret-scanning-partner-program>.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, HeaderName, HeaderValue},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use utoipa::ToSchema;

use super::{
    credentials,
    gate::{Gate, RawBody, WithReport},
    json,
};
use crate::{
    api_types::Object,
    config::{LeakKeys, LeakSecret},
    domain::{
        leaks::{self, LeakReport},
        secret::SecretDigest,
    },
    web::{error::AppError, form::read_body, state::State},
};

/// Matches in one report.
const MAX_MATCHES: usize = 1000;

static KEY_IDENTIFIER: HeaderName = HeaderName::from_static("github-public-key-identifier");
static SIGNATURE: HeaderName = HeaderName::from_static("github-public-key-signature");

/// A text that looks like a key, and where it was found.
// No `Debug`: the text may be a secret.
#[derive(Deserialize, ToSchema)]
#[schema(as = LeakMatch)]
pub struct Match {
    /// The text that was found.
    #[schema(example = "tess_9fQ2…")]
    token: String,
    /// The reporter’s name for this type of key. It’s repeated in the response.
    #[serde(default, rename = "type")]
    #[schema(example = "tessera_api_key")]
    kind: Option<String>,
    /// The URL where it was found.
    #[serde(default)]
    #[schema(example = "https://github.com/lumen/site/blob/main/.env")]
    url: Option<String>,
    /// The kind of place, such as `content` or `commit`.
    #[serde(default)]
    #[schema(example = "commit")]
    source: Option<String>,
}

impl Match {
    /// The report; `None` for a text that is no key or token. What has not our form is looked up only where there
    /// are keys of other systems.
    async fn report(&self, state: &State) -> Result<Option<LeakReport>, AppError> {
        let (url, source) =
            (self.url.as_deref().unwrap_or_default(), self.source.as_deref().unwrap_or_default());
        let own = LeakReport::new(&self.token, url, source);
        if own.is_some() || !state.verifier.may_be_imported(&self.token, state.clock.now()).await? {
            return Ok(own);
        }
        Ok(Some(LeakReport::of_other_system(&self.token, url, source)))
    }
}

/// The result for a match. It doesn’t tell whose key it is.
#[derive(Serialize, ToSchema)]
#[schema(as = LeakDecision)]
pub struct Decision {
    /// The text that was sent.
    #[schema(example = "tess_9fQ2…")]
    token_raw: String,
    /// The type that was sent.
    #[schema(example = "tessera_api_key")]
    token_type: String,
    /// `true_positive` for a key or master token of this server, active or not; otherwise
    /// `false_positive`.
    #[schema(example = "true_positive")]
    label: &'static str,
}

/// Report leaked keys.
///
/// For each text, returns whether it’s a key or master token of this server. If it is, administrators are
/// notified, and it’s deactivated if the organization chose so.
///
/// # Errors
/// 404 leak reporting isn’t set up, 401 missing or invalid credentials, 400, 413 or 415 invalid body.
#[utoipa::path(
    post,
    path = "/api/v2/leaks",
    tag = "Leaks",
    request_body = Vec<Match>,
    responses((status = 200, description = "The results, in the order of the matches.", body = Vec<Decision>))
)]
pub async fn receive(mut gate: Gate<WithReport, RawBody>) -> Result<HttpResponse, AppError> {
    let RawBody(payload) = gate.take_body()?;
    let Gate { request, state, .. } = &gate;
    let credential = credential(request, state)?;
    if !json::is_json(request) {
        return Err(AppError::UnsupportedMediaType);
    }
    let body = read_body(request, payload).await?;
    if let Credential::Signature(signature) = credential
        && !signature.is_of(&body)
    {
        return Err(refused(request, state));
    }
    let matches = parse(&body)?;
    let mut reports: Vec<Option<LeakReport>> = Vec::with_capacity(matches.len());
    for found in &matches {
        reports.push(found.report(state).await?);
    }
    let is_known = look_up(request, state, reports.iter().flatten().cloned().collect()).await?;
    let decision = matches.into_iter().zip(&reports).map(|(found, report)| Decision {
        token_raw: found.token,
        token_type: found.kind.unwrap_or_default(),
        label: match report {
            Some(report) if is_known(report) => "true_positive",
            _ => "false_positive",
        },
    });
    let decision: Vec<Decision> = decision.collect();
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(decision))
}

/// Tells which reports are of a key or token, after what follows from them is done.
async fn look_up(
    request: &HttpRequest,
    state: &State,
    mut reports: Vec<LeakReport>,
) -> Result<impl Fn(&LeakReport) -> bool, AppError> {
    let now = state.clock.now();
    let known = if reports.is_empty() {
        Default::default()
    } else {
        let asked = reports.clone();
        state.db.read(move |connection| leaks::known(connection, &asked, now)).await?
    };
    reports.retain(|report| known.contains(&report.digest()));
    if !reports.is_empty() {
        let ip = credentials::client_ip(request);
        state.db.write(move |tx| leaks::receive(tx, &reports, ip, now)).await?;
    }
    Ok(move |report: &LeakReport| known.contains(&report.digest()))
}

fn parse(body: &[u8]) -> Result<Vec<Match>, AppError> {
    let matches: Vec<Object<Match>> = serde_json::from_slice(body).map_err(|error| {
        // serde's own words would repeat what was sent, which may be a secret.
        AppError::Unreadable(format!(
            "The body isn’t the expected JSON (line {}, column {}). Send an array of objects with “token”, “type”, \
             “url” and “source”.",
            error.line(),
            error.column()
        ))
    })?;
    let matches: Vec<Match> = matches.into_iter().map(|Object(found)| found).collect();
    if matches.len() > MAX_MATCHES {
        return Err(AppError::Unreadable(format!("Send at most {MAX_MATCHES} matches per request.")));
    }
    Ok(matches)
}

/// What a reporter showed.
enum Credential {
    /// The shared secret.
    Secret,
    /// A signature, to be compared with the body.
    Signature(Signature),
}

/// A signature of the raw body, with the key that it names.
struct Signature {
    point: Vec<u8>,
    signature: Vec<u8>,
}

impl Signature {
    fn of(identifier: &HeaderValue, signature: &HeaderValue, keys: &LeakKeys) -> Option<Self> {
        let point = keys.point(identifier.to_str().ok()?)?.to_vec();
        Some(Self { point, signature: BASE64.decode(signature.to_str().ok()?).ok()? })
    }

    fn is_of(&self, body: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point).verify(body, &self.signature).is_ok()
    }
}

fn credential(request: &HttpRequest, state: &State) -> Result<Credential, AppError> {
    let (secret, keys) = (&state.config.leak_secret, &state.config.leak_keys);
    if secret.is_none() && keys.is_none() {
        return Err(AppError::NotFound);
    }
    let identifier = credentials::single(request, &KEY_IDENTIFIER)?;
    if let Some(signature) = credentials::single(request, &SIGNATURE)? {
        let keys = keys.as_ref().zip(identifier);
        let signature = keys.and_then(|(keys, identifier)| Signature::of(identifier, signature, keys));
        return signature.map(Credential::Signature).ok_or_else(|| refused(request, state));
    }
    match credentials::authorization(request) {
        Ok(None) => Err(AppError::Unauthorized {
            detail: "Send the shared secret as “Authorization: Bearer <secret>”, or GitHub’s signature.",
            presented: false,
        }),
        Ok(Some((scheme, presented)))
            if scheme.eq_ignore_ascii_case("bearer")
                && secret.as_ref().is_some_and(|secret| is_same(secret, presented)) =>
        {
            Ok(Credential::Secret)
        }
        Err(twice @ AppError::CredentialTwice) => Err(twice),
        _ => Err(refused(request, state)),
    }
}

/// In the same time for every text: the digests are of one length.
fn is_same(secret: &LeakSecret, presented: &str) -> bool {
    let (secret, presented) = (SecretDigest::of(secret.expose()), SecretDigest::of(presented));
    secret.as_bytes().ct_eq(presented.as_bytes()).into()
}

/// One answer for every wrong credential; it counts as a guess.
fn refused(request: &HttpRequest, state: &State) -> AppError {
    match state.limits.guess(credentials::client_ip(request)) {
        Ok(()) => AppError::Unauthorized { detail: "Invalid shared secret or signature.", presented: true },
        Err(too_often) => too_often.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_match_needs_no_more_than_its_token() {
        let matches = parse(br#"[{"token": "x"}, {"token": "y", "url": null, "later": [1]}]"#).unwrap();
        assert_eq!(matches.iter().map(|found| found.token.as_str()).collect::<Vec<_>>(), ["x", "y"]);
    }

    #[test]
    fn a_thousand_matches_fit_and_no_more() {
        let body = |count| format!("[{}]", vec![r#"{"token":"x"}"#; count].join(","));
        assert_eq!(parse(body(1000).as_bytes()).map(|matches| matches.len()).ok(), Some(1000));
        assert!(matches!(parse(body(1001).as_bytes()), Err(AppError::Unreadable(_))));
    }

    #[test]
    fn an_unreadable_body_is_not_repeated() {
        let Err(AppError::Unreadable(text)) = parse(br#"["tess_secret"]"#) else { panic!("read") };
        assert!(text.contains("line 1") && !text.contains("tess_secret"), "{text}");
    }

    proptest! {
        #[test]
        fn whatever_bytes_arrive_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let is_array = serde_json::from_slice::<Vec<serde_json::Value>>(&bytes).is_ok();
            prop_assert!(is_array || matches!(parse(&bytes), Err(AppError::Unreadable(_))));
        }

        #[test]
        fn a_damaged_report_is_read_or_refused(place in 0usize..60, byte in any::<u8>(), length in 0usize..60) {
            let mut bytes = br#"[{"token":"x","type":"t","url":"https://a.example","source":"c"}]"#.to_vec();
            bytes[place] = byte;
            bytes.truncate(bytes.len() - length);
            match parse(&bytes) {
                Ok(matches) => prop_assert!(matches.len() <= 1),
                Err(error) => prop_assert!(matches!(error, AppError::Unreadable(_))),
            }
        }
    }
}
