//! Pages in fewer bytes, for clients that take them so.
//!
//! What is compressed betrays by its length what it holds: who can put words into a page can guess at the
//! secrets beside them, letter by letter (BREACH, <https://breachattack.com>). So only those responses are
//! compressed that say of themselves that they hold none.

use std::io::Write;

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    dev::ServiceResponse,
    http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue},
};
use flate2::{Compression, write::GzEncoder};

/// Smaller ones fit into one packet as they are.
const MIN_LENGTH: u64 = 1400;

/// Marks a response that holds no secret.
#[derive(Clone, Copy, Debug)]
pub struct HoldsNoSecret;

/// Compresses a response that may be, where the client takes it so.
pub(super) fn compress(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    if response.response().extensions().get::<HoldsNoSecret>().is_none() {
        return response;
    }
    let accepted = response.request().headers().get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let takes_gzip =
        accepted.and_then(|accepted| weight(accepted, "gzip")).is_some_and(|weight| weight > 0.0);
    if !takes_gzip || !matches!(response.response().body().size(), BodySize::Sized(MIN_LENGTH..)) {
        return response;
    }
    let mut is_compressed = false;
    let mut response = response.map_body(|_, body| match body.try_into_bytes() {
        Ok(bytes) => match gzip(&bytes) {
            Ok(compressed) => {
                is_compressed = true;
                BoxBody::new(compressed)
            }
            Err(_) => BoxBody::new(bytes),
        },
        Err(body) => body,
    });
    if is_compressed {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Fast rather than small: a page is made for one reader.
fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// The weight that `Accept-Encoding` gives a coding (RFC 9110, section 12.5.3): by its name, else
/// by `*`; `None` when neither is there. A weight that cannot be read counts as a rejection.
pub(super) fn weight(accepted: &str, coding: &str) -> Option<f32> {
    let named = |wanted: &str| {
        accepted.split(',').find_map(|item| {
            let (name, parameters) = item.split_once(';').unwrap_or((item, "q=1"));
            let quality = parameters.trim().strip_prefix("q=").unwrap_or("0");
            name.trim().eq_ignore_ascii_case(wanted).then(|| quality.trim().parse().unwrap_or(0.0))
        })
    };
    named(coding).or_else(|| named("*"))
}
