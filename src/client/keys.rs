//! `tessera keys`.

use std::io::{self, BufRead, IsTerminal, Read};

use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::{
    Failure, confirm, must_be_able_to_ask,
    output::{Column, Output, joined, json as json_text, line, minute, shown, text},
    printable, say,
    server::{Organization, Server},
};
use crate::{
    clock::{Clock, Timestamp},
    config::{ExpirationFlags, KeysAction, NewKey},
};

/// The most of standard input that is read for a key; none is nearly as long.
const MAX_KEY_LENGTH: u64 = 4096;

const COLUMNS: &[Column] = &[
    ("Name", |key| shown(key, "/name")),
    ("Key", |key| shown(key, "/masked")),
    ("Status", |key| shown(key, "/status")),
    ("Expires (UTC)", |key| minute(key, "/expires_at")),
    ("Last used (UTC)", |key| minute(key, "/last_used_at")),
    ("Id", |key| shown(key, "/id")),
];

const DETAILS: &[Column] = &[
    ("Name", |key| shown(key, "/name")),
    ("Id", |key| shown(key, "/id")),
    ("Key", |key| shown(key, "/masked")),
    ("Status", |key| shown(key, "/status")),
    ("Description", |key| shown(key, "/description")),
    ("Created (UTC)", |key| minute(key, "/created_at")),
    ("Created by", |key| shown(key, "/created_by")),
    ("Expires (UTC)", |key| minute(key, "/expires_at")),
    ("Last used (UTC)", |key| minute(key, "/last_used_at")),
    ("Scopes", |key| joined(key, "/scopes")),
    ("Networks", |key| joined(key, "/networks")),
    ("Rate limit", rate),
    ("Monthly quota", |key| shown(key, "/monthly_quota")),
    ("Metadata", |key| shown(key, "/metadata")),
    ("Previous secret ends (UTC)", |key| minute(key, "/rotation/ends_at")),
];

pub(super) async fn run(server: &Server, output: &Output, action: &KeysAction) -> Result<(), Failure> {
    match action {
        KeysAction::List { search, show, sort } => {
            let organization = server.organization().await?;
            let mut query = vec![("show", show.as_str()), ("sort", sort.as_str())];
            query.extend(search.as_deref().map(|search| ("q", search)));
            let keys = server.list(&organization.path(&["keys"]), &query, usize::MAX).await?;
            output.list(&keys, COLUMNS, "There are no such keys.")
        }
        KeysAction::Show(named) => {
            let organization = server.organization().await?;
            output.item(&find(server, &organization, &named.key).await?, DETAILS)
        }
        KeysAction::Create(new) => {
            let body = new_key(new)?;
            let organization = server.organization().await?;
            let key = server.post(&organization.path(&["keys"]), Some(&body)).await?;
            tell_secret(output, &key, "Created")
        }
        KeysAction::Rotate { key, grace_period, starts, end } => {
            let mut body = json!({ "grace_period": grace_period.as_str(), "starts": starts.as_str() });
            if let (Some(end), Some(body)) = (expires_at(end)?, body.as_object_mut()) {
                body.insert("expires_at".to_owned(), end.into());
            }
            let rotated = change(server, &key.key, "rotate", Some(&body)).await?;
            tell_secret(output, &rotated, "Rotated")
        }
        KeysAction::Deactivate(named) => {
            let key = change(server, &named.key, "deactivate", None).await?;
            output.changed(&key, &format!("Deactivated the key “{}”.", text(&key, "/name")))
        }
        KeysAction::Activate(named) => {
            let key = change(server, &named.key, "activate", None).await?;
            output.changed(&key, &format!("Activated the key “{}”.", text(&key, "/name")))
        }
        KeysAction::Remove { key, yes } => {
            must_be_able_to_ask(*yes)?;
            let organization = server.organization().await?;
            let key = find(server, &organization, &key.key).await?;
            let name = text(&key, "/name");
            confirm(*yes, &format!("Remove the key “{name}” for good?"))?;
            server.delete(&organization.path(&["keys", text(&key, "/id")])).await?;
            say(printable(&format!("Removed the key “{name}”.")));
            Ok(())
        }
        KeysAction::Verify { scopes, ip, cost } => {
            let mut body =
                json!({ "key": key_from(io::stdin())?, "scopes": scopes, "cost": cost.unwrap_or(1) });
            if let (Some(ip), Some(body)) = (ip, body.as_object_mut()) {
                body.insert("client_ip".to_owned(), ip.to_string().into());
            }
            verify(server, output, &body).await
        }
    }
}

async fn verify(server: &Server, output: &Output, body: &Value) -> Result<(), Failure> {
    let answer = server.post("/api/v2/keys/verify", Some(body)).await?;
    if output.is_json() {
        line(&json_text(&answer))?;
    } else {
        line(&printable(text(&answer, "/code")))?;
        let name = text(&answer, "/key/name");
        if !name.is_empty() {
            say(printable(&format!("The key is “{name}”.")));
        }
    }
    if answer.get("valid") == Some(&Value::Bool(true)) { Ok(()) } else { Err(Failure::KeyRejected) }
}

/// Changes the key of this id or name.
async fn change(server: &Server, key: &str, verb: &str, body: Option<&Value>) -> Result<Value, Failure> {
    let organization = server.organization().await?;
    let key = find(server, &organization, key).await?;
    server.post(&organization.path(&["keys", text(&key, "/id"), verb]), body).await
}

/// The key of this id, or else of exactly this name.
async fn find(server: &Server, organization: &Organization, key: &str) -> Result<Value, Failure> {
    if Uuid::parse_str(key).is_ok() {
        match server.get(&organization.path(&["keys", key]), &[]).await {
            Err(Failure::NotFound(_)) => {}
            answer => return answer,
        }
    }
    let keys = server.list(&organization.path(&["keys"]), &[("q", key)], usize::MAX).await?;
    keys.into_iter().find(|found| text(found, "/name") == key).ok_or_else(|| {
        let said = printable(&format!("“{}” has no key “{key}”.", organization.name));
        Failure::NotFound(format!("{said} “tessera keys list” shows all of them."))
    })
}

/// Prints the secret, this once.
fn tell_secret(output: &Output, key: &Value, done: &str) -> Result<(), Failure> {
    let written = if output.is_json() { line(&json_text(key)) } else { line(text(key, "/secret")) };
    let name = printable(text(key, "/name"));
    match written {
        Ok(()) if output.is_json() => Ok(()),
        Ok(()) => {
            say(format_args!(
                "{done} the key “{name}” ({}). Its secret is on standard output, this once.",
                printable(text(key, "/id"))
            ));
            Ok(())
        }
        // Here a reader that is gone is no reader that has heard enough.
        Err(_) => Err(Failure::Refused(format!(
            "The secret of the key “{name}” could not be written and cannot be told again. Rotate the key."
        ))),
    }
}

fn new_key(new: &NewKey) -> Result<Value, Failure> {
    let mut body = Map::new();
    body.insert("name".to_owned(), new.name.clone().into());
    let optional = [
        ("expires_at", expires_at(&new.end)?.map(Value::from)),
        ("description", new.description.clone().map(Value::from)),
        ("scopes", (!new.scopes.is_empty()).then(|| new.scopes.clone().into())),
        ("networks", (!new.networks.is_empty()).then(|| new.networks.clone().into())),
        (
            "rate_limit",
            new.rate.map(|rate| json!({ "requests": rate.requests, "per": rate.period.as_str() })),
        ),
        ("monthly_quota", new.monthly_quota.map(Value::from)),
        ("metadata", new.metadata.clone().map(|metadata| Value::Object(metadata.0))),
    ];
    for (name, value) in optional {
        body.extend(value.map(|value| (name.to_owned(), value)));
    }
    Ok(Value::Object(body))
}

fn expires_at(end: &ExpirationFlags) -> Result<Option<String>, Failure> {
    ends_at(end, Clock::System.now())
}

fn ends_at(end: &ExpirationFlags, now: Timestamp) -> Result<Option<String>, Failure> {
    if let Some(moment) = &end.expires_at {
        return Ok(Some(moment.as_str().to_owned()));
    }
    let Some(expiry) = end.expires_in else { return Ok(None) };
    now.checked_add(expiry.0)
        .and_then(|end| end.assume_utc().format(&Rfc3339).ok())
        .map(Some)
        .ok_or_else(|| Failure::Usage("--expires-in is more than the calendar holds".to_owned()))
}

/// The key on standard input, or what the person types.
fn key_from(stdin: io::Stdin) -> Result<String, Failure> {
    if stdin.is_terminal() {
        say("Type or paste the key, then press Enter.");
    }
    let mut text = String::new();
    io::BufReader::new(stdin.lock().take(MAX_KEY_LENGTH))
        .read_line(&mut text)
        .map_err(|_| Failure::Usage("standard input must be a key in UTF-8".to_owned()))?;
    match text.trim() {
        "" => Err(Failure::Usage(
            "no key came on standard input; send one, as in “echo $KEY | tessera keys verify”".to_owned(),
        )),
        key => Ok(key.to_owned()),
    }
}

fn rate(key: &Value) -> String {
    match key.pointer("/rate_limit/requests").and_then(Value::as_i64) {
        Some(requests) => format!("{requests}/{}", text(key, "/rate_limit/per")),
        None => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::config::Expiry;

    #[test]
    fn a_time_until_the_end_counts_from_now() {
        let now = datetime!(2026-11-23 10:00);
        let end =
            |text| ExpirationFlags { expires_in: Some(Expiry::parse(text).expect(text)), expires_at: None };
        assert_eq!(ends_at(&end("90d"), now), Ok(Some("2027-02-21T10:00:00Z".to_owned())));
        assert_eq!(ends_at(&end("12h"), now), Ok(Some("2026-11-23T22:00:00Z".to_owned())));
        assert_eq!(ends_at(&ExpirationFlags { expires_in: None, expires_at: None }, now), Ok(None));
    }
}
