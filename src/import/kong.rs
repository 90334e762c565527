//! Kong's key-auth: what decK dumps, in which consumers have their keys, or `kong config db_export`, in which keys name
//! their consumers. Both are YAML or JSON.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use time::Duration;

use super::{
    FileError, ForeignKey, Line, line_of, plain,
    record::Record,
    yaml::{document, take_list, text},
};

/// Where keys stand.
const CREDENTIALS: &str = "keyauth_credentials";

pub(super) fn read(file: &str) -> Result<Vec<Line>, FileError> {
    let mut document = document(file)?;
    let mut found: Vec<(Option<String>, Value)> = Vec::new();
    // By what a key may name its consumer, the first of which counts.
    let mut names: [HashMap<String, String>; 3] = Default::default();
    for consumer in take_list(&mut document, "consumers") {
        let Value::Object(mut consumer) = consumer else { continue };
        let name = ["username", "custom_id", "id"].into_iter().find_map(|field| text(&consumer, field));
        for (names, known_by) in names.iter_mut().zip(["id", "username", "custom_id"]) {
            if let (Some(known_by), Some(name)) = (text(&consumer, known_by), &name) {
                names.insert(known_by, name.clone());
            }
        }
        found.extend(take_list(&mut consumer, CREDENTIALS).into_iter().map(|key| (name.clone(), key)));
    }
    for credential in take_list(&mut document, CREDENTIALS) {
        let consumer = credential.as_object().and_then(consumer_of);
        let name = consumer.map(|consumer| {
            let known = names.iter().find_map(|names| names.get(&consumer).cloned());
            known.unwrap_or(consumer)
        });
        found.push((name, credential));
    }
    if found.is_empty() {
        return Err(FileError(format!("The file has no “{CREDENTIALS}”.")));
    }
    let lines = found.into_iter().enumerate().map(|(place, (consumer, value))| {
        let line = line_of((place + 1, Record::of(value)), |record| key(record, consumer.clone()));
        Line { name: consumer, ..line }
    });
    Ok(lines.collect())
}

/// The consumer that a key names: its id or name, alone or in an object.
fn consumer_of(credential: &Map<String, Value>) -> Option<String> {
    match credential.get("consumer")? {
        Value::Object(consumer) => ["id", "username"].into_iter().find_map(|field| text(consumer, field)),
        Value::String(consumer) => Some(consumer.clone()),
        _ => None,
    }
}

fn key(record: &mut Record, consumer: Option<String>) -> Result<ForeignKey, String> {
    let key = record.take_key("key")?.ok_or("There is no “key”.")?;
    let (secret, masked) = plain::parse(&key)?;
    let mut key = ForeignKey { owner: consumer, ..ForeignKey::new(secret, masked) };
    let tags = record.words("tags")?;
    if !tags.is_empty() {
        key.metadata.insert("tags".to_owned(), json!(tags));
    }
    if let Some(seconds) = record.number("ttl")?.filter(|seconds| *seconds > 0) {
        let created_at = record.instant("created_at")?;
        let lasts = i64::try_from(seconds).ok().map(Duration::seconds);
        let end = created_at.zip(lasts).and_then(|(created_at, lasts)| created_at.checked_add(lasts));
        key.expires_at = Some(end.ok_or("The key has a “ttl” but no “created_at”, so its end is unknown.")?);
    }
    Ok(key)
}
