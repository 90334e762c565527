//! The signature by which a receiver knows the sender: Standard Webhooks 1.0, "Signature scheme".

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use ring::hmac;

use crate::domain::secret::{SIGNING_PREFIX, Secret};

/// `v1,<base64>` for each of `secrets`, with spaces between them. `None` when one of them is not
/// what we made.
pub(super) fn sign(secrets: &[Secret], id: &str, timestamp: i64, body: &str) -> Option<String> {
    let signed = format!("{id}.{timestamp}.{body}");
    let signatures: Option<Vec<String>> = secrets.iter().map(|secret| one(secret, &signed)).collect();
    signatures.filter(|signatures| !signatures.is_empty()).map(|signatures| signatures.join(" "))
}

fn one(secret: &Secret, signed: &str) -> Option<String> {
    let text = secret.expose().strip_prefix(SIGNING_PREFIX)?.trim_end_matches('=');
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD_NO_PAD.decode(text).ok()?);
    Some(format!("v1,{}", STANDARD.encode(hmac::sign(&key, signed.as_bytes()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_signs_and_only_what_it_was_given() {
        let secrets = [Secret::generate_signing().unwrap(), Secret::generate_signing().unwrap()];
        let both = sign(&secrets, "msg_1", 1_700_000_000, "{}").unwrap();
        let signatures: Vec<&str> = both.split(' ').collect();
        let [first, second] = signatures.as_slice() else { panic!("not two signatures: {both}") };
        assert_ne!(first, second);
        assert_eq!(sign(&secrets[..1], "msg_1", 1_700_000_000, "{}").as_deref(), Some(*first));
        for (id, timestamp, body) in
            [("msg_2", 1_700_000_000, "{}"), ("msg_1", 1_700_000_001, "{}"), ("msg_1", 1_700_000_000, "{} ")]
        {
            assert_ne!(sign(&secrets[..1], id, timestamp, body).as_deref(), Some(*first));
        }
        assert_eq!(sign(&[], "msg_1", 0, ""), None);
    }
}
