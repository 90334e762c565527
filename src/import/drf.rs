//! Django REST Framework API Key: the table `rest_framework_api_key_apikey`.
//!
//! Version 3 stores a SHA-512 of the key. Before that it was a hash as Django makes them of passwords: slow, with a salt
//! of its own, and so found by the key's prefix, which is unique there.

use super::{ForeignKey, Scheme, StoredSecret, digests, record::Record};

/// Iterations of PBKDF2 that are computed here; Django 5.2 makes a million.
const MAX_ITERATIONS: u32 = 4_000_000;

pub(super) fn key(record: &mut Record) -> Result<ForeignKey, String> {
    let hashed = record.needed("hashed_key")?;
    let prefix = record.text("prefix");
    let secret = if hashed.starts_with("sha512$$") {
        let secret = digests::parse(&hashed).filter(|secret| secret.scheme == Scheme::Sha512);
        secret.ok_or("“hashed_key” isn’t “sha512$$” and 128 hexadecimal digits.")?
    } else {
        check_hash(&hashed)?;
        let prefix = prefix.as_ref().filter(|prefix| !prefix.contains('.'));
        let look_up = prefix.ok_or("There is no “prefix”, by which a key with such a hash is found.")?;
        StoredSecret { scheme: Scheme::Django, look_up: look_up.clone().into_bytes(), verifier: Some(hashed) }
    };
    let masked = prefix.map_or_else(|| digests::masked(&secret), |prefix| format!("{prefix}.…"));
    Ok(ForeignKey {
        owner: record.first_text(&["organization", "organization_id", "owner", "user", "user_id"]),
        expires_at: record.instant("expiry_date")?,
        is_enabled: !record.flag("revoked", false)?,
        ..ForeignKey::new(secret, masked)
    })
}

/// Refuses hashes that nobody here can compute.
fn check_hash(hashed: &str) -> Result<(), String> {
    let mut parts = hashed.split('$');
    match parts.next() {
        Some("pbkdf2_sha256") => {
            let iterations = parts.next().and_then(|number| number.parse::<u32>().ok());
            let is_whole = parts.count() == 2;
            match iterations {
                Some(1..=MAX_ITERATIONS) if is_whole => Ok(()),
                _ => Err("The hash isn’t “pbkdf2_sha256$iterations$salt$hash”.".to_owned()),
            }
        }
        Some("argon2") if hashed.starts_with("argon2$argon2") => Ok(()),
        Some(name @ ("argon2" | "pbkdf2_sha1" | "bcrypt" | "bcrypt_sha256" | "scrypt")) => {
            Err(format!("Hashes made by {name} can’t be verified. Ask the client to change to a new key."))
        }
        _ => Err("“hashed_key” is no hash that is known.".to_owned()),
    }
}
