//! Tyk, where it is set to SHA-256. Its other hashes are no secret: to a murmur hash a key can be made.

use super::{ForeignKey, Scheme, digests, record::Record};

pub(super) fn key(record: &mut Record) -> Result<ForeignKey, String> {
    let hash = record.needed("hash")?;
    if matches!(hash.len(), 8 | 16 | 32) {
        return Err(
            "This is a murmur hash, to which anybody can make another key. Set hash_key_function to sha256 in Tyk and \
             issue new keys."
                .to_owned(),
        );
    }
    let secret = digests::parse(&hash).filter(|secret| secret.scheme == Scheme::Sha256 && hash.len() == 64);
    let secret = secret.ok_or("The hash isn’t a SHA-256, which has 64 hexadecimal digits.")?;
    let masked = digests::masked(&secret);
    Ok(ForeignKey {
        owner: record.first_text(&["org_id", "owner", "alias"]),
        expires_at: record.instant("expires")?.filter(|at| at.year() > 1970),
        is_enabled: !record.flag("is_inactive", false)?,
        ..ForeignKey::new(secret, masked)
    })
}
