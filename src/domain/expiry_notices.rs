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
    schema::{api_keys, expiry_notices, expiry_rounds},
};
use crate::{
    clock::Timestamp,
    db::{Connection, Db, DbError, Tx},
};

/// Days before the end, the shortest notice first.
const NOTICES_DAYS: [i32; 3] = [1, 3, 14];

/// Between two mails to the administrators of an organization.
const BETWEEN_MAILS: Duration = Duration::DAY;

/// Keys that one mail lists.
const MAX_LISTED: usize = 50;

/// Keys that are read or noted at once, so that nobody else has to wait.
const PORTION: usize = 100;

/// The organizations whose keys end soon. Whether a mail is due for one, [`tell`] finds.
pub fn organizations_with_ends(connection: &mut Connection, now: Timestamp) -> Result<Vec<String>, DbError> {
    Ok(api_keys::table
        .filter(api_keys::expires_at.gt(now).and(api_keys::expires_at.le(horizon(now))))
        .filter(api_keys::deactivated_at.is_null())
        .select(api_keys::organization_id)
        .distinct()
        .load(connection)?)
}

/// Queues the mail that is due for an organization at `now`, and notes the keys that it is about, a
/// portion at a time; tells how many there are. A round that was stopped on the way is gone on with until the next mail is due,
/// which then tells of those left.
pub async fn tell(db: &Db, organization_id: &str, now: Timestamp) -> Result<usize, DbError> {
    let id = organization_id.to_owned();
    let mailed_at = match db.read(move |connection| last_round(connection, &id)).await? {
        Some(last) if last.holds_back(now) && last.is_done => return Ok(0),
        Some(last) if last.holds_back(now) => last.mailed_at,
        _ => {
            let survey = survey(db, organization_id, now).await?;
            let id = organization_id.to_owned();
            if !db.write(move |tx| begin(tx, &id, survey, now)).await? {
                return Ok(0);
            }
            now
        }
    };
    let mut noted = 0;
    for portion in ending(db, organization_id, mailed_at).await?.chunks(PORTION) {
        let (id, keys) = (organization_id.to_owned(), portion.to_vec());
        noted += db.write(move |tx| note_portion(tx, &id, &keys, (mailed_at, now))).await?;
    }
    let id = organization_id.to_owned();
    db.write(move |tx| finish(tx, &id)).await?;
    Ok(noted)
}

/// The last mail to the administrators of an organization.
#[derive(Queryable)]
struct Round {
    mailed_at: Timestamp,
    /// Whether all keys that it is about are noted.
    is_done: bool,
}

impl Round {
    /// Whether the next mail has to wait.
    fn holds_back(&self, now: Timestamp) -> bool {
        self.mailed_at > now - BETWEEN_MAILS
    }
}

fn last_round(connection: &mut Connection, organization_id: &str) -> Result<Option<Round>, DbError> {
    let rounds = expiry_rounds::table.find(organization_id);
    Ok(rounds.select((expiry_rounds::mailed_at, expiry_rounds::is_done)).first(connection).optional()?)
}

/// What a mail would be about.
#[derive(Default)]
struct Survey {
    /// Those that end first.
    first: Vec<Notice>,
    number: usize,
    /// Whether one of them may not wait for a later mail.
    is_due: bool,
}

async fn survey(db: &Db, organization_id: &str, now: Timestamp) -> Result<Survey, DbError> {
    let mut survey = Survey::default();
    for portion in ending(db, organization_id, now).await?.chunks(PORTION) {
        let keys = portion.to_vec();
        let notices = db.read(move |connection| notices(connection, &keys, now)).await?;
        survey.is_due |= notices.iter().any(|notice| notice.has_come);
        survey.number += notices.len();
        survey.first.extend(notices);
        survey.first.truncate(MAX_LISTED);
    }
    Ok(survey)
}

/// Queues the mail, unless none is due or somebody else was faster.
fn begin(tx: &mut Tx<'_>, organization_id: &str, survey: Survey, now: Timestamp) -> Result<bool, DbError> {
    let last = last_round(tx.connection(), organization_id)?;
    if last.is_some_and(|last| last.holds_back(now)) || !survey.is_due {
        return Ok(false);
    }
    let Some(organization) = organization::by_id(tx.connection(), organization_id)? else { return Ok(false) };
    let Some(message) = message(organization, survey) else { return Ok(false) };
    for administrator in members::administrators(tx.connection(), organization_id)? {
        outbox::queue(tx, &administrator, &message, now)?;
    }
    let round = (expiry_rounds::mailed_at.eq(now), expiry_rounds::is_done.eq(false));
    let updated =
        diesel::update(expiry_rounds::table.find(organization_id)).set(round).execute(tx.connection())?;
    if updated == 0 {
        diesel::insert_into(expiry_rounds::table)
            .values((expiry_rounds::organization_id.eq(organization_id), round))
            .execute(tx.connection())?;
    }
    Ok(true)
}

/// Notes what the mail of `mailed_at` told of these keys, and tells the webhooks of those that have not ended
/// meanwhile; returns how many keys were noted.
fn note_portion(
    tx: &mut Tx<'_>,
    organization_id: &str,
    keys: &[String],
    (mailed_at, now): (Timestamp, Timestamp),
) -> Result<usize, DbError> {
    let Some(organization) = organization::by_id(tx.connection(), organization_id)? else { return Ok(0) };
    let mut notices = notices(tx.connection(), keys, mailed_at)?;
    notices.retain(|notice| notice.expires_at > now);
    for notice in &notices {
        for days_before in &notice.days_before {
            note(tx, &notice.key.id, notice.expires_at, *days_before, mailed_at)?;
        }
        let key = KeyFacts {
            id: &notice.key.id,
            name: &notice.key.name,
            masked: &notice.key.masked,
            expires_at: notice.key.expires_at,
        };
        let detail = Detail::Expiry { within_days: notice.within_days };
        events::queue_for_key(tx, &organization, EventType::KeyExpiring, &key, &detail, mailed_at)?;
    }
    Ok(notices.len())
}

fn finish(tx: &mut Tx<'_>, organization_id: &str) -> Result<(), DbError> {
    diesel::update(expiry_rounds::table.find(organization_id))
        .set(expiry_rounds::is_done.eq(true))
        .execute(tx.connection())?;
    Ok(())
}

fn message(organization: Organization, survey: Survey) -> Option<Message> {
    let Organization { id: organization_id, name: organization, .. } = organization;
    let Survey { first, number, .. } = survey;
    Some(match first.as_slice() {
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
        listed => Message::KeysExpire {
            organization,
            organization_id,
            more: number.saturating_sub(listed.len()),
            keys: listed
                .iter()
                .map(|Notice { key, expires_at, .. }| ExpiringKey {
                    name: key.name.clone(),
                    id: key.id.clone(),
                    masked: key.masked.clone(),
                    expires_at: *expires_at,
                    last_used_at: key.last_used_at,
                })
                .collect(),
        },
    })
}

/// A key that the administrators are to be told of.
struct Notice {
    key: ApiKey,
    expires_at: Timestamp,
    /// The notices that are done with it.
    days_before: Vec<i32>,
    /// Whether one of them may not wait for a later mail.
    has_come: bool,
    /// In how many days it ends, rounded up.
    within_days: i32,
}

/// What is to be told of these keys at `now`, in their order. Once a notice has come, all that come within
/// the day are told with it: the next mail is a day away, and would be late for them.
fn notices(connection: &mut Connection, keys: &[String], now: Timestamp) -> Result<Vec<Notice>, DbError> {
    let mut notices = Vec::new();
    for key_id in keys {
        let key = api_keys::table.find(key_id).filter(api_keys::deactivated_at.is_null());
        let key: ApiKey = match key.select(ApiKey::as_select()).first(connection).optional() {
            Ok(Some(key)) => key,
            Ok(None) => continue,
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
        let days_before: HashSet<i32> = [come, comes].into_iter().flatten().collect();
        if !days_before.is_empty() {
            notices.push(Notice {
                key,
                expires_at,
                days_before: days_before.into_iter().collect(),
                has_come: come.is_some(),
                within_days: days_until(expires_at, now),
            });
        }
    }
    Ok(notices)
}

/// The keys whose end is near, by id, those first that end first: each is read by itself, so that a damaged
/// one hides no other.
async fn ending(db: &Db, organization_id: &str, now: Timestamp) -> Result<Vec<String>, DbError> {
    let id = organization_id.to_owned();
    db.read(move |connection| {
        Ok(api_keys::table
            .filter(api_keys::organization_id.eq(id).and(api_keys::deactivated_at.is_null()))
            .filter(api_keys::expires_order.gt(now).and(api_keys::expires_order.le(horizon(now))))
            .order((api_keys::expires_order, api_keys::id))
            .select(api_keys::id)
            .load(connection)?)
    })
    .await
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
