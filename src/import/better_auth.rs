//! The table `apikey` of better-auth.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::{ForeignKey, Limits, Scheme, StoredSecret, digests, plain, record::Record};

/// Characters of a SHA-256 in Base64 for URLs. Of this length no key is that better-auth makes by default.
const DIGEST_LENGTH: usize = 43;

pub(super) fn key(record: &mut Record) -> Result<ForeignKey, String> {
    let stored = record.take_key("key")?.ok_or("There is no “key”.")?;
    // Without hashing, the key itself is stored.
    let digest =
        (stored.len() == DIGEST_LENGTH).then(|| URL_SAFE_NO_PAD.decode(stored.as_bytes()).ok()).flatten();
    let (secret, masked) = match digest.filter(|digest| digest.len() == 32) {
        Some(digest) => {
            let secret = StoredSecret::of_digest(Scheme::Sha256, &digest);
            let masked =
                record.text("start").map_or_else(|| digests::masked(&secret), |start| format!("{start}…"));
            (secret, masked)
        }
        None => plain::parse(&stored)?,
    };
    Ok(ForeignKey {
        owner: record.first_text(&["referenceId", "userId"]),
        expires_at: record.instant("expiresAt")?,
        is_enabled: record.flag("enabled", true)?,
        scopes: scopes(record)?,
        metadata: record.object("metadata")?,
        limits: limits(record)?,
        ..ForeignKey::new(secret, masked)
    })
}

/// `{"files": ["read"]}` is `files:read`.
fn scopes(record: &Record) -> Result<Vec<String>, String> {
    let mut scopes = Vec::new();
    for (subject, actions) in record.object("permissions")? {
        let Value::Array(actions) = actions else {
            return Err("“permissions” isn’t an object of lists.".to_owned());
        };
        for action in actions {
            let action = action.as_str().ok_or("“permissions” has something that is no text.")?;
            scopes.push(format!("{subject}:{action}"));
        }
    }
    Ok(scopes)
}

fn limits(record: &Record) -> Result<Limits, String> {
    let mut limits = Limits::default();
    if record.flag("rateLimitEnabled", false)?
        && let (Some(count), Some(window)) =
            (record.number("rateLimitMax")?, record.number("rateLimitTimeWindow")?)
    {
        limits.note_rate(count, window);
    }
    if let Some(left) = record.number("remaining")? {
        limits.unknown = Some(format!("A number of requests ({left} left)"));
    }
    Ok(limits)
}
