//! Files that somebody made for this: CSV with a header, JSON lines or a JSON array.

use super::{
    FileError, ForeignKey, Line, Scheme, digests, line_of, plain,
    record::{self, Record},
};

/// What a key can have. Anything else is refused: a key whose “expire_at” was passed over would never end.
const FIELDS: [&str; 14] = [
    "name",
    "key",
    "digest",
    "algorithm",
    "owner",
    "organization",
    "expires_at",
    "enabled",
    "environment",
    "scopes",
    "description",
    "metadata",
    "rate_limit",
    "monthly_quota",
];

pub(super) fn read(text: &str) -> Result<Vec<Line>, FileError> {
    let rows = record::rows(text)?;
    rows.check("key” or “digest", |has| has("key") || has("digest"))?;
    let unknown = rows.unknown_fields(&FIELDS);
    if let Some(name) = unknown.first() {
        return Err(FileError(format!("“{name}” is unknown. A key can have: {}.", FIELDS.join(", "))));
    }
    Ok(rows.records.into_iter().map(|row| line_of(row, key)).collect())
}

fn key(record: &mut Record) -> Result<ForeignKey, String> {
    let plain = record.take_key("key")?;
    let digest = record.text("digest");
    let algorithm = record.text("algorithm").unwrap_or_default();
    let mut key = match (plain, digest) {
        (Some(_), Some(_)) => return Err("Use either “key” or “digest”.".to_owned()),
        (None, None) => return Err("There is neither a “key” nor a “digest”.".to_owned()),
        (Some(plain), None) => {
            if !algorithm.is_empty() && !digests::is_name_of(&algorithm, Scheme::Sha256) {
                return Err("Only a “digest” has an “algorithm”.".to_owned());
            }
            let (secret, masked) = plain::parse(&plain)?;
            ForeignKey::new(secret, masked)
        }
        (None, Some(digest)) => {
            let secret = digests::parse(&digest)
                .ok_or_else(|| format!("The digest can’t be read. {}", digests::EXPECTED))?;
            if !digests::is_name_of(&algorithm, secret.scheme) {
                return Err(format!("A digest of this length isn’t made by “{algorithm}”."));
            }
            let masked = digests::masked(&secret);
            ForeignKey::new(secret, masked)
        }
    };
    key.owner = record.first_text(&["organization", "owner"]);
    key.expires_at = record.instant("expires_at")?;
    key.is_enabled = record.flag("enabled", true)?;
    if let Some(environment) = record.text("environment") {
        let word = environment.to_lowercase().parse();
        key.environment = word.map_err(|_| "“environment” is neither live nor test.")?;
    }
    key.scopes = record.words("scopes")?;
    key.description = record.text("description");
    key.metadata = record.object("metadata")?;
    key.limits.rate = record.text("rate_limit");
    key.limits.monthly_quota = record.number("monthly_quota")?;
    Ok(key)
}
