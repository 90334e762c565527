//! Mails to the administrators before a key ends: fourteen days, three days and one day ahead,
//! each once. And a line in the audit log when it has ended.

use diesel::prelude::*;
use time::Duration;

use super::{
    access::Actor,
    api_keys::ApiKey,
    events::{self, Action, Detail, Event, EventType, KeyFacts},
    members,
    organization::Organization,
    outbox::{self, Message},
    schema::{api_keys, expiry_notices, organizations},
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
};

/// Days before the end, the shortest notice first.
const NOTICES_DAYS: [i32; 3] = [1, 3, 14];

/// Whether a mail is due at `now`.
pub fn is_any_due(connection: &mut Connection, now: Timestamp) -> Result<bool, DbError> {
    Ok(!due(connection, now)?.is_empty())
}

/// Queues the mails that are due at `now`; tells how many keys they are about.
pub fn queue_due(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, DbError> {
    let due = due(tx.connection(), now)?;
    for notice in &due {
        note(tx, &notice.key.id, notice.expires_at, notice.days_before, now)?;
        let message = Message::KeyExpires {
            organization: notice.organization.name.clone(),
            organization_id: notice.organization.id.clone(),
            key_name: notice.key.name.clone(),
            key_id: notice.key.id.clone(),
            masked: notice.key.masked.clone(),
            days: notice.days_before,
            expires_at: notice.expires_at,
            last_used_at: notice.key.last_used_at,
        };
        for administrator in members::administrators(tx.connection(), &notice.organization.id)? {
            outbox::queue(tx, &administrator, &message, now)?;
        }
        let key = KeyFacts {
            id: &notice.key.id,
            name: &notice.key.name,
            masked: &notice.key.masked,
            expires_at: notice.key.expires_at,
        };
        let detail = Detail::Expiry { within_days: notice.days_before };
        events::queue_for_key(tx, &notice.organization, EventType::KeyExpiring, &key, &detail, now)?;
    }
    Ok(due.len())
}

/// In the place of the days before the end: the end itself was noted.
const NOTED_DAYS: i32 = 0;

/// An end that passed longer ago is no news: the server was down, or older than this notice.
const NEWS_AGE: Duration = Duration::days(7);

/// Keys noted in one transaction, so that it does not hold up the others.
const MAX_AT_ONCE: i64 = 100;

/// Whether the end of a key has passed that was not noted yet.
pub fn is_any_over(connection: &mut Connection, now: Timestamp) -> Result<bool, DbError> {
    Ok(!over(connection, 1, now)?.is_empty())
}

/// Notes in the audit log which ends have passed, each once; tells how many it noted this time.
pub fn note_those_over(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, DbError> {
    let over = over(tx.connection(), MAX_AT_ONCE, now)?;
    for (key, organization_id) in &over {
        let Some(expires_at) = key.expires_at else { continue };
        note(tx, &key.id, expires_at, NOTED_DAYS, now)?;
        let event = Event {
            organization_id: Some(organization_id),
            actor: &Actor::System { ip: None },
            action: Action::KeyExpired,
            subject_id: Some(&key.id),
            subject_name: &key.name,
            detail: Some(Detail::Key { masked: key.masked.clone() }),
        };
        events::record(tx, &event, now)?;
    }
    Ok(over.len())
}

fn over(connection: &mut Connection, limit: i64, now: Timestamp) -> Result<Vec<(ApiKey, String)>, DbError> {
    let noted = expiry_notices::table
        .filter(expiry_notices::api_key_id.eq(api_keys::id))
        .filter(expiry_notices::expires_at.nullable().eq(api_keys::expires_at))
        .filter(expiry_notices::days_before.eq(NOTED_DAYS));
    Ok(api_keys::table
        .filter(api_keys::expires_at.le(now).and(api_keys::expires_at.gt(now - NEWS_AGE)))
        .filter(diesel::dsl::not(diesel::dsl::exists(noted)))
        .order((api_keys::expires_at, api_keys::id))
        .select((ApiKey::as_select(), api_keys::organization_id))
        .limit(limit)
        .load(connection)?)
}

fn note(
    tx: &mut Tx<'_>,
    key_id: &str,
    expires_at: Timestamp,
    days_before: i32,
    now: Timestamp,
) -> Result<(), DbError> {
    diesel::insert_into(expiry_notices::table)
        .values((
            expiry_notices::api_key_id.eq(key_id),
            expiry_notices::expires_at.eq(expires_at),
            expiry_notices::days_before.eq(days_before),
            expiry_notices::sent_at.eq(now),
        ))
        .execute(tx.connection())?;
    Ok(())
}

/// A mail to send about one key.
struct Notice {
    key: ApiKey,
    organization: Organization,
    expires_at: Timestamp,
    days_before: i32,
}

/// Only the shortest notice that has come is sent: after a pause of the server nobody is told
/// "14 days" of a key that ends tomorrow.
fn due(connection: &mut Connection, now: Timestamp) -> Result<Vec<Notice>, DbError> {
    let horizon = NOTICES_DAYS.iter().copied().max().unwrap_or_default();
    let soon: Vec<(ApiKey, Organization)> = api_keys::table
        .inner_join(organizations::table)
        .filter(api_keys::expires_at.gt(now).and(api_keys::expires_at.le(now + days(horizon))))
        .filter(api_keys::deactivated_at.is_null())
        .select((ApiKey::as_select(), Organization::as_select()))
        .order(api_keys::expires_at)
        .load(connection)?;
    let mut due = Vec::new();
    for (key, organization) in soon {
        let Some(expires_at) = key.expires_at else { continue };
        let Some(days_before) = notice_for(expires_at, key.duration().unwrap_or_default(), now) else {
            continue;
        };
        let sent = expiry_notices::table.find((&key.id, expires_at, days_before));
        if !diesel::select(diesel::dsl::exists(sent)).get_result::<bool>(connection)? {
            due.push(Notice { key, organization, expires_at, days_before });
        }
    }
    Ok(due)
}

/// The shortest notice that has come. An end that was chosen no longer ahead than that gets none:
/// whoever chose it knows.
fn notice_for(expires_at: Timestamp, duration: Duration, now: Timestamp) -> Option<i32> {
    let notice = NOTICES_DAYS.into_iter().find(|notice| expires_at - now <= days(*notice))?;
    (duration > days(notice)).then_some(notice)
}

fn days(number: i32) -> Duration {
    Duration::days(i64::from(number))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_shortest_notice_that_has_come_is_due() {
        let end = datetime!(2026-12-31 10:00);
        let of = |chosen_days, left_hours| {
            notice_for(end, Duration::days(chosen_days), end - Duration::hours(left_hours))
        };
        assert_eq!([of(90, 15 * 24), of(90, 14 * 24), of(90, 73)], [None, Some(14), Some(14)]);
        assert_eq!([of(90, 72), of(90, 25), of(90, 24)], [Some(3), Some(3), Some(1)]);
        assert_eq!([of(7, 100), of(7, 72), of(1, 20)], [None, Some(3), None]);
    }
}
