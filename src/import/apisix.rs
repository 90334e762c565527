//! Apache APISIX's key-auth: `apisix.yaml`, or what its Admin API tells of consumers and their credentials.

use serde_json::{Map, Value};

use super::{
    FileError, ForeignKey, Line, line_of, plain,
    record::Record,
    yaml::{document, take_list, text},
};

/// The plugin that has the key.
const PLUGIN: &str = "key-auth";

pub(super) fn read(file: &str) -> Result<Vec<Line>, FileError> {
    let mut document = document(file)?;
    let mut consumers = take_list(&mut document, "consumers");
    // A list of the Admin API has each of them as a value under a key of etcd.
    let listed = take_list(&mut document, "list").into_iter();
    consumers.extend(listed.filter_map(|entry| match entry {
        Value::Object(mut entry) => entry.remove("value"),
        _ => None,
    }));
    let mut found = Vec::new();
    for consumer in consumers {
        let Value::Object(mut consumer) = consumer else { continue };
        let name = ["username", "name", "id"].into_iter().find_map(|field| text(&consumer, field));
        let credentials = take_list(&mut consumer, "credentials").into_iter();
        let credentials = credentials.filter_map(|credential| match credential {
            Value::Object(credential) => Some(credential),
            _ => None,
        });
        for mut holder in std::iter::once(consumer).chain(credentials) {
            found.extend(take_plugin(&mut holder).map(|key| (name.clone(), key)));
        }
    }
    if found.is_empty() {
        return Err(FileError(format!("The file has no consumers with the plugin “{PLUGIN}”.")));
    }
    let lines = found.into_iter().enumerate().map(|(place, (consumer, value))| {
        let line = line_of((place + 1, Record::of(value)), |record| key(record, consumer.clone()));
        Line { name: consumer, ..line }
    });
    Ok(lines.collect())
}

fn take_plugin(holder: &mut Map<String, Value>) -> Option<Value> {
    holder.get_mut("plugins")?.as_object_mut()?.remove(PLUGIN)
}

fn key(record: &mut Record, consumer: Option<String>) -> Result<ForeignKey, String> {
    let key = record.take_key("key")?.ok_or("There is no “key”.")?;
    let (secret, masked) = plain::parse(&key)?;
    Ok(ForeignKey { owner: consumer, ..ForeignKey::new(secret, masked) })
}
