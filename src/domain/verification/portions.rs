//! Portions of monthly quotas: what a node may spend without asking the others.
//!
//! What the nodes used and wrote down, and what their portions hold, is never more than the quota. A portion is
//! taken under the lock that writes take one after the other; as its use is written, its row gets less in the same
//! transaction. One that is not written for a minute belonged to a node that is gone, or has no use for it.

use std::sync::Arc;

use diesel::prelude::*;
use time::{Duration, Time};

use super::{Outcome, Span};
use crate::{
    clock::Timestamp,
    db::{Connection, Db, DbError, NodeCount, Tx},
    domain::{
        key_settings::MonthlyQuota,
        schema::{key_usage, organization_usage, quota_portions},
    },
};

/// For how long after its last use a portion is kept for its node.
const KEPT: Duration = Duration::seconds(60);

/// A portion is this part of what is left for each node, ...
const PARTS_OF_THE_REST: u64 = 4;
/// ... and this part of the quota at least.
const MOST_PARTS: u64 = 500;

/// Whose quota is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::domain) enum Owner {
    /// A key, by its id.
    Key(String),
    /// An organization, by its id: all its keys together.
    Organization(String),
}

impl Owner {
    /// The id.
    pub(in crate::domain) fn id(&self) -> &str {
        match self {
            Self::Key(id) | Self::Organization(id) => id,
        }
    }
}

/// Takes portions for this node.
#[derive(Clone, Debug)]
pub(in crate::domain) struct Portions {
    node_id: Arc<str>,
    nodes: NodeCount,
}

/// What was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Portion {
    /// What this node may spend beyond what it could before; 0 when nothing is left.
    pub(super) more: u64,
    /// What is used by all, and what they may still spend, this portion among that.
    pub(super) used_and_held: u64,
}

impl Portions {
    /// `None` for a process that has the database to itself.
    pub(super) fn of_one_on(db: &Db) -> Option<Self> {
        db.node().map(|node| Self { node_id: node.id.as_str().into(), nodes: db.nodes() })
    }

    /// Takes a portion of `quota` that holds `missing` at least, or nothing. What this node holds already it keeps
    /// when `is_own_kept`, or else it is as if it had nothing.
    pub(super) fn take(
        &self,
        tx: &mut Tx<'_>,
        owner: &Owner,
        quota: MonthlyQuota,
        missing: u64,
        is_own_kept: bool,
        now: Timestamp,
    ) -> Result<Portion, DbError> {
        let (mut own, mut held) = (None, 0);
        // Before what is used is read: what moves from there to here meanwhile is then seen twice, not never.
        let rows: Vec<(String, i64)> = quota_portions::table
            .filter(quota_portions::owner_id.eq(owner.id()).and(quota_portions::ends_at.gt(now)))
            .select((quota_portions::node_id, quota_portions::units))
            .load(tx.connection())?;
        for (node_id, units) in rows {
            let units = u64::try_from(units).unwrap_or_default();
            if *node_id != *self.node_id {
                held += units;
            } else if is_own_kept {
                own = Some(units);
            }
        }
        let used = used_this_month(tx.connection(), owner, now)?;
        let used_and_held = used + own.unwrap_or_default() + held;
        let left = quota.get().saturating_sub(used_and_held);
        let fair = left / (PARTS_OF_THE_REST * u64::from(self.nodes.get()));
        let wanted = fair.max(quota.get() / MOST_PARTS).max(missing);
        let more = if left < missing { 0 } else { wanted.min(left) };
        match own {
            _ if more == 0 => {}
            Some(_) => self.change(tx, owner, i64::try_from(more).unwrap_or(i64::MAX), now)?,
            None => self.hold(tx, owner, more, now)?,
        }
        Ok(Portion { more, used_and_held: used_and_held + more })
    }

    fn hold(&self, tx: &mut Tx<'_>, owner: &Owner, units: u64, now: Timestamp) -> Result<(), DbError> {
        let row = quota_portions::table.find((owner.id(), &*self.node_id));
        diesel::delete(row).execute(tx.connection())?;
        diesel::insert_into(quota_portions::table)
            .values((
                quota_portions::owner_id.eq(owner.id()),
                quota_portions::node_id.eq(&*self.node_id),
                quota_portions::units.eq(i64::try_from(units).unwrap_or(i64::MAX)),
                quota_portions::ends_at.eq(now + KEPT),
            ))
            .execute(tx.connection())?;
        Ok(())
    }

    /// In the transaction that writes what was used at last at `last_used_at`: this node's portion holds so much less.
    pub(in crate::domain) fn lessen(
        &self,
        tx: &mut Tx<'_>,
        owner: &Owner,
        by: u64,
        last_used_at: Timestamp,
    ) -> Result<(), DbError> {
        self.change(tx, owner, -i64::try_from(by).unwrap_or(i64::MAX), last_used_at)
    }

    fn change(&self, tx: &mut Tx<'_>, owner: &Owner, by: i64, used_at: Timestamp) -> Result<(), DbError> {
        diesel::update(quota_portions::table.find((owner.id(), &*self.node_id)))
            .set((
                quota_portions::units.eq(quota_portions::units + by),
                quota_portions::ends_at.eq(used_at + KEPT),
            ))
            .execute(tx.connection())?;
        Ok(())
    }
}

/// When the calendar month of `at` began.
pub(in crate::domain) fn first_of_month(at: Timestamp) -> Timestamp {
    Timestamp::new(at.date().replace_day(1).unwrap_or(at.date()), Time::MIDNIGHT)
}

/// When the calendar month after that of `at` begins.
pub(in crate::domain) fn next_month(at: Timestamp) -> Timestamp {
    first_of_month(at) + Duration::days(i64::from(at.month().length(at.year())))
}

/// What accepted requests of a key, or of all keys of an organization, cost in the calendar month of `now`.
pub(in crate::domain) fn used_this_month(
    connection: &mut Connection,
    owner: &Owner,
    now: Timestamp,
) -> Result<u64, DbError> {
    let first = first_of_month(now);
    let days: Vec<i64> = match owner {
        Owner::Key(id) => key_usage::table
            .filter(key_usage::api_key_id.eq(id).and(key_usage::span.eq(Span::Day)))
            .filter(key_usage::begins_at.ge(first))
            .select(key_usage::units)
            .load(connection)?,
        Owner::Organization(id) => organization_usage::table
            .filter(organization_usage::organization_id.eq(id))
            .filter(organization_usage::begins_at.ge(first))
            .filter(organization_usage::outcome.eq(Outcome::Valid))
            .select(organization_usage::units)
            .load(connection)?,
    };
    u64::try_from(days.iter().sum::<i64>()).map_err(DbError::unreadable)
}

/// Gives back all that a node holds, as when it stops.
pub fn give_back_portions(tx: &mut Tx<'_>, node_id: &str) -> Result<(), DbError> {
    diesel::delete(quota_portions::table.filter(quota_portions::node_id.eq(node_id)))
        .execute(tx.connection())?;
    Ok(())
}

/// Forgets portions that nobody spends any more.
pub fn purge_portions(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), DbError> {
    diesel::delete(quota_portions::table.filter(quota_portions::ends_at.le(now))).execute(tx.connection())?;
    Ok(())
}
