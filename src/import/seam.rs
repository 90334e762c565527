//! Seam's prefixed keys (`prefixed-api-key`): a prefix, a short token that is stored, and a long one of which a digest is.

use super::{ForeignKey, Scheme, StoredSecret, digests, record::Record};
use crate::hex;

pub(super) fn key(record: &mut Record) -> Result<ForeignKey, String> {
    let hash = record.needed("longTokenHash")?;
    let digest = hex::parse(&hash).filter(|digest| digest.len() == 32);
    let digest = digest.ok_or("“longTokenHash” isn’t a SHA-256, which has 64 hexadecimal digits.")?;
    let short = record.text("shortToken");
    let prefix = record.text("prefix").map_or_else(String::new, |prefix| format!("{prefix}_"));
    let verifier = short.as_ref().map(|short| format!("{prefix}{short}"));
    let secret = StoredSecret { scheme: Scheme::Seam, look_up: digest, verifier };
    let masked = short.map_or_else(|| digests::masked(&secret), |short| format!("{prefix}{short}_…"));
    Ok(ForeignKey {
        owner: record.first_text(&["owner", "organization", "organization_id", "user_id", "workspace_id"]),
        expires_at: record.instant("expires_at")?,
        is_enabled: record.flag("enabled", true)?,
        scopes: record.words("scopes")?,
        ..ForeignKey::new(secret, masked)
    })
}
