//! Before a key ends, the administrators are told: fourteen days, three days and one day ahead, each
//! once. What an organization has to be told comes together in one mail a day. And a line in the
//! audit log when a key has ended.

mod over;

pub use over::{note_over, note_unreadable, over};

use std::collections::HashSet;

use diesel::prelude::*;
use time::Duration;

use super::{
    api_keys::ApiKey,
    events::{self, Detail, EventType, KeyFacts},
    members,
    organization::{self, Organization},
    outbox::{self, ExpiringKey, Message},
    schema::{api_keys, expiry_notices},
};
use crate::{
    clock::Timestamp,
    db::{Connection, DbError, Tx},
};

/// Days before the end, the shortest notice first.
const NOTICES_DAYS: [i32; 3] = [1, 3, 14];

/// Between two mails to the administrators of an organization.
const BETWEEN_MAILS: Duration = Duration::DAY;

/// Keys that one mail lists.
const MAX_LISTED: usize = 50;

/// The organizations whose keys end soon. Whether a mail is due for one, [`queue_due`] finds.
pub fn organizations_with_ends(connection: &mut Connection, now: Timestamp) -> Result<Vec<String>, DbError> {
    Ok(api_keys::table
        .filter(api_keys::expires_at.gt(now).and(api_keys::expires_at.le(horizon(now))))
        .filter(api_keys::deactivated_at.is_null())
        .select(api_keys::organization_id)
        .distinct()
        .load(connection)?)
}

/// Whether a mail is due for an organization at `now`.
pub fn is_due(connection: &mut Connection, organization_id: &str, now: Timestamp) -> Result<bool, DbError> {
    Ok(!due(connection, organization_id, now)?.is_empty())
}

/// Queues the mail that is due for an organization at `now`; tells how many keys it is about.
pub fn queue_due(tx: &mut Tx<'_>, organization_id: &str, now: Timestamp) -> Result<usize, DbError> {
    let due = due(tx.connection(), organization_id, now)?;
    let Some(organization) = organization::by_id(tx.connection(), organization_id)? else { return Ok(0) };
    for notice in &due {
        for days_before in &notice.days_before {
            note(tx, &notice.key.id, notice.expires_at, *days_before, now)?;
        }
        let key = KeyFacts {
            id: &notice.key.id,
            name: &notice.key.name,
            masked: &notice.key.masked,
            expires_at: notice.key.expires_at,
        };
        let detail = Detail::Expiry { within_days: notice.within_days };
        events::queue_for_key(tx, &organization, EventType::KeyExpiring, &key, &detail, now)?;
    }
    if let Some(message) = message(organization, &due) {
        for administrator in members::administrators(tx.connection(), organization_id)? {
            outbox::queue(tx, &administrator, &message, now)?;
        }
    }
    Ok(due.len())
}

fn message(organization: Organization, due: &[Notice]) -> Option<Message> {
    let Organization { id: organization_id, name: organization, .. } = organization;
    Some(match due {
        [] => return None,
        [Notice { key, expires_at, within_days, .. }] => Message::KeyExpires {
            organization,
            organization_id,
            key_name: key.name.clone(),
            key_id: key.id.clone(),
            masked: key.masked.clone(),
            days: *within_days,
            expires_at: *expires_at,
            last_used_at: key.last_used_at,
        },
        several => Message::KeysExpire {
            organization,
            organization_id,
            keys: several
                .iter()
                .take(MAX_LISTED)
                .map(|Notice { key, expires_at, .. }| ExpiringKey {
                    name: key.name.clone(),
                    id: key.id.clone(),
                    masked: key.masked.clone(),
                    expires_at: *expires_at,
                    last_used_at: key.last_used_at,
                })
                .collect(),
            more: several.len().saturating_sub(MAX_LISTED),
        },
    })
}

/// A key that the administrators are to be told of.
struct Notice {
    key: ApiKey,
    expires_at: Timestamp,
    /// The notices that are done with it.
    days_before: Vec<i32>,
    /// In how many days it ends, rounded up.
    within_days: i32,
}

/// Once a notice has come, all that come within the day are told with it: the next mail is a day
/// away, and would be late for them. Those that end first come first.
fn due(connection: &mut Connection, organization_id: &str, now: Timestamp) -> Result<Vec<Notice>, DbError> {
    let (mut due, mut has_come) = (Vec::new(), false);
    for key_id in ending(connection, organization_id, now)? {
        let key: ApiKey = match api_keys::table.find(&key_id).select(ApiKey::as_select()).first(connection) {
            Ok(key) => key,
            Err(error) => match DbError::from(error) {
                DbError::Unreadable(reason) => {
                    tracing::error!(
                        key = key_id,
                        reason,
                        "nobody is told of the end of a key that cannot be read"
                    );
                    continue;
                }
                error => return Err(error),
            },
        };
        let Some(expires_at) = key.expires_at else { continue };
        let duration = key.duration().unwrap_or_default();
        let sent: HashSet<i32> = expiry_notices::table
            .filter(expiry_notices::api_key_id.eq(&key.id).and(expiry_notices::expires_at.eq(expires_at)))
            .select(expiry_notices::days_before)
            .load(connection)?
            .into_iter()
            .collect();
        let unsent = |at| notice_for(expires_at, duration, at).filter(|days| !sent.contains(days));
        let (come, comes) = (unsent(now), unsent(now + BETWEEN_MAILS));
        has_come |= come.is_some();
        let days_before: HashSet<i32> = [come, comes].into_iter().flatten().collect();
        if !days_before.is_empty() {
            let days_before = days_before.into_iter().collect();
            due.push(Notice { key, expires_at, days_before, within_days: days_until(expires_at, now) });
        }
    }
    if !has_come || was_told_lately(connection, organization_id, now)? {
        due.clear();
    }
    Ok(due)
}

/// The keys whose end is near, by id: each is read by itself, so that a damaged one hides no other.
fn ending(
    connection: &mut Connection,
    organization_id: &str,
    now: Timestamp,
) -> Result<Vec<String>, DbError> {
    Ok(api_keys::table
        .filter(api_keys::organization_id.eq(organization_id).and(api_keys::deactivated_at.is_null()))
        .filter(api_keys::expires_at.gt(now).and(api_keys::expires_at.le(horizon(now))))
        .order((api_keys::expires_at, api_keys::id))
        .select(api_keys::id)
        .load(connection)?)
}

fn was_told_lately(
    connection: &mut Connection,
    organization_id: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let of_it = api_keys::table.filter(api_keys::organization_id.eq(organization_id)).select(api_keys::id);
    let told = expiry_notices::table
        .filter(expiry_notices::api_key_id.eq_any(of_it))
        .filter(expiry_notices::days_before.gt(over::NOTED_DAYS))
        .filter(expiry_notices::sent_at.gt(now - BETWEEN_MAILS));
    Ok(diesel::select(diesel::dsl::exists(told)).get_result(connection)?)
}

/// The shortest notice that has come: after a pause of the server nobody is told "14 days" of a key
/// that ends tomorrow. An end that was chosen no longer ahead than that gets none: whoever chose it
/// knows.
fn notice_for(expires_at: Timestamp, duration: Duration, now: Timestamp) -> Option<i32> {
    let notice = NOTICES_DAYS.into_iter().find(|notice| expires_at - now <= days(*notice))?;
    (duration > days(notice)).then_some(notice)
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

/// Until when a key ends that may be told of at `now`.
fn horizon(now: Timestamp) -> Timestamp {
    now + days(NOTICES_DAYS.into_iter().max().unwrap_or_default()) + BETWEEN_MAILS
}

fn days(number: i32) -> Duration {
    Duration::days(i64::from(number))
}

fn days_until(expires_at: Timestamp, now: Timestamp) -> i32 {
    let rounded_up = (expires_at - now + Duration::DAY - Duration::NANOSECOND).whole_days();
    i32::try_from(rounded_up).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const END: Timestamp = datetime!(2026-12-31 10:00);

    #[test]
    fn the_shortest_notice_that_has_come_is_due() {
        let of = |chosen_days, left_hours| {
            notice_for(END, Duration::days(chosen_days), END - Duration::hours(left_hours))
        };
        assert_eq!([of(90, 15 * 24), of(90, 14 * 24), of(90, 73)], [None, Some(14), Some(14)]);
        assert_eq!([of(90, 72), of(90, 25), of(90, 24)], [Some(3), Some(3), Some(1)]);
        assert_eq!([of(7, 100), of(7, 72), of(1, 20)], [None, Some(3), None]);
    }

    #[test]
    fn a_part_of_a_day_counts_as_a_day() {
        let until = |hours| days_until(END, END - Duration::hours(hours));
        assert_eq!([until(1), until(24), until(25), until(14 * 24)], [1, 1, 2, 14]);
    }
}
