//! JSON bodies as they are sent.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header::CONTENT_TYPE};
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use sha2::{Digest, Sha256};

use crate::{
    api_types::Object,
    web::{
        display,
        error::{AppError, FieldProblem},
        form::read_body,
    },
};

/// The SHA-256 of the body, kept with the request: whether two requests are the same.
#[derive(Clone, Debug, Default)]
pub struct BodyDigest(pub [u8; 32]);

/// A JSON body. Anything else is refused, so that no form of another site passes for one
/// (ASVS 3.5.2).
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AppError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = is_json(request);
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            if !is_json {
                return Err(AppError::UnsupportedMediaType);
            }
            let body = read_body(&request, payload).await?;
            let value = parse(&body)?;
            if request.headers().contains_key("idempotency-key") {
                request.extensions_mut().insert(BodyDigest(Sha256::digest(&body).into()));
            }
            Ok(Self(value))
        })
    }
}

/// Whether the body says that it is JSON.
pub fn is_json(request: &HttpRequest) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// Reads a body; what is wrong with it is told with its place.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, AppError> {
    // The way with places is slower, and few bodies are wrong.
    serde_json::from_slice(body).map(|Object(value)| value).map_err(|error| {
        let reader = &mut serde_json::Deserializer::from_slice(body);
        match serde_path_to_error::deserialize::<_, Object<T>>(reader) {
            Err(placed) if error.is_data() => {
                let pointer = pointer(placed.path());
                AppError::BadBody(FieldProblem { pointer, detail: sentence(placed.inner()) })
            }
            _ => AppError::Unreadable(format!("The body isn’t valid JSON: {error}.")),
        }
    })
}

/// RFC 6901.
fn pointer(path: &serde_path_to_error::Path) -> String {
    let place = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    };
    path.iter().map(place).collect()
}

/// serde's words, without the place in the text, which the pointer tells better.
fn sentence(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    format!("{}.", display::capitalized(text))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Body {
        keys: Vec<Key>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Key {
        cost: u8,
    }

    #[test]
    fn a_wrong_field_is_told_with_its_place() {
        let place = |body: &str| match parse::<Body>(body.as_bytes()) {
            Err(AppError::BadBody(FieldProblem { pointer, detail })) => format!("{pointer}: {detail}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            place(r#"{"keys":[{"cost":1},{"cost":"a"}]}"#),
            "/keys/1/cost: Invalid type: string \"a\", expected u8."
        );
        assert_eq!(place("{}"), ": Missing field `keys`.");
        assert!(place(r#"{"keys":[],"a/b":1}"#).starts_with("/a~1b: Unknown field"));
        assert!(matches!(parse::<Body>(b"{"), Err(AppError::Unreadable(_))));
    }
}
