//! "Troubleshoot a request": what is known of a key, from whatever somebody has of it.

use diesel::prelude::*;

use super::{
    access::{Grant, SeeKeys},
    api_keys::{self, ApiKey},
    audit::{self, Entry},
    events::{Action, Detail},
    schema::api_keys as keys,
    secret::{self, Form, SecretDigest, SecretKind},
};
use crate::{
    clock::Timestamp,
    config::KeyPrefix,
    db::{Connection, DbError},
};

/// Characters after the prefix that a masked form begins and ends with.
const SHOWN: usize = 4;

/// What a text tells about a key.
#[derive(Clone, Debug)]
pub enum Finding {
    /// There are no such keys in the organization but these.
    Keys(Vec<ApiKey>),
    /// A whole key that the organization had and removed.
    Removed(Box<Entry>),
    /// It has the form of a key, and the organization has none like it.
    Unknown,
    /// It begins like a key and is none: a letter is wrong, missing or too much.
    Mistyped,
    /// Too little to tell one key from another.
    TooShort,
    /// It is a master token, which opens other addresses.
    MasterToken,
    /// It has nothing of a key.
    NotAKey,
}

/// Finds out what `presented` is: a whole key, its masked form or its first characters. Counts
/// nothing and keeps nothing. `prefix` is that of new keys: under another one, only what is found is a key.
pub fn diagnose(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    prefix: KeyPrefix,
    presented: &str,
    now: Timestamp,
) -> Result<Finding, DbError> {
    let presented = presented.trim();
    // Keys of other systems have any form.
    if !secret::is_well_formed(SecretKind::ApiKey, presented)
        && let Some(key) = api_keys::by_secret(connection, grant, SecretDigest::of(presented), now)?
    {
        return Ok(Finding::Keys(vec![key]));
    }
    let Some(Form { kind, beginning, body }) = Form::of(presented) else { return Ok(Finding::NotAKey) };
    match kind {
        SecretKind::ApiKey => {}
        SecretKind::MasterToken => return Ok(Finding::MasterToken),
        // Of which organizations know nothing.
        SecretKind::InstanceToken => return Ok(Finding::NotAKey),
    }
    if secret::is_well_formed(SecretKind::ApiKey, presented) {
        return by_secret(connection, grant, presented, now);
    }
    let is_ours = beginning.split('_').next() == Some(prefix.as_str());
    let otherwise = |finding| if is_ours { finding } else { Finding::NotAKey };
    let Some((head, tail)) = parts(body) else { return Ok(otherwise(Finding::Mistyped)) };
    if head.len() < SHOWN {
        return Ok(otherwise(Finding::TooShort));
    }
    let head = head.get(..SHOWN).unwrap_or(head);
    let start = format!("{beginning}{head}");
    let all: Vec<ApiKey> = keys::table
        .filter(keys::organization_id.eq(&grant.id))
        .order(keys::created_at.desc())
        .select(ApiKey::as_select())
        .load(connection)?;
    let like = |masked: &str| masked.starts_with(&start) && masked.ends_with(tail);
    let found: Vec<ApiKey> = all.into_iter().filter(|key| like(&key.masked)).collect();
    if !found.is_empty() {
        return Ok(Finding::Keys(found));
    }
    let removed = removed(connection, grant, |masked| like(masked))?;
    Ok(removed.map_or_else(|| otherwise(Finding::Unknown), Finding::Removed))
}

fn by_secret(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    presented: &str,
    now: Timestamp,
) -> Result<Finding, DbError> {
    let found = api_keys::by_secret(connection, grant, SecretDigest::of(presented), now)?;
    if let Some(key) = found {
        return Ok(Finding::Keys(vec![key]));
    }
    let masked = secret::masked(presented);
    Ok(removed(connection, grant, |removed| removed == masked)?.map_or(Finding::Unknown, Finding::Removed))
}

/// The newest removal of a key whose masked form is `like` that.
fn removed(
    connection: &mut Connection,
    grant: &Grant<SeeKeys>,
    like: impl Fn(&str) -> bool,
) -> Result<Option<Box<Entry>>, DbError> {
    let entries = audit::of_action(connection, grant, Action::KeyRemoved)?;
    Ok(entries
        .into_iter()
        .find(|entry| entry.detail.as_ref().and_then(Detail::masked).is_some_and(&like))
        .map(Box::new))
}

/// The first and, in a masked form, the last characters; `None` when it cannot be part of a key.
fn parts(body: &str) -> Option<(&str, &str)> {
    let (head, tail) = body.split_once('…').or_else(|| body.split_once("...")).unwrap_or((body, ""));
    let is_whole_or_more = tail.is_empty() && head.len() >= secret::BODY_CHARACTERS;
    let is_plain = head.bytes().chain(tail.bytes()).all(|byte| byte.is_ascii_alphanumeric());
    (is_plain && !is_whole_or_more && tail.len() <= SHOWN).then_some((head, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_form_is_read_with_dots_and_with_an_ellipsis() {
        assert_eq!(parts("AbCd…wxyz"), Some(("AbCd", "wxyz")));
        assert_eq!(parts("AbCd...wxyz"), Some(("AbCd", "wxyz")));
        assert_eq!(parts("AbCd9"), Some(("AbCd9", "")));
        for broken in ["AbC d", "AbCd…wxyz9", &"a".repeat(36), &"a".repeat(40)] {
            assert_eq!(parts(broken), None, "{broken}");
        }
    }
}
