//! Keys in the clear. They are digested at once, as keys that are made here.

use secrecy::zeroize::Zeroizing;

use super::{Scheme, StoredSecret, digests, scheme::sha256};

/// Bits that a key must have at least. Below, whoever gets hold of the database could try all that it may be.
pub const MIN_BITS: f64 = 80.0;

/// Characters that a key may have at most. Servers refuse headers of some thousand.
pub const MAX_LENGTH: usize = 512;

/// Digests a key, and gives its first four … last four characters.
///
/// # Errors
/// In a sentence, why it is not taken over.
pub(super) fn parse(key: &Zeroizing<String>) -> Result<(StoredSecret, String), String> {
    if ["$env://", "$secret://", "$ENV://", "{vault://"].iter().any(|start| key.starts_with(start)) {
        return Err(
            "This is a reference to a secret that is kept elsewhere. Put the key itself here.".to_owned()
        );
    }
    if key.len() > MAX_LENGTH {
        return Err(format!("Keys can have at most {MAX_LENGTH} characters."));
    }
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("Keys can only have ASCII letters, digits and symbols, without spaces.".to_owned());
    }
    let bits = bits(key);
    if bits < MIN_BITS {
        return Err(format!(
            "This key is too easy to guess: about {} bits by its length and its characters, where {} are needed.",
            bits.floor(),
            MIN_BITS.floor()
        ));
    }
    let secret = StoredSecret::of_digest(Scheme::Sha256, &sha256(key));
    let masked = masked(key, bits).unwrap_or_else(|| digests::masked(&secret));
    Ok((secret, masked))
}

/// What may be shown of a text that is the key of another system, if of anybody.
pub fn shown_of(key: &str) -> String {
    masked(key, bits(key))
        .unwrap_or_else(|| digests::masked(&StoredSecret::of_digest(Scheme::Sha256, &sha256(key))))
}

/// First four … last four, the prefix before them, or less of a key of which too little would be left to guess; `None`
/// where nothing of it may be shown.
fn masked(key: &str, bits: f64) -> Option<String> {
    let (prefix, body) = key.split_at(prefix_length(key));
    let length = f64::from(u32::try_from(body.len()).ok()?);
    let is_enough_without = |shown: f64| bits - shown * bits / length >= MIN_BITS;
    let head: String = body.chars().take(4).collect();
    let tail = body.get(body.len().saturating_sub(4)..).unwrap_or_default();
    match () {
        () if is_enough_without(8.0) => Some(format!("{prefix}{head}…{tail}")),
        () if is_enough_without(4.0) => Some(format!("{prefix}{head}…")),
        () => None,
    }
}

/// How long it takes to guess, as a power of two: the number of characters behind the prefix times the bits of one.
/// A character is taken for one of the smallest alphabet that has all of them, and of no more than the square of how
/// many different ones there are, so that repetitions count for little.
fn bits(key: &str) -> f64 {
    let body = key.get(prefix_length(key)..).unwrap_or_default();
    let any = |class: fn(&u8) -> bool| body.as_bytes().iter().any(class);
    let is_hex = body.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        || body.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
    let digits = if any(u8::is_ascii_digit) { 10 } else { 0 };
    let letters =
        [any(u8::is_ascii_lowercase), any(u8::is_ascii_uppercase)].iter().filter(|has| **has).count();
    let signs = match () {
        () if !any(u8::is_ascii_punctuation) => 0,
        () if body.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) => {
            2
        }
        () => 32,
    };
    let alphabet = match () {
        () if digits > 0 && letters == 0 && signs == 0 => 10,
        () if is_hex => 16,
        () => digits + 26 * letters + signs,
    };
    let mut different = body.as_bytes().to_vec();
    different.sort_unstable();
    different.dedup();
    let symbols = alphabet.min(different.len().saturating_mul(different.len()));
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    if symbols < 2 { 0.0 } else { count(body.len()) * count(symbols).log2() }
}

/// How long words such as `sk_live_` at the beginning are. All keys of a system have them.
fn prefix_length(key: &str) -> usize {
    let mut length = 0;
    while let Some((word, rest)) = key.get(length..).and_then(|rest| rest.split_once('_')) {
        let is_word = word.len() <= 16
            && word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !is_word || rest.is_empty() {
            break;
        }
        length += word.len() + 1;
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &str) -> Result<(StoredSecret, String), String> {
        parse(&Zeroizing::new(key.to_owned()))
    }

    #[test]
    fn a_key_is_known_by_its_digest_and_shown_by_its_ends() {
        let (secret, masked) = read("sk_live_3f9c1b7a2d5e4f608192a3b4c5d6e7f8").unwrap();
        let digest = "412d859887746cfeef98036eb873c8faffc26ca99304b3803eaa380a6471b802";
        assert_eq!(crate::hex::of(&secret.look_up), digest);
        assert_eq!((secret.scheme, masked.as_str()), (Scheme::Sha256, "sk_live_3f9c…e7f8"));
    }

    #[test]
    fn no_more_of_a_key_is_shown_than_leaves_it_hard_to_guess() {
        let shown = |key: &str| read(key).unwrap().1;
        assert_eq!(shown("Ab3dEf7hQ1w2E3r4T5y6U7i8"), "Ab3d…U7i8");
        assert_eq!(shown("Ab3dEf7hQ1w2E3r4T5y6"), "Ab3d…");
        let nothing = shown("Ab3dEf7hQ1w2E3");
        assert!(nothing.starts_with("sha256:") && nothing.len() == "sha256:123456…".len(), "{nothing}");
    }

    #[test]
    fn a_key_that_can_be_guessed_is_refused() {
        for weak in [
            "1234567890123456",
            "secret",
            "sk_live_0123456789abcdef",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "abababababababababababababababab",
            "Ab3dEf7hQ1w2E",
        ] {
            let refused = read(weak).unwrap_err();
            assert!(refused.contains("too easy to guess"), "{weak}: {refused}");
        }
    }

    #[test]
    fn a_key_of_eighty_bits_is_taken() {
        for strong in [
            "0123456789abcdef01234",
            "Ab3dEf7hQ1w2E3",
            "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
            "dGhpcyBpcyBubyBzZWNyZXQ_dGhpcyBpcw",
            "0123456789012345678901234",
        ] {
            assert!(read(strong).is_ok(), "{strong}: {} bits", bits(strong));
        }
    }

    #[test]
    fn what_no_header_can_carry_is_no_key() {
        assert!(read("3f9c1b7a 2d5e4f608192a3b4c5d6e7f8").unwrap_err().contains("without spaces"));
        assert!(read(&"3f9c1b7a".repeat(65)).unwrap_err().contains("at most 512"));
        assert!(read("$env://KEY_OF_JACK_3f9c1b7a2d5e4f60").unwrap_err().contains("kept elsewhere"));
    }
}
