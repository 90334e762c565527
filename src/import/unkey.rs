//! Unkey: rows of its table `keys`, or the body of its `keys.migrateKeys`.

use serde_json::Value;

use super::{
    FileError, ForeignKey, Limits, Line, Scheme, digests, line_of,
    record::{self, Record},
};

pub(super) fn read(text: &str) -> Result<Vec<Line>, FileError> {
    // The body is one object that has all keys; rows are an object in each line.
    let rows = match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(mut body)) => match body.remove("keys") {
            Some(Value::Array(keys)) => record::of_values(keys),
            _ => record::rows(text)?,
        },
        _ => record::rows(text)?,
    };
    rows.check_field("hash")?;
    Ok(rows.records.into_iter().map(|row| line_of(row, key)).collect())
}

fn key(record: &mut Record) -> Result<ForeignKey, String> {
    if record.text("deleted_at_m").is_some_and(|at| at != "0") {
        return Err("This key was deleted in Unkey.".to_owned());
    }
    let hash = match record.value("hash") {
        // As an older version of the body has it.
        Some(Value::Object(hash)) => hash.get("value").and_then(Value::as_str).map(str::to_owned),
        _ => record.text("hash"),
    };
    let hash = hash.ok_or("There is no “hash”.")?;
    let secret = digests::parse(&hash).filter(|secret| secret.scheme == Scheme::Sha256);
    let secret = secret.ok_or("The hash isn’t a SHA-256 in Base64, which has 44 characters.")?;
    let masked = record.text("start").map_or_else(|| digests::masked(&secret), |start| format!("{start}…"));
    let mut scopes = record.words("permissions")?;
    scopes.extend(record.words("roles")?);
    let mut metadata = record.object("meta")?;
    metadata.retain(|_, value| !value.is_null());
    Ok(ForeignKey {
        owner: record.first_text(&["externalId", "ownerId", "identityId"]),
        expires_at: record.instant("expires")?,
        is_enabled: record.flag("enabled", true)?,
        scopes,
        metadata,
        limits: limits(record)?,
        ..ForeignKey::new(secret, masked)
    })
}

fn limits(record: &Record) -> Result<Limits, String> {
    let mut limits = Limits::default();
    let remaining = record.number("remaining_requests")?;
    let refill = record.number("refill_amount")?;
    match (remaining, refill) {
        // On a day of each month; without a day it is each day.
        (_, Some(amount)) if record.value("refill_day").is_some() => limits.monthly_quota = Some(amount),
        (_, Some(amount)) => limits.unknown = Some(format!("A refill of {amount} requests a day")),
        (Some(left), None) => limits.unknown = Some(format!("A number of requests ({left} left)")),
        (None, None) => {}
    }
    if let Some(Value::Object(credits)) = record.json("credits")? {
        let refill = credits.get("refill").and_then(Value::as_object);
        let amount = refill.and_then(|refill| refill.get("amount")).and_then(Value::as_u64);
        match (amount, refill.and_then(|refill| refill.get("interval")).and_then(Value::as_str)) {
            (Some(amount), Some("monthly")) => limits.monthly_quota = Some(amount),
            (Some(amount), _) => limits.unknown = Some(format!("A refill of {amount} requests a day")),
            (None, _) => limits.unknown = Some("A number of requests".to_owned()),
        }
    }
    if let Some(Value::Array(rates)) = record.json("ratelimits")? {
        // Several are of several kinds of requests, which only the callers of Unkey can tell apart.
        let applied = rates.iter().filter(|rate| {
            rates.len() == 1 || rate.get("autoApply").and_then(Value::as_bool).unwrap_or(false)
        });
        for rate in applied {
            let number = |name: &str| rate.get(name).and_then(Value::as_u64);
            if let (Some(count), Some(duration)) = (number("limit"), number("duration")) {
                limits.note_rate(count, duration);
            }
        }
    }
    Ok(limits)
}
