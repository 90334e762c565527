//! django-rest-knox: the table `knox_authtoken`.

use super::{ForeignKey, Scheme, digests, record::Record};

/// Characters of a token's beginning that are shown; knox stores fifteen.
const SHOWN: usize = 8;

pub(super) fn key(record: &mut Record) -> Result<ForeignKey, String> {
    let digest = record.needed("digest")?;
    let secret = digests::parse(&digest).filter(|secret| secret.scheme == Scheme::Sha512);
    let secret = secret.ok_or("The digest isn’t a SHA-512, which has 128 hexadecimal digits.")?;
    let start = record.text("token_key").map(|start| start.chars().take(SHOWN).collect::<String>());
    let masked = start.map_or_else(|| digests::masked(&secret), |start| format!("{start}…"));
    Ok(ForeignKey {
        owner: record.first_text(&["user", "user_id"]),
        expires_at: record.instant("expiry")?,
        ..ForeignKey::new(secret, masked)
    })
}
