//! Who may report leaked keys.

use std::{collections::BTreeMap, fs};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ring::{agreement, rand::SystemRandom};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// The secret that a reporter shares with this server. Prints as redacted.
#[derive(Clone, Debug)]
pub struct LeakSecret(SecretString);

impl LeakSecret {
    /// 32 characters of hexadecimal digits are 128 bits (ASVS 6.5.2 asks for 112).
    const LEAST_CHARACTERS: usize = 32;

    /// # Errors
    /// What the secret may be, without the text that was given.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() < Self::LEAST_CHARACTERS || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("must be at least 32 ASCII characters without spaces, for example the output of \
                        “openssl rand -hex 32”"
                .to_owned());
        }
        Ok(Self(SecretString::from(text)))
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// The public keys with which GitHub signs its reports: points on the curve P-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeakKeys(BTreeMap<String, Vec<u8>>);

/// The format of <https://api.github.com/meta/public_keys/secret_scanning>.
#[derive(Deserialize)]
struct PublicKeys {
    public_keys: Vec<PublicKey>,
}

/// `is_current` is left aside: a key that was current when a report was signed still verifies it.
#[derive(Deserialize)]
struct PublicKey {
    key_identifier: String,
    key: String,
}

impl LeakKeys {
    /// Reads the keys from the file at `path`.
    ///
    /// # Errors
    /// What the file has to be.
    pub fn read(path: &str) -> Result<Self, String> {
        let text = fs::read_to_string(path)
            .map_err(|error| format!("must be the path of a readable file ({})", error.kind()))?;
        Self::parse(super::text_of_file(&text))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let PublicKeys { public_keys } = serde_json::from_str(text).map_err(|_| {
            "must be the path of a file in GitHub’s format, \
             {\"public_keys\": [{\"key_identifier\": \"…\", \"key\": \"-----BEGIN PUBLIC KEY-----…\"}]}"
        })?;
        let keys = public_keys.into_iter().map(|PublicKey { key_identifier, key }| {
            let point = point(&key).ok_or_else(|| {
                let name: String = key_identifier.escape_default().take(80).collect();
                format!("must be the path of a file with keys of the curve P-256; “{name}” isn't one")
            })?;
            Ok((key_identifier, point))
        });
        let keys = keys.collect::<Result<BTreeMap<_, _>, String>>()?;
        if keys.is_empty() {
            return Err("must be the path of a file with at least one key".to_owned());
        }
        Ok(Self(keys))
    }

    /// The key with an identifier, as an uncompressed point.
    pub fn point(&self, identifier: &str) -> Option<&[u8]> {
        self.0.get(identifier).map(Vec::as_slice)
    }
}

/// What precedes the point of a P-256 key in its DER form: id-ecPublicKey, prime256v1, and a bit
/// string of 66 bytes (RFC 5480, section 2).
const P256_HEADER: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The point in a PEM block; `None` for another kind of key.
fn point(pem: &str) -> Option<Vec<u8>> {
    let body = pem.trim().strip_prefix("-----BEGIN PUBLIC KEY-----")?;
    let body = body.strip_suffix("-----END PUBLIC KEY-----")?;
    let body: String = body.split_whitespace().collect();
    let der = BASE64.decode(body).ok()?;
    let point = der.strip_prefix(&P256_HEADER)?;
    is_on_curve(point).then(|| point.to_vec())
}

/// ring looks at a point only when it is used, and every signature would fail later on.
fn is_on_curve(point: &[u8]) -> bool {
    let private = agreement::EphemeralPrivateKey::generate(&agreement::ECDH_P256, &SystemRandom::new());
    let public = agreement::UnparsedPublicKey::new(&agreement::ECDH_P256, point);
    private.is_ok_and(|private| agreement::agree_ephemeral(private, &public, |_| ()).is_ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

    use super::*;

    fn pem(der: &[u8]) -> String {
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(der))
    }

    fn file(pem: &str) -> String {
        serde_json::json!({ "public_keys": [
            { "key_identifier": "90a4", "key": pem, "is_current": true }
        ] })
        .to_string()
    }

    fn some_point() -> Vec<u8> {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pair = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pair.as_ref(), &random).expect("a key");
        pair.public_key().as_ref().to_vec()
    }

    #[test]
    fn a_key_is_found_by_its_identifier() {
        let point = some_point();
        let keys = LeakKeys::parse(&file(&pem(&[&P256_HEADER[..], &point].concat()))).expect("keys");
        assert_eq!(keys.point("90a4"), Some(point.as_slice()));
        assert_eq!(keys.point("90a5"), None);
    }

    #[test]
    fn what_is_no_key_of_the_curve_is_named() {
        let point = some_point();
        let mut off_curve = point.clone();
        off_curve[40] ^= 1;
        let mut other_curve = P256_HEADER;
        other_curve[22] = 8;
        for wrong in [
            "hello".to_owned(),
            pem(b"hello"),
            pem(&[&other_curve[..], &point].concat()),
            pem(&[&P256_HEADER[..], &off_curve].concat()),
            pem(&[&P256_HEADER[..], &point, b"more"].concat()),
        ] {
            let error = LeakKeys::parse(&file(&wrong)).expect_err("refused");
            assert!(error.ends_with("“90a4” isn't one"), "{error}");
        }
        for wrong in ["", "[]", "{}", r#"{"public_keys": [{"key": "x"}]}"#] {
            assert!(LeakKeys::parse(wrong).expect_err(wrong).contains("GitHub’s format"));
        }
        assert!(LeakKeys::parse(r#"{"public_keys": []}"#).expect_err("empty").contains("at least one key"));
    }

    proptest! {
        #[test]
        fn no_text_passes_for_a_key(text in ".*") {
            prop_assert_eq!(point(&text), None);
            prop_assert_eq!(point(&format!("-----BEGIN PUBLIC KEY-----{text}-----END PUBLIC KEY-----")), None);
        }
    }
}
