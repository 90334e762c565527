//! `tessera keys`.

use std::io::{self, BufRead, IsTerminal, Read};

use serde::{Serialize, de::DeserializeOwned};
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::{
    Failure, confirm, must_be_able_to_ask,
    output::{Column, Output, joined, json, line, minute, must_lead_somewhere, or_dash},
    printable, say,
    server::{Organization, Server},
};
use crate::{
    api_types::{
        ApiKey, KeyWithSecret, NewKey, RateLimitFields, RemovedKey, RotationRequest, Verification,
        VerificationRequest,
    },
    clock::{Clock, Timestamp},
    config::{ExpirationFlags, KeysAction, NewKeyFlags, Rate, text_of_file},
    folding::fold,
};

/// The most of standard input that is read for a key; none is nearly as long.
const MAX_KEY_LENGTH: u64 = 4096;

const COLUMNS: &[Column<ApiKey>] = &[
    ("Name", |key| key.name.clone()),
    ("Key", |key| key.masked.clone()),
    ("Status", |key| key.status.as_str().to_owned()),
    ("Expires (UTC)", |key| minute(key.expires_at.as_ref())),
    ("Last used (UTC)", |key| minute(key.last_used_at.as_ref())),
    ("ID", |key| key.id.clone()),
];

const REMOVED: &[Column<RemovedKey>] = &[
    ("Name", |key| key.name.clone()),
    ("Key", |key| key.masked.clone()),
    ("Removed (UTC)", |key| minute(Some(&key.removed_at))),
    ("By", |key| key.removed_by.clone()),
    ("Restore until (UTC)", |key| minute(Some(&key.restorable_until))),
    ("ID", |key| key.id.clone()),
];

const DETAILS: &[Column<ApiKey>] = &[
    ("Name", |key| key.name.clone()),
    ("ID", |key| key.id.clone()),
    ("Key", |key| key.masked.clone()),
    ("Status", |key| key.status.as_str().to_owned()),
    ("Environment", |key| key.environment.to_string()),
    ("Description", |key| or_dash(key.settings.description.as_ref())),
    ("Created (UTC)", |key| minute(Some(&key.created_at))),
    ("Created by", |key| key.created_by.clone()),
    ("Expires (UTC)", |key| minute(key.expires_at.as_ref())),
    ("Last used (UTC)", |key| minute(key.last_used_at.as_ref())),
    ("Scopes", |key| joined(&key.settings.scopes)),
    ("Networks", |key| joined(&key.settings.networks)),
    ("Rate limit", |key| or_dash(key.settings.rate_limit.as_ref().map(rate))),
    ("Monthly quota", |key| or_dash(key.settings.monthly_quota)),
    ("Metadata", |key| or_dash(key.settings.metadata.as_ref())),
    ("Previous secret expires (UTC)", |key| minute(key.rotation.as_ref().map(|rotation| &rotation.ends_at))),
];

pub(super) async fn run(server: &Server, output: &Output, action: &KeysAction) -> Result<(), Failure> {
    match action {
        KeysAction::List { search, show, sort } => {
            let organization = server.organization().await?;
            let mut query = vec![("show", show.as_str()), ("sort", sort.as_str())];
            query.extend(search.as_deref().map(|search| ("q", search)));
            let keys: Vec<ApiKey> = server.list(&organization.path(&["keys"]), &query, usize::MAX).await?;
            output.list(&keys, COLUMNS, "No matching keys.")
        }
        KeysAction::Show(named) => {
            let organization = server.organization().await?;
            output.item(&find(server, &organization, &named.key).await?, DETAILS)
        }
        KeysAction::Create(new) => {
            let new = new_key(new)?;
            must_lead_somewhere()?;
            let organization = server.organization().await?;
            let key = server.post(&organization.path(&["keys"]), &new).await?;
            tell_secret(output, &key, "Created")
        }
        KeysAction::Rotate { key, grace_period, starts, end } => {
            let (grace_period, starts) = (*grace_period, *starts);
            must_lead_somewhere()?;
            let request = RotationRequest { grace_period, starts, expires_at: expires_at(end)? };
            let rotated = change(server, &key.key, "rotate", &request).await?;
            tell_secret(output, &rotated, "Rotated")
        }
        KeysAction::Deactivate(named) => {
            let key: ApiKey = change(server, &named.key, "deactivate", &()).await?;
            output.changed(&key, &format!("Deactivated the key “{}”.", key.name))
        }
        KeysAction::Activate(named) => {
            let key: ApiKey = change(server, &named.key, "activate", &()).await?;
            output.changed(&key, &format!("Activated the key “{}”.", key.name))
        }
        KeysAction::Remove { key, yes } => {
            must_be_able_to_ask(*yes)?;
            let organization = server.organization().await?;
            let key = find(server, &organization, &key.key).await?;
            let name = &key.name;
            confirm(*yes, &format!("Remove the key “{name}”? It can be restored for 14 days."))?;
            server.delete(&organization.path(&["keys", &key.id])).await?;
            say(printable(&format!("Removed the key “{name}”.")));
            Ok(())
        }
        KeysAction::Removed => {
            let organization = server.organization().await?;
            let keys: Vec<RemovedKey> =
                server.list(&organization.path(&["removed-keys"]), &[], usize::MAX).await?;
            output.list(&keys, REMOVED, "No removed keys.")
        }
        KeysAction::Restore(named) => {
            let organization = server.organization().await?;
            let id = find_removed(server, &organization, &named.key).await?;
            let key: ApiKey = server.post(&organization.path(&["removed-keys", &id, "restore"]), &()).await?;
            output.changed(&key, &format!("Restored the key “{}”. It's deactivated.", key.name))
        }
        KeysAction::Verify { scopes, environment, ip, cost } => {
            let (scopes, environment, cost) = (scopes.clone(), *environment, cost.unwrap_or(1));
            let key = key_from(io::stdin())?;
            let asked =
                VerificationRequest { key, scopes, environment, client_ip: *ip, user_agent: None, cost };
            verify(server, output, &asked).await
        }
    }
}

async fn verify(server: &Server, output: &Output, asked: &VerificationRequest) -> Result<(), Failure> {
    let answer: Verification = server.post("/api/v2/keys/verify", asked).await?;
    if output.is_json() {
        line(&json(&answer)?)?;
    } else {
        line(answer.code.as_str())?;
        if let Some(key) = &answer.key {
            say(printable(&format!("The key is “{}”.", key.name)));
        }
    }
    if answer.valid { Ok(()) } else { Err(Failure::KeyRejected) }
}

/// Changes the key of this id or name.
async fn change<T: DeserializeOwned>(
    server: &Server,
    key: &str,
    verb: &str,
    body: &impl Serialize,
) -> Result<T, Failure> {
    let organization = server.organization().await?;
    let key = find(server, &organization, key).await?;
    server.post(&organization.path(&["keys", &key.id, verb]), body).await
}

/// The key of this id, or else of this name.
async fn find(server: &Server, organization: &Organization, key: &str) -> Result<ApiKey, Failure> {
    if Uuid::parse_str(key).is_ok() {
        match server.get(&organization.path(&["keys", key]), &[]).await {
            Err(Failure::NotFound(_)) => {}
            answer => return answer,
        }
    }
    let keys: Vec<ApiKey> = server.list(&organization.path(&["keys"]), &[("q", key)], usize::MAX).await?;
    let wanted = fold(key);
    keys.into_iter().find(|found| fold(&found.name) == wanted).ok_or_else(|| {
        let said = printable(&format!("“{}” has no key “{key}”.", organization.name));
        Failure::NotFound(format!("{said} List them with “tessera keys list”."))
    })
}

/// The id of the removed key of this id or name; of several, of the one that was removed last.
async fn find_removed(server: &Server, organization: &Organization, key: &str) -> Result<String, Failure> {
    let keys: Vec<RemovedKey> = server.list(&organization.path(&["removed-keys"]), &[], usize::MAX).await?;
    let wanted = fold(key);
    let found = keys.into_iter().find(|found| found.id == key || fold(&found.name) == wanted);
    found.map(|found| found.id).ok_or_else(|| {
        let said = printable(&format!("“{}” has no removed key “{key}”.", organization.name));
        Failure::NotFound(format!("{said} List them with “tessera keys removed”."))
    })
}

/// Prints the secret, this once.
fn tell_secret(output: &Output, told: &KeyWithSecret, done: &str) -> Result<(), Failure> {
    let KeyWithSecret { key, secret } = told;
    let written = if output.is_json() { line(&json(told)?) } else { line(secret) };
    let name = printable(&key.name);
    match written {
        Ok(()) if output.is_json() => Ok(()),
        Ok(()) => {
            say(format_args!(
                "{done} the key “{name}” ({}). Its secret is on standard output and can't be shown again.",
                printable(&key.id)
            ));
            Ok(())
        }
        // Here a reader that is gone is no reader that has heard enough.
        Err(_) => Err(Failure::Refused(format!(
            "The secret of the key “{name}” couldn't be written and can't be shown again. Rotate the key."
        ))),
    }
}

fn new_key(new: &NewKeyFlags) -> Result<NewKey, Failure> {
    let given = |list: &Vec<String>| Some(list.clone()).filter(|list| !list.is_empty()).map(Some);
    let rate = |rate: Rate| RateLimitFields { requests: rate.requests.into(), per: rate.period };
    Ok(NewKey {
        name: new.name.clone(),
        expires_at: expires_at(&new.end)?,
        environment: new.environment,
        description: new.description.clone().map(Some),
        scopes: given(&new.scopes),
        networks: given(&new.networks),
        rate_limit: new.rate.map(rate).map(Some),
        monthly_quota: new.monthly_quota.map(Some),
        metadata: new.metadata.clone().map(|metadata| Some(metadata.0)),
    })
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
        .ok_or_else(|| Failure::Usage("--expires-in is too long".to_owned()))
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
    match text_of_file(&text) {
        "" => Err(Failure::Usage(
            "no key on standard input; send one, as in “echo $KEY | tessera keys verify”".to_owned(),
        )),
        key => Ok(key.to_owned()),
    }
}

fn rate(limit: &RateLimitFields) -> String {
    format!("{}/{}", limit.requests, limit.per.as_str())
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
