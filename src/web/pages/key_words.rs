//! Keys and master tokens in a few words, as lists and pages show them: whether they work, what
//! restricts them, how a rotation stands.

use crate::{
    clock::Timestamp,
    domain::{
        api_keys::{ActiveRotation, ApiKey},
        key_settings::KeySettings,
        master_tokens::MasterToken,
    },
    vocabulary::{KeySort, KeyStatus},
    web::display,
};

/// An end that is nearer than this is pointed out.
const SOON: time::Duration = time::Duration::days(7);

/// The kind of a key's badge and its words.
pub(super) fn badge(key: &ApiKey, now: Timestamp) -> (&'static str, String) {
    match key.status(now) {
        KeyStatus::Deactivated => match key.paused_until {
            Some(end) => ("off", format!("Paused until {}", display::time_of_day(&end, &now))),
            None => ("off", "Deactivated".to_owned()),
        },
        KeyStatus::Expired => ("bad", "Expired".to_owned()),
        KeyStatus::Active => active_badge(key.expires_at, now),
    }
}

/// The kind of a token's badge and its words.
pub(super) fn token_badge(token: &MasterToken, now: Timestamp) -> (&'static str, String) {
    status_badge(token.status(now), token.expires_at, now)
}

/// The badge of a token of any kind: its tone and its words.
pub(super) fn status_badge(
    status: KeyStatus,
    end: Option<Timestamp>,
    now: Timestamp,
) -> (&'static str, String) {
    match status {
        KeyStatus::Expired => ("bad", "Expired".to_owned()),
        KeyStatus::Deactivated => ("off", "Deactivated".to_owned()),
        KeyStatus::Active => active_badge(end, now),
    }
}

fn active_badge(end: Option<Timestamp>, now: Timestamp) -> (&'static str, String) {
    match end {
        Some(end) if end - now <= SOON => ("warn", display::expiry_words(&end, &now)),
        _ => ("ok", "Active".to_owned()),
    }
}

/// Settings in a few words for the list: "2 scopes", "100 per minute".
pub(super) fn tags(settings: &KeySettings) -> Vec<String> {
    let mut tags = Vec::new();
    match settings.scopes.as_slice() {
        [] => {}
        [scope] => tags.push(scope.clone()),
        scopes => tags.push(format!("{} scopes", scopes.len())),
    }
    if !settings.networks.is_empty() {
        let networks = i64::try_from(settings.networks.len()).unwrap_or_default();
        tags.push(display::count(&networks, "IP range", "IP ranges"));
    }
    if let Some(rate) = settings.rate_limit {
        tags.push(format!("{} per {}", display::thousands(&rate.count.get().into()), rate.period.as_str()));
    }
    if let Some(quota) = settings.monthly_quota {
        let quota = i64::try_from(quota.get()).unwrap_or(i64::MAX);
        tags.push(format!("{} a month", display::thousands(&quota)));
    }
    tags
}

/// How a rotation stands, in words for the list.
pub(super) fn rotation(key: &ApiKey, active: &ActiveRotation, now: &Timestamp) -> Option<String> {
    if key.status(*now) == KeyStatus::Expired {
        return None; // both secrets are over
    }
    let rotation = &active.rotation;
    let end = key.expires_at.map_or(rotation.ends_at(), |end| end.min(rotation.ends_at()));
    let ends = display::relative(&end, now);
    Some(match (rotation.first_used_at, active.previous_last_used_at) {
        (None, _) => format!("New secret not used yet · previous secret expires {ends} at the latest"),
        (Some(_), None) => format!("Previous secret never used · expires {ends}"),
        (Some(_), Some(at)) => {
            format!("Previous secret last used {} · expires {ends}", display::ago(&at, now))
        }
    })
}

/// An order of the keys, in words.
pub(super) fn order(sort: KeySort) -> &'static str {
    match sort {
        KeySort::Newest => "Newest first",
        KeySort::Oldest => "Oldest first",
        KeySort::Name => "Name, A to Z",
        KeySort::NameDescending => "Name, Z to A",
        KeySort::ExpiresFirst => "Expires soonest",
        KeySort::ExpiresLast => "Expires latest",
        KeySort::UsedFirst => "Least recently used",
        KeySort::UsedLast => "Most recently used",
    }
}
